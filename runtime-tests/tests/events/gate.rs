//! The intake behind the gate.

use crate::scene::{EVENTS, LINES, Scene, event, ids, lines};
use doorward_runtime_tests::app::AppSpec;
use doorward_runtime_tests::cases;
use doorward_runtime_tests::client::Ask;
use doorward_runtime_tests::host::{Host, How};
use doorward_runtime_tests::issuer::{AUDIENCE, Issuer};
use doorward_runtime_tests::run::Case;

/// The cases.
pub const CASES: &[Case] = cases![a_token_says_who_may_send_and_who_may_read];

fn policy(issuer: &Issuer) -> String {
    let url = issuer.url();
    let mut policy = format!(
        "[issuer.test]\nurl = \"{url}\"\naudience = \"{AUDIENCE}\"\n\n\
         [identity]\n\"x-auth-issuer\" = \"iss\"\n\"x-auth-subject\" = \"sub\"\n\"x-auth-scope\" = \"scope\"\n"
    );
    for (methods, scope) in [("\"POST\"", "write"), ("\"GET\", \"HEAD\"", "read")] {
        policy += &format!(
            "\n[[route]]\npath = \"/events\"\nmethods = [{methods}]\nissuer = [\"test\"]\nscope = [\"{scope}:events\"]\n"
        );
    }
    policy
}

async fn a_token_says_who_may_send_and_who_may_read(host: &dyn Host) {
    let issuer = Issuer::start().await;
    let spec = AppSpec {
        middleware: vec!["gate"],
        policy: Some(policy(&issuer)),
        ..AppSpec::intake(&[])
    };
    let scene = Scene::served(host, &spec, How::default()).await;
    let body = lines(&[event("1"), event("2")]);
    let send = || {
        let ask = Ask::new("POST", EVENTS).header("Content-Type", LINES);
        ask.body(&body)
    };
    let writer = issuer.token("alice", "write:events");
    let reader = issuer.token("bob", "read:events");
    let answer = scene.send(send().bearer(&writer)).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.json()["accepted"], 2);
    // What a client says of itself is nothing.
    let forged = send()
        .header("x-auth-issuer", &issuer.url())
        .header("x-auth-subject", "alice")
        .header("x-auth-scope", "write:events");
    assert_eq!(scene.send(forged).await.status, 401);
    assert_eq!(scene.send(send().bearer(&reader)).await.status, 403);
    let read = |token: &str| Ask::get(EVENTS).bearer(token);
    assert_eq!(scene.send(read(&writer)).await.status, 403);
    let answer = scene.send(read(&reader)).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(ids(answer.json()["events"].as_array().unwrap()), ["1", "2"]);
}
