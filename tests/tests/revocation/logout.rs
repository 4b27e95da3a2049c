//! OpenID Connect Back-Channel Logout 1.0: an issuer that says that a session has ended is heard.

use crate::REFRESH_S;
use crate::api::app::{App, AppSpec};
use crate::api::client::{Answer, Ask};
use crate::api::clocked::{
    all_events, clock, get, start, start_forgetful, stored, stored_names, until,
};
use crate::api::credential::REVOKED;
use crate::api::gated::status;
use crate::api::host::{Host, Running};
use crate::api::issuer::{Behaviour, Issuer, Key};
use crate::api::run::Case;
use crate::api::run::cases;
use crate::revoked::policy;
use serde_json::Value;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

pub const CASES: &[Case] = cases![
    a_session_that_has_ended_takes_its_tokens_with_it,
    a_subject_that_has_logged_out_has_no_tokens_from_before,
    with_session_and_subject_tokens_that_name_no_session_end_too,
    a_logout_is_seen_by_every_host_within_the_refresh_interval,
    a_logout_token_is_accepted_once,
    a_logout_with_a_key_that_is_new_is_heard,
    a_logout_with_a_key_that_is_newer_than_those_in_the_store_is_heard,
    a_logout_that_cannot_be_judged_or_written_is_a_503,
    a_logout_with_an_unknown_key_is_a_503_while_the_issuer_may_not_be_asked,
    only_a_post_to_the_very_path_is_a_logout,
    who_sends_logout_tokens_that_prove_false_waits_and_nobody_else,
];

/// How old keys may be for an unknown one to be refused for good, in seconds.
const SHORT_S: u64 = 5;
pub const LOGOUT: &str = "/logout/test";

/// An application whose gate hears the logout tokens of `issuer` for the client `shop`.
pub fn app(issuer: &Issuer) -> AppSpec {
    let lines = format!(
        "[revocation]\n\n[issuer.test.logout]\npath = \"{LOGOUT}\"\nclient_id = [\"shop\", \"app\"]\n"
    );
    AppSpec::gated("echo", policy(&[("test", issuer)], &lines))
}

