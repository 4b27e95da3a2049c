//! What the gateway can do: requests per second, latency, memory and processor time, with a real nginx as
//! the origin and wrk as the clients, all on the same machine.
//!
//! ```text
//! cargo run --profile serve --example gateway [-- --seconds 10 --rounds 5 --connections 32 --reuse 128]
//! ```
//!
//! `--reuse` says how many requests an instance serves before it is replaced, which is the host's option
//! `--max-instance-reuse-count`, and Spin's: a new instance reads the policy and verifies its first tokens.
//!
//! Every request has a token, which the gateway has verified before, and is asked of the origin over a
//! connection that is kept. The gateway is a process of its own, so that memory and processor time are its
//! own. What it is held against are the figures of the articles that the project starts from.
//!
//! Gateway, origin and clients share the machine's cores, and elsewhere they do not: so clients and origin are
//! batch work to the scheduler (sched(7)), which takes their turns but does not interrupt the gateway for each
//! answer that it writes to them. Their processor time still comes out of the same cores.
//!
//! Machines differ more than gateways do, so each round also measures a component that only answers
//! (`whoami`) on the same host: how many requests one gets through the gateway for each of those says
//! something elsewhere, too.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a benchmark that cannot run has nothing to say"
)]

use doorward_runtime_tests::app::{AppSpec, built};
use doorward_runtime_tests::host::start_in_process;
use doorward_runtime_tests::issuer::{AUDIENCE, Issuer};
use doorward_runtime_tests::nginx::Nginx;
use doorward_runtime_tests::peer::{Peer, read_numbers, serve_until_input_ends};
use doorward_runtime_tests::process::Usage;
use doorward_runtime_tests::run::{build_components, runtime};
use doorward_runtime_tests::wrk::{Figures, Wrk};
use std::process::{Command, ExitCode};
use std::time::Duration;

/// The figures to reach: requests per second…
const PER_SECOND_MIN: f64 = 15_000.0;
/// …with 99 of 100 answers within so many microseconds…
const P99_US_MAX: u64 = 8_000;
/// …in so many bytes.
const MEMORY_BYTES_MAX: u64 = 180 * 1_000_000;
/// Requests that an instance serves unless told otherwise: Spin's number, and the host's.
const REUSE: usize = 128;
/// The argument with which this program is the gateway.
const SERVE: &str = "--serve";
const PATH: &str = "/hello";

struct Settings {
    time: Duration,
    rounds: usize,
    connections: usize,
    reuse: usize,
}

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    if arguments.next().as_deref() == Some(SERVE) {
        let reuse = arguments.next().and_then(|count| count.parse().ok());
        let spec = match (arguments.next(), arguments.next()) {
            (Some(origin), Some(issuer)) => gateway(&origin, &issuer),
            _ => AppSpec {
                middleware: vec![],
                ..AppSpec::gated("whoami", "")
            },
        };
        runtime(2)
            .unwrap()
            .block_on(serve(&spec, reuse.expect("how often instances are reused")));
        return ExitCode::SUCCESS;
    }
    for absent in [Nginx::available(), Wrk::available(), step_back()] {
        if let Err(absent) = absent {
            eprintln!("{absent}: install Debian's nginx-light, util-linux and wrk");
            return ExitCode::FAILURE;
        }
    }
    let settings = settings();
    build_components();
    runtime(2).unwrap().block_on(run(&settings))
}

/// Makes this process batch work, and with it what it starts: clients and origin.
fn step_back() -> Result<(), String> {
    let own = std::process::id().to_string();
    let status = Command::new("chrt")
        .args(["--batch", "--pid", "0", &own])
        .status();
    if status.is_ok_and(|status| status.success()) {
        Ok(())
    } else {
        Err("there is no chrt".to_owned())
    }
}

fn settings() -> Settings {
    let [mut seconds, mut rounds, mut connections, mut reuse] = [10, 5, 32, REUSE];
    read_numbers(&mut [
        ("--seconds", &mut seconds),
        ("--rounds", &mut rounds),
        ("--connections", &mut connections),
        ("--reuse", &mut reuse),
    ]);
    Settings {
        time: Duration::from_secs(seconds as u64),
        rounds,
        connections,
        reuse,
    }
}

fn gateway(origin: &str, issuer: &str) -> AppSpec {
    AppSpec::gateway(format!(
        "[issuer.test]\nurl = \"{issuer}\"\naudience = \"{AUDIENCE}\"\n\n\
         [identity]\n\"x-auth-subject\" = \"sub\"\n\n\
         [upstream.origin]\nurl = \"{origin}\"\n\n\
         [[route]]\npath = \"/**\"\nscope = [\"read\"]\nupstream = \"origin\"\n"
    ))
}

/// Serves until standard input ends.
async fn serve(spec: &AppSpec, reuse: usize) {
    let app = spec.write();
    let running = start_in_process(&app, |options| {
        options.max_instance_reuse_count = reuse;
    })
    .await;
    serve_until_input_ends(running.address).await;
}

