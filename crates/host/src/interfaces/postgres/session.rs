//! One connection to a server: how it is made, asked, cut short and given on to who has it next.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use rustls::ClientConfig;
use socket2::{SockRef, TcpKeepalive};
use tokio::net::TcpStream;
use tokio::task::AbortHandle;
use tokio::time::timeout;
use tokio_postgres::config::TargetSessionAttrs;
use tokio_postgres::{Client, Config, SimpleQueryMessage, Statement};

use super::address::Address;
use super::error::{PostgresError, PostgresResult, words};
use super::line::{Last, Line, Settled, settled};
use super::messages::Bounded;

/// How long a connection may take to come about, with the names of all its hosts, TLS and the password.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long it may take until a statement that is cancelled has ended. Then the connection is closed.
pub const CANCEL_TIME_MAX: Duration = Duration::from_secs(3);
/// How long a connection may take to become as it was at first. Then it is closed.
pub const RESET_TIME_MAX: Duration = Duration::from_secs(5);
/// How long nothing may come until it is asked whether the other end is there.
const KEEPALIVE_AFTER: Duration = Duration::from_secs(15);
/// How often that is asked, while there is no answer.
const KEEPALIVE_EVERY: Duration = Duration::from_secs(5);
/// How often it is asked at most, where that counts and not the time.
const KEEPALIVE_COUNT: u32 = 3;
/// How long the machine at the other end may answer nothing, whether it is asked or sent something.
pub const UNANSWERED_TIME_MAX: Duration = Duration::from_secs(30);

/// What ends whatever transaction there is. Where there is none, `ROLLBACK` alone would be a warning in the log of
/// the server each time; where one has failed, `BEGIN` is refused, and that does not matter.
const END_TRANSACTION: [&str; 2] = ["BEGIN", "ROLLBACK"];
/// What ends everything else that a session can have: as `DISCARD ALL`, but the prepared statements, for the crate
/// has some of its own.
const END_SESSION: &str = "SET SESSION AUTHORIZATION DEFAULT; RESET ALL; CLOSE ALL; UNLISTEN *; \
     SELECT pg_catalog.pg_advisory_unlock_all(); DISCARD PLANS; DISCARD TEMP; DISCARD SEQUENCES";
/// Counts the statements that were prepared by SQL. It is prepared itself, so it fails where somebody has put away
/// all of them, with those of the crate.
const COUNT_PREPARED: &str =
    "SELECT count(*) FROM pg_catalog.pg_prepared_statements WHERE from_sql";
/// Says whether the server can be written to.
const IS_READ_ONLY: &str = "SHOW transaction_read_only";

/// How long the machine of a server is believed to be there while nothing comes from it.
#[derive(Clone, Copy, Debug)]
pub struct Silence {
    /// As [`KEEPALIVE_AFTER`].
    pub asks_after: Duration,
    /// As [`KEEPALIVE_EVERY`].
    pub asks_every: Duration,
    /// As [`UNANSWERED_TIME_MAX`].
    pub time_max: Duration,
}

impl Default for Silence {
    fn default() -> Self {
        Self {
            asks_after: KEEPALIVE_AFTER,
            asks_every: KEEPALIVE_EVERY,
            time_max: UNANSWERED_TIME_MAX,
        }
    }
}

impl Silence {
    /// Makes the kernel end the connection of `stream` when nothing has come for that long.
    fn bound(self, stream: &TcpStream) -> std::io::Result<()> {
        let socket = SockRef::from(stream);
        let keepalive = TcpKeepalive::new()
            .with_time(self.asks_after)
            .with_interval(self.asks_every)
            .with_retries(KEEPALIVE_COUNT);
        socket.set_tcp_keepalive(&keepalive)?;
        // On Linux this time counts in place of the number of questions (tcp(7)).
        #[cfg(target_os = "linux")]
        socket.set_tcp_user_timeout(Some(self.time_max))?;
        Ok(())
    }
}

