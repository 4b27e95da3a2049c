//! Opaque tokens: what the issuer says of them, for how long that is believed, and that it is looked at
//! again for each request.

use crate::api::clocked::{clock, get, get_at_once, start};
use crate::api::gated::{seen, status};
use crate::api::host::{Host, InProcess};
use crate::api::issuer::{Behaviour, Client, INTROSPECTION, Issuer};
use crate::api::run::Case;
use crate::api::run::cases;
use crate::{asking, introspecting, with_secret};
use serde_json::{Value, json};

pub const CASES: &[Case] = cases![
    an_active_token_passes_and_the_service_sees_who_it_is,
    a_token_that_the_issuer_does_not_vouch_for_is_refused,
    scopes_are_looked_at_again_on_every_hit,
    without_a_cache_each_request_asks,
    an_answer_without_audience_counts_only_where_the_policy_says_so,
    requests_with_the_same_token_share_one_question,
    two_issuers_with_the_same_token_do_not_share_an_answer,
    a_token_that_is_too_long_or_none_is_refused_without_asking,
    an_answer_is_asked_for_again_when_its_time_is_over,
    ; in_process:
    an_answer_is_kept_as_long_as_the_policy_says,
    an_answer_is_not_kept_beyond_its_end,
    a_negative_answer_is_kept_briefly,
    a_token_that_expires_is_refused_even_if_the_issuer_still_vouches,
];

async fn an_active_token_passes_and_the_service_sees_who_it_is(host: &dyn Host) {
    let clock = clock(host);
    let (issuer, spec) = asking(&clock, "").await;
    let app = spec.write();
    let running = start(&app, &clock).await;
    issuer.says_of("opaque-alice", issuer.active("alice", "read"));
    for round in ["asked", "remembered"] {
        let answer = get(&running, "/read", "opaque-alice").await;
        status(&answer, 200, round);
        assert_eq!(seen(&answer, "x-auth-subject"), ["alice"], "{round}");
        assert_eq!(
            seen(&answer, "authorization"),
            [""; 0],
            "{round}: the token is kept back"
        );
    }
    assert_eq!(
        issuer.asked_about(),
        ["opaque-alice"],
        "the issuer is asked once"
    );
    assert_eq!(issuer.turned_away(), [""; 0], "and knows the gate");
}

async fn a_token_that_the_issuer_does_not_vouch_for_is_refused(host: &dyn Host) {
    let clock = clock(host);
    let (issuer, spec) = asking(&clock, "").await;
    let app = spec.write();
    let running = start(&app, &clock).await;
    let with = |change: &dyn Fn(&mut Value)| {
        let mut answer = issuer.active("mallory", "read write");
        change(&mut answer);
        answer
    };
    let now = clock.now();
    let answers = [
        ("not active", json!({ "active": false })),
        (
            "not active, with claims",
            with(&|answer| answer["active"] = json!(false)),
        ),
        (
            "for another audience",
            with(&|answer| answer["aud"] = json!("https://other.example")),
        ),
        (
            "for no audience",
            with(&|answer| drop(answer.as_object_mut().unwrap().remove("aud"))),
        ),
        (
            "of another issuer",
            with(&|answer| answer["iss"] = json!("https://evil.example")),
        ),
        ("expired", with(&|answer| answer["exp"] = json!(now - 1000))),
        (
            "not yet valid",
            with(&|answer| answer["nbf"] = json!(now + 1000)),
        ),
        (
            "bound to a key",
            with(&|answer| answer["cnf"] = json!({ "jkt": "x" })),
        ),
        (
            "of another type",
            with(&|answer| answer["token_type"] = json!("DPoP")),
        ),
    ];
    for (number, (what, answer)) in answers.into_iter().enumerate() {
        let token = format!("opaque-{number}");
        issuer.says_of(&token, answer);
        for round in ["asked", "remembered"] {
            let answer = get(&running, "/read", &token).await;
            status(&answer, 401, &format!("{what}, {round}"));
            let challenge = answer.header("www-authenticate").unwrap_or_default();
            assert!(
                challenge.contains("error=\"invalid_token\""),
                "{what}: {challenge:?}"
            );
        }
    }
    let answer = get(&running, "/read", "made-up").await;
    status(&answer, 401, "a token that nobody knows");
}

async fn scopes_are_looked_at_again_on_every_hit(host: &dyn Host) {
    let clock = clock(host);
    let (issuer, spec) = asking(&clock, "").await;
    let app = spec.write();
    let running = start(&app, &clock).await;
    issuer.says_of("reader", issuer.active("alice", "read"));
    issuer.says_of("writer", issuer.active("bob", "write"));
    for round in 0..3 {
        for (token, target, expected) in [
            ("reader", "/read", 200),
            ("reader", "/write", 403),
            ("writer", "/write", 200),
            ("writer", "/read", 403),
        ] {
            let answer = get(&running, target, token).await;
            status(
                &answer,
                expected,
                &format!("{token} at {target}, round {round}"),
            );
        }
    }
    assert_eq!(
        issuer.asked_about(),
        ["reader", "writer"],
        "each is asked about once"
    );
}