/// The same, where keys are old after [`SHORT_S`].
fn with_short_cooldown(issuer: &Issuer) -> AppSpec {
    let mut spec = app(issuer);
    let url = format!("url = \"{}\"\n", issuer.url());
    let lines = format!("{url}unknown_key_cooldown_s = {SHORT_S}\n");
    spec.policy = spec.policy.map(|policy| policy.replace(&url, &lines));
    spec
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

async fn a_session_that_has_ended_takes_its_tokens_with_it(host: &dyn Host) {
    let clock = clock(host);
    let issuer = Issuer::start_with_clock(&clock).await;
    let app = app(&issuer).write();
    let running = start(&app, &clock).await;
    let ends = token(&issuer, "alice", Some("s1"));
    let stays = token(&issuer, "alice", Some("s2"));
    let none = token(&issuer, "alice", None);
    let bob = token(&issuer, "bob", Some("s3"));
    let tokens = [ends.as_str(), &stays, &none, &bob];
    for round in ["verified", "remembered"] {
        assert_eq!(statuses(&running, &tokens).await, [200; 4], "{round}");
    }
    let logout = issuer.sign_logout(&claims(&issuer, "1", &[("sid", "s1")]));
    let answer = post(&running, &logout).await;
    status(&answer, 200, "the logout");
    assert_eq!(answer.header("cache-control"), Some("no-store"), "§2.8");
    assert_eq!(answer.body, b"", "there is nothing to say");
    // The instance that has written it knows at once.
    assert_eq!(
        statuses(&running, &tokens).await,
        [401, 200, 200, 200],
        "afterwards"
    );
    clock.advance(REFRESH_S).await;
    assert_eq!(
        statuses(&running, &tokens).await,
        [401, 200, 200, 200],
        "and later"
    );
    let renewed = token(&issuer, "alice", Some("s1"));
    assert_eq!(
        statuses(&running, &[&renewed]).await,
        [401],
        "a session does not come back"
    );
    let told = all_events(&running, "logged-out").await;
    assert_eq!(told.len(), 1, "the log says so: {told:?}");
}

async fn a_subject_that_has_logged_out_has_no_tokens_from_before(host: &dyn Host) {
    let clock = clock(host);
    let issuer = Issuer::start_with_clock(&clock).await;
    let app = app(&issuer).write();
    let running = start(&app, &clock).await;
    let with = token(&issuer, "alice", Some("s1"));
    let without = token(&issuer, "alice", None);
    let bob = token(&issuer, "bob", Some("s1"));
    let tokens = [with.as_str(), &without, &bob];
    assert_eq!(statuses(&running, &tokens).await, [200; 3], "before");
    clock.advance(1).await;
    let logout = issuer.sign_logout(&claims(&issuer, "1", &[("sub", "alice")]));
    status(&post(&running, &logout).await, 200, "the logout");
    assert_eq!(
        statuses(&running, &tokens).await,
        [401, 401, 200],
        "afterwards"
    );
    clock.advance(1).await;
    let again = token(&issuer, "alice", None);
    assert_eq!(
        statuses(&running, &[&again]).await,
        [200],
        "logged in again"
    );
}

async fn with_session_and_subject_tokens_that_name_no_session_end_too(host: &dyn Host) {
    let clock = clock(host);
    let issuer = Issuer::start_with_clock(&clock).await;
    let app = app(&issuer).write();
    let running = start(&app, &clock).await;
    let session = token(&issuer, "alice", Some("s1"));
    let other_session = token(&issuer, "alice", Some("s2"));
    let no_session = token(&issuer, "alice", None);
    let bob = token(&issuer, "bob", None);
    let tokens = [session.as_str(), &other_session, &no_session, &bob];
    assert_eq!(statuses(&running, &tokens).await, [200; 4], "before");
    let logout = issuer.sign_logout(&claims(&issuer, "1", &[("sub", "alice"), ("sid", "s1")]));
    status(&post(&running, &logout).await, 200, "the logout");
    assert_eq!(
        statuses(&running, &tokens).await,
        [401, 200, 401, 200],
        "the session, and what may belong to it"
    );
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

async fn a_logout_token_is_accepted_once(host: &dyn Host) {
    let clock = clock(host);
    let issuer = Issuer::start_with_clock(&clock).await;
    let app = app(&issuer).write();
    let one = start(&app, &clock).await;
    let other = start_forgetful(&app, &clock).await;
    let logout = issuer.sign_logout(&claims(&issuer, "1", &[("sub", "alice")]));
    status(&post(&one, &logout).await, 200, "the first time");
    let entries = stored_names(&app, REVOKED);
    for round in 0..2 {
        status(&post(&one, &logout).await, 400, &format!("again, {round}"));
        status(
            &post(&other, &logout).await,
            400,
            &format!("at another host, {round}"),
        );
        // Well within the time that the token is good for.
        clock.advance(if clock.is_own() { 30 } else { 1 }).await;
    }
    // Another token under the same id is a replay too.
    let same_id = issuer.sign_logout(&claims(&issuer, "1", &[("sub", "bob")]));
    status(
        &post(&one, &same_id).await,
        400,
        "another token with the same id",
    );
    assert_eq!(
        stored_names(&app, REVOKED),
        entries,
        "nothing more is written"
    );
    let next = issuer.sign_logout(&claims(&issuer, "2", &[("sub", "bob")]));
    status(&post(&one, &next).await, 200, "the next one");
}

async fn who_sends_logout_tokens_that_prove_false_waits_and_nobody_else(host: &dyn Host) {
    const AT_ONCE: usize = 30;
    let clock = clock(host);
    let issuer = Issuer::start_with_clock(&clock).await;
    let mut spec = app(&issuer);
    let proxy =
        "\n[proxy]\ntrusted_hops = 1\ntrusted_networks = [\"127.0.0.0/8\", \"192.0.2.0/24\"]\n";
    spec.policy = spec.policy.map(|policy| policy + proxy);
    let app = spec.write();
    let running = start(&app, &clock).await;
    let send = async |token: &str, from: &str| {
        let ask = Ask::new("POST", LOGOUT).form(&format!("logout_token={token}"));
        let ask = ask.header("X-Forwarded-For", from);
        ask.send(running.address).await
    };
    let [mallory, other] = ["198.51.100.66", "198.51.100.7"];
    let genuine = |id: &str| issuer.sign_logout(&claims(&issuer, id, &[("sub", "alice")]));
    // The signature of another one.
    let (first, second) = (genuine("x"), genuine("y"));
    let (signed, _) = first.rsplit_once('.').unwrap();
    let (_, signature) = second.rsplit_once('.').unwrap();
    let forged = format!("{signed}.{signature}");
    for number in 0..AT_ONCE {
        let answer = send(&forged, mallory).await;
        // Or it is not known yet, because the issuer cannot be asked for its keys each time.
        assert!(matches!(answer.status, 400 | 503), "forged token {number}");
    }
    let answer = send(&forged, mallory).await;
    status(&answer, 429, "one too many");
    assert_eq!(answer.header("retry-after"), Some("1"), "it says when");
    for number in 0..2 * AT_ONCE {
        let answer = send(&genuine(&number.to_string()), other).await;
        status(
            &answer,
            200,
            &format!("genuine token {number}, from elsewhere"),
        );
    }
    clock.advance(1).await;
    let answer = send(&forged, mallory).await;
    assert_ne!(answer.status, 429, "a second later there is one again");
}

async fn a_logout_with_a_key_that_is_new_is_heard(host: &dyn Host) {
    let clock = clock(host);
    let issuer = Issuer::start_with_clock(&clock).await;
    let app = with_short_cooldown(&issuer).write();
    let running = start(&app, &clock).await;
    let alice = token(&issuer, "alice", None);
    assert_eq!(statuses(&running, &[&alice]).await, [200], "before");
    clock.advance(SHORT_S).await;
    issuer.publish(vec![Key::p256("new"), issuer.key()]);
    let logout = issuer.sign_logout(&claims(&issuer, "1", &[("sub", "alice")]));
    status(
        &post(&running, &logout).await,
        200,
        "signed with a key that is new",
    );
    assert_eq!(statuses(&running, &[&alice]).await, [401], "afterwards");
}

async fn a_logout_with_a_key_that_is_newer_than_those_in_the_store_is_heard(host: &dyn Host) {
    let clock = clock(host);
    let issuer = Issuer::start_with_clock(&clock).await;
    let app = with_short_cooldown(&issuer).write();
    let (ahead, behind) = (start(&app, &clock).await, start(&app, &clock).await);
    for host in [&ahead, &behind] {
        let alice = token(&issuer, "alice", None);
        assert_eq!(statuses(host, &[&alice]).await, [200], "the first set");
    }
    clock.advance(SHORT_S).await;
    issuer.publish(vec![Key::p256("second")]);
    let alice = token(&issuer, "alice", None);
    assert_eq!(statuses(&ahead, &[&alice]).await, [200], "the second set");
    until("the second set is stored", || {
        let record = stored(&app, "doorward/keys/test").unwrap_or_default();
        String::from_utf8_lossy(&record).contains("second")
    })
    .await;
    clock.advance(SHORT_S).await;
    issuer.publish(vec![Key::p256("third")]);
    let logout = issuer.sign_logout(&claims(&issuer, "1", &[("sub", "alice")]));
    let answer = post(&behind, &logout).await;
    status(
        &answer,
        200,
        "the third set, at the host that has the first",
    );
}

async fn a_logout_with_an_unknown_key_is_a_503_while_the_issuer_may_not_be_asked(host: &dyn Host) {
    let clock = clock(host);
    let issuer = Issuer::start_with_clock(&clock).await;
    let app = app(&issuer).write();
    let running = start(&app, &clock).await;
    let alice = token(&issuer, "alice", None);
    assert_eq!(statuses(&running, &[&alice]).await, [200], "before");
    let made_up = Key::p256("made-up");
    let sign = |key: &Key, id: &str| {
        let header = serde_json::json!({ "typ": "logout+jwt" });
        key.sign_with_header(&header, &claims(&issuer, id, &[("sub", "alice")]))
    };
    for _ in 0..3 {
        let answer = post(&running, &sign(&made_up, "1")).await;
        status(&answer, 400, "a key that the issuer was just asked for");
    }
    // Nobody may keep a logout from being heard by asking for keys before it.
    issuer.publish(vec![Key::p256("new"), issuer.key()]);
    let logout = sign(&issuer.key(), "2");
    let mut seconds = 0;
    for round in 0..2 {
        let answer = post(&running, &logout).await;
        status(&answer, 503, &format!("a new key in the pause, {round}"));
        let value = answer.header("retry-after").unwrap_or_default();
        seconds = value.parse().unwrap();
        assert!((1..=10).contains(&seconds), "Retry-After {value:?}");
    }
    assert_eq!(statuses(&running, &[&alice]).await, [200], "not heard yet");
    clock.advance(seconds).await;
    let answer = post(&running, &logout).await;
    status(
        &answer,
        200,
        "the same token, when it was told to come back",
    );
    assert_eq!(statuses(&running, &[&alice]).await, [401], "afterwards");
}

async fn a_logout_that_cannot_be_judged_or_written_is_a_503(host: &dyn Host) {
    let clock = clock(host);
    let issuer = Issuer::start_with_clock(&clock).await;
    issuer.all_behave(&Behaviour::Close);
    let app_of = app(&issuer);
    let running_app: App = app_of.write();
    let running = start(&running_app, &clock).await;
    let logout = issuer.sign_logout(&claims(&issuer, "1", &[("sub", "alice")]));
    let answer = post(&running, &logout).await;
    status(&answer, 503, "the issuer is down");
    let seconds = answer.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=60).contains(&seconds), "when to come back: {seconds}");
    issuer.recover();
    clock.advance(seconds).await;
    status(
        &post(&running, &logout).await,
        200,
        "the same token, once the issuer is up",
    );

    let mut without_store = app(&issuer);
    without_store.stores = vec![];
    let app = without_store.write();
    let running = start(&app, &clock).await;
    let logout = issuer.sign_logout(&claims(&issuer, "2", &[("sub", "alice")]));
    let answer = post(&running, &logout).await;
    status(&answer, 503, "without the store");
}

