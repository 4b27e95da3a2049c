//! What the gate does without one of its grants: it refuses, or does without, and never admits what it
//! would not have admitted with it.

use doorward_runtime_tests::app::{AppSpec, GATE_INHERITS};
use doorward_runtime_tests::client::Ask;
use doorward_runtime_tests::clocked::until_event;
use doorward_runtime_tests::host::{Host, Running};
use doorward_runtime_tests::issuer::{AUDIENCE, Issuer};
use doorward_runtime_tests::{cases, run};
use std::process::ExitCode;

fn main() -> ExitCode {
    run::main(cases![
        without_files_every_request_is_refused,
        without_a_policy_every_request_is_refused,
        with_a_policy_that_is_wrong_every_request_is_refused,
        without_outbound_hosts_no_token_is_accepted,
        with_other_outbound_hosts_no_token_is_accepted,
        without_variables_no_token_with_a_shared_secret_is_accepted,
        with_a_secret_that_is_too_short_no_token_is_accepted,
        without_a_store_the_same_tokens_are_accepted_and_refused,
        without_any_grant_every_request_is_refused,
    ])
}

fn policy(issuer: &Issuer) -> String {
    format!(
        "[issuer.test]\nurl = \"{}\"\naudience = \"{AUDIENCE}\"\n\n\
         [[route]]\npath = \"/public/**\"\npublic = true\n\n\
         [[route]]\npath = \"/read\"\nissuer = [\"test\"]\nscope = [\"read\"]\n",
        issuer.url()
    )
}

fn spec(issuer: &Issuer) -> AppSpec {
    AppSpec::gated("echo", policy(issuer))
}

fn without(set: &str) -> Vec<&'static str> {
    GATE_INHERITS
        .into_iter()
        .filter(|known| *known != set)
        .collect()
}

/// Asks with a good token, without one, and for a public path; the answers' status codes.
async fn statuses(running: &Running, issuer: &Issuer) -> [u16; 3] {
    let token = issuer.token("alice", "read");
    let asks = [
        Ask::get("/read").bearer(&token),
        Ask::get("/read"),
        Ask::get("/public/a"),
    ];
    let mut statuses = [0; 3];
    for (status, ask) in statuses.iter_mut().zip(asks) {
        let answer = ask.send(running.address).await;
        *status = answer.status;
        if answer.status >= 400 {
            let kind = answer.header("content-type");
            assert_eq!(
                kind,
                Some("application/problem+json"),
                "a refusal is a problem document"
            );
        }
    }
    statuses
}

async fn without_files_every_request_is_refused(host: &dyn Host) {
    let issuer = Issuer::start().await;
    let mut spec = spec(&issuer);
    spec.inherit = without("files");
    let app = spec.write();
    let running = host.start(&app).await;
    assert_eq!(
        statuses(&running, &issuer).await,
        [500; 3],
        "files are not inherited"
    );
    // The log says what is missing.
    running
        .wait_for_log(|line| line.contains("policy-unreadable"))
        .await;
}

async fn without_a_policy_every_request_is_refused(host: &dyn Host) {
    let issuer = Issuer::start().await;
    let mut spec = spec(&issuer);
    spec.policy = None;
    let app = spec.write();
    let running = host.start(&app).await;
    assert_eq!(
        statuses(&running, &issuer).await,
        [500; 3],
        "no policy is mounted"
    );
}

async fn with_a_policy_that_is_wrong_every_request_is_refused(host: &dyn Host) {
    let issuer = Issuer::start().await;
    for wrong in [
        String::new(),
        "not toml at all".to_owned(),
        policy(&issuer).replace("scope", "scopes"),
        policy(&issuer).replace("public = true", "public = \"yes\""),
    ] {
        let app = AppSpec::gated("echo", wrong.clone()).write();
        let running = host.start(&app).await;
        assert_eq!(
            statuses(&running, &issuer).await,
            [500; 3],
            "with the policy {wrong:?}"
        );
        // The log says what is wrong.
        running
            .wait_for_log(|line| line.contains("policy-invalid"))
            .await;
    }
}

async fn without_outbound_hosts_no_token_is_accepted(host: &dyn Host) {
    let issuer = Issuer::start().await;
    let mut spec = spec(&issuer);
    spec.inherit = without("allowed_outbound_hosts");
    let app = spec.write();
    let running = host.start(&app).await;
    assert_eq!(
        statuses(&running, &issuer).await,
        [503, 401, 200],
        "hosts are not inherited"
    );
    assert_eq!(issuer.key_requests(), 0, "nothing may go out");
}

