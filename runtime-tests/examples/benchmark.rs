//! What checking a request costs: `whoami` behind the gate, and behind a middleware that does nothing
//! but rebuild the request with one header replaced (`rebuild`).
//!
//! ```text
//! cargo run --example benchmark [-- --seconds 3 --rounds 5 --connections 32 --reuse 1000]
//! ```
//!
//! `--reuse` adds the gate with instances that serve so many requests before they are replaced, which is the
//! host's option `--max-instance-reuse-count`, and Spin's; the others serve 128.
//!
//! Both run in this process, on the in-process host, and take turns, so that a noisy machine is noisy
//! for both. The figure to look at is the ratio; the requests per second hold for this machine, which
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
    /// Requests for each instance of one more gate.
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
    let gated = AppSpec::gated("whoami", policy);
    let mut rebuilt = gated.clone();
    rebuilt.middleware = vec!["rebuild"];
    let mut alone = gated.clone();
    alone.middleware = vec![];
    let mut specs = vec![
        ("whoami alone".to_owned(), alone, None),
        ("rebuild + whoami".to_owned(), rebuilt, None),
        ("gate + whoami".to_owned(), gated.clone(), None),
    ];
    if let Some(reuse) = settings.reuse {
        specs.push((format!("gate, {reuse} each"), gated, Some(reuse)));
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
    let (mut ratios, mut gains) = (Vec::new(), Vec::new());
    let mut best: Vec<Option<Figures>> = contenders.iter().map(|_| None).collect();
    for round in 1..=settings.rounds {
        let (mut rates, mut costs, mut p99s) = (Vec::new(), Vec::new(), Vec::new());
        for (index, (_, _, running)) in contenders.iter().enumerate() {
            let figures = measure(
                running.address,
                &request,
                settings.connections,
                Until::Elapsed(settings.round),
            )
            .await;
            rates.push(figures.per_second);
            costs.push(figures.cpu_us);
            p99s.push(figures.p99_us);
            let slot = &mut best[index];
            if slot
                .as_ref()
                .is_none_or(|best| best.per_second < figures.per_second)
            {
                *slot = Some(figures);
            }
        }
        let ratio = rates[2] / rates[1];
        println!(
            "round {round}: alone {:>6.0}/s {:>4.1} µs   rebuild {:>6.0}/s {:>4.1} µs   \
             gate {:>6.0}/s {:>4.1} µs   gate/rebuild {ratio:.3}, by processor time {:.3}",
            rates[0],
            costs[0],
            rates[1],
            costs[1],
            rates[2],
            costs[2],
            costs[1] / costs[2],
        );
        ratios.push(ratio);
        if let [_, _, usual, long] = rates[..] {
            println!(
                "         {long:>6.0}/s {:>4.1} µs with the longer instances: {:.3} times the gate, p99 {} and {} µs",
                costs[3],
                long / usual,
                p99s[2],
                p99s[3],
            );
            gains.push(long / usual);
        }
    }
    println!("\nthe best round of each:");
    for ((name, _, _), figures) in contenders.iter().zip(&best) {
        let figures = figures.as_ref().unwrap();
        println!(
            "{name:<18}{:>8.0} requests/s   p50 {:>5} µs   p99 {:>6} µs   p99.9 {:>6} µs",
            figures.per_second, figures.p50_us, figures.p99_us, figures.p999_us
        );
    }
    ratios.sort_by(f64::total_cmp);
    println!("\nmedian of gate/rebuild: {:.3}", ratios[ratios.len() / 2]);
    gains.sort_by(f64::total_cmp);
    if let Some(gain) = gains.get(gains.len() / 2) {
        println!("median of longer instances/gate: {gain:.3}");
    }
}