/// A connection.
pub struct Session {
    /// By which statements are sent.
    pub client: Client,
    /// [`COUNT_PREPARED`], where the server has it.
    count_prepared: Option<Statement>,
    /// Where it leads, for messages.
    place: String,
    /// How it was made, and how one is made that ends a statement of it.
    way: Way,
    driver: AbortHandle,
    over: AtomicBool,
    /// What has ended it, where that was an error.
    why_over: Arc<OnceLock<String>>,
}

/// How a server is reached.
struct Way {
    /// The very machine, of all that have the name.
    peer: SocketAddr,
    host: String,
    config: Config,
    tls: Option<Arc<ClientConfig>>,
    silence: Silence,
}

impl Session {
    /// Connects to the first host of `address` that serves, over TLS as `tls` says where there is one. Its machine is
    /// missed after `silence`.
    ///
    /// # Errors
    ///
    /// Says of the last host why there is no connection.
    pub async fn make(
        address: &Address,
        tls: Option<&Arc<ClientConfig>>,
        silence: Silence,
    ) -> PostgresResult<Self> {
        let hosts = u32::try_from(address.places.len())
            .unwrap_or(u32::MAX)
            .max(1);
        let wanted = address.config.get_connect_timeout().copied();
        let time = wanted
            .unwrap_or(CONNECT_TIMEOUT)
            .min(CONNECT_TIMEOUT / hosts);
        let mut failed = "it has no host".to_owned();
        for (host, port) in &address.places {
            let connecting = Self::connect(address, host, *port, tls.cloned(), silence);
            let why = match timeout(time, connecting).await {
                Ok(Ok(session)) => return Ok(session),
                Ok(Err(why)) => why,
                Err(_) => format!("it took more than {:.1} s", time.as_secs_f32()),
            };
            failed = format!("no connection to PostgreSQL at {host}:{port}: {why}");
        }
        Err(PostgresError::ConnectionFailed(failed))
    }

    async fn connect(
        address: &Address,
        host: &str,
        port: u16,
        tls: Option<Arc<ClientConfig>>,
        silence: Silence,
    ) -> Result<Self, String> {
        let stream = TcpStream::connect((host, port)).await;
        let stream = stream.map_err(|error| words(&error))?;
        let peer = stream.peer_addr().map_err(|error| words(&error))?;
        let way = Way {
            peer,
            host: host.to_owned(),
            config: address.config.clone(),
            tls,
            silence,
        };
        let line = way.line(stream).await.map_err(|error| words(&error))?;
        let config = settled(&address.config);
        let connected = config.connect_raw(Bounded::new(line), Settled).await;
        let (client, mut connection) = connected.map_err(|error| words(&error))?;
        let why_over = Arc::new(OnceLock::new());
        let tell = Arc::clone(&why_over);
        // It ends with the connection, or when nobody can ask by it any more. Who asks learns of the end after the
        // reason is there.
        let driver = tokio::spawn(async move {
            if let Err(error) = (&mut connection).await {
                let _ = tell.set(words(&error));
            }
        });
        let mut session = Session {
            count_prepared: match client.prepare(COUNT_PREPARED).await {
                Ok(statement) => Some(statement),
                // Another database with this protocol. Nobody gets such a connection after somebody else.
                Err(error) if error.as_db_error().is_some() => None,
                Err(error) => return Err(words(&error)),
            },
            client,
            place: format!("{host}:{port}"),
            way,
            driver: driver.abort_handle(),
            over: AtomicBool::new(false),
            why_over,
        };
        session.check_role().await?;
        Ok(session)
    }

    /// Whether the server is one of those that are wanted.
    async fn check_role(&mut self) -> Result<(), String> {
        let wants_read_only = match self.way.config.get_target_session_attrs() {
            TargetSessionAttrs::ReadWrite => "off",
            TargetSessionAttrs::ReadOnly => "on",
            _ => return Ok(()),
        };
        let said = self.client.simple_query(IS_READ_ONLY).await;
        let said = said.map_err(|error| words(&error))?;
        let is = said.iter().find_map(|message| match message {
            SimpleQueryMessage::Row(row) => row.get(0),
            _ => None,
        });
        match is == Some(wants_read_only) {
            true => Ok(()),
            false => {
                Err("the server is not of the kind that `target_session_attrs` wants".to_owned())
            }
        }
    }

