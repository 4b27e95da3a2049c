//! Who tries credentials out: failed authentication is counted by the client's address.

use crate::api::client::Ask;
use crate::api::clocked::{Clock, all_events, clock, stored_names, until};
use crate::api::gated::status;
use crate::api::host::{Host, How, InProcess};
use crate::api::issuer::Issuer;
use crate::api::run::Case;
use crate::api::run::cases;
use crate::front::{BOTH, prepared};
use crate::rates::{answered, keys, policy, tells};
use crate::shared::counted_by;

pub const CASES: &[Case] = cases![
    after_too_many_wrong_keys_even_a_right_one_waits,
    what_is_not_a_wrong_credential_does_not_count,
    public_routes_are_not_affected,
    other_addresses_are_not_affected,
    instances_share_what_they_counted_of_wrong_credentials,
    ; in_process:
    after_too_many_wrong_tokens_even_a_right_one_waits,
];

const FAILURES: &str = r#"
[proxy]
trusted_hops = 1

[rate_limit.guesses]
requests = 3
per_s = 30
counts = "failed-authentication"

[defaults]
rate_limit = "guesses"

[[route]]
path = "/read"
issuer = ["test"]
scope = ["read"]

[[route]]
path = "/key"
accept = ["api-key", "basic"]

[[route]]
path = "/public"
public = true
"#;

async fn issuer(clock: &Clock<'_>) -> Issuer {
    Issuer::start_with_clock(clock).await
}

fn wrong() -> Ask {
    Ask::get("/read").bearer("a.b.c")
}

async fn after_too_many_wrong_tokens_even_a_right_one_waits() {
    let clock = clock(&InProcess);
    let issuer = issuer(&clock).await;
    let right = || Ask::get("/read").bearer(&issuer.token("alice", "read"));
    let stranger = Issuer::start_with_clock(&clock).await;
    let forged = stranger.key().sign(&issuer.claims("alice", "read"));
    for kind in BOTH {
        let front = prepared(kind, &policy(&issuer, FAILURES))
            .await
            .by(&clock)
            .await;
        let asks = [
            ("a right one", right(), 200),
            ("no token at all", wrong(), 401),
            ("a forged one", Ask::get("/read").bearer(&forged), 401),
            ("a right one in between", right(), 200),
            ("two at once", wrong().bearer("d.e.f"), 400),
            ("a right one", right(), 429),
            ("a wrong one", wrong(), 429),
        ];
        answered(&front, &asks).await;
        let answer = front.send(right()).await;
        let told = ("\"guesses\";q=3;w=30", "\"guesses\";r=0;t=10", Some("10"));
        tells(&answer, told, &format!("{kind:?}: when to come back"));
        let reached = front.reached().await;
        assert_eq!(reached, 2, "{kind:?}: what reached the service");
        clock.advance(9).await;
        answered(&front, &[("too soon", right(), 429)]).await;
        clock.advance(1).await;
        let asks = [
            ("a right one, as promised", right(), 200),
            ("and another one, which costs nothing", right(), 200),
            ("a wrong one", wrong(), 401),
            ("after which there is nothing left", right(), 429),
        ];
        answered(&front, &asks).await;
        clock.advance(60).await;
    }
}

async fn after_too_many_wrong_keys_even_a_right_one_waits(host: &dyn Host) {
    let clock = clock(host);
    let issuer = issuer(&clock).await;
    let [ci, _] = keys();
    let ask = |key: &str| Ask::get("/key").header("x-api-key", key);
    for kind in BOTH {
        let front = prepared(kind, &policy(&issuer, FAILURES))
            .await
            .by(&clock)
            .await;
        let basic = Ask::get("/key").header("Authorization", &ci.basic("somebody"));
        let asks = [
            ("a right one", ask(&ci.text), 200),
            ("another secret", ask(&ci.with_another_secret()), 401),
            ("under another name", basic, 401),
            ("no key at all", ask("x"), 401),
            ("a right one", ask(&ci.text), 429),
        ];
        answered(&front, &asks).await;
        clock.advance(10).await;
        answered(&front, &[("a right one, as promised", ask(&ci.text), 200)]).await;
    }
}

