//! Bodies through the gate: large ones in flat memory, requests that interleave, clients that go away.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "tests"
)]

use doorward_runtime_tests::app::AppSpec;
use doorward_runtime_tests::client::{ANSWER_TIME_MAX, Answer, Ask};
use doorward_runtime_tests::host::{Host, Running};
use doorward_runtime_tests::issuer::{AUDIENCE, Issuer};
use doorward_runtime_tests::{cases, run};
use std::process::ExitCode;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

const GIB: u64 = 1 << 30;
/// How much the memory may grow while a body of 1 GiB passes: buffers, not the body.
const GROWTH_BYTES_MAX: u64 = 64 << 20;

fn main() -> ExitCode {
    // One at a time: memory is measured.
    run::main_one_at_a_time(cases![
        an_upload_of_1_gib_passes_in_flat_memory,
        a_download_of_1_gib_passes_in_flat_memory,
        sixteen_identities_interleaved_on_one_instance_stay_apart,
        a_client_that_goes_away_disturbs_nobody,
        a_service_that_answers_before_the_body_is_read_is_heard,
        a_client_that_sends_all_before_it_reads_learns_that_it_was_refused,
    ])
}

fn spec(issuer: &Issuer) -> AppSpec {
    AppSpec::gated(
        "echo",
        format!(
            "[issuer.test]\nurl = \"{}\"\naudience = \"{AUDIENCE}\"\n\n\
             [identity]\n\"x-auth-subject\" = \"sub\"\n\n\
             [[route]]\npath = \"/**\"\nissuer = [\"test\"]\nscope = [\"read\"]\n",
            issuer.url()
        ),
    )
}

