//! Whether the host is alive and wants requests, and its numbers, at addresses of their own.
//!
//! They are told by a thread that does nothing else: who supervises the host gets an answer when all instances and all
//! connections are taken, and does not end it for that.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use bytes::Bytes;
use http::header::{ACCEPT, ALLOW, CONTENT_TYPE};
use http::{HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};

use crate::course::{Course, Phase};
use crate::metrics::{Format, Metrics};

/// Connections at the same time, at one address.
const CONNECTIONS_MAX: usize = 64;
/// Time for the head of a request. Between two of them a connection is kept for as long.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);
/// How long one connection may last at all.
const CONNECTION_TIME_MAX: Duration = Duration::from_secs(300);
/// How long the host may do nothing before it counts as stuck. Under the heaviest load it comes around in a second.
const STUCK_AFTER: Duration = Duration::from_secs(60);
const HEALTH: &str = "/health";
const READY: &str = "/ready";
const METRICS: &str = "/metrics";
const TEXT: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");

/// How often the host says that it is alive.
pub const BEAT_EVERY: Duration = Duration::from_secs(1);

/// When the host was seen to be alive, and how far it is.
#[derive(Debug)]
pub struct Heartbeat {
    since: Instant,
    /// In milliseconds.
    last: AtomicU64,
    course: Arc<Course>,
}

impl Heartbeat {
    /// It is now. `course` says how far it is.
    #[must_use]
    pub fn begin(course: Arc<Course>) -> Arc<Self> {
        Arc::new(Self {
            since: Instant::now(),
            last: AtomicU64::new(0),
            course,
        })
    }

    /// It is still.
    pub fn beat(&self) {
        let now = u64::try_from(self.since.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.last.store(now, Relaxed);
    }

    /// For how long it has not been seen to be.
    fn silence(&self) -> Duration {
        let last = Duration::from_millis(self.last.load(Relaxed));
        self.since.elapsed().saturating_sub(last)
    }
}

/// What is told at one address.
struct Desk {
    health: Option<Arc<Heartbeat>>,
    metrics: Option<Arc<Metrics>>,
}

/// The thread, which ends with this.
#[derive(Debug)]
pub struct Management {
    /// Where it says whether the host is alive, and whether it wants requests.
    pub health: Option<SocketAddr>,
    /// Where it tells the numbers.
    pub metrics: Option<SocketAddr>,
    _running: watch::Sender<()>,
}

impl Management {
    /// Tells them at these addresses, which may be one; nothing where there are none.
    ///
    /// # Errors
    ///
    /// When an address cannot be bound.
    pub fn start(
        health: Option<(SocketAddr, Arc<Heartbeat>)>,
        metrics: Option<(SocketAddr, Arc<Metrics>)>,
    ) -> Result<Self> {
        let (running, ended) = watch::channel(());
        let mut desks = Vec::new();
        let mut management = Self {
            health: None,
            metrics: None,
            _running: running,
        };
        let both = health.as_ref().map(|(address, _)| *address);
        let both = both.filter(|one| metrics.as_ref().is_some_and(|(other, _)| one == other));
        let shared = both.is_some().then(|| metrics.clone()).flatten();
        if let Some((address, heartbeat)) = health {
            let (listener, bound) = bind(address)?;
            management.health = Some(bound);
            management.metrics = shared.as_ref().map(|_| bound);
            desks.push((
                listener,
                Desk {
                    health: Some(heartbeat),
                    metrics: shared.map(|(_, metrics)| metrics),
                },
            ));
        }
        if let Some((address, metrics)) = metrics.filter(|_| both.is_none()) {
            let (listener, bound) = bind(address)?;
            management.metrics = Some(bound);
            desks.push((
                listener,
                Desk {
                    health: None,
                    metrics: Some(metrics),
                },
            ));
        }
        if !desks.is_empty() {
            std::thread::Builder::new()
                .name("management".to_owned())
                .spawn(move || run(desks, ended))
                .context("the thread for --health and --metrics cannot be started")?;
        }
        Ok(management)
    }
}

fn bind(address: SocketAddr) -> Result<(std::net::TcpListener, SocketAddr)> {
    let bound = || {
        let listener = std::net::TcpListener::bind(address)?;
        listener.set_nonblocking(true)?;
        let bound = listener.local_addr()?;
        Ok::<_, std::io::Error>((listener, bound))
    };
    bound().with_context(|| format!("cannot listen on {address}"))
}

/// Serves until the other end of `ended` is gone.
fn run(desks: Vec<(std::net::TcpListener, Desk)>, mut ended: watch::Receiver<()>) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let Ok(runtime) = runtime else {
        return;
    };
    runtime.block_on(async move {
        for (listener, desk) in desks {
            if let Ok(listener) = TcpListener::from_std(listener) {
                tokio::spawn(serve(listener, Arc::new(desk)));
            }
        }
        while ended.changed().await.is_ok() {}
    });
}

