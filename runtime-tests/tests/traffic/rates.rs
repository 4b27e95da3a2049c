//! How often a caller may ask: by whom is counted, what is told, and when there is more.

use crate::front::{BOTH, Front, class, prepared, values};
use doorward_runtime_tests::cases;
use doorward_runtime_tests::client::{Answer, Ask};
use doorward_runtime_tests::clocked::clock;
use doorward_runtime_tests::credential::ApiKey;
use doorward_runtime_tests::gated::status;
use doorward_runtime_tests::host::{Host, InProcess};
use doorward_runtime_tests::issuer::{AUDIENCE, Issuer};
use doorward_runtime_tests::run::Case;

pub const CASES: &[Case] = cases![
    each_subject_is_counted_on_its_own,
    ; in_process:
    a_burst_passes_and_who_comes_after_it_is_told_when_to_come_back,
];

/// A policy with these tables and routes besides an issuer and two API keys.
pub fn policy(issuer: &Issuer, rest: &str) -> String {
    let keys: String = keys().iter().map(ApiKey::table).collect();
    format!(
        r#"
[issuer.test]
url = "{}"
audience = "{AUDIENCE}"
leeway_s = 0

[api_keys]
header = "x-api-key"
store = false

{keys}
{rest}
"#,
        issuer.url()
    )
}

/// The API keys of the policy.
pub fn keys() -> [ApiKey; 2] {
    ["ci", "deploy"].map(|name| ApiKey::new(name, &[], None))
}

/// A route that takes tokens, and a limit of its own that lets one request through.
fn once(name: &str, key: &str) -> String {
    format!(
        "[rate_limit.{name}]\nrequests = 1\nper_s = 60\nkey = \"{key}\"\n\n\
         [[route]]\npath = \"/{name}/**\"\nissuer = [\"test\"]\nrate_limit = \"{name}\"\n\n"
    )
}

/// Fails unless the requests are answered so, one after the other.
pub async fn answered(front: &Front, asks: &[(&str, Ask, u16)]) {
    for (what, ask, expected) in asks {
        let answer = front.send(ask.clone()).await;
        status(&answer, *expected, &format!("{:?}: {what}", front.kind));
        if *expected == 429 {
            assert_eq!(class(&answer), "rate-limited", "{:?}: {what}", front.kind);
            assert!(
                answer.header("retry-after").is_some(),
                "{:?}: {what}",
                front.kind
            );
        }
    }
}

/// Fails unless an answer tells this of its limits: `RateLimit-Policy`, `RateLimit` and `Retry-After`.
pub fn tells(answer: &Answer, expected: (&str, &str, Option<&str>), what: &str) {
    let told = (
        values(answer, "ratelimit-policy"),
        values(answer, "ratelimit"),
        answer.header("retry-after"),
    );
    let (policy, left, retry_after) = expected;
    assert_eq!(told, (vec![policy], vec![left], retry_after), "{what}");
}

const SLOW: &str = r#"
[rate_limit.slow]
requests = 3
per_s = 30

[[route]]
path = "/a"
public = true
rate_limit = "slow"
"#;
/// What `slow` is, as a structured field (draft-ietf-httpapi-ratelimit-headers-10 section 3).
const SLOW_POLICY: &str = "\"slow\";q=3;w=30";

async fn a_burst_passes_and_who_comes_after_it_is_told_when_to_come_back() {
    let (clock, issuer) = (clock(&InProcess), Issuer::start().await);
    for kind in BOTH {
        let front = prepared(kind, &policy(&issuer, SLOW))
            .await
            .by(&clock)
            .await;
        let rounds = [
            (200, "\"slow\";r=2;t=10", None),
            (200, "\"slow\";r=1;t=10", None),
            (200, "\"slow\";r=0;t=10", None),
            (429, "\"slow\";r=0;t=10", Some("10")),
            (429, "\"slow\";r=0;t=10", Some("10")),
        ];
        for (number, (expected, left, retry_after)) in (1..).zip(rounds) {
            let what = format!("{kind:?}: request {number}");
            let answer = front.send(Ask::get("/a")).await;
            status(&answer, expected, &what);
            tells(&answer, (SLOW_POLICY, left, retry_after), &what);
        }
        assert_eq!(
            front.reached().await,
            3,
            "{kind:?}: what reached the service"
        );
    }
}

async fn each_subject_is_counted_on_its_own(host: &dyn Host) {
    let clock = clock(host);
    let issuer = Issuer::start_with_clock(&clock).await;
    let other = Issuer::start_with_clock(&clock).await;
    let second = format!(
        "[issuer.other]\nurl = \"{}\"\naudience = \"{AUDIENCE}\"\n\n{}",
        other.url(),
        once("subject", "subject").replace("[\"test\"]", "[\"test\", \"other\"]")
    );
    let ask = |token: String| Ask::get("/subject/a").bearer(&token);
    for kind in BOTH {
        let front = prepared(kind, &policy(&issuer, &second))
            .await
            .by(&clock)
            .await;
        let asks = [
            ("alice", ask(issuer.token("alice", "read")), 200),
            ("alice again", ask(issuer.token("alice", "read")), 429),
            (
                "alice, another token",
                ask(issuer.token("alice", "write")),
                429,
            ),
            ("bob", ask(issuer.token("bob", "read")), 200),
            ("bob again", ask(issuer.token("bob", "read")), 429),
            (
                "somebody else's alice",
                ask(other.token("alice", "read")),
                200,
            ),
        ];
        answered(&front, &asks).await;
        assert_eq!(
            front.reached().await,
            3,
            "{kind:?}: what reached the service"
        );
        if clock.is_own() {
            clock.advance(60).await;
            answered(&front, &[("alice, a minute later", asks[0].1.clone(), 200)]).await;
        }
    }
}
