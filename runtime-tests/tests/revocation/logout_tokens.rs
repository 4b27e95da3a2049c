//! Logout requests that are none: each of them is a 400, and revokes nobody.

use crate::logout::{LOGOUT, app, claims};
use doorward_runtime_tests::cases;
use doorward_runtime_tests::client::Ask;
use doorward_runtime_tests::clocked::{clock, start, stored_names};
use doorward_runtime_tests::credential::REVOKED;
use doorward_runtime_tests::gated::status;
use doorward_runtime_tests::host::Host;
use doorward_runtime_tests::issuer::Issuer;
use doorward_runtime_tests::run::Case;
use serde_json::json;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

pub const CASES: &[Case] = cases![a_request_that_is_no_form_with_one_token_is_a_400,];

async fn a_request_that_is_no_form_with_one_token_is_a_400(host: &dyn Host) {
    let clock = clock(host);
    let issuer = Issuer::start_with_clock(&clock).await;
    let app = app(&issuer).write();
    let running = start(&app, &clock).await;
    let number = AtomicUsize::new(1);
    let token = || {
        let number = number.fetch_add(1, SeqCst);
        issuer.sign_logout(&claims(&issuer, &number.to_string(), &[("sub", "alice")]))
    };
    let form = |text: String| Ask::new("POST", LOGOUT).form(&text);
    let typed = |kind: &str, text: String| {
        let ask = Ask::new("POST", LOGOUT).header("Content-Type", kind);
        ask.body(text.as_bytes())
    };
    let asks = [
        ("nothing", Ask::new("POST", LOGOUT)),
        ("the token alone", form(token())),
        ("another field", form(format!("token={}", token()))),
        (
            "two tokens",
            form(format!("logout_token={}&logout_token={}", token(), token())),
        ),
        ("a bad escape", form(format!("logout_token={}%zz", token()))),
        (
            "40 KiB",
            form(format!(
                "x={}&logout_token={}",
                "x".repeat(40 << 10),
                token()
            )),
        ),
        (
            "JSON",
            typed(
                "application/json",
                json!({ "logout_token": token() }).to_string(),
            ),
        ),
        (
            "a form called JSON",
            typed("application/json", format!("logout_token={}", token())),
        ),
        (
            "a form called text",
            typed("text/plain", format!("logout_token={}", token())),
        ),
        (
            "a form called nothing",
            Ask::new("POST", LOGOUT).body(format!("logout_token={}", token()).as_bytes()),
        ),
        (
            "in the query",
            Ask::new("POST", &format!("{LOGOUT}?logout_token={}", token())),
        ),
        (
            "as a bearer token",
            Ask::new("POST", LOGOUT).bearer(&token()),
        ),
    ];
    for (what, ask) in asks {
        let answer = ask.send(running.address).await;
        status(&answer, 400, what);
    }
    assert!(
        stored_names(&app, REVOKED).is_empty(),
        "none of them is written down"
    );
    let kind = "application/x-www-form-urlencoded; charset=UTF-8";
    let ask = typed(kind, format!("x=y&logout_token={}", token()));
    status(
        &ask.send(running.address).await,
        200,
        "a form with other fields",
    );
}