async fn an_answer_is_kept_as_long_as_the_policy_says() {
    let clock = clock(&InProcess);
    let (issuer, spec) = asking(&clock, "cache_s = 120").await;
    let app = spec.write();
    let running = start(&app, &clock).await;
    issuer.says_of("opaque", issuer.active("alice", "read"));
    for questions in 1..=3 {
        status(&get(&running, "/read", "opaque").await, 200, "asked");
        assert_eq!(
            issuer.asked_about().len(),
            questions,
            "asked at the beginning"
        );
        clock.advance(119).await;
        status(&get(&running, "/read", "opaque").await, 200, "remembered");
        assert_eq!(
            issuer.asked_about().len(),
            questions,
            "remembered for 119 s"
        );
        clock.advance(1).await;
    }
    issuer.withdraw("opaque");
    clock.advance(120).await;
    status(
        &get(&running, "/read", "opaque").await,
        401,
        "withdrawn, and asked again",
    );
}

async fn an_answer_is_asked_for_again_when_its_time_is_over(host: &dyn Host) {
    let clock = clock(host);
    let (issuer, spec) = asking(&clock, "cache_s = 5\nnegative_cache_s = 2").await;
    let app = spec.write();
    let running = start(&app, &clock).await;
    issuer.says_of("opaque", issuer.active("alice", "read"));
    for round in ["asked", "remembered"] {
        status(&get(&running, "/read", "opaque").await, 200, round);
    }
    issuer.withdraw("opaque");
    status(&get(&running, "/read", "opaque").await, 200, "withdrawn");
    clock.advance(5).await;
    for round in ["asked again", "remembered"] {
        status(&get(&running, "/read", "opaque").await, 401, round);
    }
    issuer.says_of("opaque", issuer.active("alice", "read"));
    clock.advance(2).await;
    status(&get(&running, "/read", "opaque").await, 200, "known again");
    assert_eq!(issuer.asked_about(), ["opaque"; 3], "once each time");
}

async fn an_answer_is_not_kept_beyond_its_end() {
    let clock = clock(&InProcess);
    let (issuer, spec) = asking(&clock, "cache_s = 3600").await;
    let app = spec.write();
    let running = start(&app, &clock).await;
    let mut answer = issuer.active("alice", "read");
    answer["exp"] = json!(clock.now() + 100);
    issuer.says_of("opaque", answer);
    status(&get(&running, "/read", "opaque").await, 200, "asked");
    clock.advance(99).await;
    status(
        &get(&running, "/read", "opaque").await,
        200,
        "before its end",
    );
    assert_eq!(issuer.asked_about().len(), 1, "remembered until its end");
    clock.advance(1).await;
    issuer.withdraw("opaque");
    status(&get(&running, "/read", "opaque").await, 401, "at its end");
    assert_eq!(issuer.asked_about().len(), 2, "asked again at its end");
}

async fn without_a_cache_each_request_asks(host: &dyn Host) {
    let clock = clock(host);
    let (issuer, spec) = asking(&clock, "cache_s = 0\nnegative_cache_s = 0").await;
    let app = spec.write();
    let running = start(&app, &clock).await;
    issuer.says_of("opaque", issuer.active("alice", "read"));
    for _ in 0..3 {
        status(&get(&running, "/read", "opaque").await, 200, "active");
    }
    issuer.withdraw("opaque");
    for _ in 0..2 {
        status(
            &get(&running, "/read", "opaque").await,
            401,
            "withdrawn, seen at once",
        );
    }
    assert_eq!(issuer.asked_about().len(), 5, "each request asks");
}

async fn a_negative_answer_is_kept_briefly() {
    let clock = clock(&InProcess);
    let (issuer, spec) = asking(&clock, "negative_cache_s = 10").await;
    let app = spec.write();
    let running = start(&app, &clock).await;
    for _ in 0..5 {
        status(&get(&running, "/read", "opaque").await, 401, "not active");
    }
    assert_eq!(issuer.asked_about().len(), 1, "asked once");
    issuer.says_of("opaque", issuer.active("alice", "read"));
    clock.advance(9).await;
    status(
        &get(&running, "/read", "opaque").await,
        401,
        "within ten seconds",
    );
    clock.advance(1).await;
    status(
        &get(&running, "/read", "opaque").await,
        200,
        "after ten seconds",
    );
    assert_eq!(issuer.asked_about().len(), 2, "asked twice");
}

