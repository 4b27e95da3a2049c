//! The HTTP server.

use std::convert::Infallible;
use std::future::Future;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use anyhow::{Context as _, Result};
use http::header::CONNECTION;
use http::{HeaderValue, Request, Version};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use socket2::SockRef;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::answer::{Sender, answer};
use crate::application::Application;
use crate::bell::WhenWoken;
use crate::client::TrustedProxies;
use crate::connections::{Connection, Connections, Limits, Socket};
use crate::course::{Course, Phase, Stay, Stops};
use crate::download;
use crate::management::{BEAT_EVERY, Heartbeat, Management};
use crate::manifest;
use crate::metrics::Metrics;
use crate::options::{HTTP2_WINDOW_BYTES_MAX, HTTP2_WINDOW_BYTES_MIN, HostOptions};
use crate::patience::Pace;
use crate::replacing::{Current, Replacer, start_timers};
use crate::shares::Share;
use crate::streams::Streams;
use crate::term::Term;
use crate::timers::Clockwork;

/// Bytes of the head of an HTTP/1 request, and of the headers of an HTTP/2 one: the longest token that a
/// policy can allow (64 KiB), and all else beside it.
const HEAD_BYTES_MAX: usize = 96 << 10;
/// Header fields of an HTTP/1 request.
const HEADERS_MAX: usize = 128;
/// Requests on one HTTP/2 connection at the same time.
const STREAMS_MAX: u32 = 200;
/// Streams that a client may open and reset before the connection is closed (CVE-2023-44487).
const RESET_STREAMS_MAX: usize = 100;
/// Bytes of an HTTP/2 answer that are kept for a client that does not take them, beside the last piece.
const SEND_BUFFER_BYTES: usize = 64 << 10;
/// Bytes of an answer that the kernel keeps before it has sent them. Many clients send all of a body before they read,
/// and a service may answer while they do. More would only hide who does not read.
const UNSENT_BYTES: u32 = 4 << 20;
/// What a client gets for a connection over its share.
const TOO_MANY_CONNECTIONS: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\nconnection: close\r\nretry-after: 1\r\n\
content-type: text/plain; charset=utf-8\r\ncontent-length: 53\r\n\r\ntoo many connections of this client are open already\n";
/// How long to wait after a failure to accept, for which the reason is most often that too many
/// files are open.
const ACCEPT_RETRY: Duration = Duration::from_millis(50);
/// Connections that are taken from the listener's queue once the host stops: as many as it can hold (tokio's backlog), so
/// that it comes to an end however many follow.
const QUEUE_MAX: usize = 1024;
/// How much earlier than its time of grace is over the host ends, so that the process has ended by then.
const ENDS_EARLIER: Duration = Duration::from_millis(500);
/// The same as a part of a shorter grace.
const ENDS_EARLIER_PART: u32 = 10;

