//! The sinks, and what is in them.

use crate::collector::{self, Collecting};
use crate::intake::Intake;
use crate::keeper::Keeper;
use crate::moments::Moments;
use crate::relay::Relay;
use doorward_runtime_tests::servers::{Mosquitto, PostgreSql, Redis, Server};
use rusqlite::Connection;
use serde_json::Value;
use std::path::PathBuf;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio_postgres::{Config, NoTls};

/// The topic of MQTT.
const TOPIC: &str = "events";
/// How long a message may take to the subscriber.
const MESSAGE_TIME_MAX: Duration = Duration::from_secs(30);

/// A kind of sink.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SinkKind {
    Sqlite,
    PostgreSql,
    Redis,
    Mqtt,
    Http,
}

impl SinkKind {
    const ALL: [Self; 5] = [
        Self::Sqlite,
        Self::PostgreSql,
        Self::Redis,
        Self::Mqtt,
        Self::Http,
    ];

    /// That of a seed.
    pub fn of(seed: u64) -> Self {
        Self::ALL[(seed % Self::ALL.len() as u64) as usize]
    }

    /// Whether an event that is sent twice is there once.
    pub fn has_each_once(self) -> bool {
        matches!(self, Self::Sqlite | Self::PostgreSql | Self::Redis)
    }
}

/// A sink that is a server, or none, where it is a file of the host's.
pub enum Sink {
    Sqlite,
    PostgreSql(Server<PostgreSql>),
    Redis(Server<Redis>),
    Mqtt(Server<Mosquitto>, Keeper),
    Http(Server<Collecting>),
}

/// The same for each server.
macro_rules! server {
    ($sink:expr, $server:ident => $what:expr, $without:expr) => {
        match $sink {
            Sink::Sqlite => $without,
            Sink::PostgreSql($server) => $what,
            Sink::Redis($server) => $what,
            Sink::Mqtt($server, _) => $what,
            Sink::Http($server) => $what,
        }
    };
}

impl Sink {
    pub async fn start(kind: SinkKind) -> Self {
        match kind {
            SinkKind::Sqlite => Self::Sqlite,
            SinkKind::PostgreSql => Self::PostgreSql(Server::start(PostgreSql::default()).await),
            SinkKind::Redis => Self::Redis(Server::start(Redis::default()).await),
            SinkKind::Mqtt => {
                let broker = Server::start(Mosquitto::that_saves_at_once()).await;
                let keeper = Keeper::start(&broker, TOPIC).await;
                Self::Mqtt(broker, keeper)
            }
            SinkKind::Http => Self::Http(Server::start(Collecting).await),
        }
    }

    /// What stands between the host and it, where it is a server.
    pub async fn relay(&self, moments: &Moments) -> Option<Relay> {
        let address = server!(self, server => Some(server.address()), None)?;
        Some(Relay::start(address, moments).await)
    }

    /// What the intake is told, to write to it by the relay.
    pub fn url(&self, relay: Option<&Relay>) -> String {
        let Some(relay) = relay else {
            return String::new();
        };
        let url = match self {
            Self::Sqlite => String::new(),
            Self::PostgreSql(server) => server.url(),
            Self::Redis(server) => server.url(),
            Self::Mqtt(server, _) => server.url(),
            Self::Http(server) => format!("http://{}/events", server.address()),
        };
        let address = server!(self, server => server.address().to_string(), String::new());
        url.replace(&address, &relay.address.to_string())
    }

    pub fn kill(&mut self) {
        server!(self, server => server.kill(), ())
    }

    pub async fn start_again(&mut self) {
        server!(self, server => server.start_again().await, ())
    }

    /// The records that it has. Where they come by themselves, it is waited until there are enough.
    pub async fn records(
        &self,
        host: &Server<Intake>,
        is_enough: impl Fn(&[Value]) -> bool,
    ) -> Vec<Value> {
        match self {
            Self::Sqlite => of_file(host.kind().database()),
            Self::PostgreSql(server) => of_database(server).await,
            Self::Redis(server) => {
                let text = server.command("XRANGE events - +");
                // Names, values and how long they are: each in a line of its own, and a record has no line breaks.
                let records = text.lines().filter(|line| line.starts_with('{'));
                records
                    .map(|json| serde_json::from_str(json).unwrap())
                    .collect()
            }
            Self::Mqtt(_, keeper) => {
                let is_enough = |payloads: &[Vec<u8>]| is_enough(&records_of(payloads));
                records_of(&keeper.payloads(MESSAGE_TIME_MAX, is_enough).await)
            }
            Self::Http(server) => records_of(&collector::batches(server.folder())),
        }
    }
}

fn records_of(batches: &[Vec<u8>]) -> Vec<Value> {
    let batches = batches.iter();
    batches
        .flat_map(|batch| serde_json::from_slice::<Vec<Value>>(batch).unwrap())
        .collect()
}

/// What every database is asked.
const ALL: &str = "SELECT event FROM events ORDER BY position";

fn of_file(file: PathBuf) -> Vec<Value> {
    let connection = Connection::open(file).unwrap();
    let mut statement = connection.prepare(ALL).unwrap();
    let rows = statement.query_map([], |row| row.get::<_, String>(0));
    let rows = rows.unwrap().map(Result::unwrap);
    rows.map(|json| serde_json::from_str(&json).unwrap())
        .collect()
}

async fn of_database(server: &Server<PostgreSql>) -> Vec<Value> {
    let config: Config = server.url().parse().unwrap();
    let line = TcpStream::connect(server.address()).await.unwrap();
    let (client, connection) = config.connect_raw(line, NoTls).await.unwrap();
    let connection = tokio::spawn(connection);
    let rows = client.query(ALL, &[]).await.unwrap();
    connection.abort();
    let rows = rows.iter().map(|row| row.get::<_, String>(0));
    rows.map(|json| serde_json::from_str(&json).unwrap())
        .collect()
}
