//! How long it takes to verify a token of each algorithm, in microseconds: again and again with the same keys, and with
//! keys that were just read, as the first token of an instance.
//!
//! ```text
//! cargo run --release -p doorward-token --example verify
//! cargo build --release -p doorward-token --example verify --target wasm32-wasip2
//! wasmtime run target/wasm32-wasip2/release/examples/verify.wasm
//! ```
//!
//! With an argument, only the cases of that algorithm or key.

#![expect(
    clippy::expect_used,
    clippy::disallowed_types,
    clippy::disallowed_methods,
    clippy::disallowed_macros,
    reason = "a benchmark asks the clock, prints, and gives up loudly"
)]

use std::hint::black_box;
use std::time::{Duration, Instant};

use doorward_token::{Algorithm, AlgorithmSet, Expectations, KeySet, UnixTime, UnverifiedToken};
use serde_json::{Value, json};

/// Each token is verified again and again for so long.
const PATIENCE: Duration = Duration::from_millis(300);

/// About how long it takes between two looks at the clock. The quickest of these rounds counts: what else the machine does
/// can only make one longer.
const ROUND: Duration = Duration::from_millis(1);

fn main() {
    let cases: Vec<Value> =
        serde_json::from_str(include_str!("verify.json")).expect("the cases are JSON");
    let wanted = std::env::args().nth(1);
    for case in cases {
        let text = |name: &str| {
            case.get(name)
                .and_then(Value::as_str)
                .expect("the case is complete")
        };
        if wanted
            .as_ref()
            .is_some_and(|wanted| text("algorithm") != wanted && text("key") != wanted)
        {
            continue;
        }
        let algorithm = Algorithm::from_name(text("algorithm")).expect("the algorithm is known");
        let set = case
            .get("jwk")
            .map(|jwk| json!({"keys": [jwk]}).to_string());
        let read = || {
            let keys = match &set {
                Some(set) => KeySet::parse(set.as_bytes()),
                None => KeySet::from_secret(
                    "0123456789abcdef".repeat(4).as_bytes(),
                    AlgorithmSet::of(&[algorithm]),
                ),
            };
            keys.expect("the key is good")
        };
        let keys = read();
        let expect = Expectations {
            issuer: "https://login.acme.example".to_owned(),
            audience: vec!["https://api.acme.example".to_owned()],
            algorithms: AlgorithmSet::of(&[algorithm]),
            leeway_s: 60,
            access_token_profile: true,
            ..Expectations::default()
        };
        let verify = |keys: &KeySet, token: &str| {
            UnverifiedToken::parse(token.as_bytes())
                .and_then(|token| token.verify(keys, &expect, UnixTime(1_800_000_000)))
                .expect("the token is good")
        };
        let token = text("token");
        let again = time(&|| {
            black_box(verify(&keys, black_box(token)));
        });
        let first = time(&|| {
            black_box(verify(&read(), black_box(token)));
        });
        println!(
            "{:6} {:16} {again:8.1} µs, the first one {first:8.1} µs",
            text("algorithm"),
            text("key")
        );
    }
}

/// Microseconds for what is done again and again, in the quickest of some rounds.
fn time(what: &dyn Fn()) -> f64 {
    // Keys that are used again and again get tables.
    (0..5).for_each(|_| what());
    let first = Instant::now();
    what();
    let each = first.elapsed().max(Duration::from_micros(1));
    let times = (ROUND.as_nanos() / each.as_nanos()).max(1) as u32;
    let begin = Instant::now();
    let mut best = PATIENCE;
    while begin.elapsed() < PATIENCE {
        let round = Instant::now();
        (0..times).for_each(|_| what());
        best = best.min(round.elapsed());
    }
    best.as_secs_f64() * 1e6 / f64::from(times)
}
