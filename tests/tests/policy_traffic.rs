//! What the policy says of traffic: that routes, permits and preflights say the same.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

use doorward_policy::{
    Authenticated, Class, Credential, Pending, Permit, Policy, Screened, Traffic,
};
use doorward_tests::head;
use doorward_tests::mint::SigningKey;
use doorward_token::api_key::{ApiKey, KeyRecord, VerifiedKey, generate};
use doorward_token::{KeySet, UnixTime, UnverifiedToken, VerifiedToken};
use doorward_traffic::cors::OriginPattern;
use doorward_traffic::retry::RetryOn;
use doorward_traffic::rewrite::Rewrite;
use doorward_traffic::security::Preset;
use doorward_traffic::split::SplitKey;
use doorward_traffic::upstream::Upstream;
use serde_json::{Map, Value, json};
use std::sync::Arc;

const NOW: UnixTime = UnixTime(1_800_000_000);

const POLICY: &str = r#"
[issuer.acme]
url = "https://acme.example"
audience = "api"

[api_keys]
header = "x-api-key"

[upstream.new]
url = "https://new.example"

[upstream.orders]
url = "https://orders.example"

[upstream.shadow]
url = "https://shadow.example"

[cors.api]
origins = "https://api.example"

[cors.web]
origins = "*"

[rate_limit.by_claim]
requests = 10
per_s = 1
key = "claim:tenant"

[rate_limit.by_client]
requests = 10
per_s = 1

[rate_limit.by_key]
requests = 10
per_s = 1
key = "api-key"

[rate_limit.by_subject]
requests = 10
per_s = 1
key = "subject"

[rate_limit.guesses]
requests = 5
per_s = 60
counts = "failed-authentication"

[limits.small]
body_bytes_max = 0

[limits.upload]
body_bytes_max = 1024

[security_headers.api]

[security_headers.web]
preset = "web"

[defaults]
cors = "web"
rate_limit = ["guesses", "by_client"]
limits = "small"
security_headers = "web"
upstream = "orders"

[[route]]
path = "/defaults"
issuer = "acme"

[[route]]
path = "/own/{id}"
issuer = "acme"
accept = ["jwt", "api-key"]
cors = "api"
rate_limit = ["by_subject", "by_client", "by_key", "by_claim"]
limits = "upload"
security_headers = "api"
upstream = "new"
strip_prefix = "/own"
rewrite_response = false
retry_on = ["gateway-error", "reset"]
mirror = "shadow"
[route.split]
to = "orders"
percent = 25
header = { name = "x-use-old", value = "1" }

[[route]]
path = "/none"
public = true
cors = false
rate_limit = false
limits = false
security_headers = false
upstream = false

[[route]]
path = "/public/**"
public = true
replace = { prefix = "/public", with = "/" }

[[route]]
path = "/things/{id}"
methods = ["GET", "HEAD"]
issuer = "acme"
cors = false

[[route]]
path = "/things/{id}"
methods = ["PUT", "DELETE"]
issuer = "acme"

[[route]]
path = "/things/{id}"
methods = ["PATCH"]
issuer = "acme"
cors = "api"
"#;

/// What is named above.
const NEW: &str = "new";
const ORDERS: &str = "orders";
const SHADOW: &str = "shadow";

fn name_of(upstream: Option<&Arc<Upstream>>) -> &str {
    &upstream.unwrap().name
}

#[test]
fn a_route_has_the_defaults_where_it_does_not_say() {
    let policy = policy();
    let traffic = traffic(&policy, "/defaults");
    assert_eq!(name_of(traffic.upstream()), ORDERS);
    assert_eq!(names(traffic), ["guesses", "by_client"], "in their order");
    assert_eq!(traffic.cors().unwrap().origins, [OriginPattern::Any]);
    assert_eq!(traffic.limits().unwrap().body_bytes_max, Some(0));
    let fields = &traffic.security_headers().unwrap().fields;
    assert_eq!(fields.len(), Preset::Web.fields().len());
    assert!(traffic.rewrite().is_none() && traffic.split().is_none());
    assert_eq!(traffic.mirror(), None);
}

