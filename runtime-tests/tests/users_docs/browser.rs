//! The page in a browser.

use doorward_runtime_tests::app::App;
use doorward_runtime_tests::browser::{self, Page};
use doorward_runtime_tests::client::Ask;
use doorward_runtime_tests::host::start_in_process;
use doorward_runtime_tests::issuer::{Issuer, now};
use doorward_runtime_tests::run::Group;
use doorward_runtime_tests::{cases, renderer};
use serde_json::{Value, json};

pub const GROUP: Group<'_> = Group {
    prepare: || browser::available().and_then(|()| renderer::prepare()),
    cases: cases![;
        in_process: a_request_is_sent_from_the_page_with_a_token_and_its_answer_is_seen,
    ],
};

/// The operation that is tried.
const OPERATION: &str = "[id$='-listUsersV1']";

/// The application as it is shipped, with an issuer of the test's own.
async fn a_request_is_sent_from_the_page_with_a_token_and_its_answer_is_seen() {
    let issuer = Issuer::start().await;
    let files = renderer::files();
    let files: Vec<_> = files
        .iter()
        .map(|(from, to)| (from.clone(), to.as_str()))
        .collect();
    let app = App::shipped(&[("http://127.0.0.1:3001", &issuer.url())], &files);
    let running = start_in_process(&app, |options| options.client_share_percent = 100).await;
    let token = issuer.key().sign(&json!({
        "iss": issuer.url(), "aud": "http://127.0.0.1:3000", "sub": "alice",
        "scope": "read:users write:users", "iat": now(), "exp": now() + 3600,
    }));
    let user = json!({ "name": "Ada Lovelace", "email": "ada@example.com" });
    let created = Ask::new("POST", "/api/v1/users")
        .bearer(&token)
        .header("Content-Type", "application/json")
        .body(user.to_string().as_bytes())
        .send(running.address)
        .await;
    assert_eq!(created.status, 201, "{}", created.text());

    let here = format!("http://{}", running.address);
    let mut page = Page::open(&format!("{here}/api/docs")).await;
    page.click(&format!("{OPERATION} .opblock-summary-control"))
        .await;
    page.click(&format!("{OPERATION} .try-out__btn")).await;

    page.click(&format!("{OPERATION} .execute")).await;
    let refused = answer(&mut page, "401").await;
    assert!(refused.contains("Unauthorized"), "{refused}");
    let complained = page.complaints();
    // The browser says of each 401 that it is one.
    let is_the_401 = |complaint: &&Value| complaint["entry"]["text"].to_string().contains("401");
    assert!(complained.iter().all(is_the_401), "{complained:#?}");
    let before = complained.len();

    page.click(".auth-wrapper .authorize").await;
    page.write(".auth-container input", &token).await;
    page.click(".auth-btn-wrapper .authorize").await;
    page.click(".auth-btn-wrapper .btn-done").await;
    page.click(&format!("{OPERATION} .execute")).await;
    let seen = answer(&mut page, "200").await;
    assert!(seen.contains("Ada Lovelace"), "{seen}");
    assert!(seen.contains("\"total\": 1"), "{seen}");

    let urls = page.urls();
    let asked = format!("{here}/api/v1/users?page=1&limit=20");
    assert_eq!(
        urls.iter().filter(|url| **url == asked).count(),
        2,
        "{urls:#?}"
    );
    let is_from_here =
        |url: &&&str| url.starts_with(&format!("{here}/")) || url.starts_with("data:");
    let elsewhere: Vec<_> = urls.iter().filter(|url| !is_from_here(url)).collect();
    assert!(
        elsewhere.is_empty(),
        "the page asks elsewhere: {elsewhere:#?}"
    );
    let complained = page.complaints();
    assert_eq!(complained.len(), before, "{complained:#?}");
}

/// The body that the page shows of an answer with this status.
async fn answer(page: &mut Page, status: &str) -> String {
    let row = format!("document.querySelector(\"{OPERATION} .live-responses-table .response\")");
    let shown = page
        .until(&format!(
            "{row} && {row}.querySelector('.response-col_status').innerText.startsWith('{status}') \
             && {row}.innerText"
        ))
        .await;
    shown.as_str().unwrap_or_default().to_owned()
}
