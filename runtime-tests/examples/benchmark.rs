//! What checking a request costs: `whoami` behind the gate, with the gate linked in, alone, and behind a middleware that
//! does nothing but rebuild the request with one header replaced (`rebuild`).
//!
//! ```text
//! cargo run --example benchmark [-- --seconds 3 --rounds 5 --connections 32 --reuse 1000]
//! ```
//!
//! `--reuse` adds each of them with instances that serve so many requests before they are replaced, which is the
//! host's option `--max-instance-reuse-count`, and Spin's; the others serve 128.
//!
//! All run in this process, on the in-process host, and take turns, so that a noisy machine is noisy
//! for all. The figure to look at is the ratio; the requests per second hold for this machine, which
//! also carries the client.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a benchmark that cannot run has nothing to say"
)]

use doorward_runtime_tests::app::{AppSpec, workspace};
use doorward_runtime_tests::host::{Running, start_in_process};
use doorward_runtime_tests::issuer::{AUDIENCE, Issuer};
use doorward_runtime_tests::load::{Figures, Until, measure};
use doorward_runtime_tests::run::{build_components, runtime};
use std::sync::Arc;
use std::time::Duration;

struct Settings {
    round: Duration,
    rounds: usize,
    connections: usize,
    /// Requests for each instance of one more of each.
    reuse: Option<usize>,
    serve_only: bool,
}

fn main() {
    let settings = settings();
    build_components();
    runtime(2).unwrap().block_on(run(settings));
}

fn settings() -> Settings {
    let mut settings = Settings {
        round: Duration::from_secs(3),
        rounds: 5,
        connections: 32,
        reuse: None,
        serve_only: false,
    };
    let mut arguments = std::env::args().skip(1);
    while let Some(name) = arguments.next() {
        if name == "--serve-only" {
            settings.serve_only = true;
            continue;
        }
        let value: usize = arguments
            .next()
            .and_then(|value| value.parse().ok())
            .unwrap_or_else(|| panic!("{name} takes a whole number"));
        match name.as_str() {
            "--seconds" => settings.round = Duration::from_secs(value as u64),
            "--rounds" => settings.rounds = value,
            "--connections" => settings.connections = value,
            "--reuse" => settings.reuse = Some(value),
            _ => panic!("unknown option {name}"),
        }
    }
    settings
}

async fn run(settings: Settings) {
    let issuer = Issuer::start().await;
    let policy = format!(
        "[issuer.test]\nurl = \"{}\"\naudience = \"{AUDIENCE}\"\n\n\
         [identity]\n\"x-auth-subject\" = \"sub\"\n\n\
         [[route]]\npath = \"/**\"\nissuer = [\"test\"]\nscope = [\"read\"]\n",
        issuer.url()
    );
    let gated = AppSpec::gated("whoami", policy.clone());
    let mut rebuilt = gated.clone();
    rebuilt.middleware = vec!["rebuild"];
    let mut alone = gated.clone();
    alone.middleware = vec![];
    let linked = AppSpec::linked("whoami-linked", policy);
    let usual = [
        ("whoami alone", alone),
        ("rebuild + whoami", rebuilt),
        ("gate + whoami", gated),
        ("whoami, linked", linked),
    ];
    let mut specs: Vec<_> = usual
        .iter()
        .map(|(name, spec)| ((*name).to_owned(), spec.clone(), None))
        .collect();
    if let Some(reuse) = settings.reuse {
        let longer = usual.into_iter().map(|(name, spec)| {
            let name = format!("{name}, {reuse} each");
            (name, spec, Some(reuse))
        });
        specs.extend(longer);
    }
    let mut contenders = Vec::new();
    for (name, spec, reuse) in specs {
        let app = spec.write();
        let running: Running = start_in_process(&app, |options| {
            options.max_instance_reuse_count = reuse.unwrap_or(options.max_instance_reuse_count);
        })
        .await;
        contenders.push((name, app, running));
    }
    let token = issuer.token("alice", "read");
    let request = format!(
        "GET /api/v1/orders/17 HTTP/1.1\r\nHost: api.example\r\nUser-Agent: benchmark\r\n\
         Accept: */*\r\nAuthorization: Bearer {token}\r\n\r\n"
    )
    .into_bytes();
    let request: Arc<[Vec<u8>]> = [request].into();
    if settings.serve_only {
        for (name, _, running) in &contenders {
            println!("{name}: http://{}", running.address);
        }
        println!("Authorization: Bearer {token}");
        std::future::pending::<()>().await;
    }

    let gate = std::fs::metadata(doorward_runtime_tests::app::built("gate"))
        .unwrap()
        .len();
    println!(
        "gate.wasm: {gate} bytes (target folder of {})",
        workspace().display()
    );
    println!(
        "{} connections, {} rounds of {} s each, one repeated token\n",
        settings.connections,
        settings.rounds,
        settings.round.as_secs()
    );
    let short = Until::Elapsed(Duration::from_millis(500));
    for (_, _, running) in &contenders {
        measure(running.address, &request, settings.connections, short).await;
    }
    let mut rounds: Vec<Vec<Figures>> = Vec::new();
    for round in 1..=settings.rounds {
        let mut all = Vec::new();
        println!("round {round}:");
        for (name, _, running) in &contenders {
            let until = Until::Elapsed(settings.round);
            let connections = settings.connections;
            let figures = measure(running.address, &request, connections, until).await;
            println!(
                "  {name:<28}{:>8.0}/s {:>5.1} µs",
                figures.per_second, figures.cpu_us
            );
            all.push(figures);
        }
        rounds.push(all);
    }
    println!(
        "\nmedians of the rounds, and processor time over that of the first, with the client's in both:"
    );
    for (index, (name, _, _)) in contenders.iter().enumerate() {
        // Of those with longer instances, over the first one that has them.
        let first = index / USUAL * USUAL;
        let of = |read: fn(&Figures) -> f64| median(rounds.iter().map(|round| read(&round[index])));
        let over = median(
            rounds
                .iter()
                .map(|round| round[index].cpu_us / round[first].cpu_us),
        );
        println!(
            "{name:<28}{:>8.0} requests/s   p50 {:>5.0} µs   p99 {:>6.0} µs   p99.9 {:>6.0} µs   \
             {:>5.1} µs of the processor, {over:.3}",
            of(|figures| figures.per_second),
            of(|figures| figures.p50_us as f64),
            of(|figures| figures.p99_us as f64),
            of(|figures| figures.p999_us as f64),
            of(|figures| figures.cpu_us),
        );
    }
    let ratio = median(
        rounds
            .iter()
            .map(|round| round[GATE].per_second / round[REBUILD].per_second),
    );
    println!("\nmedian of gate/rebuild: {ratio:.3}");
}

/// How many there are without those with longer instances, and which of them are compared.
const USUAL: usize = 4;
const REBUILD: usize = 1;
const GATE: usize = 2;

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
