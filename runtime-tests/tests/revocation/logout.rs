//! OpenID Connect Back-Channel Logout 1.0: an issuer that says that a session has ended is heard.

use crate::REFRESH_S;
use crate::revoked::policy;
use doorward_runtime_tests::app::AppSpec;
use doorward_runtime_tests::cases;
use doorward_runtime_tests::client::{Answer, Ask};
use doorward_runtime_tests::clocked::{clock, get, start, start_forgetful};
use doorward_runtime_tests::gated::status;
use doorward_runtime_tests::host::{Host, Running};
use doorward_runtime_tests::issuer::Issuer;
use doorward_runtime_tests::run::Case;
use serde_json::Value;

pub const CASES: &[Case] = cases![a_logout_is_seen_by_every_host_within_the_refresh_interval,];

pub const LOGOUT: &str = "/logout/test";

/// An application whose gate hears the logout tokens of `issuer` for the client `shop`.
pub fn app(issuer: &Issuer) -> AppSpec {
    let lines = format!(
        "[revocation]\n\n[issuer.test.logout]\npath = \"{LOGOUT}\"\nclient_id = [\"shop\", \"app\"]\n"
    );
    AppSpec::gated("echo", policy(&[("test", issuer)], &lines))
}

/// Claims of a logout token with these members.
pub fn claims(issuer: &Issuer, id: &str, members: &[(&str, &str)]) -> Value {
    let mut claims = issuer.logout_claims("shop", id);
    for (name, value) in members {
        claims[*name] = (*value).into();
    }
    claims
}

pub async fn post(running: &Running, token: &str) -> Answer {
    let ask = Ask::new("POST", LOGOUT).form(&format!("logout_token={token}"));
    ask.send(running.address).await
}

fn token(issuer: &Issuer, subject: &str, session: Option<&str>) -> String {
    let mut claims = issuer.claims(subject, "read");
    if let Some(session) = session {
        claims["sid"] = session.into();
    }
    issuer.key().sign(&claims)
}

async fn statuses(running: &Running, tokens: &[&str]) -> Vec<u16> {
    let mut statuses = Vec::new();
    for token in tokens {
        statuses.push(get(running, "/read", token).await.status);
    }
    statuses
}

async fn a_logout_is_seen_by_every_host_within_the_refresh_interval(host: &dyn Host) {
    let clock = clock(host);
    let issuer = Issuer::start_with_clock(&clock).await;
    let app = app(&issuer).write();
    let (one, other) = (start(&app, &clock).await, start(&app, &clock).await);
    let alice = token(&issuer, "alice", Some("s1"));
    for host in [&one, &other] {
        assert_eq!(statuses(host, &[&alice, &alice]).await, [200; 2], "before");
    }
    let logout = issuer.sign_logout(&claims(&issuer, "1", &[("sid", "s1")]));
    status(&post(&one, &logout).await, 200, "the logout");
    assert_eq!(
        statuses(&one, &[&alice]).await,
        [401],
        "the host that heard it"
    );
    clock.advance(REFRESH_S).await;
    assert_eq!(
        statuses(&other, &[&alice, &alice]).await,
        [401; 2],
        "the other one"
    );
    let third = start_forgetful(&app, &clock).await;
    assert_eq!(
        statuses(&third, &[&alice]).await,
        [401],
        "one that is started later"
    );
}