async fn only_a_post_to_the_very_path_is_a_logout(host: &dyn Host) {
    let clock = clock(host);
    let issuer = Issuer::start_with_clock(&clock).await;
    let app = app(&issuer).write();
    let running = start(&app, &clock).await;
    let number = AtomicUsize::new(1);
    let ask = async |method: &str, target: &str| {
        let number = number.fetch_add(1, SeqCst);
        let id = number.to_string();
        let logout = issuer.sign_logout(&claims(&issuer, &id, &[("sub", "alice")]));
        let ask = Ask::new(method, target).form(&format!("logout_token={logout}"));
        ask.send(running.address).await
    };
    for (method, target) in [
        ("GET", LOGOUT),
        ("PUT", LOGOUT),
        ("DELETE", LOGOUT),
        ("POST", "/logout/test/"),
        ("POST", "/logout/TEST"),
        ("POST", "/logout"),
        ("POST", "/logout/test2"),
    ] {
        let answer = ask(method, target).await;
        status(
            &answer,
            403,
            &format!("{method} {target}, for which there is no rule"),
        );
    }
    for target in [
        "//logout/test",
        "/logout/./test",
        "/logout/%74est",
        "/x/../logout/test",
    ] {
        let answer = ask("POST", target).await;
        assert!(
            [400, 403].contains(&answer.status),
            "{target}: {}",
            answer.status
        );
    }
    assert!(
        stored_names(&app, REVOKED).is_empty(),
        "none of them was a logout"
    );
    status(&ask("POST", LOGOUT).await, 200, "a POST to the path");
}
