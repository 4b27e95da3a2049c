//! How the cost of finding a rule depends on the number of rules.
//!
//! ```text
//! cargo run --release -p doorward-policy --example matching
//! ```
//!
//! It also shows what it costs to ask whether a header is reserved, which happens for every header.
//!
//! Policies of 10, 100, 1,000 and 10,000 routes of the same depth are asked in turn, many times
//! over, in one run; the time of each is the best of its rounds. What is measured is the whole of
//! `Policy::screen`: the method, the canonical target, and the rule.

#![expect(
    clippy::disallowed_types,
    clippy::disallowed_macros,
    clippy::expect_used,
    reason = "a benchmark has a clock, prints, and stops when something is wrong"
)]

use std::fmt::Write;
use std::hint::black_box;
use std::time::{Duration, Instant};

use doorward_policy::{Policy, RequestHead};

const ROUTES: [usize; 4] = [10, 100, 1_000, 10_000];
const ROUNDS: usize = 4_000;
const REQUESTS_PER_ROUND: usize = 1_000;
const RATIO_MAX: f64 = 1.2;

fn main() {
    for (title, pattern, path) in [
        (
            "literal",
            (|n| route_of(n, "details")) as fn(usize) -> String,
            route_of as Path,
        ),
        (
            "with a parameter",
            (|n| route_of(n, "{item}")) as fn(usize) -> String,
            route_of,
        ),
    ] {
        let cases: Vec<Case> = ROUTES
            .iter()
            .map(|&routes| Case::new(routes, pattern, path))
            .collect();
        let times = best_times(&cases);
        let base = times
            .first()
            .copied()
            .expect("there are cases")
            .as_secs_f64();
        for (case, time) in cases.iter().zip(&times) {
            let each_ns = time.as_nanos() as f64 / REQUESTS_PER_ROUND as f64;
            let ratio = time.as_secs_f64() / base;
            println!(
                "{title}: {:>6} routes {each_ns:>6.1} ns  {ratio:.2}",
                case.routes
            );
        }
        let largest = times
            .last()
            .copied()
            .expect("there are cases")
            .as_secs_f64();
        let verdict = if largest / base <= RATIO_MAX {
            "within"
        } else {
            "MORE THAN"
        };
        println!("{title}: 10,000 routes take {verdict} {RATIO_MAX} times the time of 10\n");
    }
    reserved_headers();
}

/// The headers of a browser's request, against eight identity headers.
fn reserved_headers() {
    const SENT: [&str; 16] = [
        "host",
        "user-agent",
        "accept",
        "accept-language",
        "accept-encoding",
        "referer",
        "origin",
        "connection",
        "cookie",
        "authorization",
        "sec-fetch-dest",
        "sec-fetch-mode",
        "sec-fetch-site",
        "x-request-id",
        "x-auth-subject",
        "cache-control",
    ];
    let names = [
        "subject", "issuer", "scope", "roles", "tenant", "client", "email", "name",
    ];
    let mut text = "[[route]]\npath = \"/\"\npublic = true\n[identity]\n".to_owned();
    for name in names {
        writeln!(text, "x-auth-{name} = \"{name}\"").expect("fits in memory");
    }
    let policy = Policy::parse(&text).expect("the policy is sound");
    let start = Instant::now();
    for _ in 0..REQUESTS_PER_ROUND * ROUNDS {
        for name in SENT {
            black_box(policy.is_reserved_header(black_box(name)));
        }
    }
    let requests = (REQUESTS_PER_ROUND * ROUNDS) as f64;
    let each_ns = start.elapsed().as_nanos() as f64 / requests;
    println!(
        "{} headers of a request are told apart in {each_ns:.0} ns",
        SENT.len()
    );
}

type Path = fn(usize, &str) -> String;

/// The same number of segments, of the same length, whatever the number.
fn route_of(number: usize, last: &str) -> String {
    let section = number % 10;
    format!("/api/section-{section}/collection-{number:05}/{last}")
}

struct Case {
    routes: usize,
    policy: Policy,
    targets: Vec<String>,
}

impl Case {
    fn new(routes: usize, pattern: fn(usize) -> String, path: Path) -> Self {
        let mut text = String::new();
        for number in 0..routes {
            let pattern = pattern(number);
            writeln!(text, "[[route]]\npath = {pattern:?}\npublic = true").expect("fits in memory");
        }
        let policy = Policy::parse(&text).expect("the policy is sound");
        // All routes are asked for, in an order that no cache foresees. There are as many requests
        // in memory in each case: what is compared is the cost of rules, not of requests.
        let step = 7919;
        let targets = (0..REQUESTS_PER_ROUND)
            .map(|index| path(index * step % routes, "details"))
            .collect();
        Self {
            routes,
            policy,
            targets,
        }
    }

    fn round(&self) -> Duration {
        let start = Instant::now();
        for target in &self.targets {
            let head = RequestHead {
                method: "GET",
                target: black_box(target),
                authorization: &[],
                ..RequestHead::default()
            };
            black_box(
                self.policy
                    .screen(&head)
                    .expect("every target has its route"),
            );
        }
        start.elapsed()
    }
}

/// The rounds of all cases alternate, so that a slow moment of the machine hits all of them.
fn best_times(cases: &[Case]) -> Vec<Duration> {
    let mut best = vec![Duration::MAX; cases.len()];
    for _ in 0..ROUNDS {
        for (case, best) in cases.iter().zip(&mut best) {
            *best = case.round().min(*best);
        }
    }
    best
}
