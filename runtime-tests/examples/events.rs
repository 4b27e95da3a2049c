//! What the intake of events can do: events per second, parsed, checked and written, with the same in Node beside it.
//!
//! ```text
//! cargo run --profile serve --example events [-- --seconds 8 --rounds 3 --connections 8 --batch 1000]
//! ```
//!
//! Each request has a thousand events of 300 bytes as NDJSON, of which no two have one id. They go to two sinks: a
//! collector that counts and checks, in the process of the host, and a Redis on this machine, which writes each batch to
//! its disk before it answers (`appendfsync always`) and does not write its file anew meanwhile
//! (`auto-aof-rewrite-percentage 0`). Whatever was acknowledged has to be in the sink, or the benchmark ends with an error.
//! Clients, services and sinks share the machine's cores.
//!
//! `components/events` is measured alone and behind the gate with a token; the service in Node (fastify, ajv with the same
//! schema, undici or ioredis) alone, in one process, as its authors start it. They are measured in turns. Of each the
//! median of the rounds is told; `target/events.svg` has events per second and memory over time.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a benchmark that cannot run has nothing to say"
)]

use doorward_runtime_tests::app::{AppSpec, target_dir, workspace};
use doorward_runtime_tests::clock::now;
use doorward_runtime_tests::collector::{Collector, Taken, checksum};
use doorward_runtime_tests::host::start_in_process;
use doorward_runtime_tests::issuer::{AUDIENCE, Issuer};
use doorward_runtime_tests::node;
use doorward_runtime_tests::peer::{Peer, read_numbers};
use doorward_runtime_tests::run::{build_components, runtime};
use doorward_runtime_tests::servers::{Kind as _, Redis, Server};
use doorward_tests::time::date_time;
use std::fmt::Write as _;
use std::io::BufRead as _;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, ExitCode};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// The argument with which this program is the host.
const SERVE: &str = "--serve";
/// The type of all events, whose data has a schema.
const KIND: &str = "dev.doorward.user.changed.v1";
/// Bytes of an event, with the line break.
const EVENT_BYTES: usize = 300;
/// Digits of an id.
const ID_DIGITS: usize = 12;
/// How often it is looked what was done and what it takes.
const SAMPLE: Duration = Duration::from_millis(250);

struct Settings {
    time: Duration,
    rounds: usize,
    connections: usize,
    batch: usize,
}

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    if arguments.next().as_deref() == Some(SERVE) {
        let [sink, issuer] = [(); 2].map(|()| arguments.next().unwrap_or_default());
        runtime(2).unwrap().block_on(serve(&sink, &issuer));
        return ExitCode::SUCCESS;
    }
    let program = match (Redis::available(), node::EVENTS.prepare()) {
        (Ok(()), Ok(program)) => program,
        (Err(absent), _) | (_, Err(absent)) => {
            eprintln!("{absent}: install Debian's redis-server, and Node");
            return ExitCode::FAILURE;
        }
    };
    let [mut seconds, mut rounds, mut connections, mut batch] = [8, 3, 8, 1000];
    read_numbers(&mut [
        ("--seconds", &mut seconds),
        ("--rounds", &mut rounds),
        ("--connections", &mut connections),
        ("--batch", &mut batch),
    ]);
    let settings = Settings {
        time: Duration::from_secs(seconds as u64),
        rounds: rounds.max(1),
        connections,
        batch,
    };
    build_components();
    runtime(2).unwrap().block_on(run(&settings, &program));
    ExitCode::SUCCESS
}

/// Serves `components/events` until standard input ends, behind the gate where there is an issuer. Where no sink is named
/// it is a collector in this process, which answers each line of the input with what it has taken.
async fn serve(sink: &str, issuer: &str) {
    let collector = Collector::start().await;
    let sink = match sink {
        "" => collector.url(),
        named => named.to_owned(),
    };
    let mut spec = AppSpec::intake(&[("events_sink", &sink)]);
    if !issuer.is_empty() {
        spec.policy = Some(policy(issuer));
        spec.middleware = vec!["gate"];
    }
    let app = spec.write();
    let running = start_in_process(&app, |_| {}).await;
    println!("{}", running.address);
    tokio::task::spawn_blocking(move || {
        for _ in std::io::stdin().lock().lines() {
            let Taken { events, checksum } = collector.taken();
            println!("{events} {checksum}");
        }
    })
    .await
    .unwrap();
}

fn policy(issuer: &str) -> String {
    format!(
        "[issuer.test]\nurl = \"{issuer}\"\naudience = \"{AUDIENCE}\"\n\n\
         [identity]\n\"x-auth-issuer\" = \"iss\"\n\"x-auth-subject\" = \"sub\"\n\"x-auth-scope\" = \"scope\"\n\n\
         [[route]]\npath = \"/events\"\nscope = [\"write:events\"]\n"
    )
}

