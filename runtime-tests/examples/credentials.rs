//! What each kind of credential costs: `whoami` behind the gate, asked with a token that is remembered,
//! with tokens that were never seen before, with an opaque token whose answer is remembered, and with
//! API keys.
//!
//! ```text
//! cargo run --example credentials [-- --requests 2000 --rounds 5 --connections 16]
//! ```
//!
//! The kinds take turns, so that a noisy machine is noisy for all. The figure to look at is by how much
//! processor time a request costs more than one with a remembered token; instances live for the whole
//! run, so that nothing of their start is in it.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a benchmark that cannot run has nothing to say"
)]

use doorward_runtime_tests::app::AppSpec;
use doorward_runtime_tests::credential::ApiKey;
use doorward_runtime_tests::host::start_in_process;
use doorward_runtime_tests::issuer::{AUDIENCE, Client, Issuer, Key};
use doorward_runtime_tests::load::{Until, measure};
use doorward_runtime_tests::run::{build_components, runtime};
use std::sync::Arc;

/// Requests that each instance may serve: all of them.
const REUSE: usize = 10_000_000;
const OPAQUE: &str = "opaque-token-of-alice-0123456789abcdef";

struct Settings {
    requests: usize,
    rounds: usize,
    connections: usize,
}

/// A kind of credential: its name, and the field of the nth request.
struct Kind {
    name: &'static str,
    /// The same in every request.
    repeated: bool,
    field: Box<dyn Fn(usize) -> String>,
}

fn main() {
    let mut settings = Settings {
        requests: 2000,
        rounds: 5,
        connections: 16,
    };
    let mut arguments = std::env::args().skip(1);
    while let Some(name) = arguments.next() {
        let value = arguments.next().and_then(|value| value.parse().ok());
        let value = value.unwrap_or_else(|| panic!("{name} takes a whole number"));
        match name.as_str() {
            "--requests" => settings.requests = value,
            "--rounds" => settings.rounds = value,
            "--connections" => settings.connections = value,
            _ => panic!("unknown option {name}"),
        }
    }
    build_components();
    runtime(2).unwrap().block_on(run(settings));
}

async fn run(settings: Settings) {
    let issuer = Issuer::start().await;
    let keys = [Key::ed25519("ed"), Key::p256("ec"), Key::rsa("rsa")];
    issuer.publish(keys.to_vec());
    issuer.introspected_by(Client::Basic("gate", "secret"));
    issuer.says_of(OPAQUE, issuer.active("alice", "read"));
    let listed = ApiKey::new("listed", &["read"], None);
    let stored = ApiKey::new("stored", &["read"], None);
    let mut app = AppSpec::gated("whoami", policy(&issuer, &listed));
    app.variables
        .push(("secret".to_owned(), "secret".to_owned()));
    app.key_values.push(stored.entry());
    let app = app.write();
    let running = start_in_process(&app, |options| options.max_instance_reuse_count = REUSE).await;

    let bearer = |name, repeated, key: &Key| {
        let (claims, key) = (issuer.claims("alice", "read"), key.clone());
        let field = move |number: usize| {
            let mut claims = claims.clone();
            claims["jti"] = number.to_string().into();
            format!("Authorization: Bearer {}", key.sign(&claims))
        };
        Kind {
            name,
            repeated,
            field: Box::new(field),
        }
    };
    let fixed = |name, field: String| Kind {
        name,
        repeated: true,
        field: Box::new(move |_| field.clone()),
    };
    let kinds = [
        bearer("signed, remembered", true, &keys[0]),
        bearer("EdDSA, new", false, &keys[0]),
        bearer("ES256, new", false, &keys[1]),
        bearer("RS256, new", false, &keys[2]),
        fixed(
            "opaque, answer remembered",
            format!("Authorization: Bearer {OPAQUE}"),
        ),
        fixed(
            "API key in the policy",
            format!("X-Api-Key: {}", listed.text),
        ),
        fixed(
            "API key in the store",
            format!("X-Api-Key: {}", stored.text),
        ),
    ];

    println!(
        "{} rounds of {} requests of each kind on {} connections\n",
        settings.rounds, settings.requests, settings.connections
    );
    let mut costs = vec![Vec::new(); kinds.len()];
    let mut rates = vec![Vec::new(); kinds.len()];
    // The first round only warms up.
    for round in 0..=settings.rounds {
        for (index, kind) in kinds.iter().enumerate() {
            let count = if kind.repeated { 1 } else { settings.requests };
            let requests: Arc<[Vec<u8>]> = (0..count)
                .map(|number| request(&(kind.field)(round * settings.requests + number)))
                .collect();
            let until = Until::Sent(settings.requests);
            let figures = measure(running.address, &requests, settings.connections, until).await;
            if round > 0 {
                costs[index].push(figures.cpu_us);
                rates[index].push(figures.per_second);
            }
        }
    }
    let base = median(&mut costs[0]);
    println!(
        "{:<28}{:>12}{:>16}{:>12}",
        "", "requests/s", "processor time", "more"
    );
    for (index, kind) in kinds.iter().enumerate() {
        let (cost, rate) = (median(&mut costs[index]), median(&mut rates[index]));
        println!(
            "{:<28}{rate:>12.0}{cost:>13.0} µs{:>+9.0} µs",
            kind.name,
            cost - base
        );
    }
}

fn request(field: &str) -> Vec<u8> {
    format!("GET /api/v1/orders/17 HTTP/1.1\r\nHost: api.example\r\nAccept: */*\r\n{field}\r\n\r\n")
        .into_bytes()
}

fn policy(issuer: &Issuer, listed: &ApiKey) -> String {
    format!(
        "[issuer.test]\nurl = \"{}\"\naudience = \"{AUDIENCE}\"\n\
         [issuer.test.introspection]\nclient_id = \"gate\"\nsecret = \"secret\"\ncache_s = 3600\n\n\
         [api_keys]\nheader = \"x-api-key\"\n{}\n\
         [revocation]\n\n\
         [identity]\n\"x-auth-subject\" = \"sub\"\n\n\
         [[route]]\npath = \"/**\"\naccept = [\"jwt\", \"opaque\", \"api-key\"]\nscope = [\"read\"]\n",
        issuer.url(),
        listed.table(),
    )
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
