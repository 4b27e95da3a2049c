//! What is measured of the native crates: by criterion in time (`benches/micro.rs`), by valgrind in instructions
//! (`tests/tests/instructions.rs`). Each does the same every time, with no clock, no randomness and no file.

#![expect(
    clippy::expect_used,
    reason = "a benchmark that cannot be set up gives up loudly"
)]

use std::fmt::Write as _;
use std::hash::{BuildHasherDefault, DefaultHasher};
use std::hint::black_box;
use std::sync::Arc;

use doorward_policy::{Authenticated, Policy, RequestHead, Screened};
use doorward_token::cache::{REALM_SIGNED, TokenCache};
use doorward_token::{
    Algorithm, AlgorithmSet, Expectations, KeySet, UnixTime, UnverifiedToken, VerifiedToken,
};
use serde_json::{Value, json};

const NOW: UnixTime = UnixTime(1_800_000_000);
const TOKENS: &str = include_str!("../../../token/examples/verify.json");
/// The policy that the application ships with.
const SHIPPED_POLICY: &str = include_str!("../../../../doorward.toml");
/// How many routes the policy has in which one is looked for.
const ROUTES: usize = 1000;
/// How many tokens the cache holds that one is put into.
const REMEMBERED: usize = 64;

/// One thing that is done again and again.
pub type Workload = Box<dyn FnMut()>;

/// The names of all.
pub fn names() -> Vec<String> {
    let cases = Case::all().into_iter();
    let cases = cases.map(|case| format!("verify {} {}", case.algorithm.name(), case.key));
    let others = ["parse", "key set", "load", "match", "decide", "remember"];
    cases.chain(others.map(str::to_owned)).collect()
}

/// The one with this name, set up.
pub fn workload(name: &str) -> Option<Workload> {
    Some(match name {
        "parse" => parse(),
        "key set" => key_set(),
        "load" => load(),
        "match" => find_route(),
        "decide" => decide(),
        "remember" => remember(),
        _ => {
            let (algorithm, key) = name.strip_prefix("verify ")?.split_once(' ')?;
            let mut cases = Case::all().into_iter();
            verify(cases.find(|case| case.algorithm.name() == algorithm && case.key == key)?)
        }
    })
}

/// A token of `verify.json`, with what verifies it.
struct Case {
    algorithm: Algorithm,
    key: String,
    token: String,
    jwks: Option<String>,
}

impl Case {
    fn all() -> Vec<Self> {
        let cases: Vec<Value> = serde_json::from_str(TOKENS).expect("the cases are JSON");
        let text = |case: &Value, name: &str| {
            let text = case.get(name).and_then(Value::as_str);
            text.expect("the case is complete").to_owned()
        };
        let cases = cases.iter().map(|case| Self {
            algorithm: Algorithm::from_name(&text(case, "algorithm")).expect("it is known"),
            key: text(case, "key"),
            token: text(case, "token"),
            jwks: case
                .get("jwk")
                .map(|jwk| json!({ "keys": [jwk] }).to_string()),
        });
        cases.collect()
    }

    fn rs256() -> Self {
        let mut cases = Self::all().into_iter();
        let case = cases.find(|case| case.algorithm == Algorithm::Rs256);
        case.expect("there is such a token")
    }

    fn keys(&self) -> KeySet {
        let keys = match &self.jwks {
            Some(jwks) => KeySet::parse(jwks.as_bytes()),
            None => KeySet::from_secret(
                "0123456789abcdef".repeat(4).as_bytes(),
                AlgorithmSet::of(&[self.algorithm]),
            ),
        };
        keys.expect("the key is good")
    }

    fn verified(&self) -> VerifiedToken {
        let expect = Expectations {
            issuer: "https://login.acme.example".to_owned(),
            audience: vec!["https://api.acme.example".to_owned()],
            algorithms: AlgorithmSet::of(&[self.algorithm]),
            access_token_profile: true,
            ..Expectations::default()
        };
        let token = UnverifiedToken::parse(self.token.as_bytes());
        let token = token.and_then(|token| token.verify(&self.keys(), &expect, NOW));
        token.expect("the token is good")
    }
}

