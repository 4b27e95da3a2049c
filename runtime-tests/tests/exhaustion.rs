//! Clients that want all there is of the in-process host: trickled uploads, idle connections, readers that do not
//! read, and credentials that are guessed. Somebody else, who asks in the meantime, is answered.
//!
//! The limits are small, so that each case takes seconds.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use doorward_host::{HostOptions, IpNet};
use doorward_runtime_tests::app::{App, AppSpec};
use doorward_runtime_tests::host::{Running, start_in_process};
use doorward_runtime_tests::issuer::{AUDIENCE, Issuer};
use doorward_runtime_tests::origin::{Origin, Reply};
use doorward_runtime_tests::process::Usage;
use doorward_runtime_tests::run::build_components;
use http_body_util::{BodyExt as _, Empty, StreamBody};
use hyper::body::{Bytes, Frame};
use hyper::client::conn::http2::SendRequest;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::JoinSet;

/// Who attacks.
const ATTACKER: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 1);
/// Who wants to be served meanwhile.
const SOMEBODY: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);
/// Requests of that one.
const ASKED: usize = 100;
/// When a case gives up on what should have happened long before.
const PATIENCE: Duration = Duration::from_secs(20);
/// More connections than there are instances.
const MANY: usize = 290;

/// `echo` without a gate, each request in an instance of its own: what holds a request holds an instance.
async fn echo(change: impl FnOnce(&mut HostOptions)) -> (Running, App) {
    build_components();
    let mut spec = AppSpec::gated("echo", "");
    spec.middleware = vec![];
    spec.policy = None;
    let app = spec.write();
    let running = start_in_process(&app, |options| {
        options.max_instance_concurrent_reuse_count = 1;
        change(options);
    })
    .await;
    (running, app)
}

/// Connects from this address, with small buffers where that is said.
async fn connect(
    from: Ipv4Addr,
    to: SocketAddr,
    buffer_bytes: Option<u32>,
) -> std::io::Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    if let Some(bytes) = buffer_bytes {
        socket.set_recv_buffer_size(bytes)?;
    }
    socket.bind((from, 0).into())?;
    let stream = socket.connect(to).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// Everything that comes until the connection ends.
async fn read_all(stream: &mut TcpStream) -> String {
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    String::from_utf8_lossy(&answer).into_owned()
}

fn status(answer: &str) -> u16 {
    let code = answer.strip_prefix("HTTP/1.1 ").and_then(|a| a.get(..3));
    code.and_then(|code| code.parse().ok()).unwrap_or(0)
}

/// The status of one request on a connection of its own; 0 where there is no answer.
async fn ask(from: Ipv4Addr, to: SocketAddr, fields: &str) -> u16 {
    let exchange = async {
        let mut stream = connect(from, to, None).await?;
        let request =
            format!("GET /a HTTP/1.1\r\nhost: a.example\r\nconnection: close\r\n{fields}\r\n");
        stream.write_all(request.as_bytes()).await?;
        std::io::Result::Ok(status(&read_all(&mut stream).await))
    };
    match tokio::time::timeout(Duration::from_secs(2), exchange).await {
        Ok(Ok(status)) => status,
        _ => 0,
    }
}

/// How often which status came.
fn count(statuses: impl IntoIterator<Item = u16>) -> BTreeMap<u16, usize> {
    let mut counts = BTreeMap::new();
    for status in statuses {
        *counts.entry(status).or_insert(0) += 1;
    }
    counts
}