    /// That it is lost, by what somebody met who asked, or by what has ended it where they met nothing but its end.
    pub fn lost(&self, met: &tokio_postgres::Error) -> PostgresError {
        let place = &self.place;
        // What was met came first: the connection may have ended since, because of it.
        let why = self.why_over.get().filter(|_| met.is_closed()).cloned();
        let why = why.unwrap_or_else(|| words(met));
        PostgresError::query(format!(
            "the connection to PostgreSQL at {place} is lost: {why}"
        ))
    }

    /// Whether it can be asked.
    pub fn is_good(&self) -> bool {
        !self.over.load(Relaxed) && !self.client.is_closed()
    }

    /// Closes it, whatever is under way.
    pub fn break_off(&self) {
        self.over.store(true, Relaxed);
        self.driver.abort();
    }

    /// Ends the statement under way, whose answer nobody takes any more. If that takes too long, the connection ends.
    pub async fn stop(&self) {
        let stopping = async {
            let is_told = self.cancel().await.is_ok();
            // An answer comes after that of the statement, also when it says that this was cancelled.
            let answer = self.client.check_connection().await;
            is_told && answer.map_or_else(|error| error.as_db_error().is_some(), |()| true)
        };
        if timeout(CANCEL_TIME_MAX, stopping).await != Ok(true) {
            self.break_off();
        }
    }

    /// Tells the server to end the statement under way, and waits until it has been told: what comes late would end
    /// the next one.
    async fn cancel(&self) -> std::io::Result<()> {
        let stream = TcpStream::connect(self.way.peer).await?;
        let line = self.way.line(stream).await?;
        let token = self.client.cancel_token();
        let told = token.cancel_query_raw(Last(line), Settled).await;
        told.map_err(std::io::Error::other)
    }

    /// Makes it as it was at first. False: it is not to be used any more.
    pub async fn reset(&self) -> bool {
        let Some(count_prepared) = self.count_prepared.as_ref().filter(|_| self.is_good()) else {
            return false;
        };
        let [begin, rollback] = END_TRANSACTION;
        // All of them are sent at once, in this order.
        let resetting = async {
            let (_, ended, reset, prepared) = futures::join!(
                self.client.batch_execute(begin),
                self.client.batch_execute(rollback),
                self.client.batch_execute(END_SESSION),
                self.client.query_one(count_prepared, &[]),
            );
            let prepared = prepared.and_then(|row| row.try_get::<_, i64>(0));
            ended.is_ok() && reset.is_ok() && prepared.is_ok_and(|count| count == 0)
        };
        timeout(RESET_TIME_MAX, resetting).await == Ok(true)
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        // What is not over takes its leave of the server.
        if self.over.load(Relaxed) {
            self.driver.abort();
        }
    }
}

impl Way {
    async fn line(&self, stream: TcpStream) -> std::io::Result<Line> {
        stream.set_nodelay(true)?;
        self.silence.bound(&stream)?;
        Line::open(stream, &self.host, &self.config, self.tls.clone()).await
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    /// What the kernel does with these times is in the tests of the folder.
    #[tokio::test]
    async fn a_line_has_the_times_of_silence_that_are_said() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let peer = listener.local_addr().unwrap();
        let way = Way {
            peer,
            host: peer.ip().to_string(),
            config: Config::new(),
            tls: None,
            silence: Silence::default(),
        };
        let line = way.line(TcpStream::connect(peer).await.unwrap()).await;
        let Line::Plain(stream) = line.unwrap() else {
            return assert!(way.tls.is_some(), "it is in the clear");
        };
        let socket = SockRef::from(&stream);
        assert!(socket.keepalive().unwrap());
        let (after, every) = (Duration::from_secs(15), Duration::from_secs(5));
        assert_eq!(socket.tcp_keepalive_time().unwrap(), after);
        assert_eq!(socket.tcp_keepalive_interval().unwrap(), every);
        assert_eq!(socket.tcp_keepalive_retries().unwrap(), 3);
        #[cfg(target_os = "linux")]
        assert_eq!(
            socket.tcp_user_timeout().unwrap(),
            Some(Duration::from_secs(30))
        );
    }
}
