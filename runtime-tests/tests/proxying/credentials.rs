//! What becomes of the client's credential, and of the gateway's own.

use crate::{ROUTES, Stage, policy, problem, trust};
use doorward_runtime_tests::app::AppSpec;
use doorward_runtime_tests::cases;
use doorward_runtime_tests::client::Ask;
use doorward_runtime_tests::credential::ApiKey;
use doorward_runtime_tests::gated::status;
use doorward_runtime_tests::host::Host;
use doorward_runtime_tests::issuer::Issuer;
use doorward_runtime_tests::origin::{Origin, Reply};
use doorward_runtime_tests::run::Case;

pub const CASES: &[Case] = cases![
    the_credential_is_stripped_unless_the_policy_forwards_it,
    the_credential_is_replaced_by_the_upstreams_own,
    without_the_variable_nothing_is_sent,
    an_api_key_is_taken_out_of_the_query_and_out_of_the_fields,
];

async fn the_credential_is_stripped_unless_the_policy_forwards_it(host: &dyn Host) {
    let stage = Stage::new(host, Reply::ok("hello")).await;
    let token = stage.token();
    let bearer = format!("Bearer {token}");
    for (target, expected) in [("/read/a", &[][..]), ("/keep/a", &[bearer.as_str()])] {
        stage.origin.forget();
        let answer = stage.send(Ask::get(target).bearer(&token)).await;
        status(&answer, 200, target);
        let seen = stage.origin.request();
        assert_eq!(seen.values("authorization"), expected, "{target}");
        if target == "/read/a" {
            let all = format!("{seen:?}");
            assert!(!all.contains(&token), "{target}: the token arrived: {all}");
        }
    }
}

async fn the_credential_is_replaced_by_the_upstreams_own(host: &dyn Host) {
    for (lines, name, expected) in [
        ("", "authorization", "Bearer s3cret value"),
        ("scheme = \"Basic\"", "authorization", "Basic s3cret value"),
        ("header = \"x-origin-key\"", "x-origin-key", "s3cret value"),
    ] {
        let issuer = Issuer::start().await;
        let origin = Origin::start(Reply::ok("hello")).await;
        let lines = format!("[upstream.orders.credential]\nsecret = \"orders_token\"\n{lines}");
        // A route that forwards the client's contradicts it.
        let policy = policy(&issuer, &origin.url(), &lines).replace("credential = \"forward\"", "");
        let mut spec = AppSpec::gateway(policy);
        spec.variables = vec![("orders_token".to_owned(), "s3cret value".to_owned())];
        let stage = Stage::of(host, issuer, origin, spec).await;
        for target in ["/read/a", "/public/a"] {
            stage.origin.forget();
            let ask = Ask::get(target).header("X-Origin-Key", "mallory");
            let ask = match target {
                "/read/a" => ask.bearer(&stage.token()),
                _ => ask,
            };
            let answer = stage.send(ask).await;
            status(&answer, 200, target);
            let seen = stage.origin.request();
            assert_eq!(seen.values(name), [expected], "{lines}: {target}");
            let all = format!("{answer:?}");
            assert!(
                !all.contains("s3cret"),
                "{target}: the client gets it: {all}"
            );
        }
        let log = stage.running.whole_log().await.join("\n");
        assert!(!log.contains("s3cret"), "the secret is in the log: {log}");
    }
}

async fn without_the_variable_nothing_is_sent(host: &dyn Host) {
    let issuer = Issuer::start().await;
    let origin = Origin::start(Reply::ok("hello")).await;
    let lines = "[upstream.orders.credential]\nsecret = \"orders_token\"";
    let policy = policy(&issuer, &origin.url(), lines).replace("credential = \"forward\"", "");
    let stage = Stage::of(host, issuer, origin, AppSpec::gateway(policy)).await;
    for target in ["/public/a", "/public/b"] {
        let answer = stage.get(target).await;
        problem(&answer, 500, &["orders_token"], "no variable");
    }
    stage.logged(&["variable-unreadable", "orders_token"]).await;
    assert_eq!(stage.origin.connections(), 0, "the origin was not asked");
}

async fn an_api_key_is_taken_out_of_the_query_and_out_of_the_fields(host: &dyn Host) {
    let key = ApiKey::new("ci", &["read"], None);
    let text = &key.text;
    let in_query = "query = \"api_key\"";
    for (place, ask, expected) in [
        (
            in_query,
            Ask::get(&format!("/key/a?api_key={text}")),
            "/key/a",
        ),
        (
            in_query,
            Ask::get(&format!("/key/a?x=1&api_key={text}&y=%20")),
            "/key/a?x=1&y=%20",
        ),
        (
            "header = \"x-api-key\"",
            Ask::get("/key/a?x").header("X-API-Key", text),
            "/key/a?x",
        ),
    ] {
        let issuer = Issuer::start().await;
        let origin = Origin::start(Reply::ok("hello")).await;
        let policy = format!(
            "{}\n[api_keys]\n{place}\nstore = false\n{}\n\
             [upstream.orders]\nurl = \"{}\"\n{ROUTES}\n\
             [[route]]\npath = \"/key/**\"\naccept = [\"api-key\"]\n",
            trust(&issuer),
            key.table(),
            origin.url()
        );
        let stage = Stage::of(host, issuer, origin, AppSpec::gateway(policy)).await;
        let answer = stage.send(ask).await;
        status(&answer, 200, expected);
        let seen = stage.origin.request();
        assert_eq!(seen.target, expected, "the target without the key");
        assert_eq!(seen.values("x-auth-subject"), ["ci"], "{expected}");
        let all = format!("{seen:?}");
        assert!(!all.contains(text.as_str()), "the key arrived: {all}");
        let log = stage.running.whole_log().await.join("\n");
        assert!(!log.contains(text.as_str()), "the key is in the log: {log}");
    }
}
