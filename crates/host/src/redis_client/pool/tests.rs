//! Against servers that are scripted. What Redis does is in the runtime tests.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};

use ::redis::{Value, cmd};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::time::Instant;
use tokio_rustls::TlsAcceptor;

use super::*;
use crate::redis_client::connect::CONNECT_TIMEOUT;
use crate::trust::{certificates, private_key};

const BOUNDS: Bounds = Bounds {
    answer_time_max: Duration::from_secs(10),
    reply_bytes_max: 16 << 20,
};

/// A server that answers each command with the same reply, or never.
struct Server {
    port: u16,
    connections: Arc<AtomicUsize>,
}

impl Server {
    async fn start(reply: Option<&'static str>, tls: Option<TlsAcceptor>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let connections = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&connections);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                count.fetch_add(1, Ordering::Relaxed);
                let tls = tls.clone();
                tokio::spawn(async move {
                    match tls {
                        None => serve(stream, reply).await,
                        Some(tls) => {
                            if let Ok(stream) = tls.accept(stream).await {
                                serve(stream, reply).await;
                            }
                        }
                    }
                });
            }
        });
        Self { port, connections }
    }

    fn connections(&self) -> usize {
        self.connections.load(Ordering::Relaxed)
    }

    fn address(&self) -> Address {
        Address::parse(&format!("redis://127.0.0.1:{}", self.port)).unwrap()
    }
}

/// A reply that closes the connection instead.
const CLOSES: &str = "";

async fn serve<S: AsyncRead + AsyncWrite + Unpin>(mut stream: S, reply: Option<&str>) {
    let mut bytes = [0; 1024];
    while let Ok(count @ 1..) = stream.read(&mut bytes).await {
        // With this each command begins. Several may come at once.
        let commands = bytes.iter().take(count).filter(|byte| **byte == b'*');
        match reply {
            Some(CLOSES) => return,
            Some(reply) => {
                let replies = reply.repeat(commands.count());
                stream.write_all(replies.as_bytes()).await.unwrap();
            }
            None => {}
        }
    }
}

fn pool() -> Arc<Pool> {
    pool_with(&OutboundOptions::default())
}

fn pool_with(options: &OutboundOptions) -> Arc<Pool> {
    Arc::new(Pool::new(options, BOUNDS))
}

async fn ping(connection: &Connection) -> Result<Value, RedisError> {
    connection.ask(&cmd("PING")).await
}

fn reason<T>(result: Result<T, RedisError>) -> String {
    match result {
        Err(RedisError::Other(reason)) => reason,
        Err(error) => format!("{error:?}"),
        Ok(_) => "nothing".to_owned(),
    }
}

#[tokio::test]
async fn those_who_ask_the_same_address_share_one_connection() {
    let server = Server::start(Some("+PONG\r\n"), None).await;
    let pool = pool();
    let mut asking = tokio::task::JoinSet::new();
    for _ in 0..50 {
        let (pool, address) = (Arc::clone(&pool), server.address());
        asking.spawn(async move { ping(&pool.shared(&address).await?).await });
    }
    for answer in asking.join_all().await {
        assert_eq!(answer, Ok(Value::SimpleString("PONG".to_owned())));
    }
    assert_eq!(server.connections(), 1);
    let own = pool.own(&server.address()).await.unwrap();
    assert!(ping(&own).await.is_ok());
    assert_eq!(server.connections(), 2, "one's own is another one");
}

#[tokio::test]
async fn a_connection_that_is_lost_is_said_to_be_and_the_next_one_is_another() {
    let server = Server::start(Some(CLOSES), None).await;
    let pool = pool();
    for count in 1..4 {
        let connection = pool.shared(&server.address()).await.unwrap();
        let said = reason(ping(&connection).await);
        let expected = format!(
            "the connection to Redis at 127.0.0.1:{} is lost",
            server.port
        );
        assert!(said.starts_with(&expected), "{said}");
        assert_eq!(server.connections(), count);
    }
}

#[tokio::test]
async fn a_connection_that_has_become_too_old_is_replaced() {
    let server = Server::start(Some("+PONG\r\n"), None).await;
    let options = OutboundOptions {
        connection_age_max: Duration::ZERO,
        ..OutboundOptions::default()
    };
    let pool = pool_with(&options);
    let old = pool.shared(&server.address()).await.unwrap();
    pool.shared(&server.address()).await.unwrap();
    assert!(ping(&old).await.is_ok(), "who has it may use it");
    assert_eq!(server.connections(), 2);
}