/// All that a token costs that was never seen.
fn verify(case: Case) -> Workload {
    let keys = case.keys();
    let expect = Expectations {
        issuer: "https://login.acme.example".to_owned(),
        audience: vec!["https://api.acme.example".to_owned()],
        algorithms: AlgorithmSet::of(&[case.algorithm]),
        access_token_profile: true,
        ..Expectations::default()
    };
    Box::new(move || {
        let token = UnverifiedToken::parse(black_box(case.token.as_bytes()));
        let token = token.and_then(|token| token.verify(&keys, &expect, NOW));
        black_box(token.expect("the token is good"));
    })
}

/// A token is taken apart, and its header read.
fn parse() -> Workload {
    let token = Case::rs256().token;
    Box::new(move || {
        let token = UnverifiedToken::parse(black_box(token.as_bytes()));
        black_box(token.expect("the token can be read"));
    })
}

/// Each key of the cases is read and prepared.
fn key_set() -> Workload {
    let sets: Vec<String> = Case::all()
        .into_iter()
        .filter_map(|case| case.jwks)
        .collect();
    Box::new(move || {
        for set in &sets {
            black_box(KeySet::parse(black_box(set.as_bytes())).expect("the key is good"));
        }
    })
}

/// The shipped policy is read.
fn load() -> Workload {
    Box::new(|| {
        black_box(Policy::parse(black_box(SHIPPED_POLICY)).expect("the policy is sound"));
    })
}

/// A route is found among a thousand.
fn find_route() -> Workload {
    let mut text = String::new();
    for number in 0..ROUTES {
        writeln!(
            text,
            "[[route]]\npath = \"/api/{number}/{{item}}\"\npublic = true"
        )
        .expect("fits in memory");
    }
    let policy = Policy::parse(&text).expect("the policy is sound");
    Box::new(move || {
        let head = RequestHead {
            method: "GET",
            target: black_box("/api/617/details"),
            ..RequestHead::default()
        };
        black_box(policy.screen(&head).expect("it has a route"));
    })
}

/// A request with a verified token is decided.
fn decide() -> Workload {
    let text = r#"
[issuer.acme]
url = "https://login.acme.example"
audience = "https://api.acme.example"
jwks_file = "/acme.json"
access_token_profile = true

[identity]
x-auth-subject = "sub"
x-auth-email = "email"

[[route]]
path = "/api/users/{id}"
scope = "read:users"
claims = { roles = "editor" }
"#;
    let policy = Policy::parse(text).expect("the policy is sound");
    let case = Case::rs256();
    let token = case.verified();
    let authorization = [format!("Bearer {}", case.token).into_bytes()];
    Box::new(move || {
        let head = RequestHead {
            method: "GET",
            target: black_box("/api/users/7d9c1c0e"),
            authorization: &authorization,
            ..RequestHead::default()
        };
        let screened = policy.screen(&head).expect("it has a route");
        let Screened::Protected(pending) = screened else {
            return;
        };
        let issuer = policy.issuers().first().expect("there is an issuer");
        let who = Authenticated::Token {
            issuer,
            token: &token,
        };
        let permit = pending.authorise(who, None, NOW);
        black_box(permit.expect("it is let through").route());
    })
}

/// A token is not found in a full cache, and displaces another one.
fn remember() -> Workload {
    let case = Case::rs256();
    let verified = Arc::new(case.verified());
    let hasher = BuildHasherDefault::<DefaultHasher>::default();
    let mut cache = TokenCache::with_bounds(hasher, REMEMBERED, usize::MAX);
    let token = case.token.as_bytes();
    // Tokens that differ where they are hashed.
    let mut tokens = (0..2 * REMEMBERED as u8)
        .map(|number| [token, &[number; 64]].concat())
        .collect::<Vec<_>>()
        .into_iter()
        .cycle();
    let mut remember = move || {
        let Some(token) = tokens.next() else { return };
        if cache.get(&token, REALM_SIGNED, NOW).is_none() {
            let (until, verified) = (verified.expires_at(), Arc::clone(&verified));
            cache.insert(&token, REALM_SIGNED, (), 1, verified, until, NOW);
        }
    };
    (0..REMEMBERED).for_each(|_| remember());
    Box::new(remember)
}