/// A service that is measured.
struct Serving {
    name: &'static str,
    sink: &'static str,
    peer: Peer,
    /// Who takes the events, where it is not the service's process.
    counted: Counted,
    token: Option<String>,
    /// Events per second, and events for a second of the service's processor time, of each round.
    rounds: Vec<Round>,
}

enum Counted {
    /// A collector in the service's process.
    Asked,
    /// A collector here.
    Here(Collector),
    /// A stream of Redis.
    Stream(Server<Redis>),
}

#[derive(Clone)]
struct Round {
    per_second: f64,
    p50_ms: f64,
    p99_ms: f64,
    cpu_us: f64,
    samples: Vec<Sample>,
}

/// What was seen at a moment.
#[derive(Clone, Copy)]
struct Sample {
    per_second: f64,
    memory_bytes: u64,
}

async fn run(settings: &Settings, program: &Path) {
    let issuer = Issuer::start().await;
    let own = |sink: &str, issuer: &str| {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args([SERVE, sink, issuer]);
        command
    };
    let schema = workspace().join(format!("crates/users/schemas/{KIND}.json"));
    let node = |sink: &str| {
        let mut command = Command::new("node");
        command
            .env("NODE_ENV", "production")
            .args([program, &schema])
            .arg(sink);
        command
    };
    let mut all = Vec::new();
    let mut add = |name, sink, command, counted, token| {
        all.push(Serving {
            name,
            sink,
            peer: Peer::start(command),
            counted,
            token,
            rounds: Vec::new(),
        });
    };
    let token = || Some(issuer.token("alice", "write:events"));
    add("doorward", "collector", own("", ""), Counted::Asked, None);
    add(
        "doorward, gate",
        "collector",
        own("", &issuer.url()),
        Counted::Asked,
        token(),
    );
    let collector = Collector::start().await;
    let command = node(&collector.url());
    add("node", "collector", command, Counted::Here(collector), None);
    for name in ["doorward", "doorward, gate", "node"] {
        let server = Server::start(Redis::keeping_its_file()).await;
        let (command, token) = match name {
            "doorward" => (own(&server.url(), ""), None),
            "node" => (node(&server.url()), None),
            _ => (own(&server.url(), &issuer.url()), token()),
        };
        add(name, "Redis", command, Counted::Stream(server), token);
    }
    println!(
        "{} events of {EVENT_BYTES} bytes a request, {} connections, {} rounds of {} s for each figure; {} cores shared by \
         services, sinks and clients\n",
        settings.batch,
        settings.connections,
        settings.rounds,
        settings.time.as_secs(),
        std::thread::available_parallelism().map_or(1, usize::from),
    );
    let next = Arc::new(AtomicU64::new(0));
    for _ in 0..settings.rounds {
        for serving in &mut all {
            measure(serving, settings, &next).await;
        }
    }
    tell(&all);
    let path = target_dir().join("events.svg");
    std::fs::write(&path, plot(&all, settings)).unwrap();
    println!("\nplotted to {}", path.display());
}

/// Sends for a while, and looks whether all that was acknowledged is in the sink.
async fn measure(serving: &mut Serving, settings: &Settings, next: &Arc<AtomicU64>) {
    let before = serving.taken();
    let usage = serving.peer.usage();
    let acknowledged = Arc::new(Acknowledged::default());
    let began = Instant::now();
    let tasks: Vec<_> = (0..settings.connections)
        .map(|_| {
            let client = Client {
                address: serving.peer.address,
                token: serving.token.clone(),
                batch: settings.batch,
                next: Arc::clone(next),
                acknowledged: Arc::clone(&acknowledged),
            };
            tokio::spawn(client.send(began + settings.time))
        })
        .collect();
    let mut samples = Vec::new();
    let mut seen = 0;
    while began.elapsed() + SAMPLE <= settings.time {
        let from = Instant::now();
        tokio::time::sleep(SAMPLE).await;
        let now = acknowledged.events.load(Ordering::SeqCst);
        samples.push(Sample {
            per_second: (now - seen) as f64 / from.elapsed().as_secs_f64(),
            memory_bytes: serving.peer.usage().memory_bytes,
        });
        seen = now;
    }
    let mut latencies = Vec::new();
    for task in tasks {
        latencies.extend(task.await.unwrap());
    }
    let elapsed = began.elapsed().as_secs_f64();
    let cpu_s = serving.peer.usage().cpu_s - usage.cpu_s;
    let events = acknowledged.events.load(Ordering::SeqCst);
    let after = serving.taken();
    let name = serving.name;
    assert_eq!(
        after.events - before.events,
        events,
        "{name}: events in the sink"
    );
    if !matches!(serving.counted, Counted::Stream(_)) {
        let checksum = acknowledged.checksum.load(Ordering::SeqCst);
        let taken = after.checksum.wrapping_sub(before.checksum);
        assert_eq!(taken, checksum, "{name}: their checksum");
    }
    latencies.sort_by(f64::total_cmp);
    let share = |share: f64| latencies[((latencies.len() - 1) as f64 * share) as usize];
    serving.rounds.push(Round {
        per_second: events as f64 / elapsed,
        p50_ms: share(0.5),
        p99_ms: share(0.99),
        cpu_us: cpu_s * 1e6 / events as f64,
        samples,
    });
}

