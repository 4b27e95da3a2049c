//! How much fuel the built components use, as wasmtime counts it, within five per cent of what is committed: about one
//! for each instruction of WebAssembly, so neither the machine nor what else it does plays a part.
//!
//! ```text
//! DOORWARD_BLESS=1 cargo test --test fuel
//! ```
//!
//! An instance tells what it has used when it ends. What one request uses is that of an instance with this request at its
//! end, less that of one without it.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use doorward_runtime_tests::app::{App, AppSpec};
use doorward_runtime_tests::client::Ask;
use doorward_runtime_tests::origin::{Origin, Reply};
use doorward_runtime_tests::{fuel, run};
use doorward_tests::counts::{Counts, of_another_compiler, skipped};
use doorward_tests::signing::{self, AUDIENCE, ISSUER, NOW, SECRET, SIGNERS};
use serde_json::json;

/// The numbers.
const COMMITTED: &str = "runtime-tests/golden/fuel.toml";
/// Counts that there are at least.
const COUNTS_MIN: usize = 27;
/// The algorithms.
const ALGORITHMS: [&str; 6] = ["HS256", "RS256", "PS256", "ES256", "ES384", "EdDSA"];
/// What is counted of every service.
const FRESH: &str = "an instance and its first request";
const AGAIN: &str = "one more request, with the same token";
/// The issuer that shares a secret.
const SHARED: &str = "https://shared.acme.example";
/// Tokens after which a key has its tables.
const BEFORE_TABLES: usize = 4;

#[test]
fn each_kind_of_request_uses_as_much_fuel_as_before() {
    if let Some(missing) = of_another_compiler(COMMITTED) {
        return skipped(&format!("counting fuel: {missing}"));
    }
    run::build_components();
    let what =
        "Fuel of each kind of request, in the built components: runtime-tests/tests/fuel.rs.";
    let mut counts = Counts::new(COMMITTED, what, "fuel");
    // On one thread an instance that has answered is ready before the next request comes, so all meet the same one.
    run::runtime(1).unwrap().block_on(count(&mut counts));
    counts.assert_committed(COUNTS_MIN);
}

async fn count(counts: &mut Counts) {
    let origin = Origin::start(Reply::ok("hello")).await;
    let upstream = format!(
        "upstream = \"origin\"\n\n[upstream.origin]\nurl = \"{}\"\n",
        origin.url()
    );
    let alone = |service| AppSpec::linked(service, policy(""));
    let behind = |middleware| AppSpec {
        middleware: vec![middleware],
        ..alone("whoami")
    };
    let services = [
        ("whoami", alone("whoami")),
        ("rebuild before whoami", behind("rebuild")),
        ("gate linked into whoami", alone("whoami-linked")),
        ("gateway", AppSpec::gateway(policy(&upstream))),
    ];
    for (name, spec) in services {
        let app = with_keys(spec);
        let fresh = used(&app, &[&tokens("RS256", 1)]).await;
        counts.add(&format!("{name}: {FRESH}"), fresh);
        counts.add(&format!("{name}: {AGAIN}"), again(&app).await);
    }
    let gate = with_keys(behind("gate"));
    counts.add(&format!("gate: {AGAIN}"), again(&gate).await);
    for algorithm in ALGORITHMS {
        let add = |counts: &mut Counts, what: &str, fuel: u64| {
            counts.add(&format!("gate, {algorithm}: {what}"), fuel);
        };
        add(counts, FRESH, used(&gate, &[&tokens(algorithm, 1)]).await);
        // What an instance does once, it has done for another key.
        let other = match algorithm {
            "HS256" => tokens("RS256", 1),
            _ => tokens("HS256", 1),
        };
        let before = used(&gate, &[&other]).await;
        let first = used(&gate, &[&other, &tokens(algorithm, 1)]).await;
        add(counts, "the first token of a key", first - before);
        let before = used(&gate, &[&tokens(algorithm, BEFORE_TABLES)]).await;
        let then = used(&gate, &[&tokens(algorithm, BEFORE_TABLES + 1)]).await;
        add(counts, "a further token of a key", then - before);
    }
}

/// What one more request with the same token uses.
async fn again(app: &App) -> u64 {
    let token = tokens("RS256", 1);
    let before = used(app, &[&token, &token]).await;
    used(app, &[&token, &token, &token]).await - before
}

/// What an instance uses that is sent a request with each of these tokens.
async fn used(app: &App, tokens: &[&[String]]) -> u64 {
    let asks: Vec<Ask> = (tokens.iter().copied().flatten())
        .map(|token| Ask::get("/orders/1").bearer(token))
        .collect();
    fuel::used(app, NOW.0, &asks).await
}

/// An application with the keys of all algorithms.
fn with_keys(mut spec: AppSpec) -> App {
    let jwk = |key: &str| signing::jwk(key, json!({ "kid": key }));
    let keys = ["rsa-2048", "p-256", "p-384", "ed25519"].map(jwk);
    spec.files = vec![("keys.json".to_owned(), signing::key_set_text(&keys))];
    let secret = String::from_utf8(SECRET.to_vec()).unwrap();
    spec.variables = vec![("shared_secret".to_owned(), secret)];
    spec.write()
}

/// One route for tokens of two issuers: one with public keys, and one that shares a secret.
fn policy(upstream: &str) -> String {
    format!(
        "[issuer.acme]\nurl = \"{ISSUER}\"\naudience = \"{AUDIENCE}\"\njwks_file = \"/keys.json\"\n\n\
         [issuer.shared]\nurl = \"{SHARED}\"\naudience = \"{AUDIENCE}\"\n\
         algorithms = [\"HS256\"]\nsecret = \"shared_secret\"\n\n\
         [identity]\nx-auth-issuer = \"iss\"\nx-auth-subject = \"sub\"\nx-auth-scope = \"scope\"\n\n\
         [[route]]\npath = \"/**\"\nissuer = [\"acme\", \"shared\"]\nscope = [\"read\"]\n{upstream}"
    )
}

/// So many tokens of this algorithm, which differ in their subjects.
fn tokens(algorithm: &str, count: usize) -> Vec<String> {
    let token = |number: usize| {
        let mut signers = SIGNERS.iter().copied();
        let signer = signers.find(|(of, _)| of.name() == algorithm);
        let mut header = json!({ "alg": algorithm, "typ": "JWT" });
        let mut claims = signing::claims();
        claims["sub"] = format!("alice-{number}").into();
        if let Some((_, key)) = signer {
            header["kid"] = key.into();
        } else {
            claims["iss"] = SHARED.into();
        }
        signing::compact(
            &header.to_string(),
            &claims.to_string(),
            |message| match signer {
                Some((algorithm, key)) => signing::sign_repeatably(algorithm, key, message),
                None => signing::hs256(message),
            },
        )
    };
    (0..count).map(token).collect()
}
