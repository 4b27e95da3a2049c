//! Against brokers that are scripted. What a real one does is in the runtime tests.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_rustls::TlsAcceptor;

use super::*;
use crate::interfaces::mqtt::connect::{CONNECT_TIMEOUT, PUBLISH_TIMEOUT};
use crate::interfaces::mqtt::message::{Message, PAYLOAD_BYTES_MAX, Quality};
use crate::trust::{certificates, private_key};

/// What a broker does with a message that wants to be acknowledged.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Manner {
    /// It is.
    Acknowledges,
    /// It is not.
    IsSilent,
    /// Instead another one is, which nobody sent.
    AcknowledgesAnother,
    /// The connection is closed.
    Closes,
    /// Nothing is said at all, not to who connects either.
    NeverGreets,
    /// Who connects is refused, for the password.
    Refuses,
}

/// Packets, by their first half byte (MQTT 3.1.1 section 2.2.1).
const CONNECT: u8 = 1;
const PUBLISH: u8 = 3;
const PUBREL: u8 = 6;
const DISCONNECT: u8 = 14;

struct Broker {
    port: u16,
    connections: Arc<AtomicUsize>,
    /// Those that ended with a DISCONNECT.
    goodbyes: Arc<AtomicUsize>,
    /// The names of the clients.
    names: Arc<Mutex<Vec<String>>>,
}

impl Broker {
    async fn start(manner: Manner, tls: Option<TlsAcceptor>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let broker = Self {
            port: listener.local_addr().unwrap().port(),
            connections: Arc::default(),
            goodbyes: Arc::default(),
            names: Arc::default(),
        };
        let count = Arc::clone(&broker.connections);
        let (goodbyes, names) = (Arc::clone(&broker.goodbyes), Arc::clone(&broker.names));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                count.fetch_add(1, Ordering::Relaxed);
                let (tls, goodbyes, names) =
                    (tls.clone(), Arc::clone(&goodbyes), Arc::clone(&names));
                tokio::spawn(async move {
                    let last = match tls {
                        None => serve(stream, manner, &names).await,
                        Some(tls) => match tls.accept(stream).await {
                            Ok(stream) => serve(stream, manner, &names).await,
                            Err(_) => None,
                        },
                    };
                    if last == Some(DISCONNECT) {
                        goodbyes.fetch_add(1, Ordering::Relaxed);
                    }
                });
            }
        });
        broker
    }

    fn connections(&self) -> usize {
        self.connections.load(Ordering::Relaxed)
    }

    fn target(&self) -> Target {
        self.target_of("127.0.0.1", "mqtt", "")
    }

    fn target_of(&self, host: &str, scheme: &str, query: &str) -> Target {
        let address = format!("{scheme}://{host}:{}{query}", self.port);
        Target {
            address: Address::parse(&address).unwrap(),
            login: Login {
                user: "me".to_owned(),
                password: "secret".to_owned(),
                keep_alive: 0,
            },
        }
    }
}

/// Serves a connection, and gives the kind of the last packet.
async fn serve<S: AsyncRead + AsyncWrite + Unpin>(
    mut stream: S,
    manner: Manner,
    names: &Mutex<Vec<String>>,
) -> Option<u8> {
    let mut last = None;
    while let Some((first, body)) = packet(&mut stream).await {
        let kind = first >> 4;
        last = Some(kind);
        // Behind the topic there is the packet's number, unless the message wants no answer.
        let number = |body: &[u8]| {
            let topic = usize::from(u16::from_be_bytes([body[0], body[1]]));
            u16::from_be_bytes([body[2 + topic], body[3 + topic]])
        };
        let quality = (first >> 1) & 3;
        let answer = match (kind, manner) {
            (_, Manner::NeverGreets) => continue,
            (CONNECT, Manner::Refuses) => vec![0x20, 2, 0, 4],
            (CONNECT, _) => {
                let length = usize::from(u16::from_be_bytes([body[10], body[11]]));
                let name = String::from_utf8(body[12..12 + length].to_vec()).unwrap();
                names.lock().unwrap().push(name);
                vec![0x20, 2, 0, 0]
            }
            (PUBLISH, _) if quality == 0 => continue,
            (PUBLISH, Manner::Closes) => return last,
            (PUBLISH, Manner::IsSilent) => continue,
            (PUBLISH, manner) => {
                let other = u16::from(manner == Manner::AcknowledgesAnother);
                let [high, low] = (number(&body) + other).to_be_bytes();
                vec![if quality == 1 { 0x40 } else { 0x50 }, 2, high, low]
            }
            (PUBREL, _) => vec![0x70, 2, body[0], body[1]],
            _ => continue,
        };
        stream.write_all(&answer).await.ok()?;
    }
    last
}