/// Starts this program as a host, which is no batch work.
fn start(arguments: &[&str]) -> Peer {
    let mut command = Command::new("chrt");
    command
        .args(["--other", "0"])
        .arg(std::env::current_exe().unwrap())
        .arg(SERVE)
        .args(arguments);
    Peer::start(command)
}

struct Round {
    figures: Figures,
    /// Of what a component that only answers comes to.
    share: f64,
    cpu_us: f64,
    origin_cpu_us: f64,
}

async fn run(settings: &Settings) -> ExitCode {
    let issuer = Issuer::start().await;
    let nginx = Nginx::origin().await;
    let reuse = settings.reuse.to_string();
    let gateway = start(&[&reuse, &nginx.url(), &issuer.url()]);
    let alone = start(&[&reuse]);
    let token = issuer.token("alice", "read");
    let through = |connections, time| {
        Wrk::get(gateway.address, PATH, connections, time)
            .header("Authorization", &format!("Bearer {token}"))
    };
    let direct = |connections, time| Wrk::get(nginx.address(), PATH, connections, time);
    let size = std::fs::metadata(built("gateway")).unwrap().len();
    println!(
        "gateway.wasm: {size} bytes; {} requests for each instance; {} connections, {} rounds of {} s\n",
        settings.reuse,
        settings.connections,
        settings.rounds,
        settings.time.as_secs()
    );

    let answering = |time| Wrk::get(alone.address, PATH, settings.connections, time);
    for wrk in [
        through(settings.connections, Duration::from_secs(2)),
        answering(Duration::from_secs(2)),
    ] {
        wrk.run().await;
    }
    let mut rounds = Vec::new();
    for number in 1..=settings.rounds {
        let (before, origin_before) = (gateway.usage().cpu_s, cpu_of(&nginx));
        let figures = through(settings.connections, settings.time).run().await;
        figures.assert_all_answered();
        let answers = figures.answers as f64;
        let alone = answering(settings.time).run().await;
        let round = Round {
            share: figures.per_second / alone.per_second,
            cpu_us: (gateway.usage().cpu_s - before) * 1e6 / answers,
            origin_cpu_us: (cpu_of(&nginx) - origin_before) * 1e6 / answers,
            figures,
        };
        println!(
            "round {number}: {:>6.0} requests/s   p50 {:>5} µs   p99 {:>6} µs   p99.9 {:>6} µs   \
             processor time for a request: gateway {:>3.0} µs, origin {:>2.0} µs   {:.2} of whoami alone",
            round.figures.per_second,
            round.figures.p50_us,
            round.figures.p99_us,
            round.figures.p999_us,
            round.cpu_us,
            round.origin_cpu_us,
            round.share,
        );
        rounds.push(round);
    }
    let usage = gateway.usage();

    println!("\nadded latency, one connection, {} s each, in turns:", 2);
    let mut added = Vec::new();
    for _ in 0..3 {
        let without = direct(1, Duration::from_secs(2)).run().await;
        let with = through(1, Duration::from_secs(2)).run().await;
        with.assert_all_answered();
        println!(
            "origin alone: p50 {:>4} µs, p99 {:>4} µs   through the gateway: p50 {:>4} µs, p99 {:>4} µs",
            without.p50_us, without.p99_us, with.p50_us, with.p99_us
        );
        added.push(with.p50_us.saturating_sub(without.p50_us));
    }
    added.sort_unstable();

    rounds.sort_by(|a, b| a.figures.per_second.total_cmp(&b.figures.per_second));
    let median = &rounds[rounds.len() / 2];
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    println!(
        "\nmedian round: {:.0} requests/s, p50 {} µs, p99 {} µs, p99.9 {} µs; {:.0} µs of processor time for a \
         request, {:.2} of whoami alone;\nmemory: {:.0} MB, {:.0} MB at most; {cores} cores shared by gateway, origin and clients; \
         median of the added latency: {} µs",
        median.figures.per_second,
        median.figures.p50_us,
        median.figures.p99_us,
        median.figures.p999_us,
        median.cpu_us,
        median.share,
        usage.memory_bytes as f64 / 1e6,
        usage.memory_bytes_max as f64 / 1e6,
        added[added.len() / 2],
    );
    let mut met = true;
    for (what, holds) in [
        (
            format!("{PER_SECOND_MIN:.0} requests/s"),
            median.figures.per_second >= PER_SECOND_MIN,
        ),
        (
            format!("p99 under {} ms", P99_US_MAX / 1000),
            median.figures.p99_us < P99_US_MAX,
        ),
        (
            format!("under {} MB", MEMORY_BYTES_MAX / 1_000_000),
            usage.memory_bytes_max < MEMORY_BYTES_MAX,
        ),
    ] {
        println!("{what}: {}", if holds { "met" } else { "NOT met" });
        met &= holds;
    }
    if met {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn cpu_of(nginx: &Nginx) -> f64 {
    Usage::of(nginx.process_id()).map_or(0.0, |usage| usage.cpu_s)
}
