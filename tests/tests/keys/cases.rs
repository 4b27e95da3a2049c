//! Where the gate has its issuer's keys from, and what it does when the issuer is slow, huge, wrong or
//! down.

use crate::api::app::AppSpec;
use crate::api::client::Ask;
use crate::api::clocked::{Stopwatch, stored, until, until_status};
use crate::api::host::{Host, InProcess};
use crate::api::issuer::{AUDIENCE, Behaviour, Issuer, Key, UNDER_WAY_BYTES_MAX};
use crate::api::run::{Case, cases};
use serde_json::json;
use std::time::Duration;

/// How many fetches unknown keys are a reason for at once, and after how many seconds for one more.
const UNKNOWN_KEY_FETCHES_MAX: u64 = 3;
const UNKNOWN_KEY_PAUSE_S_MAX: u64 = 10;

/// How long a document may take.
const FETCH_TIME_MAX: Duration = Duration::from_secs(5);
/// How many bytes of a document are taken.
const DOCUMENT_BYTES_MAX: u64 = 512 * 1024;

pub const CASES: &[Case] = cases![
    an_issuer_that_misbehaves_is_a_503_with_retry_after,
    an_issuer_that_stalls_is_given_up_within_the_limit,
    an_issuer_that_sends_100_mib_is_cut_off,
    metadata_of_another_issuer_is_not_believed,
    a_redirect_to_another_origin_is_not_followed,
    an_issuer_that_recovers_is_asked_again,
    requests_that_need_the_same_keys_share_one_fetch,
    a_restarted_host_starts_from_the_store_without_the_network,
    what_is_no_record_in_the_store_is_ignored_and_replaced,
    made_up_key_ids_cause_few_further_fetches,
    keys_can_come_from_a_url_or_a_file,
    key_sets_and_metadata_are_read_whatever_they_are_called,
    metadata_are_looked_for_at_each_address,
    keys_of_one_issuer_never_verify_a_token_of_another,
    headers_that_name_keys_are_never_followed,
];

fn policy(issuer: &Issuer) -> String {
    policy_with(issuer, "")
}

fn policy_with(issuer: &Issuer, keys: &str) -> String {
    format!(
        "[issuer.test]\nurl = \"{}\"\naudience = \"{AUDIENCE}\"\n{keys}\n\n\
         [[route]]\npath = \"/**\"\nissuer = [\"test\"]\nscope = [\"read\"]\n",
        issuer.url()
    )
}

async fn an_issuer_that_misbehaves_is_a_503_with_retry_after(host: &dyn Host) {
    let private = json!({ "keys": [{ "kty": "OKP", "crv": "Ed25519", "kid": "ed-1",
        "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
        "d": "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A" }] });
    let behaviours = [
        ("closes the connection", Behaviour::Close),
        ("fails", Behaviour::Status(500)),
        ("has no keys there", Behaviour::Status(404)),
        ("answers with nothing", Behaviour::Status(204)),
        (
            "answers with HTML",
            Behaviour::Content("text/html", b"<html></html>".to_vec()),
        ),
        ("answers with half a document", Behaviour::Truncated),
        ("announces more than it sends", Behaviour::EndsEarly),
        (
            "answers with broken JSON",
            Behaviour::Content("application/json", b"{\"keys\": [".to_vec()),
        ),
        (
            "answers with no keys",
            Behaviour::Content("application/json", b"{\"keys\": []}".to_vec()),
        ),
        (
            "publishes a private key",
            Behaviour::Content("application/json", private.to_string().into_bytes()),
        ),
    ];
    for (what, behaviour) in behaviours {
        for document in ["metadata", "keys"] {
            let issuer = Issuer::start().await;
            if document == "metadata" {
                issuer.metadata_behaves(behaviour.clone());
            } else {
                issuer.keys_behave(behaviour.clone());
            }
            let app = AppSpec::gated("echo", policy(&issuer)).write();
            let running = host.start(&app).await;
            let answer = Ask::get("/a")
                .bearer(&issuer.token("alice", "read"))
                .send(running.address)
                .await;
            let what = format!("the issuer {what} ({document})");
            assert_eq!(answer.status, 503, "{what}: {}", answer.text());
            let retry: u64 = answer
                .header("retry-after")
                .expect(&what)
                .parse()
                .expect(&what);
            assert!((1..=60).contains(&retry), "{what}: Retry-After {retry}");
            assert!(
                !answer.text().contains("127.0.0.1"),
                "{what}: the issuer is named outside"
            );
            let log = running.whole_log().await.join("\n");
            assert!(
                log.contains("keys-unavailable"),
                "{what}: the log says so: {log}"
            );
        }
    }
}