#[test]
fn what_a_route_says_itself_takes_the_place_of_the_defaults() {
    let policy = policy();
    let traffic = traffic(&policy, "/own/7");
    assert_eq!(name_of(traffic.upstream()), NEW);
    assert_eq!(name_of(traffic.mirror()), SHADOW);
    assert_eq!(
        names(traffic),
        ["by_subject", "by_client", "by_key", "by_claim"]
    );
    let origin = OriginPattern::parse("https://api.example").unwrap();
    assert_eq!(traffic.cors().unwrap().origins, [origin]);
    assert_eq!(traffic.limits().unwrap().body_bytes_max, Some(1024));
    let fields = &traffic.security_headers().unwrap().fields;
    assert_eq!(fields.len(), Preset::Api.fields().len());
    let prefix = Rewrite::StripPrefix("/own".to_owned());
    assert_eq!(traffic.rewrite(), Some(&prefix));
    assert_eq!(traffic.rewrite_of_response(), None, "it says so");
    let on = traffic.retry_on();
    assert!(on.reset && on.gateway_error && !on.timeout, "{on:?}");
    let (split, to) = traffic.split().unwrap();
    assert_eq!((&*to.name, split.percent), (ORDERS, 25));
    assert_eq!((split.by, split.fallback), (SplitKey::Subject, false));
    let header = ("x-use-old".to_owned(), "1".to_owned());
    assert_eq!((&split.header, &split.cookie), (&Some(header), &None));
}

#[test]
fn a_route_can_refuse_every_default() {
    let policy = policy();
    let traffic = traffic(&policy, "/none");
    assert_eq!(traffic.upstream(), None);
    assert_eq!(names(traffic), [""; 0]);
    assert!(traffic.cors().is_none() && traffic.limits().is_none());
    assert!(traffic.security_headers().is_none());
}

#[test]
fn routes_with_different_rules_for_traffic_are_told_apart() {
    // They are kept once where they are equal.
    let policy = policy();
    assert_eq!(name_of(traffic(&policy, "/public/a").upstream()), ORDERS);
    let replaced = Rewrite::Replace {
        prefix: "/public".to_owned(),
        with: "/".to_owned(),
    };
    let public = traffic(&policy, "/public/a");
    assert_eq!(public.rewrite(), Some(&replaced));
    assert_eq!(public.rewrite_of_response(), Some(&replaced));
    assert_eq!(public.retry_on(), RetryOn::default());
    assert_eq!(traffic(&policy, "/none").rewrite(), None);
}

#[test]
fn a_route_is_found_by_target_and_method_before_any_credential() {
    let policy = policy();
    let route = policy.route("GET", "/own/7?a=b").unwrap();
    assert_eq!((route.pattern(), route.is_public()), ("/own/{id}", false));
    let public = policy.route("POST", "/public/x/y").unwrap();
    assert_eq!((public.pattern(), public.is_public()), ("/public/**", true));
    for (method, target, class) in [
        ("GET", "/other", Class::Forbidden),
        ("GET", "/OWN/7", Class::Forbidden),
        ("POST", "/things/7", Class::Forbidden),
        ("TRACE", "/own/7", Class::Forbidden),
        ("GET", "/own/../none", Class::MalformedRequest),
        ("G T", "/own/7", Class::MalformedRequest),
    ] {
        let refusal = policy.route(method, target).unwrap_err();
        assert_eq!(refusal.class(), class, "{method} {target}");
    }
}

#[test]
fn the_target_that_is_forwarded_is_the_one_by_which_the_rule_was_found() {
    let policy = policy();
    let route = policy.route("GET", "/public/a").unwrap();
    let Ok(Screened::Public(permit)) = route.screen(&head("/own/7", &[], &[])) else {
        panic!("the rule of the route is public");
    };
    assert_eq!(
        (permit.route(), permit.target()),
        ("/public/**", "/public/a")
    );
}

#[test]
fn the_credential_is_looked_for_in_the_target_by_which_the_rule_was_found() {
    let policy = Policy::parse(
        "[api_keys]\nquery = \"key\"\n[[route]]\npath = \"/a\"\naccept = \"api-key\"\n",
    )
    .unwrap();
    let route = policy.route("GET", "/a?key=one").unwrap();
    let Ok(Screened::Protected(pending)) = route.screen(&head("/a?key=other", &[], &[])) else {
        panic!("there is a key");
    };
    assert!(matches!(
        pending.credential(),
        Credential::ApiKey { key: "one", .. }
    ));
}

#[test]
fn a_permit_says_the_same_of_traffic_as_its_route() {
    let policy = policy();
    let token = token(&policy, json!({ "sub": "ada" }));
    let permit = permit(&policy, "/own/7", &token);
    let (by_route, by_permit) = (traffic(&policy, "/own/7"), permit.traffic());
    assert_eq!(format!("{by_route:?}"), format!("{by_permit:?}"));
    assert_eq!(name_of(by_permit.upstream()), NEW);
}