/// An application that is compiled, linked and bound to an address.
pub struct Server {
    listener: TcpListener,
    local_addr: SocketAddr,
    replacer: Replacer,
    management: Management,
    heartbeat: Arc<Heartbeat>,
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
        let metrics = options.metrics.map(|_| Metrics::new()).transpose()?;
        let course = Course::begin();
        let heartbeat = Heartbeat::begin(Arc::clone(&course));
        let management = Management::start(
            options.health.map(|at| (at, Arc::clone(&heartbeat))),
            options.metrics.zip(metrics.clone()),
        )?;
        download::fetch_all(&mut application, &options, &|_| {}).await?;
        let options = Arc::new(options);
        let loaded = tokio::task::spawn_blocking({
            let (options, metrics) = (Arc::clone(&options), metrics.clone());
            let term = Term::begin(Arc::clone(&course));
            move || Application::load(&application, &options, &term, metrics, None)
        })
        .await
        .context("loading the application failed")??;
        loaded.client.set_own_address(local_addr);
        if let Some(metrics) = &metrics {
            metrics.replaced(true);
        }
        Ok(Self {
            listener,
            local_addr,
            replacer: Replacer {
                current: Arc::new(Current::new(loaded)),
                options,
                course,
                metrics,
                turn: Arc::default(),
            },
            management,
            heartbeat,
        })
    }

    /// Where the host says that it is alive, if it does.
    #[must_use]
    pub fn health_addr(&self) -> Option<SocketAddr> {
        self.management.health
    }

    /// Where it tells its numbers, if it does.
    #[must_use]
    pub fn metrics_addr(&self) -> Option<SocketAddr> {
        self.management.metrics
    }

    /// The address that was bound; the port is the chosen one where 0 was asked for.
    #[must_use]
    pub fn local_addr(&self) -> SocketAddr {
        self.local_addr
    }

    /// What puts other applications in the place of this one.
    #[must_use]
    pub fn replacer(&self) -> Replacer {
        self.replacer.clone()
    }

    /// Serves until `shutdown` is ready, and stops then:
    ///
    /// - For [`HostOptions::drain_delay`] it accepts on, is not ready, and tells clients of HTTP/1 to go elsewhere.
    /// - Then it takes what waits in the listener's queue, accepts nothing more, tells clients of HTTP/2 to go
    ///   elsewhere, and lets come to their end the requests under way, the runs of timers, and what instances do after
    ///   their answers. Timers that are asked at the stop follow.
    /// - By [`HostOptions::grace`] it has ended, whatever is still under way.
    ///
    /// # Errors
    ///
    /// None at the moment.
    pub async fn serve(self, shutdown: impl Future<Output = ()> + Send) -> Result<Ending> {
        let mut beating = JoinSet::new();
        beating.spawn(beat(self.heartbeat));
        let Replacer {
            current,
            options,
            course,
            metrics,
            ..
        } = &self.replacer;
        // Where nobody waits for this any more, timers and connections end as well.
        let _stops = Stops(Arc::clone(course));
        let limits = limits(options);
        let connections = Arc::new(Connections::new(
            Share {
                count: options.connections_max.max(1),
                percent: options.client_share_percent,
            },
            limits,
            TrustedProxies::new(&options.trusted_proxies),
            Arc::clone(&current.get().shares),
        ));
        let serving = Arc::new(Serving {
            current: Arc::clone(current),
            course: Arc::clone(course),
            metrics: metrics.clone(),
            connections: Arc::clone(&connections),
            limits,
            builder: builder(options),
        });
        let clockwork = Clockwork::new(options);
        start_timers(&current.get(), &clockwork);
        course.enter(Phase::Serving);
        let work = async {
            serving.accept_all(self.listener).await;
            course.all_gone().await;
            let mut last = JoinSet::new();
            for timed in &current.get().timers {
                last.spawn(clockwork.clone().at_stop(timed.clone()));
            }
            // Not `join_all`, which panics where the runtime ends meanwhile.
            while last.join_next().await.is_some() {}
            course.all_gone().await;
        };
        let end = async {
            shutdown.await;
            let told = Instant::now();
            course.enter(Phase::Draining);
            let earlier = ENDS_EARLIER.min(options.grace / ENDS_EARLIER_PART);
            let grace = options.grace.saturating_sub(earlier);
            tokio::time::sleep(options.drain_delay.min(grace)).await;
            course.enter(Phase::Stopping);
            // Whatever is not done by then is cut off with the runtime.
            tokio::time::sleep(grace.saturating_sub(told.elapsed())).await;
        };
        Ok(tokio::select! {
            biased;
            () = work => Ending::Done,
            () = end => Ending::CutOff,
            () = connections.look_after() => Ending::CutOff,
        })
    }
}

/// How a host ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// All that was under way has come to its end.
    Done,
    /// The time was over before.
    CutOff,
}

/// Says that something is done here, for ever.
async fn beat(heartbeat: Arc<Heartbeat>) {
    let mut every = tokio::time::interval(BEAT_EVERY);
    loop {
        every.tick().await;
        heartbeat.beat();
    }
}

/// What all connections share.
struct Serving {
    current: Arc<Current>,
    course: Arc<Course>,
    metrics: Option<Arc<Metrics>>,
    connections: Arc<Connections>,
    limits: Limits,
    builder: auto::Builder<Streams>,
}

fn limits(options: &HostOptions) -> Limits {
    let pace = |time| Pace {
        time,
        bytes_per_second: options.client_rate_min,
    };
    Limits {
        head: options.header_read_timeout,
        idle: options.idle_connection_timeout,
        read: pace(options.read_timeout),
        write: pace(options.write_timeout),
        silence: options.request_timeout,
    }
}

