//! How often a caller may ask: by whom is counted, what is told, and when there is more.

use crate::api::client::{Answer, Ask};
use crate::api::clocked::clock;
use crate::api::credential::ApiKey;
use crate::api::gated::status;
use crate::api::host::{Host, InProcess};
use crate::api::issuer::{AUDIENCE, Issuer};
use crate::api::run::Case;
use crate::api::run::cases;
use crate::front::{BOTH, Front, class, prepared, values};

pub const CASES: &[Case] = cases![
    each_subject_is_counted_on_its_own,
    each_claim_is_counted_on_its_own_and_who_has_none_by_address,
    each_api_key_is_counted_on_its_own,
    each_value_of_a_header_is_counted_on_its_own,
    routes_share_the_limits_that_they_name_and_no_others,
    a_limit_by_credential_that_refuses_charges_no_other_one,
    who_proves_nothing_is_counted_by_address_all_the_same,
    what_the_service_says_of_limits_is_replaced_where_there_are_any,
    who_is_told_when_to_come_back_may_then,
    ; in_process:
    a_burst_passes_and_who_comes_after_it_is_told_when_to_come_back,
    a_limit_refills_as_it_was_promised,
    of_several_limits_none_is_charged_where_one_refuses,
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

async fn a_limit_refills_as_it_was_promised() {
    let (clock, issuer) = (clock(&InProcess), Issuer::start().await);
    for kind in BOTH {
        let front = prepared(kind, &policy(&issuer, SLOW))
            .await
            .by(&clock)
            .await;
        for _ in 0..3 {
            status(
                &front.send(Ask::get("/a")).await,
                200,
                &format!("{kind:?}: the burst"),
            );
        }
        // Seconds that pass, the answer then, and what is told.
        let rounds = [
            (0, 429, 0, Some("10")),
            (9, 429, 0, Some("1")),
            (1, 200, 0, None),
            (0, 429, 0, Some("10")),
            (25, 200, 1, None),
            (0, 200, 0, None),
            (0, 429, 0, Some("5")),
            (5, 200, 0, None),
            (3600, 200, 2, None),
            (0, 200, 1, None),
            (0, 200, 0, None),
            (0, 429, 0, Some("10")),
        ];
        for (number, (pass_s, expected, left, retry_after)) in (1..).zip(rounds) {
            clock.advance(pass_s).await;
            let what = format!("{kind:?}: {pass_s} s later, step {number}");
            let answer = front.send(Ask::get("/a")).await;
            status(&answer, expected, &what);
            assert_eq!(answer.header("retry-after"), retry_after, "{what}");
            let told = answer.header("ratelimit").unwrap_or_default();
            assert!(told.contains(&format!(";r={left};")), "{what}: {told}");
        }
        clock.advance(3600).await;
    }
}

async fn who_is_told_when_to_come_back_may_then(host: &dyn Host) {
    let clock = clock(host);
    let issuer = Issuer::start_with_clock(&clock).await;
    let few = SLOW.replace("per_s = 30", "per_s = 15");
    for kind in BOTH {
        let front = prepared(kind, &policy(&issuer, &few))
            .await
            .by(&clock)
            .await;
        let mut answer = front.send(Ask::get("/a")).await;
        let mut admitted = 0;
        while answer.status == 200 {
            admitted += 1;
            answer = front.send(Ask::get("/a")).await;
        }
        status(&answer, 429, &format!("{kind:?}: too many"));
        // On a slow machine the next one is there before the burst is over.
        let most = if clock.is_own() { 3 } else { 6 };
        assert!(
            (3..=most).contains(&admitted),
            "{kind:?}: {admitted} of 3 at once"
        );
        let after = answer.header("retry-after").unwrap_or_default();
        let after: u64 = after.parse().unwrap();
        assert!((1..=5).contains(&after), "{kind:?}: in {after} s");
        clock.advance(after).await;
        let answer = front.send(Ask::get("/a")).await;
        status(&answer, 200, &format!("{kind:?}: after {after} s"));
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

async fn each_claim_is_counted_on_its_own_and_who_has_none_by_address(host: &dyn Host) {
    let clock = clock(host);
    let issuer = Issuer::start_with_clock(&clock).await;
    let ask = |subject: &str, tenant: serde_json::Value| {
        let mut claims = issuer.claims(subject, "");
        if !tenant.is_null() {
            claims["tenant"] = tenant;
        }
        Ask::get("/tenant/a").bearer(&issuer.key().sign(&claims))
    };
    for kind in BOTH {
        let policy = policy(&issuer, &once("tenant", "claim:tenant"));
        let front = prepared(kind, &policy).await.by(&clock).await;
        let asks = [
            ("acme", ask("alice", "acme".into()), 200),
            ("another one of acme", ask("bob", "acme".into()), 429),
            ("evil", ask("alice", "evil".into()), 200),
            ("the number 1", ask("alice", 1.into()), 200),
            ("the text 1", ask("alice", "1".into()), 200),
            ("nobody's", ask("alice", serde_json::Value::Null), 200),
            (
                "nobody's, of this address",
                ask("bob", serde_json::Value::Null),
                429,
            ),
        ];
        answered(&front, &asks).await;
    }
}

async fn each_api_key_is_counted_on_its_own(host: &dyn Host) {
    let (clock, issuer) = (clock(host), Issuer::start().await);
    let rest = once("key", "api-key").replace("issuer = [\"test\"]", "accept = [\"api-key\"]");
    let [ci, deploy] = keys();
    let ask = |key: &str| Ask::get("/key/a").header("X-API-Key", key);
    for kind in BOTH {
        let front = prepared(kind, &policy(&issuer, &rest))
            .await
            .by(&clock)
            .await;
        let asks = [
            ("a key", ask(&ci.text), 200),
            ("the same key", ask(&ci.text), 429),
            (
                "a false key of that name",
                ask(&ci.with_another_secret()),
                401,
            ),
            ("another key", ask(&deploy.text), 200),
        ];
        answered(&front, &asks).await;
    }
}

async fn each_value_of_a_header_is_counted_on_its_own(host: &dyn Host) {
    let (clock, issuer) = (clock(host), Issuer::start().await);
    let rest = once("header", "header:x-tenant").replace("issuer = [\"test\"]", "public = true");
    let ask = || Ask::get("/header/a");
    for kind in BOTH {
        let front = prepared(kind, &policy(&issuer, &rest))
            .await
            .by(&clock)
            .await;
        let asks = [
            ("a", ask().header("x-tenant", "a"), 200),
            ("a again", ask().header("X-Tenant", "a"), 429),
            ("b", ask().header("X-Tenant", "b"), 200),
            (
                "both",
                ask().header("X-Tenant", "a").header("x-tenant", "b"),
                200,
            ),
            ("none", ask(), 200),
            ("none again", ask(), 429),
        ];
        answered(&front, &asks).await;
    }
}

async fn routes_share_the_limits_that_they_name_and_no_others(host: &dyn Host) {
    let (clock, issuer) = (clock(host), Issuer::start().await);
    let route = |path: &str, limit: &str| {
        format!("[[route]]\npath = \"{path}\"\npublic = true\n{limit}\n\n")
    };
    let rest = [
        "[rate_limit.one]\nrequests = 1\nper_s = 60\n\n[rate_limit.two]\nrequests = 1\nper_s = 60\n\n",
        "[defaults]\nrate_limit = [\"one\"]\n\n",
        &route("/a", ""),
        &route("/b", "rate_limit = \"one\""),
        &route("/c", "rate_limit = [\"two\"]"),
        &route("/d", "rate_limit = false"),
    ]
    .concat();
    for kind in BOTH {
        let front = prepared(kind, &policy(&issuer, &rest))
            .await
            .by(&clock)
            .await;
        let asks = [
            ("by default", Ask::get("/a"), 200),
            ("the same by name", Ask::get("/b"), 429),
            ("another one", Ask::get("/c"), 200),
            ("another one again", Ask::get("/c"), 429),
            ("none", Ask::get("/d"), 200),
            ("none again", Ask::get("/d"), 200),
        ];
        answered(&front, &asks).await;
        let free = front.send(Ask::get("/d")).await;
        assert_eq!(
            free.header("ratelimit"),
            None,
            "{kind:?}: there is nothing to tell"
        );
    }
}

const SEVERAL: &str = r#"
[rate_limit.tenant]
requests = 1
per_s = 60
key = "header:x-tenant"

[rate_limit.subject]
requests = 1
per_s = 60
key = "subject"

[rate_limit.address]
requests = 3
per_s = 30

[[route]]
path = "/head"
public = true
rate_limit = ["tenant", "address"]

[[route]]
path = "/subject"
issuer = ["test"]
rate_limit = ["subject", "address"]
"#;

async fn of_several_limits_none_is_charged_where_one_refuses() {
    let (clock, issuer) = (clock(&InProcess), Issuer::start().await);
    for kind in BOTH {
        let front = prepared(kind, &policy(&issuer, SEVERAL))
            .await
            .by(&clock)
            .await;
        let ask = |tenant: &str| Ask::get("/head").header("x-tenant", tenant);
        let both = "\"tenant\";q=1;w=60, \"address\";q=3;w=30";
        let answer = front.send(ask("a")).await;
        status(&answer, 200, &format!("{kind:?}: a"));
        let left = "\"tenant\";r=0;t=60, \"address\";r=2;t=10";
        tells(&answer, (both, left, None), &format!("{kind:?}: a"));
        for _ in 0..5 {
            let answer = front.send(ask("a")).await;
            status(&answer, 429, &format!("{kind:?}: a again"));
            tells(
                &answer,
                (both, left, Some("60")),
                &format!("{kind:?}: a again"),
            );
        }
        let asks = [
            ("b", ask("b"), 200),
            ("c", ask("c"), 200),
            ("d", ask("d"), 429),
        ];
        answered(&front, &asks).await;
        // The address is over its limit; the tenant was not charged for that.
        let answer = front.send(ask("d")).await;
        let left = "\"tenant\";r=1;t=0, \"address\";r=0;t=10";
        tells(&answer, (both, left, Some("10")), &format!("{kind:?}: d"));
        // Where both refuse, the later one says when to come back.
        let answer = front.send(ask("a")).await;
        let left = "\"tenant\";r=0;t=60, \"address\";r=0;t=10";
        tells(
            &answer,
            (both, left, Some("60")),
            &format!("{kind:?}: a at last"),
        );
    }
}

async fn a_limit_by_credential_that_refuses_charges_no_other_one(host: &dyn Host) {
    let clock = clock(host);
    let issuer = Issuer::start_with_clock(&clock).await;
    for kind in BOTH {
        let front = prepared(kind, &policy(&issuer, SEVERAL))
            .await
            .by(&clock)
            .await;
        let ask = |subject: &str| Ask::get("/subject").bearer(&issuer.token(subject, ""));
        let mut asks = vec![("alice", ask("alice"), 200)];
        asks.extend((0..5).map(|_| ("alice again", ask("alice"), 429)));
        asks.push(("bob, at the same address", ask("bob"), 200));
        asks.push(("carol, too", ask("carol"), 200));
        asks.push((
            "dave, when the address has used up its limit",
            ask("dave"),
            429,
        ));
        answered(&front, &asks).await;
        assert_eq!(
            front.reached().await,
            3,
            "{kind:?}: what reached the service"
        );
        clock.advance(10).await;
        answered(&front, &[("dave, who was not charged", ask("dave"), 200)]).await;
    }
}

async fn who_proves_nothing_is_counted_by_address_all_the_same(host: &dyn Host) {
    let clock = clock(host);
    let issuer = Issuer::start_with_clock(&clock).await;
    let more = "\n[[route]]\npath = \"/address\"\nissuer = [\"test\"]\nrate_limit = \"address\"\n";
    for kind in BOTH {
        for target in ["/subject", "/address"] {
            let policy = policy(&issuer, &[SEVERAL, more].concat());
            let front = prepared(kind, &policy).await.by(&clock).await;
            for left in [2, 1, 0] {
                let what = format!("{kind:?}: {target}, {left}");
                let answer = front.send(Ask::get(target).bearer("a.b.c")).await;
                status(&answer, 401, &what);
                let told = answer.header("ratelimit").unwrap_or_default();
                assert!(
                    told.contains(&format!("\"address\";r={left};")),
                    "{what}: {told}"
                );
            }
            let good = Ask::get(target).bearer(&issuer.token("alice", ""));
            answered(&front, &[("even a good token", good, 429)]).await;
            assert_eq!(
                front.reached().await,
                0,
                "{kind:?}: what reached the service"
            );
        }
    }
}

async fn what_the_service_says_of_limits_is_replaced_where_there_are_any(host: &dyn Host) {
    let (clock, issuer) = (clock(host), Issuer::start().await);
    let rest = [SLOW, "\n[[route]]\npath = \"/free\"\npublic = true\n"].concat();
    for kind in BOTH {
        let front = prepared(kind, &policy(&issuer, &rest))
            .await
            .by(&clock)
            .await;
        let says = |target: &str| {
            Ask::get(target)
                .header("x-answer-ratelimit", "\"theirs\";r=9;t=9")
                .header("x-answer-ratelimit-policy", "\"theirs\";q=9;w=9")
        };
        let answer = front.send(says("/a")).await;
        let left = "\"slow\";r=2;t=10";
        tells(&answer, (SLOW_POLICY, left, None), &format!("{kind:?}"));
        let answer = front.send(says("/free")).await;
        let theirs = ("\"theirs\";q=9;w=9", "\"theirs\";r=9;t=9", None);
        tells(
            &answer,
            theirs,
            &format!("{kind:?}: where the policy has none"),
        );
    }
}
