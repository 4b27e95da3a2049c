//! One connection: how it is made, asked and known to be over.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use ::redis::aio::MultiplexedConnection;
use ::redis::{AsyncConnectionConfig, Cmd, RedisError as Failure, Value};
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use super::address::Address;
use super::error::RedisError;
use super::replies::Bounded;

/// How long a connection may take to come about, with the name, TLS and the password.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// What is waited for and read at most.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// How long an answer may take.
    pub answer_time_max: Duration,
    /// Bytes of one reply, each element of it counted with [`ELEMENT_BYTES`](super::replies::ELEMENT_BYTES) more.
    pub reply_bytes_max: u64,
}

/// A connection. All clones are the same one, by which several can ask at the same time.
#[derive(Clone)]
pub struct Connection {
    line: MultiplexedConnection,
    state: Arc<State>,
}

struct State {
    /// Where it leads, for messages.
    place: String,
    bounds: Bounds,
    made: Instant,
    /// Nothing more is to be asked by it.
    over: AtomicBool,
}

/// What marks a connection as over when it ends, however that happens.
struct Ends(Arc<State>);

impl Drop for Ends {
    fn drop(&mut self) {
        self.0.over.store(true, Ordering::Relaxed);
    }
}

impl Connection {
    /// Connects to `address`, over TLS as `tls` says where there is one.
    ///
    /// # Errors
    ///
    /// Says why there is no connection.
    pub async fn make(
        address: &Address,
        tls: Option<Arc<ClientConfig>>,
        bounds: Bounds,
    ) -> Result<Self, RedisError> {
        let place = address.place();
        let failed = |why: &dyn std::fmt::Display| {
            RedisError::Other(format!("no connection to Redis at {place}: {why}"))
        };
        let connecting = async {
            let stream = TcpStream::connect((address.host.as_str(), address.port)).await;
            let stream = stream.map_err(|error| failed(&error))?;
            stream.set_nodelay(true).map_err(|error| failed(&error))?;
            let state = Arc::new(State {
                place: place.clone(),
                bounds,
                made: Instant::now(),
                over: AtomicBool::new(false),
            });
            let made = match tls {
                None => Self::greet(address, stream, state).await,
                Some(tls) => {
                    let name = ServerName::try_from(address.host.clone());
                    let name = name.map_err(|error| failed(&error))?;
                    let stream = TlsConnector::from(tls).connect(name, stream).await;
                    let stream = stream.map_err(|error| failed(&error))?;
                    Self::greet(address, stream, state).await
                }
            };
            made.map_err(|error| failed(&error))
        };
        match timeout(CONNECT_TIMEOUT, connecting).await {
            Ok(made) => made,
            Err(_) => Err(failed(&format!(
                "it took more than {} s",
                CONNECT_TIMEOUT.as_secs()
            ))),
        }
    }

    async fn greet<S>(address: &Address, stream: S, state: Arc<State>) -> Result<Self, Failure>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let config = AsyncConnectionConfig::new()
            .set_response_timeout(Some(state.bounds.answer_time_max))
            .set_connection_timeout(None);
        let greeting = address.greeting.clone().set_skip_set_lib_name();
        let stream = Bounded::new(stream, state.bounds.reply_bytes_max);
        let (line, driver) =
            MultiplexedConnection::new_with_config(&greeting, stream, config).await?;
        let ends = Ends(Arc::clone(&state));
        // It ends with the connection, or when nobody can ask by it any more.
        tokio::spawn(async move {
            driver.await;
            drop(ends);
        });
        Ok(Self { line, state })
    }

    /// Whether it can be asked, and is not older than that.
    pub fn is_good(&self, age_max: Duration) -> bool {
        !self.state.over.load(Ordering::Relaxed) && self.state.made.elapsed() < age_max
    }

    /// Sends a command, and gives what is answered.
    ///
    /// # Errors
    ///
    /// What Redis says against it, or why there is no answer.
    pub async fn ask(&self, command: &Cmd) -> Result<Value, RedisError> {
        let mut line = self.line.clone();
        let failure = match command.query_async::<Value>(&mut line).await {
            Ok(value) => return Ok(value),
            Err(failure) => failure,
        };
        let place = &self.state.place;
        let why = if failure.is_timeout() {
            let seconds = self.state.bounds.answer_time_max.as_secs();
            format!("Redis at {place} has not answered within {seconds} s")
        } else if failure.is_io_error() || failure.is_unrecoverable_error() {
            format!("the connection to Redis at {place} is lost: {failure}")
        } else {
            let why = match failure.code() {
                Some(code) => words(code, failure.detail()),
                None => failure.to_string(),
            };
            return Err(RedisError::Other(why));
        };
        // Who asks next has another one.
        self.state.over.store(true, Ordering::Relaxed);
        Err(RedisError::Other(why))
    }
}

/// What Redis says against a command, as Spin says it: the first word of the error, and the rest.
pub fn words(code: &str, rest: Option<&str>) -> String {
    match rest {
        Some(rest) => format!("{code}: {rest}"),
        None => code.to_owned(),
    }
}
