//! What is revoked is refused, also when its verification is remembered, and nothing else is.

use crate::REFRESH_S;
use crate::api::app::{App, AppSpec};
use crate::api::clocked::{Clock, clock, get, start, start_forgetful, store};
use crate::api::credential::{Revoked, revocation};
use crate::api::gated::status;
use crate::api::host::Host;
use crate::api::issuer::{AUDIENCE, Client, Issuer};
use crate::api::run::Case;
use crate::api::run::cases;
use serde_json::{Value, json};

pub const CASES: &[Case] = cases![
    what_is_revoked_is_refused_within_the_refresh_interval_although_it_is_remembered,
    what_was_issued_afterwards_is_accepted,
    an_opaque_token_can_be_revoked_although_its_answer_is_remembered,
    an_opaque_token_has_to_say_since_when_it_is_where_tokens_can_be_revoked,
    a_token_without_an_id_is_revoked_by_its_text_whatever_its_signature,
    a_token_that_lives_too_long_or_does_not_say_since_when_is_refused,
    without_revocation_in_the_policy_the_store_revokes_nothing,
];

pub fn policy(issuers: &[(&str, &Issuer)], lines: &str) -> String {
    let mut policy = String::new();
    for (name, issuer) in issuers {
        policy.push_str(&format!(
            "[issuer.{name}]\nurl = \"{}\"\naudience = \"{AUDIENCE}\"\n\n",
            issuer.url()
        ));
    }
    let names: Vec<String> = issuers
        .iter()
        .map(|(name, _)| format!("\"{name}\""))
        .collect();
    policy.push_str(&format!(
        "[store]\nrefresh_s = {REFRESH_S}\nstale_if_error_s = 0\n\n{lines}\n\n\
         [[route]]\npath = \"/public/**\"\npublic = true\n\n\
         [[route]]\npath = \"/read\"\nissuer = [{}]\nscope = [\"read\"]\n",
        names.join(", ")
    ));
    policy
}

/// Revokes this for an hour.
fn revoke(app: &App, clock: &Clock<'_>, issuer: &Issuer, what: Revoked<'_>) {
    let name = revocation(&issuer.url(), what, clock.now() + 3600);
    store(app).set("default", &name, b"").unwrap();
}

/// A token with these claims besides the usual ones.
fn token(issuer: &Issuer, more: &Value) -> String {
    let mut claims = issuer.claims("alice", "read");
    for (name, value) in more.as_object().unwrap() {
        claims[name] = value.clone();
    }
    issuer.key().sign(&claims)
}