async fn serve(listener: TcpListener, desk: Arc<Desk>) {
    let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    loop {
        // Nobody closes it.
        let Ok(place) = Arc::clone(&places).acquire_owned().await else {
            return;
        };
        let Ok((stream, _)) = listener.accept().await else {
            tokio::time::sleep(BEAT_EVERY).await;
            continue;
        };
        let desk = Arc::clone(&desk);
        tokio::spawn(async move {
            let _place = place;
            let _ = tokio::time::timeout(CONNECTION_TIME_MAX, connection(stream, desk)).await;
        });
    }
}

async fn connection(stream: TcpStream, desk: Arc<Desk>) {
    let service = service_fn(move |request: Request<Incoming>| {
        let response = answer(&desk, &request);
        async move { Ok::<_, Infallible>(response) }
    });
    // How it ends is the business of who asks.
    let _ = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .serve_connection(TokioIo::new(stream), service)
        .await;
}

fn answer<B>(desk: &Desk, request: &Request<B>) -> Response<Full<Bytes>> {
    if ![Method::GET, Method::HEAD].contains(request.method()) {
        let mut response = text(
            StatusCode::METHOD_NOT_ALLOWED,
            "GET and HEAD are served here\n",
        );
        let allow = HeaderValue::from_static("GET, HEAD");
        response.headers_mut().insert(ALLOW, allow);
        return response;
    }
    match (request.uri().path(), &desk.health, &desk.metrics) {
        (HEALTH, Some(heartbeat), _) => match heartbeat.silence() {
            silence if silence < STUCK_AFTER => text(StatusCode::OK, "alive\n"),
            silence => text(
                StatusCode::SERVICE_UNAVAILABLE,
                format!("nothing has moved for {} s\n", silence.as_secs()),
            ),
        },
        (READY, Some(heartbeat), _) => match heartbeat.course.phase() {
            Phase::Serving => text(StatusCode::OK, "ready\n"),
            Phase::Starting => text(StatusCode::SERVICE_UNAVAILABLE, "starting\n"),
            Phase::Draining | Phase::Stopping => {
                text(StatusCode::SERVICE_UNAVAILABLE, "stopping\n")
            }
        },
        (METRICS, _, Some(metrics)) => {
            let accept = request.headers().get(ACCEPT);
            let accept = accept.and_then(|accept| accept.to_str().ok());
            let format = Format::accepted(accept.unwrap_or_default());
            match metrics.text(format) {
                Ok(numbers) => {
                    let mut response = text(StatusCode::OK, numbers);
                    let media_type = HeaderValue::from_static(format.media_type());
                    response.headers_mut().insert(CONTENT_TYPE, media_type);
                    response
                }
                Err(error) => text(StatusCode::INTERNAL_SERVER_ERROR, format!("{error:#}\n")),
            }
        }
        (_, health, metrics) => {
            let mut served = Vec::new();
            served.extend(health.iter().flat_map(|_| [HEALTH, READY]));
            served.extend(metrics.as_ref().map(|_| METRICS));
            text(
                StatusCode::NOT_FOUND,
                format!("served here: {}\n", served.join(" and ")),
            )
        }
    }
}

fn text(status: StatusCode, body: impl Into<Bytes>) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body.into()));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, TEXT);
    response
}

#[cfg(test)]
mod tests;
