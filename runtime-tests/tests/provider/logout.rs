//! Back-channel logout, as the provider tells of it.

use crate::{Time, events, expect, introspecting};
use doorward_runtime_tests::app::AppSpec;
use doorward_runtime_tests::gated::status;
use doorward_runtime_tests::host::Host;
use doorward_runtime_tests::provider::{Person, Provider, jwt, jwt_of_session, opaque, post};

/// Where the gate is told of logouts.
const LOGOUT: &str = "/logout/provider";
/// How soon the gate sees what was written to its store, in seconds.
const REFRESH_S: u64 = 5;

/// An application that is told of logouts, with opaque and signed tokens on one route.
fn logged_out(provider: &Provider, client: &str) -> AppSpec {
    let logout = format!(
        r#"
        [issuer.provider.logout]
        path = "{LOGOUT}"
        client_id = "{client}"

        [revocation]

        [store]
        refresh_s = {REFRESH_S}
        "#
    );
    introspecting(provider, "gate-basic", &logout)
}

/// The tokens of somebody's session: by what they are.
async fn tokens_of(person: &mut Person<'_>) -> Vec<(&'static str, String)> {
    vec![
        ("opaque", person.token(&opaque(), "read").await),
        (
            "signed, of a session",
            person.token(&jwt_of_session("EdDSA"), "read").await,
        ),
        ("signed", person.token(&jwt("ES256"), "read").await),
    ]
}

pub async fn a_logout_takes_back_the_tokens_of_the_session_and_is_believed_once(host: &dyn Host) {
    let provider = Provider::start().await;
    let time = Time::of(&provider, host);
    let app = logged_out(&provider, "shop").write();
    let running = time.gate(&app).await;
    let path = format!("http://{}{LOGOUT}", running.address);
    provider.tell_logouts(&path, true).await;

    let mut leaving = provider.sign_in("alice").await;
    let mut elsewhere = provider.sign_in("alice").await;
    let mut bob = provider.sign_in("bob").await;
    let of_leaving = tokens_of(&mut leaving).await;
    let of_elsewhere = tokens_of(&mut elsewhere).await;
    let of_bob = tokens_of(&mut bob).await;
    for (kind, token) in of_leaving.iter().chain(&of_elsewhere).chain(&of_bob) {
        expect(&running, "/read", token, 200, &format!("{kind}, before")).await;
    }
    leaving.sign_out().await;
    let sent = provider.logouts().await;
    let log = events(&running);
    assert_eq!(sent.len(), 1, "the provider tells of one logout");
    assert_eq!(sent[0].status, Some(200), "the logout is taken: {log:#?}");

    time.passes(REFRESH_S + 1).await;
    for (kind, token) in &of_leaving {
        let what = format!("{kind}, of who left");
        expect(&running, "/read", token, 401, &what).await;
    }
    for (kind, token) in &of_elsewhere {
        // It does not say that it is of the other session, so it may be of the one that ended.
        let expected = if *kind == "signed" { 401 } else { 200 };
        let what = format!("{kind}, of the same person elsewhere");
        expect(&running, "/read", token, expected, &what).await;
    }
    for (kind, token) in &of_bob {
        let what = format!("{kind}, of somebody else");
        expect(&running, "/read", token, 200, &what).await;
    }

    let mut back = provider.sign_in("alice").await;
    for (kind, token) in tokens_of(&mut back).await {
        let what = format!("{kind}, of who came back");
        expect(&running, "/read", &token, 200, &what).await;
    }
    for round in ["once more", "and again"] {
        let answer = post(LOGOUT, &[("logout_token", &sent[0].token)])
            .send(running.address)
            .await;
        status(&answer, 400, &format!("the same logout token {round}"));
        time.passes(REFRESH_S + 1).await;
    }
    for (kind, token) in tokens_of(&mut back).await {
        let what = format!("{kind}, of who came back, after the replay");
        expect(&running, "/read", &token, 200, &what).await;
    }
}

pub async fn a_logout_without_a_session_takes_back_all_tokens_of_the_subject(host: &dyn Host) {
    let provider = Provider::start().await;
    let time = Time::of(&provider, host);
    let app = logged_out(&provider, "shop").write();
    let running = time.gate(&app).await;
    let path = format!("http://{}{LOGOUT}", running.address);
    provider.tell_logouts(&path, false).await;

    let mut leaving = provider.sign_in("alice").await;
    let mut elsewhere = provider.sign_in("alice").await;
    let mut bob = provider.sign_in("bob").await;
    let of_alice = [
        tokens_of(&mut leaving).await,
        tokens_of(&mut elsewhere).await,
    ]
    .concat();
    let of_bob = tokens_of(&mut bob).await;
    for (kind, token) in of_alice.iter().chain(&of_bob) {
        expect(&running, "/read", token, 200, &format!("{kind}, before")).await;
    }
    leaving.sign_out().await;
    time.passes(REFRESH_S + 1).await;
    for (kind, token) in &of_alice {
        let what = format!("{kind}, of who left somewhere");
        expect(&running, "/read", token, 401, &what).await;
    }
    for (kind, token) in &of_bob {
        let what = format!("{kind}, of somebody else");
        expect(&running, "/read", token, 200, &what).await;
    }
    let mut back = provider.sign_in("alice").await;
    for (kind, token) in tokens_of(&mut back).await {
        let what = format!("{kind}, of who came back");
        expect(&running, "/read", &token, 200, &what).await;
    }
}

pub async fn nothing_but_a_logout_token_for_us_logs_anybody_out(host: &dyn Host) {
    let provider = Provider::start().await;
    let time = Time::of(&provider, host);
    // It is told of the logouts of another client than it is for.
    let app = logged_out(&provider, "another-shop").write();
    let running = time.gate(&app).await;
    let path = format!("http://{}{LOGOUT}", running.address);
    provider.tell_logouts(&path, true).await;

    let mut alice = provider.sign_in("alice").await;
    let access = alice.token(&jwt_of_session("ES256"), "read").await;
    let identity = alice.id_token().to_owned();
    expect(&running, "/read", &access, 200, "before any logout").await;
    for (what, token) in [("an access token", &access), ("an ID token", &identity)] {
        let answer = post(LOGOUT, &[("logout_token", token)])
            .send(running.address)
            .await;
        status(&answer, 400, what);
    }
    alice.sign_out().await;
    let sent = provider.logouts().await;
    assert_eq!(sent.len(), 1, "the provider tells of one logout");
    assert_eq!(sent[0].status, Some(400), "it is for another client");
    time.passes(REFRESH_S + 1).await;
    expect(&running, "/read", &access, 200, "after none was believed").await;
    let what = "a logout token that is used as an access token";
    expect(&running, "/read", &sent[0].token, 401, what).await;
    let what = "an ID token that is used as an access token";
    expect(&running, "/read", &identity, 401, what).await;
}
