//! What an issuer is called by everything behind the verification of a token: one name, whatever its tokens
//! say, and one for each tenant where it stands for all of them.

#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

use doorward_policy::{Authenticated, Credential, Permit, Policy, Refusal, Screened};
use doorward_tests::head;
use doorward_tests::mint::SigningKey;
use doorward_token::revocation::{RevocationEntry, RevocationSet};
use doorward_token::{KeySet, TokenError, UnixTime, UnverifiedToken};
use serde_json::{Map, Value, json};

const NOW: UnixTime = UnixTime(1_800_000_000);
const POLICY: &str = r#"
[issuer.entra]
url = "https://login.example/{tenant}/v2.0"
audience = "api"
jwks_file = "/keys.json"
tenants = "any"

[issuer.google]
url = "https://accounts.google.example"
issuer = "accounts.google.example"
audience = "api"
jwks_file = "/keys.json"
token_bytes_max = 1024

[upstream.new]
url = "https://new.example"

[upstream.old]
url = "https://old.example"

[rate_limit.by_claim]
requests = 10
per_s = 1
key = "claim:plan"

[rate_limit.by_subject]
requests = 10
per_s = 1
key = "subject"

[[route]]
path = "/"
issuer = ["entra", "google"]
upstream = "old"
rate_limit = ["by_subject", "by_claim"]
[route.split]
to = "new"
percent = 10
"#;

fn object(value: Value) -> Map<String, Value> {
    let Value::Object(object) = value else {
        panic!("{value} is no object");
    };
    object
}

/// What becomes of a token with these claims, beside a subject, a plan and what every token has.
fn permit(policy: &Policy, claims: Value) -> Result<Permit<'_>, Refusal> {
    let mut all = object(json!({
        "aud": "api", "sub": "alice", "plan": "pro", "jti": "1", "iat": NOW.0, "exp": NOW.0 + 60,
    }));
    all.extend(object(claims));
    let key = SigningKey::ed25519("key-1");
    let text = key.sign(&Map::new(), &all);
    let fields = [format!("Bearer {text}").into_bytes()];
    let Screened::Protected(pending) = policy.screen(&head("/", &fields, &[]))? else {
        panic!("the route is protected");
    };
    let Credential::Jwt(text) = pending.credential() else {
        panic!("it is a signed token");
    };
    let token = UnverifiedToken::parse(text.as_bytes()).unwrap();
    let issuer = token.issuer_hint();
    let issuer = issuer.and_then(|url| pending.issuer_by_url(&url)).unwrap();
    let set = json!({ "keys": [key.jwk()] }).to_string();
    let keys = KeySet::parse(set.as_bytes()).unwrap();
    let expect = issuer.expectations();
    let token = token
        .verify(&keys, expect, NOW)
        .map_err(|error| Refusal::invalid_token(&pending, error))?;
    let who = Authenticated::Token {
        issuer,
        token: &token,
    };
    pending.authorise(who, None, NOW)
}

/// The principal, the keys of the limits, and that of the split.
fn names(permit: &Permit<'_>) -> Vec<Vec<u8>> {
    let principal = permit.principal().unwrap().to_string().into_bytes();
    let rates = permit.rate_keys().map(|(_, key)| key.to_vec());
    let split = permit.split_key().map(<[u8]>::to_vec);
    core::iter::once(principal)
        .chain(rates)
        .chain(split)
        .collect()
}

#[test]
fn one_subject_of_two_tenants_is_two_callers() {
    let policy = Policy::parse(POLICY).unwrap();
    let of = |tenant: &str| {
        let issuer = format!("https://login.example/{tenant}/v2.0");
        names(&permit(&policy, json!({ "iss": issuer, "tid": tenant })).unwrap())
    };
    let expected: [&[u8]; 4] = [
        b"entra/blue \"alice\"",
        b"entra/blue\0alice",
        b"entra/blue\0\"pro\"",
        b"entra/blue\0alice",
    ];
    assert_eq!(of("blue"), expected);
    for (blue, red) in of("blue").iter().zip(of("red")) {
        assert_ne!(*blue, red);
    }
}