/// What was acknowledged to clients.
#[derive(Default)]
struct Acknowledged {
    events: AtomicU64,
    checksum: AtomicU64,
}

/// A connection that sends one request after the other.
struct Client {
    address: SocketAddr,
    token: Option<String>,
    batch: usize,
    next: Arc<AtomicU64>,
    acknowledged: Arc<Acknowledged>,
}

impl Client {
    /// Sends until this moment, and gives how long each answer took, in milliseconds.
    async fn send(self, until: Instant) -> Vec<f64> {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        stream.set_nodelay(true).unwrap();
        let event = event();
        let data = data(&event).to_vec();
        let mut body = event.repeat(self.batch);
        let identity = match &self.token {
            Some(token) => format!("authorization: Bearer {token}"),
            None => "x-auth-issuer: https://login.example\r\nx-auth-subject: bench\r\nx-auth-scope: write:events".to_owned(),
        };
        let head = format!(
            "POST /events HTTP/1.1\r\nhost: {}\r\ncontent-type: application/x-ndjson\r\n{identity}\r\n\
             content-length: {}\r\n\r\n",
            self.address,
            body.len()
        );
        let mut latencies = Vec::new();
        while Instant::now() < until {
            let first = self.next.fetch_add(self.batch as u64, Ordering::Relaxed);
            let mut sum = 0_u64;
            for (line, id) in body.chunks_mut(EVENT_BYTES).zip(first..) {
                let id = format!("{id:0ID_DIGITS$}");
                line[ID_AT..ID_AT + ID_DIGITS].copy_from_slice(id.as_bytes());
                sum = sum.wrapping_add(checksum(id.as_bytes(), &data));
            }
            let began = Instant::now();
            stream.write_all(head.as_bytes()).await.unwrap();
            stream.write_all(&body).await.unwrap();
            let answer = answer(&mut stream).await;
            latencies.push(began.elapsed().as_secs_f64() * 1e3);
            let accepted = answer["accepted"].as_u64();
            assert_eq!(
                accepted,
                Some(self.batch as u64),
                "not all are taken: {answer}"
            );
            let Acknowledged { events, checksum } = &*self.acknowledged;
            events.fetch_add(self.batch as u64, Ordering::SeqCst);
            checksum.fetch_add(sum, Ordering::SeqCst);
        }
        latencies
    }
}

/// Where the id of an event is.
const ID_AT: usize = r#"{"id":""#.len();

/// An event with a line break, as long as all are. Its id is to be written.
fn event() -> Vec<u8> {
    let event = |pad: usize| {
        format!(
            "{{\"id\":\"{}\",\"source\":\"urn:bench\",\"type\":\"{KIND}\",\"time\":\"{}\",\"data\":{{\
             \"id\":\"0197f6a0-3c1e-7d52-a7f1-5b1e0c9d8a42\",\"name\":\"Ada{}\",\"email\":\"ada@example.com\",\
             \"created_at\":\"2026-01-31T12:00:00.123Z\",\"updated_at\":\"2026-01-31T12:00:00.123Z\",\"version\":3}}}}\n",
            "0".repeat(ID_DIGITS),
            date_time(now()),
            "x".repeat(pad),
        )
        .into_bytes()
    };
    let shortest = event(0).len();
    event(
        EVENT_BYTES
            .checked_sub(shortest)
            .expect("an event has room"),
    )
}

/// The members of an event's data.
fn data(event: &[u8]) -> &[u8] {
    let text = std::str::from_utf8(event).unwrap();
    let (_, data) = text.split_once("\"data\":{").unwrap();
    data.split('}').next().unwrap().as_bytes()
}