async fn a_token_that_expires_is_refused_even_if_the_issuer_still_vouches() {
    let clock = clock(&InProcess);
    let (issuer, spec) = asking(&clock, "").await;
    let app = spec.write();
    let running = start(&app, &clock).await;
    let mut answer = issuer.active("alice", "read");
    answer["exp"] = json!(clock.now() + 30);
    issuer.says_of("opaque", answer);
    status(
        &get(&running, "/read", "opaque").await,
        200,
        "before its end",
    );
    // No leeway helps after so long.
    clock.advance(30 + 300).await;
    status(
        &get(&running, "/read", "opaque").await,
        401,
        "after its end",
    );
}

async fn an_answer_without_audience_counts_only_where_the_policy_says_so(host: &dyn Host) {
    for (lines, expected) in [("", 401), ("missing_audience = \"accept\"", 200)] {
        let clock = clock(host);
        let (issuer, spec) = asking(&clock, lines).await;
        let app = spec.write();
        let running = start(&app, &clock).await;
        let mut answer = issuer.active("alice", "read");
        answer.as_object_mut().unwrap().remove("aud");
        issuer.says_of("without", answer);
        let mut other = issuer.active("alice", "read");
        other["aud"] = json!("https://other.example");
        issuer.says_of("other", other);
        let answer = get(&running, "/read", "without").await;
        status(&answer, expected, &format!("no audience with {lines:?}"));
        let answer = get(&running, "/read", "other").await;
        status(&answer, 401, &format!("another audience with {lines:?}"));
    }
}

async fn requests_with_the_same_token_share_one_question(host: &dyn Host) {
    let clock = clock(host);
    let (issuer, spec) = asking(&clock, "").await;
    let app = spec.write();
    let running = start(&app, &clock).await;
    issuer.says_of("warm", issuer.active("alice", "read"));
    issuer.says_of("opaque", issuer.active("alice", "read"));
    status(
        &get(&running, "/read", "warm").await,
        200,
        "the first token",
    );
    issuer.behaves(INTROSPECTION, Behaviour::Stall);
    let tokens = vec!["opaque".to_owned(); 12];
    let recover = async {
        issuer
            .until("it is asked", |issuer| issuer.stalled() > 0)
            .await;
        issuer.recover();
    };
    let (answers, ()) = futures::join!(get_at_once(&running, "/read", &tokens), recover);
    for answer in answers {
        status(&answer, 200, "one of twelve");
    }
    let asked = issuer.asked_about().len() - 1;
    // How many instances they meet depends on the machine. If nothing was shared, each request would ask.
    assert!(
        asked < tokens.len(),
        "twelve requests, {asked} questions: one for each instance is due"
    );
}

async fn two_issuers_with_the_same_token_do_not_share_an_answer(host: &dyn Host) {
    let clock = clock(host);
    let one = Issuer::start_with_clock(&clock).await;
    let other = Issuer::start_with_clock(&clock).await;
    for issuer in [&one, &other] {
        issuer.introspected_by(Client::Basic("gate", crate::SECRET));
    }
    let policy = format!(
        "{}{}[identity]\n\"x-auth-subject\" = \"sub\"\n\n\
         [[route]]\npath = \"/one\"\nissuer = [\"one\"]\n\n\
         [[route]]\npath = \"/other\"\nissuer = [\"other\"]\n",
        introspecting(&one, "one", ""),
        introspecting(&other, "other", "")
    );
    let app = with_secret(policy).write();
    let running = start(&app, &clock).await;
    one.says_of("same", one.active("alice", ""));
    other.says_of("same", other.active("bob", ""));
    one.says_of("of-one", one.active("alice", ""));
    for round in 0..3 {
        for (target, expected) in [("/one", "alice"), ("/other", "bob")] {
            let answer = get(&running, target, "same").await;
            status(&answer, 200, target);
            assert_eq!(
                seen(&answer, "x-auth-subject"),
                [expected],
                "{target}, round {round}"
            );
        }
        status(
            &get(&running, "/one", "of-one").await,
            200,
            "a token of one, at one",
        );
        status(
            &get(&running, "/other", "of-one").await,
            401,
            "a token of one, at the other",
        );
    }
}

async fn a_token_that_is_too_long_or_none_is_refused_without_asking(host: &dyn Host) {
    let clock = clock(host);
    let (issuer, spec) = asking(&clock, "").await;
    let app = spec.write();
    let running = start(&app, &clock).await;
    let long = "x".repeat(16 * 1024 + 1);
    for (what, token, expected) in [
        // A client that was told that its token is not valid would get another one, and ask again.
        ("16,385 bytes", long.as_str(), 431),
        ("two words", "a b", 400),
        ("a form field", "a&token=b", 400),
        ("not ASCII", "caf\u{e9}", 400),
    ] {
        let answer = get(&running, "/read", token).await;
        status(&answer, expected, what);
    }
    assert_eq!(
        issuer.requests(INTROSPECTION),
        0,
        "nobody is asked about them"
    );
}