async fn an_issuer_that_stalls_is_given_up_within_the_limit(host: &dyn Host) {
    let issuer = Issuer::start().await;
    issuer.keys_behave(Behaviour::Stall);
    let app = AppSpec::gated("echo", policy(&issuer)).write();
    let running = host.start(&app).await;
    let waiting = Stopwatch::start();
    let answer = Ask::get("/a")
        .bearer(&issuer.token("alice", "read"))
        .send(running.address)
        .await;
    assert_eq!(answer.status, 503, "the issuer stalls: {}", answer.text());
    waiting.assert_within(FETCH_TIME_MAX, "an issuer that stalls");
}

async fn an_issuer_that_sends_100_mib_is_cut_off(host: &dyn Host) {
    let issuer = Issuer::start().await;
    issuer.keys_behave(Behaviour::Huge(100 << 20));
    let app = AppSpec::gated("echo", policy(&issuer)).write();
    let running = host.start(&app).await;
    let answer = Ask::get("/a")
        .bearer(&issuer.token("alice", "read"))
        .send(running.address)
        .await;
    assert_eq!(
        answer.status,
        503,
        "the issuer sends 100 MiB: {}",
        answer.text()
    );
    let log = running.whole_log().await.join("\n");
    assert!(
        log.contains("more than 524288 bytes"),
        "cut off at the limit: {log}"
    );
    let taken = issuer.huge_bytes_taken();
    assert!(
        (1..=DOCUMENT_BYTES_MAX + UNDER_WAY_BYTES_MAX).contains(&taken),
        "and not read to its end: {taken} bytes were taken"
    );
}

async fn metadata_of_another_issuer_is_not_believed(host: &dyn Host) {
    let issuer = Issuer::start().await;
    issuer.claim_to_be("https://login.example");
    let app = AppSpec::gated("echo", policy(&issuer)).write();
    let running = host.start(&app).await;
    let answer = Ask::get("/a")
        .bearer(&issuer.token("alice", "read"))
        .send(running.address)
        .await;
    assert_eq!(
        answer.status,
        503,
        "metadata name another issuer: {}",
        answer.text()
    );
    assert_eq!(issuer.key_requests(), 0, "its keys are not even asked for");
    let log = running.whole_log().await.join("\n");
    for name in ["https://login.example", &issuer.url()] {
        assert!(
            log.contains(&format!("\\\"{name}\\\"")),
            "the log shows {name}: {log}"
        );
    }
}

async fn a_redirect_to_another_origin_is_not_followed(host: &dyn Host) {
    let target = Issuer::start().await;
    for location in [
        format!("{}/jwks", target.url()),
        "file:///doorward.toml".to_owned(),
        "http://169.254.169.254/latest/meta-data".to_owned(),
        format!("//{}/jwks", target.url().trim_start_matches("http://")),
    ] {
        let issuer = Issuer::start().await;
        issuer.keys_behave(Behaviour::Redirect(location.clone()));
        let app = AppSpec::gated("echo", policy(&issuer)).write();
        let running = host.start(&app).await;
        let token = target.key().sign(&issuer.claims("mallory", "read"));
        let answer = Ask::get("/a").bearer(&token).send(running.address).await;
        assert_eq!(
            answer.status,
            503,
            "a redirect to {location}: {}",
            answer.text()
        );
    }
    assert_eq!(target.key_requests(), 0, "the other origin was never asked");
}