async fn what_is_not_a_wrong_credential_does_not_count(host: &dyn Host) {
    let clock = clock(host);
    let issuer = issuer(&clock).await;
    let right = || Ask::get("/read").bearer(&issuer.token("alice", "read"));
    for kind in BOTH {
        let front = prepared(kind, &policy(&issuer, FAILURES))
            .await
            .by(&clock)
            .await;
        for _ in 0..5 {
            let asks = [
                ("a right one", right(), 200),
                ("none", Ask::get("/read"), 401),
                (
                    "too few scopes",
                    Ask::get("/read").bearer(&issuer.token("alice", "")),
                    403,
                ),
                ("no rule", Ask::get("/nowhere").bearer("a.b.c"), 403),
            ];
            answered(&front, &asks).await;
        }
        let asks = [
            ("one", wrong(), 401),
            ("two", wrong(), 401),
            ("three", wrong(), 401),
        ];
        answered(&front, &asks).await;
        answered(&front, &[("four", wrong(), 429)]).await;
    }
}

async fn public_routes_are_not_affected(host: &dyn Host) {
    let clock = clock(host);
    let issuer = issuer(&clock).await;
    for kind in BOTH {
        let front = prepared(kind, &policy(&issuer, FAILURES))
            .await
            .by(&clock)
            .await;
        for _ in 0..3 {
            status(
                &front.send(wrong()).await,
                401,
                &format!("{kind:?}: a wrong one"),
            );
        }
        let public = || Ask::get("/public");
        let asks = [
            ("a wrong one", wrong(), 429),
            ("a public route", public(), 200),
            (
                "a public route, with a wrong one",
                public().bearer("a.b.c"),
                200,
            ),
        ];
        answered(&front, &asks).await;
    }
}

async fn other_addresses_are_not_affected(host: &dyn Host) {
    let clock = clock(host);
    let issuer = issuer(&clock).await;
    for kind in BOTH {
        let front = prepared(kind, &policy(&issuer, FAILURES))
            .await
            .by(&clock)
            .await;
        let from = |ask: Ask, address: &str| ask.header("X-Forwarded-For", address);
        let right = || Ask::get("/read").bearer(&issuer.token("alice", "read"));
        for _ in 0..3 {
            let answer = front.send(from(wrong(), "192.0.2.1")).await;
            status(&answer, 401, &format!("{kind:?}: a wrong one"));
        }
        let asks = [
            ("there", from(right(), "192.0.2.1"), 429),
            ("elsewhere", from(right(), "192.0.2.2"), 200),
            ("nearby", right(), 200),
        ];
        answered(&front, &asks).await;
    }
}

async fn instances_share_what_they_counted_of_wrong_credentials(host: &dyn Host) {
    let clock = clock(host);
    let issuer = issuer(&clock).await;
    let shared = FAILURES
        .replace("per_s = 30", "per_s = 300")
        .replace("counts =", "shared = true\ncounts =");
    let right = || Ask::get("/read").bearer(&issuer.token("alice", "read"));
    for kind in BOTH {
        let prepared = prepared(kind, &policy(&issuer, &shared)).await;
        let front = prepared.served(&clock, How::forgetful()).await;
        for number in 1..=3 {
            status(
                &front.send(wrong()).await,
                401,
                &format!("{kind:?}: guess {number}"),
            );
            // Each guess is written after it was refused.
            until("the guess is in the store", || {
                counted_by(&front, "guesses", 100, &clock) == Some(number)
            })
            .await;
        }
        answered(&front, &[("a right one, on a new instance", right(), 429)]).await;
        assert_eq!(
            stored_names(&front.app, "doorward/rate/").len(),
            1,
            "{kind:?}: entries"
        );
        let told = all_events(&front.running, "store-unavailable").await;
        assert!(told.is_empty(), "{kind:?}: {told:?}");
    }
}
