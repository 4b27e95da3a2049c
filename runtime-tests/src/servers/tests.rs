//! Servers do what is said of them. Where one is absent, these say so and show nothing.

use super::*;
use crate::process;

fn is_absent<K: Kind>() -> bool {
    let absent = K::available();
    if let Err(absent) = &absent {
        eprintln!("{absent}: skipped");
    }
    absent.is_err()
}

fn listens<K: Kind>(server: &Server<K>) -> bool {
    std::net::TcpStream::connect(server.address()).is_ok()
}

/// Starts, stops, kills and drops it, with the same port and another process each time.
async fn comes_and_goes<K: Kind>(kind: K) {
    if is_absent::<K>() {
        return;
    }
    let mut server = Server::start(kind).await;
    let address = server.address();
    let mut before = Vec::new();
    for kill in [false, true, true] {
        assert!(listens(&server), "it serves");
        let processes = server.processes();
        assert!(!processes.is_empty(), "it runs");
        assert!(processes.iter().all(|id| !before.contains(id)), "anew");
        before.extend(&processes);
        match kill {
            true => server.kill(),
            false => server.stop(),
        }
        assert!(!listens(&server), "it is gone");
        assert!(!processes.into_iter().any(process::runs), "so is all of it");
        server.start_again().await;
        assert_eq!(server.address(), address);
    }
    let (processes, folder) = (server.processes(), server.folder().to_owned());
    drop(server);
    assert!(!processes.into_iter().any(process::runs), "it is gone");
    assert!(!folder.exists(), "so is its folder");
}

#[tokio::test]
async fn postgresql_comes_and_goes() {
    comes_and_goes(PostgreSql::default()).await;
}

#[tokio::test]
async fn postgresql_over_tls_comes_and_goes() {
    comes_and_goes(PostgreSql::over_tls()).await;
}

#[tokio::test]
async fn redis_comes_and_goes() {
    comes_and_goes(Redis::default()).await;
    comes_and_goes(Redis::with_password("secret")).await;
}

#[tokio::test]
async fn mosquitto_comes_and_goes() {
    comes_and_goes(Mosquitto::default()).await;
}

#[tokio::test]
async fn redis_keeps_what_it_was_given_when_it_is_killed() {
    if is_absent::<Redis>() {
        return;
    }
    let mut server = Server::start(Redis::default()).await;
    let ask = |server: &Server<Redis>, question: &str| {
        let had = answer(
            server.address(),
            format!("{question}\r\nQUIT\r\n").as_bytes(),
            |_| false,
        );
        String::from_utf8(had).unwrap()
    };
    assert_eq!(ask(&server, "SET key value"), "+OK\r\n+OK\r\n");
    server.kill();
    server.start_again().await;
    assert_eq!(ask(&server, "GET key"), "$5\r\nvalue\r\n+OK\r\n");
}

#[tokio::test]
async fn redis_with_a_password_answers_nobody_without() {
    if is_absent::<Redis>() {
        return;
    }
    let server = Server::start(Redis::with_password("secret")).await;
    let had = answer(server.address(), b"GET key\r\nQUIT\r\n", |_| false);
    let text = String::from_utf8(had).unwrap();
    assert!(text.starts_with("-NOAUTH"), "{text}");
    let port = server.port();
    assert_eq!(server.url(), format!("redis://:secret@127.0.0.1:{port}"));
}

/// What PostgreSQL says to the first message of a client: the length, the version, and name-value pairs.
fn first_words(server: &Server<PostgreSql>, code: u32, pairs: &[u8]) -> Vec<u8> {
    let length = u32::try_from(8 + pairs.len()).unwrap();
    let mut message = length.to_be_bytes().to_vec();
    message.extend(code.to_be_bytes());
    message.extend(pairs);
    answer(server.address(), &message, |had| !had.is_empty())
}

#[tokio::test]
async fn postgresql_asks_for_a_password_and_where_it_was_told_so_for_tls() {
    if is_absent::<PostgreSql>() {
        return;
    }
    let (version_3, ask_tls) = (3 << 16, (1234 << 16) + 5679);
    let user = b"user\0postgres\0\0";
    let plain = Server::start(PostgreSql::default()).await;
    let said = first_words(&plain, version_3, user);
    assert!(said.starts_with(b"R"), "asked to sign in: {said:?}");
    let sasl = said.windows(13).any(|part| part == b"SCRAM-SHA-256");
    assert!(sasl, "by SCRAM: {said:?}");
    assert_eq!(first_words(&plain, ask_tls, b""), b"N", "there is no TLS");

    let secure = Server::start(PostgreSql::over_tls()).await;
    assert_eq!(first_words(&secure, ask_tls, b""), b"S", "there is TLS");
    let said = first_words(&secure, version_3, user);
    assert!(said.starts_with(b"E"), "refused without: {said:?}");
    let authority = fs_text(&PostgreSql::authority());
    assert!(authority.contains("BEGIN CERTIFICATE"), "{authority}");
}

fn fs_text(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap()
}

#[tokio::test]
async fn mosquitto_with_a_user_answers_nobody_else() {
    if is_absent::<Mosquitto>() {
        return;
    }
    let server = Server::start(Mosquitto::with_user("reader", "secret")).await;
    // A CONNECT without a user, and the CONNACK that says "not authorised".
    let connect = b"\x10\x0c\x00\x04MQTT\x04\x02\x00\x3c\x00\x00";
    let had = answer(server.address(), connect, |had| had.len() >= 4);
    assert_eq!(had, [0x20, 2, 0, 5]);
}