async fn an_upload_of_1_gib_passes_in_flat_memory(host: &dyn Host) {
    let issuer = Issuer::start().await;
    let app = spec(&issuer).write();
    let running = host.start(&app).await;
    let token = issuer.token("alice", "read");
    warm_up(&running, &token).await;
    let before = running.memory_bytes();
    let mut stream = TcpStream::connect(running.address).await.unwrap();
    let head = format!(
        "POST /held HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {token}\r\n\
         Content-Length: {GIB}\r\nConnection: close\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let chunk = vec![b'x'; 256 * 1024];
    let mut most = before;
    for sent in 0..GIB / chunk.len() as u64 {
        stream.write_all(&chunk).await.unwrap();
        if sent % 64 == 0 {
            most = most.max(running.memory_bytes());
        }
    }
    let answer = rest(&mut stream).await;
    assert_eq!(answer.status, 200, "an upload of 1 GiB: {}", answer.text());
    assert_eq!(
        answer.json()["body_bytes"],
        GIB,
        "the service read all of it"
    );
    let growth = most - before;
    assert!(
        growth < GROWTH_BYTES_MAX,
        "memory grew by {growth} bytes during the upload"
    );
}

async fn a_download_of_1_gib_passes_in_flat_memory(host: &dyn Host) {
    let issuer = Issuer::start().await;
    let app = spec(&issuer).write();
    let running = host.start(&app).await;
    let token = issuer.token("alice", "read");
    warm_up(&running, &token).await;
    let before = running.memory_bytes();
    let mut stream = TcpStream::connect(running.address).await.unwrap();
    let head =
        format!("GET /bytes/{GIB} HTTP/1.0\r\nHost: a\r\nAuthorization: Bearer {token}\r\n\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut buffer = vec![0; 256 * 1024];
    let (mut received, mut reads, mut most) = (0_u64, 0_u64, before);
    loop {
        let count = stream.read(&mut buffer).await.unwrap();
        if count == 0 {
            break;
        }
        received += count as u64;
        reads += 1;
        if reads.is_multiple_of(512) {
            most = most.max(running.memory_bytes());
        }
    }
    // HTTP/1.0: no chunks, so what is more than the body is the head.
    let head = received.checked_sub(GIB).expect("all of the body arrived");
    assert!(head < 1024, "{head} bytes more than the body arrived");
    let growth = most - before;
    assert!(
        growth < GROWTH_BYTES_MAX,
        "memory grew by {growth} bytes during the download"
    );
}

async fn sixteen_identities_interleaved_on_one_instance_stay_apart(host: &dyn Host) {
    let issuer = Issuer::start().await;
    let app = spec(&issuer).write();
    let running = host.start(&app).await;
    let mut held = Vec::new();
    for number in 1..=16 {
        let subject = format!("user-{number}");
        let mut stream = TcpStream::connect(running.address).await.unwrap();
        let head = format!(
            "POST /held HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {}\r\n\
             Content-Length: 3\r\nConnection: close\r\n\r\nab",
            issuer.token(&subject, "read")
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        // The service has begun to answer: it holds this request.
        let begun = read_until_body(&mut stream).await;
        held.push((subject, stream, begun));
    }
    // They go on in another order than they came, and some do not go on at all.
    held.reverse();
    held.swap(0, 7);
    for (index, (subject, mut stream, mut answer)) in held.into_iter().enumerate() {
        if index % 5 == 4 {
            drop(stream);
            continue;
        }
        stream.write_all(b"c").await.unwrap();
        read_to_end(&mut stream, &mut answer).await;
        let answer = Answer::parse(&answer);
        assert_eq!(answer.status, 200, "{subject}: {}", answer.text());
        assert_eq!(
            subject_seen(&answer),
            subject,
            "the identity of a held request"
        );
        assert_eq!(
            answer.json()["body_bytes"],
            3,
            "{subject}: the body of a held request"
        );
        assert_eq!(
            answer.json()["held_by_this_instance"],
            16,
            "{subject}: all on one instance"
        );
    }
}

async fn a_client_that_goes_away_disturbs_nobody(host: &dyn Host) {
    let issuer = Issuer::start().await;
    let app = spec(&issuer).write();
    let running = host.start(&app).await;
    let token = issuer.token("alice", "read");
    for round in 0..20 {
        let mut stream = TcpStream::connect(running.address).await.unwrap();
        let head = match round % 3 {
            0 => format!(
                "POST /held HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {token}\r\n\
                 Content-Length: 1000000\r\n\r\nabc"
            ),
            1 => format!(
                "GET /bytes/{GIB} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {token}\r\n\r\n"
            ),
            _ => "GET /half-a-head HTTP/1.1\r\nHo".to_owned(),
        };
        stream.write_all(head.as_bytes()).await.unwrap();
        if round % 3 == 1 {
            let mut some = [0; 4096];
            assert!(
                stream.read(&mut some).await.unwrap() > 0,
                "the download begins"
            );
        }
        drop(stream);
        let answer = Ask::get("/a").bearer(&token).send(running.address).await;
        assert_eq!(
            answer.status,
            200,
            "after {round} clients went away: {}",
            answer.text()
        );
        assert_eq!(
            subject_seen(&answer),
            "alice",
            "after {round} clients went away"
        );
    }
}

async fn a_service_that_answers_before_the_body_is_read_is_heard(host: &dyn Host) {
    let issuer = Issuer::start().await;
    let app = spec(&issuer).write();
    let running = host.start(&app).await;
    let body = vec![b'x'; 100_000];
    let answer = Ask::new("POST", "/unread")
        .bearer(&issuer.token("alice", "read"))
        .body(&body)
        .send(running.address)
        .await;
    assert_eq!(
        answer.status,
        200,
        "the service does not read the body: {}",
        answer.text()
    );
    // Of one that is refused nothing is handed on either.
    let answer = Ask::new("POST", "/unread")
        .body(&body)
        .send(running.address)
        .await;
    assert_eq!(
        answer.status,
        401,
        "refused with its body unread: {}",
        answer.text()
    );
}

async fn a_client_that_sends_all_before_it_reads_learns_that_it_was_refused(host: &dyn Host) {
    let issuer = Issuer::start().await;
    let app = spec(&issuer).write();
    let running = host.start(&app).await;
    let piece = vec![b'x'; 256 * 1024];
    for (path, count) in [("/held", 1), ("/held", 40), ("/held", 120), ("/a;b", 40)] {
        let mut stream = TcpStream::connect(running.address).await.unwrap();
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
            count * piece.len()
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        for number in 0..count {
            let written = stream.write_all(&piece).await;
            assert!(
                written.is_ok(),
                "{path}: piece {number} of {count}: {written:?}"
            );
        }
        let expected = if path == "/held" { 401 } else { 400 };
        let answer = rest(&mut stream).await;
        assert_eq!(answer.status, expected, "{path}: {count} pieces");
    }
    let head = "POST /held HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n";
    let mut stream = TcpStream::connect(running.address).await.unwrap();
    stream.write_all(head.as_bytes()).await.unwrap();
    let answer = rest(&mut stream).await;
    assert_eq!(
        answer.status,
        401,
        "and no leave to send: {}",
        answer.text()
    );
}

/// Brings the instance, its keys and its buffers into being before memory is measured.
async fn warm_up(running: &Running, token: &str) {
    let body = vec![b'x'; 8 << 20];
    let answer = Ask::new("POST", "/held")
        .bearer(token)
        .body(&body)
        .send(running.address)
        .await;
    assert_eq!(answer.status, 200, "a first upload: {}", answer.text());
}

fn subject_seen(answer: &Answer) -> String {
    let headers = answer.json()["headers"].as_array().unwrap().clone();
    let subjects: Vec<&str> = headers
        .iter()
        .filter(|pair| pair[0] == "x-auth-subject")
        .map(|pair| pair[1].as_str().unwrap())
        .collect();
    assert_eq!(subjects.len(), 1, "one identity, not {subjects:?}");
    subjects[0].to_owned()
}

async fn rest(stream: &mut TcpStream) -> Answer {
    let mut bytes = Vec::new();
    read_to_end(stream, &mut bytes).await;
    Answer::parse(&bytes)
}

async fn read_to_end(stream: &mut TcpStream, bytes: &mut Vec<u8>) {
    tokio::time::timeout(ANSWER_TIME_MAX, stream.read_to_end(bytes))
        .await
        .expect("the host answers in time")
        .expect("the host answers");
}

/// Reads the head of an answer and the first piece of its body.
async fn read_until_body(stream: &mut TcpStream) -> Vec<u8> {
    let mut bytes = Vec::new();
    let begun = async {
        let mut buffer = [0; 4096];
        loop {
            let head = bytes.windows(4).position(|window| window == b"\r\n\r\n");
            if head.is_some_and(|end| bytes.len() > end + 4) {
                break;
            }
            let count = stream.read(&mut buffer).await.expect("the host answers");
            assert!(
                count > 0,
                "the answer ends early: {:?}",
                String::from_utf8_lossy(&bytes)
            );
            bytes.extend_from_slice(&buffer[..count]);
        }
    };
    tokio::time::timeout(ANSWER_TIME_MAX, begun)
        .await
        .expect("the host begins to answer in time");
    bytes
}