async fn packet<S: AsyncRead + Unpin>(stream: &mut S) -> Option<(u8, Vec<u8>)> {
    let first = stream.read_u8().await.ok()?;
    let (mut length, mut shift) = (0, 0);
    loop {
        let byte = stream.read_u8().await.ok()?;
        length |= usize::from(byte & 0x7f) << shift;
        shift += 7;
        if byte < 0x80 {
            break;
        }
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.ok()?;
    Some((first, body))
}

fn pool() -> Arc<Pool> {
    Arc::new(Pool::new(&OutboundOptions::default()))
}

async fn publish(shared: &Shared, quality: Quality) -> MqttResult<()> {
    let message = Message::new("topic".to_owned(), b"it".to_vec(), quality)?;
    shared.connection().await?.publish(message).await
}

fn reason<T>(result: MqttResult<T>) -> String {
    match result {
        Err(MqttError::ConnectionFailed(reason)) => reason,
        Err(error) => format!("{error:?}"),
        Ok(_) => "nothing".to_owned(),
    }
}

const QUALITIES: [Quality; 3] = [
    Quality::AtMostOnce,
    Quality::AtLeastOnce,
    Quality::ExactlyOnce,
];
const ACKNOWLEDGED: [Quality; 2] = [Quality::AtLeastOnce, Quality::ExactlyOnce];

/// Waits until something holds.
async fn until(holds: impl Fn() -> bool) {
    let begun = std::time::Instant::now();
    while !holds() {
        assert!(begun.elapsed() < Duration::from_secs(60), "it never does");
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn those_who_publish_at_the_same_place_share_one_connection_until_nobody_has_it() {
    let broker = Broker::start(Manner::Acknowledges, None).await;
    let pool = pool();
    let held = pool.shared(&broker.target()).unwrap();
    let mut publishing = JoinSet::new();
    for n in 0..300 {
        let (pool, target) = (Arc::clone(&pool), broker.target());
        publishing.spawn(async move {
            let shared = pool.shared(&target)?;
            publish(&shared, QUALITIES[n % QUALITIES.len()]).await
        });
    }
    for published in publishing.join_all().await {
        assert_eq!(published, Ok(()));
    }
    assert_eq!(broker.connections(), 1);
    drop(held);
    until(|| broker.goodbyes.load(Ordering::Relaxed) == 1).await;
    let again = pool.shared(&broker.target()).unwrap();
    assert_eq!(publish(&again, Quality::AtLeastOnce).await, Ok(()));
    assert_eq!(broker.connections(), 2);
}

#[tokio::test]
async fn a_client_has_the_name_of_its_address_or_one_that_nobody_else_has() {
    let broker = Broker::start(Manner::Acknowledges, None).await;
    let mut held = Vec::new();
    for query in ["?client_id=mine", "", ""] {
        // Each from a pool of its own, as in another process.
        let pool = pool();
        let shared = pool.shared(&broker.target_of("127.0.0.1", "mqtt", query));
        let shared = shared.unwrap();
        publish(&shared, Quality::AtLeastOnce).await.unwrap();
        held.push(shared);
    }
    let names = broker.names.lock().unwrap().clone();
    assert_eq!(names[0], "mine");
    assert_ne!(names[1], names[2]);
    for name in &names[1..] {
        let is_plain = name.bytes().all(|byte| byte.is_ascii_alphanumeric());
        assert!(is_plain && (9..=23).contains(&name.len()), "{name}");
    }
}

#[tokio::test]
async fn who_has_another_login_has_another_connection() {
    let broker = Broker::start(Manner::Acknowledges, None).await;
    let pool = pool();
    let mut other = broker.target();
    other.login.password = "another".to_owned();
    let both = [broker.target(), other].map(|target| pool.shared(&target).unwrap());
    for shared in &both {
        publish(shared, Quality::AtLeastOnce).await.unwrap();
    }
    assert_eq!(broker.connections(), 2);
}

#[tokio::test]
async fn a_connection_that_is_lost_is_said_to_be_and_the_next_one_is_another() {
    let broker = Broker::start(Manner::Closes, None).await;
    let pool = pool();
    for count in 1..4 {
        let shared = pool.shared(&broker.target()).unwrap();
        let quality = ACKNOWLEDGED[count % ACKNOWLEDGED.len()];
        let said = reason(publish(&shared, quality).await);
        let expected = format!(
            "the connection to the MQTT broker at 127.0.0.1:{} is lost: ",
            broker.port
        );
        assert!(said.starts_with(&expected), "{said}");
        assert!(said.len() > expected.len(), "{said}");
        assert_eq!(broker.connections(), count);
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_not_acknowledged_is_an_error_in_bounded_time() {
    for manner in [Manner::IsSilent, Manner::AcknowledgesAnother] {
        let broker = Broker::start(manner, None).await;
        let pool = pool();
        // As by an instance that published by it.
        let mut held = Vec::new();
        for quality in ACKNOWLEDGED {
            let shared = pool.shared(&broker.target()).unwrap();
            held.push(Arc::clone(&shared));
            assert_eq!(publish(&shared, Quality::AtMostOnce).await, Ok(()));
            let begun = Instant::now();
            let published = publish(&shared, quality).await;
            assert!(
                matches!(published, Err(MqttError::ConnectionFailed(_))),
                "{quality:?}: {published:?}"
            );
            let took = begun.elapsed();
            assert!(took < PUBLISH_TIMEOUT + Duration::from_secs(1), "{took:?}");
        }
        assert_eq!(broker.connections(), 2, "the next one is another");
    }
}

#[tokio::test(start_paused = true)]
async fn nobody_waits_longer_for_a_connection_than_one_takes_at_most() {
    let broker = Broker::start(Manner::NeverGreets, None).await;
    let pool = pool();
    let begun = Instant::now();
    let mut publishing = JoinSet::new();
    for _ in 0..50 {
        let (pool, target) = (Arc::clone(&pool), broker.target());
        publishing.spawn(async move {
            let shared = pool.shared(&target)?;
            publish(&shared, Quality::AtMostOnce).await
        });
    }
    for published in publishing.join_all().await {
        let said = reason(published);
        assert!(said.ends_with("it took more than 5 s"), "{said}");
        assert!(!said.contains("secret"), "{said}");
    }
    let took = begun.elapsed();
    assert!(took < CONNECT_TIMEOUT + Duration::from_secs(1), "{took:?}");
    assert_eq!(broker.connections(), 1, "they waited for the same one");
}

#[tokio::test]
async fn who_is_refused_is_told_so_without_a_secret() {
    let broker = Broker::start(Manner::Refuses, None).await;
    let shared = pool().shared(&broker.target()).unwrap();
    let said = reason(publish(&shared, Quality::AtMostOnce).await);
    assert!(said.ends_with("user and password are refused"), "{said}");
    assert!(!said.contains("secret"), "{said}");
}

#[tokio::test(start_paused = true)]
async fn payloads_that_are_under_way_are_bounded_together() {
    let broker = Broker::start(Manner::IsSilent, None).await;
    let shared = pool().shared(&broker.target()).unwrap();
    let connection = shared.connection().await.unwrap();
    let message = |bytes| {
        let message = Message::new("topic".to_owned(), vec![0; bytes], Quality::AtLeastOnce);
        message.unwrap()
    };
    let mut waiting = JoinSet::new();
    for _ in 0..2 {
        let connection = Arc::clone(&connection);
        waiting.spawn(async move { connection.publish(message(PAYLOAD_BYTES_MAX)).await });
    }
    until(|| connection.room() == 0).await;
    // There is room for no byte more, so it waits as long as those do.
    let begun = Instant::now();
    assert!(connection.publish(message(1)).await.is_err());
    assert!(begun.elapsed() >= PUBLISH_TIMEOUT);
    for published in waiting.join_all().await {
        assert!(published.is_err());
    }
    assert!(connection.room() > PAYLOAD_BYTES_MAX, "and is free again");
}

#[tokio::test]
async fn connections_to_so_many_addresses_are_there_and_to_no_more() {
    let broker = Broker::start(Manner::Acknowledges, None).await;
    let pool = pool();
    let nth = |n: usize| {
        let query = format!("?client_id={n}");
        pool.shared(&broker.target_of("127.0.0.1", "mqtt", &query))
    };
    let mut held: Vec<Arc<Shared>> = (0..ADDRESSES_MAX).map(|n| nth(n).unwrap()).collect();
    assert_eq!(reason(nth(ADDRESSES_MAX)), "TooManyConnections");
    assert!(nth(1).is_ok(), "those go on");
    held.pop();
    assert!(nth(ADDRESSES_MAX).is_ok(), "one again for each that ends");
}

#[tokio::test]
async fn over_tls_only_who_is_vouched_for_is_told() {
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
    let broker = Broker::start(Manner::Acknowledges, Some(tls)).await;
    let mut options = OutboundOptions::default();
    options.roots.added = vec![file("authority.pem")];
    let knows = || Arc::new(Pool::new(&options));

    let vouched = knows()
        .shared(&broker.target_of("localhost", "mqtts", ""))
        .unwrap();
    assert_eq!(publish(&vouched, Quality::ExactlyOnce).await, Ok(()));

    let stranger = pool()
        .shared(&broker.target_of("localhost", "mqtts", ""))
        .unwrap();
    let said = reason(publish(&stranger, Quality::AtMostOnce).await);
    assert!(said.contains("certificate"), "{said}");
    let other_name = knows()
        .shared(&broker.target_of("127.0.0.2", "mqtts", ""))
        .unwrap();
    assert!(publish(&other_name, Quality::AtMostOnce).await.is_err());
    let plain = knows()
        .shared(&broker.target_of("localhost", "mqtt", ""))
        .unwrap();
    assert!(publish(&plain, Quality::AtMostOnce).await.is_err());
    assert!(
        broker.names.lock().unwrap().len() == 1,
        "nobody else came through"
    );
}