#[test]
fn a_caller_is_counted_by_what_the_credential_says() {
    let policy = policy();
    let keys = |claims| {
        let token = token(&policy, claims);
        let permit = permit(&policy, "/own/7", &token);
        let keys: Vec<(String, Vec<u8>)> = permit
            .rate_keys()
            .map(|(id, key)| {
                (
                    policy.rate_limits()[usize::from(id)].name.clone(),
                    key.to_vec(),
                )
            })
            .collect();
        (keys, permit.split_key().map(<[u8]>::to_vec))
    };
    let named = |name: &str, key: &[u8]| (name.to_owned(), key.to_vec());

    let (rates, split) = keys(json!({ "sub": "ada", "tenant": "blue" }));
    assert_eq!(
        rates,
        [
            named("by_subject", b"acme\0ada"),
            named("by_claim", b"acme\0\"blue\"")
        ],
        "no key: it has no API key"
    );
    assert_eq!(split.as_deref(), Some(&b"acme\0ada"[..]));

    let (rates, split) = keys(json!({ "tenant": null }));
    assert_eq!(
        (rates, split),
        (Vec::new(), None),
        "by the client's address"
    );

    // A number is not the text of the same digits.
    let (number, _) = keys(json!({ "tenant": 1 }));
    let (text, _) = keys(json!({ "tenant": "1" }));
    assert_ne!(number, text);
}

#[test]
fn a_caller_is_counted_by_the_claim_at_the_end_of_a_path() {
    for (named, claims, key) in [
        (
            "realm_access.tenant",
            json!({ "realm_access": { "tenant": "blue" }, "realm_access.tenant": "red" }),
            Some("acme\0\"blue\""),
        ),
        (
            "\\\"realm_access.tenant\\\"",
            json!({ "realm_access": { "tenant": "blue" }, "realm_access.tenant": "red" }),
            Some("acme\0\"red\""),
        ),
        (
            "cognito:groups",
            json!({ "cognito:groups": ["a"] }),
            Some("acme\0[\"a\"]"),
        ),
        (
            "https://acme.example/tenant",
            json!({ "https://acme.example/tenant": 7 }),
            Some("acme\x007"),
        ),
        ("a.b", json!({ "a.b": "x" }), None),
        ("a.b", json!({ "a": [{ "b": "x" }] }), None),
        ("a.b", json!({ "a": { "b": null } }), None),
        ("a.b", json!({ "b": "x" }), None),
    ] {
        let policy = POLICY.replace("claim:tenant", &format!("claim:{named}"));
        let policy = Policy::parse(&policy).unwrap_or_else(|found| panic!("{found}"));
        let token = token(&policy, claims);
        let permit = permit(&policy, "/own/7", &token);
        let keys: Vec<&[u8]> = permit.rate_keys().map(|(_, key)| key).collect();
        let expected: Vec<&[u8]> = key.map(str::as_bytes).into_iter().collect();
        assert_eq!(keys, expected, "{named}");
    }
}

#[test]
fn an_api_key_is_counted_by_its_id() {
    let policy = policy();
    let (id, key) = api_key();
    let fields = [b"a".to_vec()];
    let route = policy.route("GET", "/own/7").unwrap();
    let Ok(Screened::Protected(pending)) = route.screen(&head("/own/7", &[], &fields)) else {
        panic!("the route takes keys");
    };
    let permit = pending.authorise(Authenticated::Key(&key), None, NOW);
    let permit = permit.unwrap();
    let keys: Vec<&[u8]> = permit.rate_keys().map(|(_, key)| key).collect();
    let subject = b"urn:doorward:api-keys\0ci";
    assert_eq!(
        keys,
        [&subject[..], id.as_bytes()],
        "subject and key, no claim"
    );
    assert_eq!(permit.split_key(), Some(&subject[..]));
}

#[test]
fn nobody_is_told_apart_where_no_rule_asks_for_it() {
    let policy = policy();
    let token = token(&policy, json!({ "sub": "ada", "tenant": "blue" }));
    let protected = permit(&policy, "/defaults", &token);
    assert_eq!(protected.rate_keys().count(), 0, "by the client only");
    assert_eq!(protected.split_key(), None, "there is no split");
    let Ok(Screened::Public(public)) = policy.screen(&head("/public/a", &[], &[])) else {
        panic!("the route is public");
    };
    assert_eq!((public.rate_keys().count(), public.split_key()), (0, None));
}