async fn what_is_revoked_is_refused_within_the_refresh_interval_although_it_is_remembered(
    host: &dyn Host,
) {
    let cases: [(&str, Revoked<'_>, &[&str]); 4] = [
        ("a token", Revoked::Token("1"), &["alice-1"]),
        (
            "a subject",
            Revoked::Subject("alice", 0),
            &["alice-1", "alice-2", "alice-plain"],
        ),
        ("a session", Revoked::Session("s"), &["alice-1", "bob"]),
        (
            "all before now",
            Revoked::Everything(0),
            &["alice-1", "alice-2", "alice-plain", "bob"],
        ),
    ];
    for (what, revoked, refused) in cases {
        let clock = clock(host);
        let issuer = Issuer::start_with_clock(&clock).await;
        let other = Issuer::start_with_clock(&clock).await;
        let policy = policy(&[("test", &issuer), ("other", &other)], "[revocation]");
        let app = AppSpec::gated("echo", policy).write();
        let running = start(&app, &clock).await;
        let forgetful = start_forgetful(&app, &clock).await;
        let all = json!({ "jti": "1", "sid": "s" });
        let tokens = [
            ("alice-1", token(&issuer, &all)),
            (
                "alice-2",
                token(&issuer, &json!({ "jti": "2", "sid": "t" })),
            ),
            ("alice-plain", token(&issuer, &json!({}))),
            (
                "bob",
                token(&issuer, &json!({ "jti": "3", "sid": "s", "sub": "bob" })),
            ),
            // Equal in everything but the issuer.
            ("of the other issuer", token(&other, &all)),
        ];
        for round in ["verified", "remembered"] {
            for (whose, token) in &tokens {
                status(
                    &get(&running, "/read", token).await,
                    200,
                    &format!("{whose}, {round}"),
                );
            }
        }
        let revoked = match revoked {
            Revoked::Subject(subject, _) => Revoked::Subject(subject, clock.now()),
            Revoked::Everything(_) => Revoked::Everything(clock.now()),
            revoked => revoked,
        };
        revoke(&app, &clock, &issuer, revoked);
        for (whose, token) in &tokens {
            let expected = if refused.contains(whose) { 401 } else { 200 };
            let answer = get(&forgetful, "/read", token).await;
            status(
                &answer,
                expected,
                &format!("{what}: {whose}, in a new instance"),
            );
        }
        clock.advance(REFRESH_S).await;
        for round in 0..3 {
            for (whose, token) in &tokens {
                let expected = if refused.contains(whose) { 401 } else { 200 };
                let answer = get(&running, "/read", token).await;
                status(
                    &answer,
                    expected,
                    &format!("{what} is revoked: {whose}, {round}"),
                );
            }
        }
        let says_why = |line: &str| line.contains("revoked");
        running.wait_for_log(says_why).await;
    }
}

async fn what_was_issued_afterwards_is_accepted(host: &dyn Host) {
    let clock = clock(host);
    let issuer = Issuer::start_with_clock(&clock).await;
    let app = AppSpec::gated("echo", policy(&[("test", &issuer)], "[revocation]")).write();
    let running = start(&app, &clock).await;
    let before = issuer.token("alice", "read");
    status(&get(&running, "/read", &before).await, 200, "before");
    revoke(
        &app,
        &clock,
        &issuer,
        Revoked::Subject("alice", clock.now()),
    );
    clock.advance(REFRESH_S).await;
    status(&get(&running, "/read", &before).await, 401, "issued before");
    let after = issuer.token("alice", "read");
    status(&get(&running, "/read", &after).await, 200, "issued after");
    revoke(&app, &clock, &issuer, Revoked::Everything(clock.now()));
    clock.advance(REFRESH_S).await;
    status(
        &get(&running, "/read", &after).await,
        401,
        "issued before all was revoked",
    );
    let after = issuer.token("alice", "read");
    status(
        &get(&running, "/read", &after).await,
        200,
        "issued after all was revoked",
    );
}

async fn an_opaque_token_can_be_revoked_although_its_answer_is_remembered(host: &dyn Host) {
    let clock = clock(host);
    let issuer = Issuer::start_with_clock(&clock).await;
    let app = asking(&issuer, "[revocation]");
    let running = start(&app, &clock).await;
    for (token, id, session) in [
        ("by-id", "1", "-"),
        ("by-text", "2", "-"),
        ("by-session", "3", "s"),
        ("stays", "4", "-"),
    ] {
        let mut answer = issuer.active("alice", "read");
        answer["jti"] = id.into();
        answer["sid"] = session.into();
        if token == "by-text" {
            answer.as_object_mut().unwrap().remove("jti");
        }
        issuer.says_of(token, answer);
        status(&get(&running, "/read", token).await, 200, token);
    }
    for what in [
        Revoked::Token("1"),
        Revoked::Text("by-text"),
        Revoked::Session("s"),
    ] {
        revoke(&app, &clock, &issuer, what);
    }
    clock.advance(REFRESH_S).await;
    for (token, expected) in [
        ("by-id", 401),
        ("by-text", 401),
        ("by-session", 401),
        ("stays", 200),
    ] {
        status(&get(&running, "/read", token).await, expected, token);
    }
    assert_eq!(issuer.asked_about().len(), 4, "all answers are remembered");
}

/// An application whose gate asks about opaque tokens, with these lines in its policy.
fn asking(issuer: &Issuer, lines: &str) -> App {
    issuer.introspected_by(Client::Basic("gate", "secret"));
    let lines = format!(
        "{lines}\n\n[issuer.test.introspection]\nclient_id = \"gate\"\n\
         secret = \"client_secret\"\ncache_s = 3600"
    );
    let mut spec = AppSpec::gated("echo", policy(&[("test", issuer)], &lines));
    spec.variables = vec![("client_secret".to_owned(), "secret".to_owned())];
    spec.write()
}

async fn an_opaque_token_has_to_say_since_when_it_is_where_tokens_can_be_revoked(host: &dyn Host) {
    for (lines, expected) in [("", 200), ("[revocation]", 401)] {
        let clock = clock(host);
        let issuer = Issuer::start_with_clock(&clock).await;
        let app = asking(&issuer, lines);
        let running = start(&app, &clock).await;
        let with = issuer.active("alice", "read");
        let mut without = with.clone();
        without.as_object_mut().unwrap().remove("iat");
        issuer.says_of("with", with);
        issuer.says_of("without", without);
        for round in ["asked", "remembered"] {
            let answer = get(&running, "/read", "without").await;
            let what = format!("an answer without iat, {round}, policy {lines:?}");
            status(&answer, expected, &what);
            let answer = get(&running, "/read", "with").await;
            let what = format!("an answer with iat, {round}, policy {lines:?}");
            status(&answer, 200, &what);
        }
    }
}

async fn a_token_without_an_id_is_revoked_by_its_text_whatever_its_signature(host: &dyn Host) {
    let clock = clock(host);
    let issuer = Issuer::start_with_clock(&clock).await;
    let app = AppSpec::gated("echo", policy(&[("test", &issuer)], "[revocation]")).write();
    let running = start(&app, &clock).await;
    let key = crate::api::issuer::Key::p256("ec");
    issuer.publish(vec![key.clone()]);
    // Each time that it is signed it has another signature.
    let claims = issuer.claims("alice", "read");
    let (one, same) = (key.sign(&claims), key.sign(&claims));
    assert_ne!(one, same, "ECDSA signatures are random");
    let other = key.sign(&issuer.claims("bob", "read"));
    for token in [&one, &same, &other] {
        status(&get(&running, "/read", token).await, 200, "before");
    }
    let (input, _) = one.rsplit_once('.').unwrap();
    revoke(&app, &clock, &issuer, Revoked::Text(input));
    clock.advance(REFRESH_S).await;
    status(&get(&running, "/read", &one).await, 401, "the token");
    status(
        &get(&running, "/read", &same).await,
        401,
        "the token with another signature",
    );
    status(&get(&running, "/read", &other).await, 200, "another token");
}

async fn a_token_that_lives_too_long_or_does_not_say_since_when_is_refused(host: &dyn Host) {
    let clock = clock(host);
    let issuer = Issuer::start_with_clock(&clock).await;
    let lines = "[revocation]\ntoken_lifetime_max_s = 7200";
    let app = AppSpec::gated("echo", policy(&[("test", &issuer)], lines)).write();
    let running = start(&app, &clock).await;
    let now = clock.now();
    for (what, more, expected) in [
        (
            "as long as may be",
            json!({ "iat": now, "exp": now + 7200 }),
            200,
        ),
        (
            "a second longer",
            json!({ "iat": now, "exp": now + 7201 }),
            401,
        ),
        ("for a year", json!({ "exp": now + 31_536_000 }), 401),
        ("without iat", json!({ "iat": null }), 401),
    ] {
        for round in ["verified", "remembered"] {
            let answer = get(&running, "/read", &token(&issuer, &more)).await;
            status(
                &answer,
                expected,
                &format!("a token that lives {what}, {round}"),
            );
        }
    }
    let mut claims = issuer.claims("alice", "read");
    claims.as_object_mut().unwrap().remove("iat");
    let answer = get(&running, "/read", &issuer.key().sign(&claims)).await;
    status(&answer, 401, "a token that does not say when it was issued");
}

async fn without_revocation_in_the_policy_the_store_revokes_nothing(host: &dyn Host) {
    let clock = clock(host);
    let issuer = Issuer::start_with_clock(&clock).await;
    let app = AppSpec::gated("echo", policy(&[("test", &issuer)], "")).write();
    revoke(&app, &clock, &issuer, Revoked::Everything(clock.now()));
    let running = start(&app, &clock).await;
    let answer = get(&running, "/read", &issuer.token("alice", "read")).await;
    status(&answer, 200, "a policy without [revocation]");
}
