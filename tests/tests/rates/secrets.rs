//! Nothing that is secret, and nothing of the inside, is in an answer of ours or in the log.

use crate::api::client::Ask;
use crate::api::clocked::{clock, stored, stored_names, until};
use crate::api::host::Host;
use crate::api::issuer::Issuer;
use crate::api::run::Case;
use crate::api::run::cases;
use crate::front::{BOTH, prepared};
use crate::rates::{keys, policy};

pub const CASES: &[Case] = cases![
    no_credential_and_no_address_of_the_inside_is_told_by_refusals_of_any_kind,
    the_store_has_no_caller_by_name,
];

const ROUTES: &str = r#"
[cors.web]
origins = ["https://app.example"]

[limits.small]
header_bytes_max = 4000
target_bytes_max = 60
body_bytes_max = 10
content_types = ["text/plain"]

[rate_limit.few]
requests = 9
per_s = 60
shared = true

[rate_limit.subject]
requests = 1
per_s = 60
key = "subject"
shared = true

[rate_limit.key]
requests = 1
per_s = 60
key = "api-key"
shared = true

[rate_limit.tenant]
requests = 1
per_s = 60
key = "header:x-tenant"
shared = true

[rate_limit.guesses]
requests = 1
per_s = 60
counts = "failed-authentication"

[[route]]
path = "/all/**"
issuer = ["test"]
accept = ["jwt", "api-key"]
cors = "web"
limits = "small"
rate_limit = ["few", "subject", "key", "tenant", "guesses"]

[[route]]
path = "/limited/**"
issuer = ["test"]
accept = ["jwt", "api-key"]
rate_limit = ["subject", "key", "tenant"]
"#;

async fn no_credential_and_no_address_of_the_inside_is_told_by_refusals_of_any_kind(
    host: &dyn Host,
) {
    let clock = clock(host);
    let issuer = Issuer::start_with_clock(&clock).await;
    let [ci, _] = keys();
    let token = issuer.token("alice", "");
    for kind in BOTH {
        let front = prepared(kind, &policy(&issuer, ROUTES))
            .await
            .by(&clock)
            .await;
        let with_token = |ask: Ask| ask.bearer(&token);
        let with_key = |ask: Ask| ask.header("x-api-key", &ci.text);
        let wrong = ci.with_another_secret();
        let secret = "s3cret-in-the-query";
        let asks = [
            (429, with_token(Ask::get("/limited/a"))),
            (429, with_key(Ask::get("/limited/a"))),
            (
                413,
                with_token(Ask::new("POST", "/all/a").body(b"more than ten")),
            ),
            (415, with_key(Ask::new("POST", "/all/a").body(b"a"))),
            (
                414,
                with_token(Ask::get(&format!("/all/a?q={secret}{}", "b".repeat(60)))),
            ),
            (
                431,
                with_token(Ask::get("/all/a").header("x", &"v".repeat(4000))),
            ),
            (400, with_key(with_token(Ask::get("/all/b")))),
            (429, with_token(Ask::get(&format!("/all/c?q={secret}")))),
            (429, with_key(Ask::get("/all/d"))),
            (429, Ask::get("/all/e").header("x-api-key", &wrong)),
        ];
        // What each of them may do once.
        front
            .send(with_token(Ask::get("/limited/a")).header("x-tenant", "1"))
            .await;
        front
            .send(with_key(Ask::get("/limited/a")).header("x-tenant", "2"))
            .await;
        let mut hidden = vec![
            token.clone(),
            ci.text.clone(),
            wrong.clone(),
            secret.to_owned(),
        ];
        hidden.extend(token.split('.').map(str::to_owned));
        hidden.extend(front.origin_address());
        hidden.push("alice".to_owned());
        for (number, (expected, ask)) in asks.into_iter().enumerate() {
            let answer = front.send(ask).await;
            let what = format!("{kind:?}: number {number}");
            crate::api::gated::status(&answer, expected, &what);
            let told = format!("{:?} {}", answer.headers, answer.text());
            for secret in &hidden {
                assert!(
                    !told.contains(secret.as_str()),
                    "{what} tells {secret}: {told}"
                );
            }
        }
        let log = front.running.whole_log().await;
        let lines = log.iter().filter(|line| !line.contains("\"reached\""));
        for line in lines {
            for secret in &hidden {
                assert!(
                    !line.contains(secret.as_str()),
                    "{kind:?}: the log tells {secret}: {line}"
                );
            }
        }
        assert!(
            log.iter()
                .any(|line| line.contains("few") || line.contains("subject"))
        );
    }
}

async fn the_store_has_no_caller_by_name(host: &dyn Host) {
    let clock = clock(host);
    let issuer = Issuer::start_with_clock(&clock).await;
    let [ci, _] = keys();
    let token = issuer.token("alice", "");
    for kind in BOTH {
        let front = prepared(kind, &policy(&issuer, ROUTES))
            .await
            .by(&clock)
            .await;
        let tenant = "tenant-4711";
        let ask = || Ask::get("/limited/a").header("x-tenant", tenant);
        front.send(ask().bearer(&token)).await;
        front
            .send(Ask::get("/limited/a").header("x-api-key", &ci.text))
            .await;
        let names = || stored_names(&front.app, "doorward/rate/");
        until("all are in the store", || names().len() >= 4).await;
        let hidden = [
            "alice",
            tenant,
            ci.text.as_str(),
            ci.id.as_str(),
            token.as_str(),
            "127.0.0.1",
        ];
        for name in names() {
            let bytes = stored(&front.app, &name).unwrap();
            let text = String::from_utf8_lossy(&bytes).into_owned();
            for secret in hidden {
                let told = name.contains(secret) || text.contains(secret);
                assert!(!told, "{kind:?}: {name} tells {secret}");
            }
        }
    }
}
