//! `doorward issuer`: an OpenID issuer for development.
//!
//! It gives a token to whoever asks, with any client id and any scope, so it listens on loopback
//! addresses only and answers only requests that were addressed to one: a page in a browser that
//! has a name of its own resolve to 127.0.0.1 gets nothing.

mod form;
mod grant;
mod serve;
mod settings;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context as _, Result, bail};
use clap::Args;
use tokio::net::TcpListener;

use crate::keys::Keys;
use crate::shutdown::shutdown_signal;
use crate::state;
use settings::Settings;

#[derive(Args)]
pub(crate) struct Arguments {
    /// The address to listen on; a loopback address, because anybody gets a token.
    #[arg(long, default_value = "127.0.0.1:3001", value_name = "ADDRESS")]
    listen: SocketAddr,
    /// The folder that holds the keys [default: .doorward beside the nearest spin.toml]
    #[arg(long, value_name = "FOLDER")]
    state_dir: Option<PathBuf>,
}

pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode> {
    let state_dir = state::state_dir(arguments.state_dir.as_deref())?;
    let runtime = tokio::runtime::Runtime::new().context("the runtime cannot be started")?;
    runtime.block_on(async {
        let issuer = Issuer::bind(arguments.listen, &state_dir).await?;
        let shutdown = shutdown_signal();
        println!("{}", issuer.warning());
        println!("It listens on {} until it is interrupted.", issuer.url());
        issuer.serve(shutdown).await;
        Ok(ExitCode::SUCCESS)
    })
}

/// The development issuer, bound to its address.
pub(crate) struct Issuer {
    listener: TcpListener,
    settings: Arc<Settings>,
}

impl Issuer {
    /// Binds the address and loads the keys, or makes them.
    pub(crate) async fn bind(listen: SocketAddr, state_dir: &std::path::Path) -> Result<Self> {
        if !listen.ip().is_loopback() {
            bail!(
                "the development issuer gives a token to anybody who asks, so it does not listen \
                 on {listen}\n  help: take a loopback address: `--listen 127.0.0.1:3001`"
            );
        }
        let listener = TcpListener::bind(listen).await.with_context(|| {
            format!(
                "the development issuer cannot listen on {listen}\n  help: stop what listens \
                 there, or choose another address with `doorward issuer --listen 127.0.0.1:PORT` \
                 and write it as the issuer's `url` in the policy\n  reason"
            )
        })?;
        let url = format!("http://{}", listener.local_addr()?);
        let dir = state_dir.to_owned();
        let keys = tokio::task::spawn_blocking(move || Keys::load_or_create(&dir))
            .await
            .context("making the keys failed")??;
        Ok(Self {
            listener,
            settings: Arc::new(Settings { url, keys }),
        })
    }

    /// The issuer's URL: `iss` of its tokens.
    pub(crate) fn url(&self) -> &str {
        &self.settings.url
    }

    /// What has to be said loudly.
    pub(crate) fn warning(&self) -> String {
        format!(
            "DEVELOPMENT ISSUER at {}: it gives a token with any scope to anybody on this machine \
             who asks. Never name it in the policy of anything that matters.",
            self.url()
        )
    }

    /// Serves until `shutdown` is ready.
    pub(crate) async fn serve(self, shutdown: impl Future<Output = ()>) {
        serve::serve(self.listener, self.settings, shutdown).await;
    }
}