async fn an_issuer_that_recovers_is_asked_again(host: &dyn Host) {
    let issuer = Issuer::start().await;
    issuer.keys_behave(Behaviour::Status(500));
    let app = AppSpec::gated("echo", policy(&issuer)).write();
    let running = host.start(&app).await;
    let token = issuer.token("alice", "read");
    let ask = Ask::get("/a").bearer(&token);
    let answer = ask.send(running.address).await;
    assert_eq!(answer.status, 503, "while the issuer fails");
    let after = answer.header("retry-after").expect("when to come back");
    let after = Duration::from_secs(after.parse().expect("seconds"));
    issuer.keys_behave(Behaviour::Good);
    let waiting = Stopwatch::start();
    until_status(&running, &ask, 200, 503, "until the issuer is asked again").await;
    waiting.assert_within(after, "as soon as was said");
}

async fn requests_that_need_the_same_keys_share_one_fetch(host: &dyn Host) {
    let issuer = Issuer::start().await;
    let app = AppSpec::gated("echo", policy(&issuer)).write();
    let running = host.start(&app).await;
    // A request that needs no keys starts the instance, so that the others find one.
    assert_eq!(
        Ask::get("/a").send(running.address).await.status,
        401,
        "the first request"
    );
    let mut asks = Vec::new();
    for number in 0..12 {
        let ask = Ask::get("/a").bearer(&issuer.token(&format!("user-{number}"), "read"));
        let address = running.address;
        asks.push(crate::api::client::apart(
            async move { ask.send(address).await },
        ));
    }
    for ask in asks {
        let answer = ask.await;
        assert_eq!(
            answer.status,
            200,
            "one of twelve at once: {}",
            answer.text()
        );
    }
    // How many instances share the twelve is the host's affair. Each tells when it has loaded keys, and
    // only then: a second fetch by the same instance brings no news.
    let log = running.whole_log().await;
    let loads = log
        .iter()
        .filter(|line| line.contains(r#""event":"keys-loaded""#))
        .filter(|line| line.contains(r#""source":"issuer""#))
        .count();
    assert_eq!(
        issuer.key_requests(),
        loads,
        "each instance fetches once: {log:#?}"
    );
}

async fn a_restarted_host_starts_from_the_store_without_the_network(host: &dyn Host) {
    let issuer = Issuer::start().await;
    let app = AppSpec::gated("echo", policy(&issuer)).write();
    let token = issuer.token("alice", "read");
    let ask = Ask::get("/a").bearer(&token);
    let running = host.start(&app).await;
    assert_eq!(ask.send(running.address).await.status, 200, "the first run");
    running.stop().await;
    issuer.metadata_behaves(Behaviour::Close);
    issuer.keys_behave(Behaviour::Close);
    let running = host.start(&app).await;
    let answer = ask.send(running.address).await;
    assert_eq!(
        answer.status,
        200,
        "the second run, with the issuer down: {}",
        answer.text()
    );
    assert_eq!(
        issuer.key_requests(),
        1,
        "the keys were fetched in the first run only"
    );
}

/// The record that is written about an issuer with this key.
async fn record_of_an_issuer_with(key: &Key) -> String {
    let issuer = Issuer::start().await;
    issuer.publish(vec![key.clone()]);
    let app = AppSpec::gated("echo", policy(&issuer)).write();
    let running = InProcess.start(&app).await;
    let ask = Ask::get("/a").bearer(&issuer.token("alice", "read"));
    assert_eq!(ask.send(running.address).await.status, 200, "its token");
    let name = "doorward/keys/test";
    until("the record is stored", || stored(&app, name).is_some()).await;
    String::from_utf8(stored(&app, name).unwrap()).unwrap()
}

async fn what_is_no_record_in_the_store_is_ignored_and_replaced(host: &dyn Host) {
    let stranger = Key::ed25519("ed-1");
    for (what, why, value) in [
        ("no JSON", "JSON", "something else".to_owned()),
        (
            "a record of another format",
            "another version",
            json!({ "version": 99 }).to_string(),
        ),
        (
            "a record about another issuer",
            "about another issuer",
            record_of_an_issuer_with(&stranger).await,
        ),
    ] {
        let issuer = Issuer::start().await;
        let mut spec = AppSpec::gated("echo", policy(&issuer));
        spec.key_values = vec![("doorward/keys/test".to_owned(), value)];
        let app = spec.write();
        let running = host.start(&app).await;
        let forged = stranger.sign(&issuer.claims("mallory", "read"));
        let answer = Ask::get("/a").bearer(&forged).send(running.address).await;
        assert_eq!(
            answer.status,
            401,
            "{what}: signed with its key: {}",
            answer.text()
        );
        let token = issuer.token("alice", "read");
        let answer = Ask::get("/a").bearer(&token).send(running.address).await;
        assert_eq!(
            answer.status,
            200,
            "{what}: a good token: {}",
            answer.text()
        );
        let log = running.whole_log().await.join("\n");
        assert!(
            log.contains("record-ignored"),
            "{what}: the log says so: {log}"
        );
        assert!(log.contains(why), "{what}: and why: {log}");
        assert_eq!(
            issuer.key_requests(),
            2,
            "{what}: the keys come from the issuer, once more because of the forged token"
        );
    }
}

async fn made_up_key_ids_cause_few_further_fetches(host: &dyn Host) {
    let issuer = Issuer::start().await;
    let app = AppSpec::gated("echo", policy(&issuer)).write();
    let running = host.start(&app).await;
    let token = issuer.token("alice", "read");
    assert_eq!(
        Ask::get("/a")
            .bearer(&token)
            .send(running.address)
            .await
            .status,
        200,
        "a good one"
    );
    let flood = Stopwatch::start();
    for number in 0..200 {
        let made_up = Key::ed25519(&format!("made-up-{number}"));
        let token = made_up.sign(&issuer.claims("mallory", "read"));
        let answer = Ask::get("/a").bearer(&token).send(running.address).await;
        assert_eq!(answer.status, 401, "a made-up key: {}", answer.text());
    }
    let most = 1 + UNKNOWN_KEY_FETCHES_MAX + flood.elapsed().as_secs() / UNKNOWN_KEY_PAUSE_S_MAX;
    let asked = issuer.key_requests();
    assert!(
        (2..=most).contains(&(asked as u64)),
        "a few to see whether it is a new key, and then one every few seconds, not {asked}"
    );
}

async fn keys_can_come_from_a_url_or_a_file(host: &dyn Host) {
    let issuer = Issuer::start().await;
    issuer.metadata_behaves(Behaviour::Close);
    let token = issuer.token("alice", "read");
    let url = format!("jwks_url = \"{}/jwks\"", issuer.url());
    let app = AppSpec::gated("echo", policy_with(&issuer, &url)).write();
    let running = host.start(&app).await;
    let answer = Ask::get("/a").bearer(&token).send(running.address).await;
    assert_eq!(answer.status, 200, "jwks_url: {}", answer.text());

    let mut spec = AppSpec::gated("echo", policy_with(&issuer, "jwks_file = \"/keys.json\""));
    spec.files = vec![("keys.json".to_owned(), issuer.key_set())];
    spec.outbound = vec![];
    let app = spec.write();
    let running = host.start(&app).await;
    let answer = Ask::get("/a").bearer(&token).send(running.address).await;
    assert_eq!(answer.status, 200, "jwks_file: {}", answer.text());
}

async fn key_sets_and_metadata_are_read_whatever_they_are_called(host: &dyn Host) {
    for kind in ["text/plain", "application/octet-stream", "text/html", ""] {
        let issuer = Issuer::start().await;
        issuer.keys_behave(Behaviour::Content(kind, issuer.key_set()));
        let url = issuer.url();
        let metadata = json!({ "issuer": url, "jwks_uri": format!("{url}/jwks") });
        let metadata = metadata.to_string().into_bytes();
        issuer.metadata_behaves(Behaviour::Content(kind, metadata));
        let app = AppSpec::gated("echo", policy(&issuer)).write();
        let running = host.start(&app).await;
        let token = issuer.token("alice", "read");
        let answer = Ask::get("/a").bearer(&token).send(running.address).await;
        assert_eq!(answer.status, 200, "{kind:?}: {}", answer.text());
        assert_eq!(
            issuer.keys_asked_for_as(),
            "application/jwk-set+json, application/json, */*;q=0.1"
        );
    }
}

async fn metadata_are_looked_for_at_each_address(host: &dyn Host) {
    let elsewhere =
        json!({ "issuer": "https://login.example", "jwks_uri": "https://login.example/keys" });
    for (what, first) in [
        (
            "a page",
            Behaviour::Content("text/html", b"<!doctype html><p>Sign in</p>".to_vec()),
        ),
        ("an error", Behaviour::Status(500)),
        (
            "no JSON",
            Behaviour::Content("application/json", b"{".to_vec()),
        ),
        (
            "another issuer",
            Behaviour::Content("application/json", elsewhere.to_string().into_bytes()),
        ),
        (
            "a redirect",
            Behaviour::Redirect("https://login.example/".to_owned()),
        ),
        ("too much", Behaviour::Huge(1 << 20)),
    ] {
        let issuer = Issuer::start().await;
        issuer.metadata_behaves(first);
        let url = issuer.url();
        let metadata = json!({ "issuer": url, "jwks_uri": format!("{url}/jwks") });
        let metadata = metadata.to_string().into_bytes();
        issuer.behaves(
            "/.well-known/oauth-authorization-server",
            Behaviour::Content("application/json", metadata),
        );
        let app = AppSpec::gated("echo", policy(&issuer)).write();
        let running = host.start(&app).await;
        let token = issuer.token("alice", "read");
        let answer = Ask::get("/a").bearer(&token).send(running.address).await;
        assert_eq!(answer.status, 200, "{what} at the first: {}", answer.text());
    }
}

async fn keys_of_one_issuer_never_verify_a_token_of_another(host: &dyn Host) {
    let (one, other) = (Issuer::start().await, Issuer::start().await);
    let policy = format!(
        "[issuer.one]\nurl = \"{}\"\naudience = \"{AUDIENCE}\"\n\n\
         [issuer.other]\nurl = \"{}\"\naudience = \"{AUDIENCE}\"\n\n\
         [[route]]\npath = \"/both\"\nissuer = [\"one\", \"other\"]\n\n\
         [[route]]\npath = \"/one\"\nissuer = [\"one\"]\n",
        one.url(),
        other.url()
    );
    let app = AppSpec::gated("echo", policy).write();
    let running = host.start(&app).await;
    // The key ids of both are equal.
    let confused = other.key().sign(&one.claims("mallory", ""));
    let asks = [
        ("of one, for both", "/both", one.token("alice", ""), 200),
        (
            "of the other, for both",
            "/both",
            other.token("alice", ""),
            200,
        ),
        ("of one, for one", "/one", one.token("alice", ""), 200),
        (
            "of the other, for one",
            "/one",
            other.token("alice", ""),
            401,
        ),
        (
            "in the name of one, signed by the other, for both",
            "/both",
            confused.clone(),
            401,
        ),
        (
            "in the name of one, signed by the other, for one",
            "/one",
            confused,
            401,
        ),
    ];
    for (what, target, token, expected) in asks {
        for round in ["first", "again"] {
            let answer = Ask::get(target).bearer(&token).send(running.address).await;
            assert_eq!(
                answer.status,
                expected,
                "{what}, {round}: {}",
                answer.text()
            );
        }
    }
}

async fn headers_that_name_keys_are_never_followed(host: &dyn Host) {
    let (issuer, stranger) = (Issuer::start().await, Issuer::start().await);
    let app = AppSpec::gated("echo", policy(&issuer)).write();
    let running = host.start(&app).await;
    let url = format!("{}/jwks", stranger.url());
    let key = serde_json::from_slice::<serde_json::Value>(&stranger.key_set()).unwrap();
    for extra in [
        json!({ "jku": url }),
        json!({ "x5u": url }),
        json!({ "jwk": key.pointer("/keys/0") }),
        json!({ "x5c": ["AAAA"] }),
    ] {
        let token = stranger
            .key()
            .sign_with_header(&extra, &issuer.claims("mallory", "read"));
        let answer = Ask::get("/a").bearer(&token).send(running.address).await;
        assert_eq!(
            answer.status,
            401,
            "a header with {extra}: {}",
            answer.text()
        );
    }
    assert_eq!(
        stranger.key_requests(),
        0,
        "nobody asked the stranger for keys"
    );
}
