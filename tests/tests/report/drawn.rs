//! The same policy, enforced and in report mode, with the same requests.

use crate::{HOUR, Modes, Scene, is_of_nobody};
use doorward_tests::numbers::Numbers;
use doorward_tests::sim::client::Answer;
use doorward_tests::sim::client::Sent;
use doorward_tests::sim::message::Manner;
use doorward_tests::sim::world::BEGIN_S;
use serde_json::json;

/// Classes of what is refused in any mode, as far as it is drawn here.
const ALWAYS: [&str; 5] = [
    "malformed-request",
    "target-too-long",
    "headers-too-large",
    "body-too-large",
    "unsupported-media-type",
];

/// That of a refusal.
fn class(answer: &Answer) -> String {
    let document = answer.json();
    let class = document["type"].as_str().unwrap_or_default();
    class.rsplit(':').next().unwrap_or_default().to_owned()
}

/// So many requests are drawn.
const DRAWN: usize = 1500;

/// A request that is drawn, twice the same.
fn drawn(numbers: &mut Numbers, credentials: &[(&str, String)]) -> impl Fn() -> Sent + use<> {
    let one = |numbers: &mut Numbers, of: &[&str]| of[numbers.below(of.len())].to_owned();
    let target = one(
        numbers,
        &[
            "/items/7",
            "/items/7?a=1",
            "/ITEMS/7",
            "/items/7/8",
            "/items/%2e%2e",
            "/items//7",
            "/both",
            "/free",
            "/nowhere",
            &format!("/items/{}", "7".repeat(1000)),
        ],
    );
    let method = one(numbers, &["GET", "POST", "DELETE", "OPTIONS", "get"]);
    let count = [0, 1, 1, 1, 1, 1, 1, 2][numbers.below(8)];
    let fields: Vec<_> = (0..count)
        .map(|_| credentials[numbers.below(credentials.len())].clone())
        .map(|(name, value)| (name.to_owned(), value))
        .collect();
    let spoofed = one(
        numbers,
        &[
            "x-auth-subject",
            "X_Auth_Subject",
            "x-forwarded-user",
            "x-other",
            "x-app-token",
        ],
    );
    let site = one(numbers, &["same-origin", "cross-site", "none"]);
    let body = one(numbers, &["", "", "short", "longer than ten"]);
    let kind = one(numbers, &["text/plain", "text/plain", "image/png"]);
    move || {
        let mut sent = Sent::post(&target, body.as_bytes()).with_method(&method);
        if !body.is_empty() {
            sent = sent.field("content-type", &kind).with_length();
        }
        for (name, value) in &fields {
            sent = sent.field(name, value);
        }
        sent.field(&spoofed, "root").field("sec-fetch-site", &site)
    }
}

#[test]
fn a_policy_in_report_mode_refuses_only_what_is_always_refused_and_names_nobody_whom_it_would_not()
{
    let reported = Modes {
        policy: HOUR,
        ..Modes::default()
    };
    let mut numbers = Numbers::new(17);
    let (mut admitted, mut always, mut passed) = (0, 0, 0);
    for is_gateway in [true, false] {
        let enforcing = Scene::on(Modes::default(), Manner::default(), is_gateway);
        let reporting = Scene::on(reported, Manner::default(), is_gateway);
        let good = enforcing.token(json!({}));
        let narrow = enforcing.token(json!({ "scope": "write" }));
        let old = enforcing.token(json!({ "exp": BEGIN_S - 1000 }));
        let forged = enforcing.forged(&enforcing.acme);
        let new = enforcing
            .new
            .token_by("second", &enforcing.stage.world, json!({}));
        let mut credentials: Vec<(&str, String)> = Vec::new();
        for token in [&good, &good, &new, &narrow, &old, &forged] {
            credentials.push(("authorization", format!("Bearer {token}")));
            credentials.push(("cookie", format!("session={token}; other=1")));
        }
        credentials.push(("authorization", "Bearer a b".to_owned()));
        credentials.push(("authorization", "Basic a".to_owned()));
        credentials.push(("x-api-key", enforcing.key.clone()));
        credentials.push(("x-api-key", format!("{}x", enforcing.key)));
        for number in 0..DRAWN {
            let sent = drawn(&mut numbers, &credentials);
            let both = [&enforcing, &reporting].map(|scene| {
                scene.app.forget();
                let answer = scene.send(sent());
                (answer, scene.app.seen().pop())
            });
            let [(enforced, let_through), (answer, seen)] = both;
            let what = format!("{number}: {:?} {}", enforced.text(), enforced.status);
            let (class, now) = (class(&enforced), class(&answer));
            let is_always =
                |class: &str| ALWAYS.contains(&class) || class == "malformed-credential";
            match (let_through, seen) {
                (Some(let_through), Some(seen)) => {
                    admitted += 1;
                    assert_eq!(answer.status, enforced.status, "{what}");
                    assert_eq!(reporting.would(), None, "{what}");
                    let (mut one, mut other) = (seen.fields.clone(), let_through.fields.clone());
                    let same = |name: &str| !["traceparent", "x-request-id"].contains(&name);
                    one.retain(same);
                    other.retain(same);
                    assert!(one == other, "{what}: {one:?} instead of {other:?}");
                    assert_eq!(seen.target, let_through.target, "{what}");
                }
                (None, None) => {
                    always += 1;
                    // What no rule lists has bounds, too, once it may pass.
                    assert!(is_always(&now), "{what}: {now}");
                    assert!(now == class || class == "forbidden", "{what}: {now}");
                    assert_eq!(reporting.would(), None, "{what}");
                }
                (None, Some(seen)) => {
                    passed += 1;
                    assert_eq!(answer.status, 200, "{what}");
                    assert!(!ALWAYS.contains(&class.as_str()), "{what}");
                    assert_eq!(reporting.would(), Some(class.as_str()), "{what}");
                    is_of_nobody(&reporting, &seen, &what);
                }
                (Some(_), None) => panic!("{what}: it was refused as {}", answer.text()),
            }
        }
    }
    for (count, what) in [
        (admitted, "let through"),
        (always, "refused"),
        (passed, "passed"),
    ] {
        assert!(count > 200, "only {count} were {what}");
    }
}
