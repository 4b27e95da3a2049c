//! The flags about requests that components send.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Result;
use clap::Args;
use doorward_host::client_tls;
use doorward_host::manifest::Application;
use doorward_host::manifest::runtime_config::ClientTlsEntry;
use doorward_host::outbound_options::OutboundOptions;

use crate::say::say;
use crate::{roots, values};

#[derive(Args)]
#[command(next_help_heading = "Requests that components send")]
pub(super) struct Outbound {
    /// How long an unused connection to a server is kept, such as 4s or 500ms.
    ///
    /// Servers close theirs too, Node and Apache after 5 s. Less than that, and no request meets one that is
    /// being closed.
    #[arg(long, value_name = "DURATION", value_parser = values::duration, default_value = "4s")]
    outbound_idle_timeout: Duration,
    /// How old a connection to a server may become before it takes no further request.
    ///
    /// The name is looked up again then: so much later a server that has moved is followed, also under load.
    #[arg(long, value_name = "DURATION", value_parser = values::duration, default_value = "30s")]
    outbound_connection_age: Duration,
    /// A server that is asked over HTTP/2 without TLS (gRPC); may be repeated. Over TLS the server chooses.
    ///
    /// It is written as in URLs. Spin has the variable and no flag, for one server.
    #[arg(
        long,
        env = "SPIN_OUTBOUND_H2C_PRIOR_KNOWLEDGE",
        value_name = "HOST:PORT",
        value_delimiter = ',',
        value_parser = values::authority
    )]
    outbound_h2c: Vec<http::uri::Authority>,
    /// A file of certificates (PEM) that vouch for servers: issuers, upstreams, downloads; may be repeated.
    ///
    /// They count beside the machine's roots and Mozilla's. A file that SSL_CERT_FILE names counts in place of
    /// those.
    #[arg(long, value_name = "FILE.pem")]
    ca_file: Vec<PathBuf>,
}

impl Outbound {
    /// What the flags, the environment and the runtime configuration say, the files read.
    pub(super) fn options(
        &self,
        application: &Application,
        configured: Option<(&Path, Vec<ClientTlsEntry>)>,
    ) -> Result<OutboundOptions> {
        let roots = roots::sources(&self.ca_file);
        // Before anything is built: whether they can be read.
        let loaded = roots.load()?;
        let client_tls = match configured {
            Some((file, entries)) => client_tls::load(entries, file, &loaded)?,
            None => Vec::new(),
        };
        let ids = application.components.keys().map(String::as_str);
        for notice in client_tls::notices(&client_tls, ids) {
            say(notice);
        }
        Ok(OutboundOptions {
            idle_connection_timeout: self.outbound_idle_timeout,
            connection_age_max: self.outbound_connection_age,
            roots,
            client_tls,
            h2c: self.outbound_h2c.clone(),
        })
    }
}