#[tokio::test(start_paused = true)]
async fn nobody_waits_longer_for_a_connection_than_one_takes_at_most() {
    // It is asked for a password to be told, and says nothing.
    let server = Server::start(None, None).await;
    let text = format!("redis://:secret@127.0.0.1:{}", server.port);
    let address = Address::parse(&text).unwrap();
    let pool = pool();
    let begun = Instant::now();
    let mut asking = tokio::task::JoinSet::new();
    for _ in 0..50 {
        let (pool, address) = (Arc::clone(&pool), address.clone());
        asking.spawn(async move { reason(pool.shared(&address).await) });
    }
    for said in asking.join_all().await {
        assert!(said.ends_with("it took more than 5 s"), "{said}");
        assert!(!said.contains("secret"), "{said}");
    }
    let took = begun.elapsed();
    assert!(took < CONNECT_TIMEOUT + Duration::from_secs(1), "{took:?}");
    assert_eq!(server.connections(), 1, "they waited for the same one");
}

#[tokio::test(start_paused = true)]
async fn nobody_waits_longer_for_an_answer_than_is_said() {
    let server = Server::start(None, None).await;
    let pool = pool();
    let shared = pool.shared(&server.address()).await.unwrap();
    let own = pool.own(&server.address()).await.unwrap();
    for (connection, time_max) in [(shared, BOUNDS.answer_time_max), (own, OWN_ANSWER_TIMEOUT)] {
        let begun = Instant::now();
        let said = reason(ping(&connection).await);
        let expected = format!("has not answered within {} s", time_max.as_secs());
        assert!(said.ends_with(&expected), "{said}");
        let took = begun.elapsed();
        assert!(took < time_max + Duration::from_secs(1), "{took:?}");
    }
    pool.shared(&server.address()).await.unwrap();
    assert_eq!(server.connections(), 3, "the next one is another");
}

#[tokio::test]
async fn a_reply_that_is_too_large_is_refused_before_it_is_there() {
    let server = Server::start(Some("$999999999\r\nabc"), None).await;
    let pool = pool();
    let connection = pool.shared(&server.address()).await.unwrap();
    let said = reason(ping(&connection).await);
    let expected = format!("a reply has more than {} bytes", BOUNDS.reply_bytes_max);
    assert!(said.ends_with(&expected), "{said}");
}

#[tokio::test]
async fn connections_to_so_many_addresses_are_kept_and_to_no_more() {
    let server = Server::start(Some("+PONG\r\n"), None).await;
    let lost = Server::start(Some(CLOSES), None).await;
    let pool = pool();
    let nth = |server: &Server, n: usize| {
        Address::parse(&format!("redis://127.0.0.1:{}/?n={n}", server.port)).unwrap()
    };
    for n in 1..ADDRESSES_MAX {
        pool.shared(&nth(&server, n)).await.unwrap();
    }
    let last = pool.shared(&nth(&lost, 0)).await.unwrap();
    let one_more = pool.shared(&nth(&server, 0)).await;
    assert_eq!(reason(one_more), "TooManyConnections");
    assert!(pool.shared(&nth(&server, 1)).await.is_ok(), "those go on");
    assert!(ping(&last).await.is_err(), "it is lost");
    let instead = pool.shared(&nth(&server, 0)).await;
    assert!(instead.is_ok(), "{}", reason(instead));
}

#[tokio::test]
async fn over_tls_only_who_is_vouched_for_is_asked() {
    let file =
        |name: &str| PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/testdata")).join(name);
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            certificates(&file("server.pem")).unwrap(),
            private_key(&file("server.key")).unwrap(),
        )
        .unwrap();
    let tls = TlsAcceptor::from(Arc::new(config));
    let server = Server::start(Some("+PONG\r\n"), Some(tls)).await;
    let mut options = OutboundOptions::default();
    options.roots.added = vec![file("authority.pem")];
    let address = Address::parse(&format!("rediss://localhost:{}", server.port)).unwrap();

    let connection = pool_with(&options).shared(&address).await.unwrap();
    assert!(ping(&connection).await.is_ok());

    let stranger = pool().shared(&address).await;
    assert!(reason(stranger).contains("certificate"));
    let name = Address::parse(&format!("rediss://127.0.0.2:{}", server.port)).unwrap();
    let other_name = pool_with(&options).shared(&name).await;
    assert!(other_name.is_err());
}