/// Somebody asks while others attack, and is answered.
async fn is_served(running: &Running, fields: &str, during: &str) {
    let began = Instant::now();
    let mut statuses = Vec::new();
    for _ in 0..ASKED / 4 {
        let mut asked = JoinSet::new();
        for _ in 0..4 {
            let (address, fields) = (running.address, fields.to_owned());
            asked.spawn(async move { ask(SOMEBODY, address, &fields).await });
        }
        statuses.extend(asked.join_all().await);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let counts = count(statuses);
    println!(
        "during {during}: answers to somebody else {counts:?} in {} ms",
        began.elapsed().as_millis()
    );
    let served = counts.get(&200).copied().unwrap_or(0);
    assert!(
        served * 100 >= ASKED * 95,
        "during {during} at least 95 % are to be answered: {counts:?}"
    );
}

/// Uploads of one byte every so often, each on a connection of its own. What they were told.
fn trickle(
    to: SocketAddr,
    connections: usize,
    every: Duration,
    fields: &'static str,
) -> JoinSet<u16> {
    let mut uploads = JoinSet::new();
    for _ in 0..connections {
        uploads.spawn(async move {
            let mut stream = connect(ATTACKER, to, None).await.unwrap();
            let head = format!(
                "POST /trailers HTTP/1.1\r\nhost: a.example\r\n{fields}content-length: 1000000\r\n\r\nx"
            );
            stream.write_all(head.as_bytes()).await.unwrap();
            let (mut reading, mut writing) = stream.split();
            let trickle = async {
                loop {
                    tokio::time::sleep(every).await;
                    if writing.write_all(b"x").await.is_err() {
                        std::future::pending::<()>().await;
                    }
                }
            };
            let mut answer = vec![0; 4096];
            tokio::select! {
                () = trickle => 0,
                read = reading.read(&mut answer) => {
                    status(&String::from_utf8_lossy(&answer[..read.unwrap_or(0)]))
                }
            }
        });
    }
    uploads
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn trickled_uploads_of_one_client_leave_instances_to_others() {
    let (running, _app) = echo(|_| {}).await;
    let mut uploads = trickle(running.address, MANY, Duration::from_millis(500), "");
    tokio::time::sleep(Duration::from_secs(1)).await;
    is_served(&running, "", "trickled uploads").await;
    let mut told = Vec::new();
    while let Some(status) = uploads.try_join_next() {
        told.push(status.unwrap());
    }
    println!(
        "{} uploads go on, others were told {:?}",
        uploads.len(),
        count(told.clone())
    );
    assert!(
        uploads.len() > 150,
        "much of the machine is for who is there"
    );
    assert!(told.iter().all(|&status| status == 503), "{told:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn behind_a_trusted_proxy_its_clients_have_the_shares() {
    let proxy: IpNet = "127.0.0.0/8".parse().unwrap();
    let (running, _app) = echo(|options| options.trusted_proxies = vec![proxy]).await;
    let from = "x-forwarded-for: 192.0.2.1\r\n";
    let uploads = trickle(running.address, MANY, Duration::from_millis(500), from);
    tokio::time::sleep(Duration::from_secs(1)).await;
    let fields = "x-forwarded-for: 192.0.2.1, 192.0.2.2, 127.0.0.9\r\n";
    is_served(&running, fields, "uploads through the same proxy").await;
    drop(uploads);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn trickled_uploads_are_given_up() {
    let (running, _app) = echo(|options| {
        options.client_share_percent = 100;
        options.read_timeout = Duration::from_secs(1);
    })
    .await;
    let uploads = trickle(running.address, 200, Duration::from_millis(300), "");
    let told = tokio::time::timeout(PATIENCE, uploads.join_all()).await;
    let told = count(told.unwrap());
    println!("trickled uploads were told {told:?}");
    assert_eq!(told.get(&408), Some(&200), "{told:?}");
    is_served(&running, "", "the time after trickled uploads").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upload_that_keeps_the_pace_may_take_longer_than_every_timeout() {
    let (running, _app) = echo(|options| {
        options.read_timeout = Duration::from_secs(1);
        options.request_timeout = Some(Duration::from_secs(1));
    })
    .await;
    let mut stream = connect(SOMEBODY, running.address, None).await.unwrap();
    let head = "POST /trailers HTTP/1.1\r\nhost: a.example\r\nconnection: close\r\n\
                content-length: 10000\r\n\r\n";
    stream.write_all(head.as_bytes()).await.unwrap();
    for _ in 0..10 {
        tokio::time::sleep(Duration::from_millis(400)).await;
        stream.write_all(&[b'x'; 1000]).await.unwrap();
    }
    let answer = read_all(&mut stream).await;
    assert_eq!(status(&answer), 200, "{answer}");
}

type Sender = SendRequest<http_body_util::combinators::UnsyncBoxBody<Bytes, Infallible>>;

/// An HTTP/2 connection, with so many bytes of window for each stream where that is said.
async fn http2(from: Ipv4Addr, to: SocketAddr, window_bytes: Option<u32>) -> Option<Sender> {
    let stream = connect(from, to, None).await.ok()?;
    let (sender, connection) = hyper::client::conn::http2::Builder::new(TokioExecutor::new())
        .timer(TokioTimer::new())
        .initial_stream_window_size(window_bytes)
        .handshake(TokioIo::new(stream))
        .await
        .ok()?;
    tokio::spawn(connection);
    Some(sender)
}

fn get(path: &str) -> http::Request<http_body_util::combinators::UnsyncBoxBody<Bytes, Infallible>> {
    let request = http::Request::get(format!("http://a.example{path}"));
    request.body(Empty::new().boxed_unsync()).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn idle_http2_connections_make_room() {
    const CONNECTIONS_MAX: usize = 64;
    let (running, _app) = echo(|options| {
        options.max_instance_concurrent_reuse_count = 16;
        options.connections_max = CONNECTIONS_MAX;
    })
    .await;
    // From everywhere, so that it is not the share of one client that helps.
    let mut held = Vec::new();
    for number in 0..2 * CONNECTIONS_MAX {
        let from = Ipv4Addr::new(127, 1, 0, u8::try_from(number).unwrap());
        let mut sender = http2(from, running.address, None).await.unwrap();
        // Half of them have asked for something, the others have not.
        if number % 2 == 0 {
            let answer = sender.send_request(get("/a")).await.unwrap();
            assert_eq!(answer.status(), 200);
        }
        held.push(sender);
    }
    is_served(&running, "", "idle connections").await;
    let open = held.iter().filter(|sender| !sender.is_closed()).count();
    println!("{open} of {} idle connections are open", held.len());
    assert!(open <= CONNECTIONS_MAX);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn idle_connections_are_closed_in_time_also_where_they_answer_pings() {
    let (running, _app) = echo(|options| {
        options.header_read_timeout = Duration::from_millis(500);
        options.idle_connection_timeout = Duration::from_millis(500);
    })
    .await;
    let mut sender = http2(SOMEBODY, running.address, None).await.unwrap();
    let answer = sender.send_request(get("/a")).await.unwrap();
    drop(answer.into_body().collect().await);
    let unasked = http2(SOMEBODY, running.address, None).await.unwrap();
    let mut plain = connect(SOMEBODY, running.address, None).await.unwrap();
    let request = b"GET /a HTTP/1.1\r\nhost: a.example\r\n\r\n";
    plain.write_all(request).await.unwrap();
    let began = Instant::now();
    let answer = tokio::time::timeout(PATIENCE, read_all(&mut plain)).await;
    assert_eq!(status(&answer.unwrap()), 200, "HTTP/1 keep-alive is closed");
    while !(sender.is_closed() && unasked.is_closed()) {
        assert!(began.elapsed() < PATIENCE, "HTTP/2 is to be closed");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_of_one_client_leave_some_to_others() {
    let (running, _app) = echo(|options| {
        options.max_instance_concurrent_reuse_count = 16;
        options.connections_max = 50;
    })
    .await;
    // All are busy, so none of them makes room.
    let mut uploads = trickle(running.address, 100, Duration::from_millis(500), "");
    tokio::time::sleep(Duration::from_secs(1)).await;
    is_served(&running, "", "busy connections").await;
    let mut told = Vec::new();
    while let Some(status) = uploads.try_join_next() {
        told.push(status.unwrap());
    }
    println!(
        "{} connections go on, others were told {:?}",
        uploads.len(),
        count(told.clone())
    );
    assert!(uploads.len() >= 35, "much is for who is there");
    assert!(told.iter().all(|&status| status == 503), "{told:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn readers_that_do_not_read_cost_little_and_are_given_up() {
    let (running, _app) = echo(|options| {
        options.write_timeout = Duration::from_secs(3);
    })
    .await;
    is_served(&running, "", "the time before").await;
    let before = Usage::own().memory_bytes;
    let mut readers = Vec::new();
    for _ in 0..MANY {
        let stream = connect(ATTACKER, running.address, Some(4096)).await;
        let mut stream = stream.unwrap();
        let request = b"GET /bytes/100000000 HTTP/1.1\r\nhost: a.example\r\n\r\n";
        stream.write_all(request).await.unwrap();
        readers.push(stream);
    }
    tokio::time::sleep(Duration::from_millis(500)).await;
    let each = Usage::own().memory_bytes.saturating_sub(before) / MANY as u64;
    println!("a reader that does not read costs {} KiB", each >> 10);
    is_served(&running, "", "readers that do not read").await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    // What the sockets still have is little, and then it ends.
    let mut got = Vec::new();
    for mut stream in readers {
        let mut bytes = Vec::new();
        let read = stream.read_to_end(&mut bytes);
        let _ = tokio::time::timeout(PATIENCE, read).await.unwrap();
        got.push(bytes.len());
    }
    let most = got.iter().max().unwrap();
    println!("they could read {most} bytes at most");
    assert!(*most < 10_000_000, "all are given up: {most}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_http2_only_the_stream_ends_that_is_not_read() {
    let (running, _app) = echo(|options| {
        options.max_instance_concurrent_reuse_count = 16;
        options.write_timeout = Duration::from_secs(1);
    })
    .await;
    let mut sender = http2(SOMEBODY, running.address, Some(1000)).await.unwrap();
    let stuck = sender.send_request(get("/bytes/1000000")).await.unwrap();
    let began = Instant::now();
    let mut statuses = Vec::new();
    while began.elapsed() < Duration::from_secs(3) {
        let answer = sender.send_request(get("/bytes/5000")).await.unwrap();
        statuses.push(answer.status().as_u16());
        let body = answer.into_body().collect().await.unwrap().to_bytes();
        assert_eq!(body.len(), 5000);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    println!("beside it {:?} were answered", count(statuses));
    let rest = tokio::time::timeout(PATIENCE, stuck.into_body().collect()).await;
    let ended = rest.unwrap().unwrap_err();
    println!("the one that was not read: {ended:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_reads_slowly_gets_all() {
    let (running, _app) = echo(|options| {
        options.write_timeout = Duration::from_secs(1);
        options.request_timeout = Some(Duration::from_secs(1));
    })
    .await;
    let stream = connect(SOMEBODY, running.address, Some(16 << 10)).await;
    let mut stream = stream.unwrap();
    let request = b"GET /bytes/2000000 HTTP/1.1\r\nhost: a.example\r\nconnection: close\r\n\r\n";
    stream.write_all(request).await.unwrap();
    let mut all = 0;
    let mut piece = vec![0; 64 << 10];
    loop {
        tokio::time::sleep(Duration::from_millis(100)).await;
        match stream.read(&mut piece).await.unwrap() {
            0 => break,
            count => all += count,
        }
    }
    assert!(all > 2_000_000, "{all}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn http2_uploads_that_stall_end_alone() {
    let (running, _app) = echo(|options| {
        options.max_instance_concurrent_reuse_count = 16;
        options.read_timeout = Duration::from_millis(500);
    })
    .await;
    let mut sender = http2(SOMEBODY, running.address, None).await.unwrap();
    let (frames, receiver) = tokio::sync::mpsc::unbounded_channel::<Bytes>();
    frames.send(Bytes::from_static(b"x")).unwrap();
    let pieces = futures::stream::unfold(receiver, async |mut receiver| {
        let piece = receiver.recv().await?;
        Some((Ok::<_, Infallible>(Frame::data(piece)), receiver))
    });
    let request = http::Request::post("http://a.example/trailers");
    let request = request.body(StreamBody::new(pieces).boxed_unsync());
    let answer = sender.send_request(request.unwrap());
    let answer = tokio::time::timeout(PATIENCE, answer).await.unwrap();
    assert_eq!(answer.unwrap().status(), 408);
    let other = sender.send_request(get("/a")).await.unwrap();
    assert_eq!(other.status(), 200, "the connection is still there");
}

/// Guesses that may be wrong.
const GUESSES: usize = 10;
/// Connections over which is guessed at the same time.
const GUESSING: usize = 32;

fn guarded(issuer: &Issuer, origin: &Origin) -> String {
    format!(
        "[issuer.test]\nurl = \"{}\"\naudience = \"{AUDIENCE}\"\n\n\
         [upstream.origin]\nurl = \"{}\"\n\n\
         [rate_limit.guesses]\nrequests = {GUESSES}\nper_s = 3600\n\
         counts = \"failed-authentication\"\nshared = true\n\n\
         [[route]]\npath = \"/a\"\nissuer = \"test\"\nrate_limit = \"guesses\"\nupstream = \"origin\"\n",
        issuer.url(),
        origin.url()
    )
}

/// Guesses over many connections at once, as often as there is time for, while somebody else asks: what they are told.
/// `component` is a middleware, or a gateway. With so many instances all guesses are under way at once.
async fn guess(component: &'static str, instances_max: usize) -> BTreeMap<u16, usize> {
    build_components();
    let issuer = Issuer::start().await;
    let origin = Origin::start(Reply::ok("hello")).await;
    let policy = guarded(&issuer, &origin);
    let spec = match component.starts_with("gateway") {
        true => AppSpec {
            middleware: vec![],
            ..AppSpec::gated(component, policy)
        },
        false => AppSpec {
            middleware: vec![component],
            ..AppSpec::gated("echo", policy)
        },
    };
    let app = spec.write();
    let running = start_in_process(&app, |options| {
        options.max_instance_concurrent_reuse_count = GUESSING.div_ceil(instances_max);
        // None is replaced meanwhile: that would be one more.
        options.max_instance_reuse_count = 1_000_000;
    })
    .await;
    let right = format!(
        "authorization: Bearer {}\r\n",
        issuer.token("alice", "read")
    );
    let first = ask(SOMEBODY, running.address, &right).await;
    assert_eq!(first, 200, "{component}");
    let mut guesses = JoinSet::new();
    for number in 0..GUESSING {
        let to = running.address;
        guesses.spawn(async move {
            let mut told = Vec::new();
            let until = Instant::now() + Duration::from_secs(2);
            while Instant::now() < until {
                let guess = format!("authorization: Bearer guess.number.{number}\r\n");
                told.push(ask(ATTACKER, to, &guess).await);
            }
            told
        });
    }
    is_served(&running, &right, "guesses").await;
    let told = guesses.join_all().await;
    let after = ask(ATTACKER, running.address, &right).await;
    assert_eq!(
        after, 429,
        "who has guessed so much is not told whether this is right"
    );
    let told = count(told.into_iter().flatten());
    println!("{component}, {instances_max} instances at least: guesses are told {told:?}");
    told
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_guesses_over_many_connections_no_more_are_told_than_the_limit_has() {
    for component in ["gate-atomics", "gateway-atomics"] {
        let told = guess(component, GUESSING).await;
        assert_eq!(told.get(&401), Some(&GUESSES), "{component}: {told:?}");
        assert!(
            told.get(&429).is_some_and(|&told| told > 100),
            "{component}: {told:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_atomic_increments_each_instance_can_admit_the_limit_once() {
    const INSTANCES: usize = 4;
    let told = guess("gate", INSTANCES).await;
    let passed = told.get(&401).copied().unwrap_or(0);
    // How many instances there are, the host decides: at most one for each that guesses. With a known number of them
    // it is shown in virtual time.
    let bound = GUESSES * GUESSING;
    assert!((GUESSES..=bound).contains(&passed), "{told:?}");
}
