//! The HTTP server.

use std::convert::Infallible;
use std::future::Future;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context as _, Result};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, mpsc, watch};

use crate::answer::answer;
use crate::application::Application;
use crate::download;
use crate::manifest;
use crate::options::HostOptions;

/// Bytes of the head of an HTTP/1 request, and of the headers of an HTTP/2 one: the longest token that a
/// policy can allow (64 KiB), and all else beside it.
const HEAD_BYTES_MAX: usize = 96 << 10;
/// Header fields of an HTTP/1 request.
const HEADERS_MAX: usize = 128;
/// Requests on one HTTP/2 connection at the same time.
const STREAMS_MAX: u32 = 200;
/// Streams that a client may open and reset before the connection is closed (CVE-2023-44487).
const RESET_STREAMS_MAX: usize = 100;
/// How long to wait after a failure to accept, for which the reason is most often that too many
/// files are open.
const ACCEPT_RETRY: Duration = Duration::from_millis(50);

/// An application that is compiled, linked and bound to an address.
pub struct Server {
    listener: TcpListener,
    local_addr: SocketAddr,
    application: Arc<Application>,
    options: HostOptions,
    stopping: watch::Sender<bool>,
}

impl Server {
    /// Fetches what has to be fetched, compiles and links every component of `application` and binds
    /// the address.
    ///
    /// # Errors
    ///
    /// Says which component, file or address it is about, for people.
    pub async fn bind(
        mut application: manifest::Application,
        options: HostOptions,
    ) -> Result<Self> {
        // First the address: whether it is free is known at once, compiling takes a while.
        let listener = TcpListener::bind(options.listen)
            .await
            .with_context(|| format!("cannot listen on {}", options.listen))?;
        let local_addr = listener.local_addr().context("cannot listen")?;
        download::fetch_all(&mut application, &options.cache_folder(), &|_| {}).await?;
        let (stopping, receiver) = watch::channel(false);
        let (application, options) = tokio::task::spawn_blocking(move || {
            Application::load(&application, &options, &receiver).map(|loaded| (loaded, options))
        })
        .await
        .context("loading the application failed")??;
        application.client.set_own_address(local_addr);
        Ok(Self {
            listener,
            local_addr,
            application: Arc::new(application),
            options,
            stopping,
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
        // Every connection holds a sender; the receiver ends when the last one is gone.
        let (open, mut all_closed) = mpsc::channel::<Infallible>(1);
        let slots = Arc::new(Semaphore::new(self.options.connections_max.max(1)));
        let mut shutdown = pin!(shutdown);
        loop {
            let accepted = tokio::select! {
                biased;
                () = &mut shutdown => break,
                accepted = accept(&self.listener, &slots) => accepted,
            };
            let (stream, client, slot) = match accepted {
                Ok(accepted) => accepted,
                Err(_) => {
                    tokio::time::sleep(ACCEPT_RETRY).await;
                    continue;
                }
            };
            let connection = connection(
                stream,
                client,
                Arc::clone(&self.application),
                self.stopping.subscribe(),
                self.options.header_read_timeout,
            );
            let open = open.clone();
            tokio::spawn(async move {
                connection.await;
                drop((slot, open));
            });
        }
        drop(self.listener);
        drop(open);
        self.stopping.send_replace(true);
        // Whatever is not done by then is cut off with the runtime.
        let _ = tokio::time::timeout(self.options.drain_timeout, all_closed.recv()).await;
        Ok(())
    }
}

async fn accept(
    listener: &TcpListener,
    slots: &Arc<Semaphore>,
) -> Result<(TcpStream, SocketAddr, tokio::sync::OwnedSemaphorePermit)> {
    let slot = Arc::clone(slots).acquire_owned().await?;
    let (stream, client) = listener.accept().await?;
    stream.set_nodelay(true)?;
    Ok((stream, client, slot))
}

/// Serves one connection until it is closed, or until its last request is answered once the host
/// stops.
async fn connection(
    stream: TcpStream,
    client: SocketAddr,
    application: Arc<Application>,
    mut stopping: watch::Receiver<bool>,
    header_read_timeout: Duration,
) {
    let asked = Arc::new(AtomicBool::new(false));
    let service = service_fn({
        let asked = Arc::clone(&asked);
        move |request| {
            asked.store(true, Ordering::Relaxed);
            let application = Arc::clone(&application);
            async move { Ok::<_, Infallible>(answer(&application, request, client).await) }
        }
    });
    let builder = builder(header_read_timeout);
    let mut connection = pin!(builder.serve_connection(TokioIo::new(stream), service));
    // hyper starts its own timer only once it knows which version of HTTP is spoken.
    let mut first_request = pin!(tokio::time::sleep(header_read_timeout));
    let mut waits_for_first = true;
    let mut stops = false;
    loop {
        tokio::select! {
            // How a connection ends is the client's business: it goes away, or it sends what is
            // not HTTP.
            _ = connection.as_mut() => return,
            () = first_request.as_mut(), if waits_for_first => {
                if !asked.load(Ordering::Relaxed) {
                    return;
                }
                waits_for_first = false;
            }
            _ = stopping.wait_for(|stopping| *stopping), if !stops => {
                stops = true;
                connection.as_mut().graceful_shutdown();
            }
        }
    }
}

fn builder(header_read_timeout: Duration) -> auto::Builder<TokioExecutor> {
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(header_read_timeout)
        .max_buf_size(HEAD_BYTES_MAX)
        .max_headers(HEADERS_MAX)
        .half_close(false);
    let header_list_bytes_max = u32::try_from(HEAD_BYTES_MAX).unwrap_or(u32::MAX);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_header_list_size(header_list_bytes_max)
        .max_concurrent_streams(STREAMS_MAX)
        .max_pending_accept_reset_streams(RESET_STREAMS_MAX)
        .keep_alive_interval(Some(header_read_timeout))
        .keep_alive_timeout(header_read_timeout);
    builder
}

#[cfg(test)]
mod tests;
