//! What the document says is so, whatever is asked.

use doorward_runtime_tests::app::{App, AppSpec, workspace};
use doorward_runtime_tests::cases;
use doorward_runtime_tests::host::{Running, start_in_process};
use doorward_runtime_tests::issuer::{Issuer, now};
use doorward_runtime_tests::run::Group;
use doorward_runtime_tests::schemathesis::{ask, prepare};
use serde_json::json;

pub const GROUP: Group<'_> = Group {
    prepare,
    cases: cases![;
        in_process: version_1_does_what_its_document_says,
        version_2_does_what_its_document_says,
        behind_the_gate_it_holds_as_well,
    ],
};

/// Requests for each operation: about so many.
const EXAMPLES: &str = "200";
/// All cases of a version and of what belongs to none: fewer would mean that something was left out.
const CASES_MIN: usize = 1500;

fn service() -> AppSpec {
    let mut spec = AppSpec::gated("users", "");
    spec.databases = vec!["default".to_owned()];
    spec.variables = vec![
        (
            "users_v1_deprecated_at".to_owned(),
            "2027-01-31T00:00:00Z".to_owned(),
        ),
        (
            "users_v1_sunset_at".to_owned(),
            "2028-01-31T00:00:00Z".to_owned(),
        ),
    ];
    spec
}

async fn served(app: &App) -> Running {
    start_in_process(app, |options| options.client_share_percent = 100).await
}

async fn version_1_does_what_its_document_says() {
    holds("version 2").await;
}

async fn version_2_does_what_its_document_says() {
    holds("version 1").await;
}

/// The service alone, told who calls as the gate does it: all that the document has but this version.
async fn holds(without: &str) {
    let mut spec = service();
    spec.policy = None;
    spec.middleware = vec![];
    let app = spec.write();
    let running = served(&app).await;
    let arguments = [
        "--max-examples",
        EXAMPLES,
        "--exclude-tag",
        without,
        // That nobody without a token is served is the gate's affair, below.
        "--exclude-checks",
        "ignored_auth",
    ];
    let report = ask(running.address, &[], &arguments).await;
    assert!(report.is_clean, "{}", report.text);
    assert!(report.cases >= CASES_MIN, "{}", report.text);
}

async fn behind_the_gate_it_holds_as_well() {
    let issuer = Issuer::start().await;
    let policy = std::fs::read_to_string(workspace().join("doorward.toml")).unwrap();
    let mut spec = service();
    spec.policy = Some(policy.replace("http://127.0.0.1:3001", &issuer.url()));
    let app = spec.write();
    let running = served(&app).await;
    let token = issuer.key().sign(&json!({
        "iss": issuer.url(), "aud": "http://127.0.0.1:3000", "sub": "admin",
        "scope": "read:users write:users", "iat": now(), "exp": now() + 3600,
    }));
    let authorization = format!("Authorization: Bearer {token}");
    let arguments = [
        "--max-examples",
        "10",
        "--exclude-tag",
        "version 1",
        // What no route lists is a 403 there; and a request without this field is one by whom nobody is known, which
        // another check looks at.
        "--exclude-checks",
        "unsupported_method,missing_required_header",
        "--header",
        &authorization,
    ];
    let url = issuer.url();
    let environment = [
        ("USERS_TOKEN", token.as_str()),
        ("USERS_ISSUER", url.as_str()),
    ];
    let report = ask(running.address, &environment, &arguments).await;
    assert!(report.is_clean, "{}", report.text);
    assert!(report.cases >= 300, "{}", report.text);
}