#[test]
fn a_preflight_is_judged_by_the_rule_that_lists_the_method() {
    let policy = policy();
    for (method, origin, methods, listed) in [
        ("PUT", "*", vec!["PUT", "DELETE"], true),
        ("PATCH", "https://api.example", vec!["PATCH"], true),
        // The rule for it has no CORS, or there is none.
        ("GET", "*", vec!["PUT", "DELETE"], false),
        ("POST", "*", vec!["PUT", "DELETE"], false),
        ("put", "*", vec!["PUT", "DELETE"], false),
        ("", "*", vec!["PUT", "DELETE"], false),
    ] {
        let preflight = policy.preflight("/things/7?a=b", method).expect(method);
        let origin = OriginPattern::parse(origin).unwrap();
        assert_eq!(preflight.rule.origins, [origin], "{method}");
        assert_eq!(preflight.methods, methods, "{method}");
        assert_eq!(preflight.listed, listed, "{method}");
    }
    let any = |method| policy.preflight("/public/a", method).unwrap();
    assert!(any("PURGE").listed && any("PURGE").methods.is_empty());
    assert!(!any("TRACE").listed && !any("G T").listed);
    for target in ["/none", "/other", "/THINGS/7", "/a/..", ""] {
        let preflight = policy.preflight(target, "GET");
        assert!(preflight.is_none(), "{target} has no CORS");
    }
}

#[test]
fn a_page_can_read_that_no_rule_lists_the_method() {
    let policy = policy();
    let cors = policy.cors_of("/things/7").unwrap();
    assert_eq!(cors.origins, [OriginPattern::Any], "the first that has any");
    assert!(policy.cors_of("/public/a?b").is_some());
    assert!(policy.cors_of("/none").is_none(), "its rule has no CORS");
    let default = traffic(&policy, "/defaults").cors();
    assert!(default.is_some());
    let things = policy.cors_of("/things/a;b");
    assert_eq!(things, Some(cors), "of the rule that is meant");
    for target in ["/other", "/THINGS/7", "/a/.."] {
        let cors = policy.cors_of(target);
        assert_eq!(cors, default, "{target} has no rule");
    }
}

fn policy() -> Policy {
    let policy = Policy::parse(POLICY).unwrap_or_else(|found| panic!("{found}"));
    assert!(policy.warnings().is_empty(), "{}", policy.warnings());
    policy
}

fn traffic<'p>(policy: &'p Policy, target: &str) -> Traffic<'p> {
    policy.route("GET", target).unwrap().traffic()
}

fn names(traffic: Traffic<'_>) -> Vec<&str> {
    let limits = traffic.rate_limits();
    limits.map(|(_, limit)| limit.name.as_str()).collect()
}

/// A token of acme, verified.
fn token(policy: &Policy, claims: Value) -> VerifiedToken {
    let key = SigningKey::ed25519("acme-1");
    let mut all: Map<String, Value> = claims.as_object().unwrap().clone();
    all.insert("iss".to_owned(), json!("https://acme.example"));
    all.insert("aud".to_owned(), json!("api"));
    all.insert("exp".to_owned(), json!(NOW.0 + 300));
    let compact = key.sign(&Map::new(), &all);
    let keys = json!({ "keys": [key.jwk()] }).to_string();
    let keys = KeySet::parse(keys.as_bytes()).unwrap();
    UnverifiedToken::parse(compact.as_bytes())
        .unwrap()
        .verify(&keys, policy.issuers()[0].expectations(), NOW)
        .expect("the token is genuine")
}

fn permit<'p>(policy: &'p Policy, target: &str, token: &VerifiedToken) -> Permit<'p> {
    let fields = [b"Bearer a.b.c".to_vec()];
    let pending: Pending<'p, '_> = match policy.screen(&head(target, &fields, &[])) {
        Ok(Screened::Protected(pending)) => pending,
        other => panic!("{target} is protected, not {other:?}"),
    };
    let issuer = &policy.issuers()[0];
    let who = Authenticated::Token { issuer, token };
    pending.authorise(who, None, NOW).unwrap()
}

/// The id of a key, and the key, verified.
fn api_key() -> (String, VerifiedKey) {
    let generated = generate(&[7; 48]);
    let record = KeyRecord {
        id: generated.id.clone(),
        name: "ci".to_owned(),
        digest: generated.digest,
        scopes: Vec::new(),
        created_at: UnixTime(0),
        expires_at: None,
    };
    let key = ApiKey::parse(generated.text.as_bytes()).unwrap();
    let verified = KeyRecord::verify(Some(&record), &key, None, NOW).unwrap();
    (generated.id, verified)
}
