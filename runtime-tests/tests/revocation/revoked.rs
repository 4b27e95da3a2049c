//! What is revoked is refused, also when its verification is remembered, and nothing else is.

use crate::REFRESH_S;
use doorward_runtime_tests::app::{App, AppSpec};
use doorward_runtime_tests::cases;
use doorward_runtime_tests::clocked::{Clock, clock, get, start, start_forgetful, store};
use doorward_runtime_tests::credential::{Revoked, revocation};
use doorward_runtime_tests::gated::status;
use doorward_runtime_tests::host::Host;
use doorward_runtime_tests::issuer::{AUDIENCE, Issuer};
use doorward_runtime_tests::run::Case;
use serde_json::{Value, json};

pub const CASES: &[Case] =
    cases![what_is_revoked_is_refused_within_the_refresh_interval_although_it_is_remembered,];

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