/// Reads an answer, which is a 200 with a `Content-Length`.
async fn answer(stream: &mut TcpStream) -> serde_json::Value {
    let mut bytes = Vec::new();
    loop {
        let read = stream.read_buf(&mut bytes).await.unwrap();
        assert!(read > 0, "it closed the connection");
        let Some(end) = memchr::memmem::find(&bytes, b"\r\n\r\n") else {
            continue;
        };
        let head = String::from_utf8_lossy(&bytes[..end]).to_ascii_lowercase();
        let body = &bytes[end + 4..];
        let length = head
            .lines()
            .find_map(|line| line.strip_prefix("content-length:"))
            .and_then(|length| length.trim().parse::<usize>().ok())
            .expect("a Content-Length");
        if body.len() >= length {
            assert!(
                head.starts_with("http/1.1 200"),
                "{head}\n{}",
                String::from_utf8_lossy(body)
            );
            return serde_json::from_slice(body).unwrap();
        }
    }
}

impl Serving {
    /// What its sink has taken by now.
    fn taken(&mut self) -> Taken {
        match &self.counted {
            Counted::Here(collector) => collector.taken(),
            Counted::Asked => {
                let line = self.peer.ask();
                let mut numbers = line
                    .split_whitespace()
                    .map(|number| number.parse().unwrap());
                Taken {
                    events: numbers.next().unwrap(),
                    checksum: numbers.next().unwrap(),
                }
            }
            Counted::Stream(server) => Taken {
                events: server.stream_length("events"),
                checksum: 0,
            },
        }
    }

    fn median(&self) -> &Round {
        let mut order: Vec<&Round> = self.rounds.iter().collect();
        order.sort_by(|a, b| a.per_second.total_cmp(&b.per_second));
        order[order.len() / 2]
    }
}

fn tell(all: &[Serving]) {
    println!(
        "| sink | service | events/s | p50 ms | p99 ms | processor time µs an event | memory MB, most |"
    );
    println!("|---|---|---|---|---|---|---|");
    for serving in all {
        let Round {
            per_second,
            p50_ms,
            p99_ms,
            cpu_us,
            ..
        } = serving.median();
        let memory = serving.peer.usage();
        println!(
            "| {} | {} | {per_second:.0} | {p50_ms:.1} | {p99_ms:.1} | {cpu_us:.1} | {:.0}, {:.0} |",
            serving.sink,
            serving.name,
            memory.memory_bytes as f64 / 1e6,
            memory.memory_bytes_max as f64 / 1e6,
        );
    }
}

/// What is drawn of samples, and how it is called.
type View = (&'static str, fn(&Sample) -> f64);

/// Events per second and memory of the median rounds, over time.
fn plot(all: &[Serving], settings: &Settings) -> String {
    const WIDTH: f64 = 640.0;
    const HEIGHT: f64 = 220.0;
    const COLOURS: [&str; 6] = [
        "#b45309", "#15803d", "#475569", "#f59e0b", "#86efac", "#94a3b8",
    ];
    let views: [View; 2] = [
        ("events per second", |sample| sample.per_second),
        ("memory, MB", |sample| sample.memory_bytes as f64 / 1e6),
    ];
    let mut drawn = String::new();
    for (view, (title, value)) in views.iter().enumerate() {
        let top = 40.0 + view as f64 * (HEIGHT + 60.0);
        let samples = all.iter().flat_map(|serving| &serving.median().samples);
        let most = samples.map(value).fold(1.0, f64::max);
        let _ = writeln!(
            drawn,
            "<text x=\"60\" y=\"{}\">{title} (top: {most:.0}), over {} s</text>\
             <rect x=\"60\" y=\"{top}\" width=\"{WIDTH}\" height=\"{HEIGHT}\" fill=\"none\" stroke=\"#cbd5e1\"/>",
            top - 8.0,
            settings.time.as_secs(),
        );
        for (index, serving) in all.iter().enumerate() {
            let samples = &serving.median().samples;
            let last = samples.len().saturating_sub(1).max(1) as f64;
            let points: Vec<String> = samples
                .iter()
                .enumerate()
                .map(|(at, sample)| {
                    let x = 60.0 + at as f64 / last * WIDTH;
                    let y = top + HEIGHT - value(sample) / most * HEIGHT;
                    format!("{x:.1},{y:.1}")
                })
                .collect();
            let _ = writeln!(
                drawn,
                "<polyline points=\"{}\" fill=\"none\" stroke=\"{}\" stroke-width=\"1.5\"/>",
                points.join(" "),
                COLOURS[index % COLOURS.len()],
            );
        }
    }
    for (index, serving) in all.iter().enumerate() {
        let y = 60 + index * 18;
        let _ = writeln!(
            drawn,
            "<rect x=\"720\" y=\"{}\" width=\"12\" height=\"12\" fill=\"{}\"/>\
             <text x=\"738\" y=\"{}\">{}, {}</text>",
            y - 10,
            COLOURS[index % COLOURS.len()],
            y,
            serving.name,
            serving.sink,
        );
    }
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"900\" height=\"600\" font-family=\"sans-serif\" \
         font-size=\"12\"><rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n{drawn}</svg>\n"
    )
}