async fn with_other_outbound_hosts_no_token_is_accepted(host: &dyn Host) {
    let issuer = Issuer::start().await;
    let mut spec = spec(&issuer);
    spec.outbound = vec!["https://login.example".to_owned()];
    let app = spec.write();
    let running = host.start(&app).await;
    assert_eq!(
        statuses(&running, &issuer).await,
        [503, 401, 200],
        "the issuer is not allowed"
    );
    assert_eq!(issuer.key_requests(), 0, "nothing may go out");
}

/// An issuer whose tokens are signed with a secret from the variable `shared_secret`.
fn secret_spec(secret: &str) -> AppSpec {
    let policy = format!(
        "[issuer.shared]\nurl = \"https://shared.example\"\naudience = \"{AUDIENCE}\"\n\
         algorithms = [\"HS256\"]\nsecret = \"shared_secret\"\n\n\
         [[route]]\npath = \"/read\"\nissuer = [\"shared\"]\n"
    );
    let mut spec = AppSpec::gated("echo", policy);
    spec.variables = vec![("shared_secret".to_owned(), secret.to_owned())];
    spec
}

fn secret_token(secret: &str) -> String {
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    let claims = serde_json::json!({
        "iss": "https://shared.example", "aud": AUDIENCE, "sub": "machine",
        "exp": doorward_runtime_tests::issuer::now() + 600,
    });
    let input = format!(
        "{}.{}",
        URL_SAFE_NO_PAD.encode(r#"{"alg":"HS256"}"#),
        URL_SAFE_NO_PAD.encode(claims.to_string())
    );
    let key = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, secret.as_bytes());
    let tag = aws_lc_rs::hmac::sign(&key, input.as_bytes());
    format!("{input}.{}", URL_SAFE_NO_PAD.encode(tag.as_ref()))
}

async fn without_variables_no_token_with_a_shared_secret_is_accepted(host: &dyn Host) {
    let secret = "0123456789abcdef0123456789abcdef";
    let token = secret_token(secret);
    let mut spec = secret_spec(secret);
    let app = spec.write();
    let running = host.start(&app).await;
    let answer = Ask::get("/read").bearer(&token).send(running.address).await;
    assert_eq!(answer.status, 200, "with the variable: {}", answer.text());
    let forged = secret_token("another secret of thirty-two bytes");
    let answer = Ask::get("/read")
        .bearer(&forged)
        .send(running.address)
        .await;
    assert_eq!(
        answer.status,
        401,
        "signed with another secret: {}",
        answer.text()
    );

    spec.inherit = without("variables");
    let app = spec.write();
    let running = host.start(&app).await;
    let answer = Ask::get("/read").bearer(&token).send(running.address).await;
    assert_eq!(
        answer.status,
        503,
        "without the variable: {}",
        answer.text()
    );
    let empty_key = Ask::get("/read")
        .bearer(&secret_token(""))
        .send(running.address)
        .await;
    assert_eq!(
        empty_key.status, 503,
        "an undefined variable is not an empty secret"
    );
    let log = running.whole_log().await.join("\n");
    assert!(!log.contains(secret), "the secret is in the log");
}

async fn with_a_secret_that_is_too_short_no_token_is_accepted(host: &dyn Host) {
    let app = secret_spec("short").write();
    let running = host.start(&app).await;
    let answer = Ask::get("/read")
        .bearer(&secret_token("short"))
        .send(running.address)
        .await;
    assert_eq!(
        answer.status,
        503,
        "RFC 7518 §3.2 asks for 32 bytes: {}",
        answer.text()
    );
}

async fn without_a_store_the_same_tokens_are_accepted_and_refused(host: &dyn Host) {
    let issuer = Issuer::start().await;
    let mut spec = spec(&issuer);
    for (what, inherit, stores) in [
        (
            "not inherited",
            without("key_value_stores"),
            vec!["default".to_owned()],
        ),
        ("not granted", GATE_INHERITS.to_vec(), vec![]),
    ] {
        spec.inherit = inherit;
        spec.stores = stores;
        let app = spec.write();
        let running = host.start(&app).await;
        let stranger = Issuer::start()
            .await
            .key()
            .sign(&issuer.claims("alice", "read"));
        assert_eq!(statuses(&running, &issuer).await, [200, 401, 200], "{what}");
        let answer = Ask::get("/read")
            .bearer(&stranger)
            .send(running.address)
            .await;
        assert_eq!(answer.status, 401, "{what}: signed by a stranger");
        until_event(&running, "store-not-granted", 1).await;
    }
}

async fn without_any_grant_every_request_is_refused(host: &dyn Host) {
    let issuer = Issuer::start().await;
    let mut spec = spec(&issuer);
    spec.inherit = vec![];
    let app = spec.write();
    let running = host.start(&app).await;
    assert_eq!(
        statuses(&running, &issuer).await,
        [500; 3],
        "nothing is inherited"
    );
}