impl Serving {
    /// Serves each connection that comes until the host stops, and those that wait in the queue then.
    async fn accept_all(self: &Arc<Self>, listener: TcpListener) {
        let mut stopping = pin!(self.course.reaches(Phase::Stopping));
        loop {
            let accepted = tokio::select! {
                biased;
                () = &mut stopping => break,
                accepted = listener.accept() => accepted,
            };
            match accepted {
                Ok((stream, client)) => self.take(stream, client).await,
                Err(_) => {
                    // Most often too many files are open: one that nobody uses makes room.
                    self.connections.make_room();
                    tokio::time::sleep(ACCEPT_RETRY).await;
                }
            }
        }
        // Asked directly: the runtime may not know yet of what came last.
        let Ok(listener) = listener.into_std() else {
            return;
        };
        for _ in 0..QUEUE_MAX {
            let Ok((stream, client)) = listener.accept() else {
                return;
            };
            let stream = stream
                .set_nonblocking(true)
                .and_then(|()| TcpStream::from_std(stream));
            if let Ok(stream) = stream {
                self.take(stream, client).await;
            }
        }
    }

    /// Serves a connection once there is room for it.
    async fn take(self: &Arc<Self>, stream: TcpStream, client: SocketAddr) {
        let stay = self.course.stay();
        let Ok(slot) = self.connections.take(client.ip()).await else {
            if let Some(metrics) = self.metrics.as_deref() {
                metrics.refused_connection();
            }
            // As much of it as the socket takes at once, which is all of it.
            let _ = stream.try_write(TOO_MANY_CONNECTIONS);
            return;
        };
        if stream.set_nodelay(true).is_ok() {
            // Where the system does not have it, there is more in the kernel for who does not read.
            let _ = SockRef::from(&stream).set_tcp_notsent_lowat(UNSENT_BYTES);
            tokio::spawn(connection(stream, client, slot, Arc::clone(self), stay));
        }
    }
}

/// Serves one connection until it is closed, or until its last request is answered once the host
/// stops.
async fn connection(
    stream: TcpStream,
    address: SocketAddr,
    slot: Connection,
    serving: Arc<Serving>,
    stay: Stay,
) {
    let course = stay.course();
    let metrics = serving.metrics.as_ref();
    let _counted = metrics.map(|metrics| metrics.connection());
    let link = Arc::clone(&slot.link);
    let sender = Arc::new(Sender {
        address,
        link: Arc::clone(&link),
        connections: Arc::clone(&serving.connections),
    });
    let service = service_fn({
        let serving = Arc::clone(&serving);
        move |request: Request<Incoming>| {
            let (serving, sender) = (Arc::clone(&serving), Arc::clone(&sender));
            async move {
                let stream = Streams::this();
                let now = Instant::now();
                let flow = sender.link.begin(&serving.limits, stream, now);
                let is_multiplexed = request.version() == Version::HTTP_2;
                let application = serving.current.get();
                let mut response = answer(&application, request, &sender, flow, now).await;
                if !is_multiplexed && serving.course.drains() {
                    // Whoever keeps connections has the next one elsewhere.
                    let close = HeaderValue::from_static("close");
                    response.headers_mut().insert(CONNECTION, close);
                }
                Ok::<_, Infallible>(response)
            }
        }
    });
    let socket = TokioIo::new(Socket::new(stream, Arc::clone(&link)));
    let mut connection = pin!(serving.builder.serve_connection(socket, service));
    let can_end = pin!(async {
        course.reaches(Phase::Stopping).await;
        link.can_end().await;
    });
    let mut can_end = WhenWoken::new(can_end);
    let mut stops = false;
    loop {
        tokio::select! {
            // First what has come already.
            biased;
            // How a connection ends is the client's business: it goes away, or it sends what is
            // not HTTP.
            _ = connection.as_mut() => return,
            () = link.closing() => break,
            () = &mut can_end, if !stops => {
                stops = true;
                connection.as_mut().graceful_shutdown();
            }
        }
    }
    connection.as_mut().graceful_shutdown();
    // Says so to the client, as far as that needs no waiting.
    std::future::poll_fn(|cx| {
        let _ = connection.as_mut().poll(cx);
        Poll::Ready(())
    })
    .await;
}

fn builder(options: &HostOptions) -> auto::Builder<Streams> {
    let ping_every = options.header_read_timeout;
    let window_bytes = options
        .http2_window_bytes
        .clamp(HTTP2_WINDOW_BYTES_MIN, HTTP2_WINDOW_BYTES_MAX);
    let mut builder = auto::Builder::new(Streams);
    builder
        .http1()
        // The connection is looked after here, whatever is spoken on it.
        .header_read_timeout(None)
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
        .max_send_buf_size(SEND_BUFFER_BYTES)
        .initial_stream_window_size(window_bytes)
        // One body that nobody reads does not hold back another one.
        .initial_connection_window_size(2 * window_bytes)
        .keep_alive_interval(Some(ping_every))
        .keep_alive_timeout(ping_every);
    builder
}

#[cfg(test)]
mod tests;