#[test]
fn an_issuer_by_another_name_is_the_same_one() {
    let policy = Policy::parse(POLICY).unwrap();
    let of = |issuer: &str| names(&permit(&policy, json!({ "iss": issuer })).unwrap());
    let expected: [&[u8]; 4] = [
        b"google \"alice\"",
        b"google\0alice",
        b"google\0\"pro\"",
        b"google\0alice",
    ];
    assert_eq!(of("https://accounts.google.example"), expected);
    assert_eq!(of("accounts.google.example"), expected);
}

#[test]
fn callers_with_an_empty_subject_do_not_share_a_limit() {
    let policy = Policy::parse(POLICY).unwrap();
    let claims = json!({ "iss": "accounts.google.example", "sub": "" });
    let permit = permit(&policy, claims).unwrap();
    assert_eq!(permit.principal().unwrap().subject(), None);
    assert_eq!(permit.rate_keys().count(), 1, "by the claim only");
    assert_eq!(permit.split_key(), None);
}

#[test]
fn an_issuer_says_what_a_token_of_its_is_revoked_by() {
    let policy = Policy::parse(POLICY).unwrap();
    let [entra, google] = policy.issuers() else {
        panic!("there are two issuers");
    };
    let blue = "https://login.example/blue/v2.0";
    assert_eq!(entra.name_of(blue), blue);
    let spelling = "accounts.google.example";
    assert_eq!(google.name_of(spelling), "https://accounts.google.example");
    let key = SigningKey::ed25519("key-1");
    let claims = json!({ "iss": spelling, "aud": "api", "iat": NOW.0, "exp": NOW.0 + 60 });
    let text = key.sign(&Map::new(), &object(claims));
    let set = json!({ "keys": [key.jwk()] }).to_string();
    let keys = KeySet::parse(set.as_bytes()).unwrap();
    let token = UnverifiedToken::parse(text.as_bytes()).unwrap();
    let token = token.verify(&keys, google.expectations(), NOW).unwrap();
    let until = NOW.saturating_add(60);
    let revokes = |entries: &[RevocationEntry]| {
        let mut set = RevocationSet::default();
        for entry in entries {
            set.insert(entry);
        }
        set.revokes(&token).is_some()
    };
    let found = RevocationEntry::of_token(text.as_bytes(), None, until).unwrap();
    assert_eq!(found.issuer, spelling);
    assert!(!revokes(&found.entries), "nobody is called so");
    let name = google.name_of(&found.issuer);
    let found = RevocationEntry::of_token_of(text.as_bytes(), name, until).unwrap();
    assert!(revokes(&found.entries));
}

#[test]
fn a_token_that_is_too_long_is_no_invalid_one_whoever_finds_it() {
    let policy = Policy::parse(POLICY).unwrap();
    for (issuer, padding, status) in [
        // Longer than any that the route accepts.
        ("accounts.google.example", 20_000, 431),
        // Longer than its issuer's are.
        ("accounts.google.example", 2000, 431),
    ] {
        let claims = json!({ "iss": issuer, "padding": "x".repeat(padding) });
        let refusal = permit(&policy, claims).unwrap_err();
        assert_eq!(refusal.status(), status, "{}", refusal.reason());
        assert_eq!(refusal.www_authenticate(), None);
    }
    let fields = [b"Bearer abc".to_vec()];
    let Ok(Screened::Protected(pending)) = policy.screen(&head("/", &fields, &[])) else {
        panic!("the route is protected");
    };
    let error = TokenError::TooLong {
        bytes: 2,
        bytes_max: 1,
    };
    assert_eq!(Refusal::invalid_token(&pending, error).status(), 431);
}
