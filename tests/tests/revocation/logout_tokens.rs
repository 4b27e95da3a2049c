//! Logout requests that are none: each of them is a 400, and revokes nobody.

use crate::api::client::Ask;
use crate::api::clocked::{clock, events, get, start, stored_names};
use crate::api::credential::REVOKED;
use crate::api::gated::status;
use crate::api::host::Host;
use crate::api::issuer::{AUDIENCE, Issuer, LOGOUT_EVENT};
use crate::api::run::Case;
use crate::api::run::cases;
use crate::logout::{LOGOUT, app, claims, post};
use serde_json::{Value, json};
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

pub const CASES: &[Case] = cases![
    a_logout_token_that_is_wrong_in_any_way_is_a_400,
    a_request_that_is_no_form_with_one_token_is_a_400,
    no_query_of_a_logout_request_is_in_the_log,
    a_logout_token_is_no_access_token_and_the_other_way_round,
    tenants_share_a_path_and_stay_apart,
];

async fn a_logout_token_that_is_wrong_in_any_way_is_a_400(host: &dyn Host) {
    let clock = clock(host);
    let issuer = Issuer::start_with_clock(&clock).await;
    let stranger = Issuer::start_with_clock(&clock).await;
    let app = app(&issuer).write();
    let running = start(&app, &clock).await;
    let alice = issuer.token("alice", "read");
    status(&get(&running, "/read", &alice).await, 200, "before");
    let number = AtomicUsize::new(1);
    let with = |change: &dyn Fn(&mut Value)| {
        let number = number.fetch_add(1, SeqCst);
        let mut claims = claims(&issuer, &format!("id-{}", number), &[("sub", "alice")]);
        change(&mut claims);
        claims
            .as_object_mut()
            .unwrap()
            .retain(|_, value| !value.is_null());
        issuer.sign_logout(&claims)
    };
    let now = clock.now();
    let good = claims(&issuer, "good", &[("sub", "alice")]);
    let mut tampered = issuer.sign_logout(&good);
    let middle = tampered.len() / 2;
    let other = if tampered.as_bytes()[middle] == b'A' {
        "B"
    } else {
        "A"
    };
    tampered.replace_range(middle..=middle, other);
    let wrong = [
        ("signed by another issuer", stranger.sign_logout(&good)),
        (
            "of another issuer",
            stranger.sign_logout(&claims(&stranger, "x", &[("sub", "alice")])),
        ),
        (
            "in the name of another issuer",
            with(&|claims| claims["iss"] = json!(stranger.url())),
        ),
        (
            "for another client",
            with(&|claims| claims["aud"] = json!("another")),
        ),
        (
            "for the API",
            with(&|claims| claims["aud"] = json!(AUDIENCE)),
        ),
        ("for nobody", with(&|claims| claims["aud"] = json!(null))),
        (
            "without an issuer",
            with(&|claims| claims["iss"] = json!(null)),
        ),
        ("without an id", with(&|claims| claims["jti"] = json!(null))),
        (
            "without a time",
            with(&|claims| claims["iat"] = json!(null)),
        ),
        (
            "without an end",
            with(&|claims| claims["exp"] = json!(null)),
        ),
        (
            "from the future",
            with(&|claims| {
                claims["iat"] = json!(now + 1000);
                claims["exp"] = json!(now + 1100);
            }),
        ),
        (
            "expired",
            with(&|claims| {
                claims["iat"] = json!(now - 1000);
                claims["exp"] = json!(now - 900);
            }),
        ),
        (
            "good for a day",
            with(&|claims| claims["exp"] = json!(now + 86_400)),
        ),
        ("with a nonce", with(&|claims| claims["nonce"] = json!("n"))),
        (
            "without events",
            with(&|claims| claims["events"] = json!(null)),
        ),
        (
            "with another event",
            with(&|claims| claims["events"] = json!({ "urn:x": {} })),
        ),
        (
            "with a text as event",
            with(&|claims| claims["events"] = json!(LOGOUT_EVENT)),
        ),
        (
            "with a list as event",
            with(&|claims| claims["events"] = json!({ LOGOUT_EVENT: [] })),
        ),
        (
            "of nobody and no session",
            with(&|claims| claims["sub"] = json!(null)),
        ),
        (
            "with a subject that is none",
            with(&|claims| claims["sub"] = json!(["alice"])),
        ),
        ("changed", tampered),
        ("unsecured", {
            let token = issuer.sign_logout(&good);
            let payload = token.split('.').nth(1).unwrap();
            format!("eyJhbGciOiJub25lIn0.{payload}.")
        }),
        ("with another type", {
            let header = json!({ "typ": "at+jwt" });
            issuer.key().sign_with_header(&header, &good)
        }),
        ("no token", "x".to_owned()),
        ("nothing", String::new()),
    ];
    let count = wrong.len();
    for (what, token) in wrong {
        let answer = post(&running, &token).await;
        status(&answer, 400, &format!("a logout token {what}"));
        assert_eq!(
            answer.json()["error"],
            "invalid_request",
            "{what}: RFC 6749 §5.2"
        );
        assert_eq!(answer.header("cache-control"), Some("no-store"), "{what}");
    }
    assert!(
        stored_names(&app, REVOKED).is_empty(),
        "none of them is written down"
    );
    status(
        &get(&running, "/read", &alice).await,
        200,
        "and none of them is heard",
    );
    let log = running.whole_log().await.join("\n");
    let told = events(&running, "logout-refused").len();
    assert_eq!(told, count, "the log tells of each");
    assert!(
        !log.contains(alice.split('.').nth(1).unwrap()),
        "no token is in the log"
    );
    for (what, typ) in [
        ("usual", json!("logout+jwt")),
        ("general", json!("JWT")),
        ("no", json!(null)),
    ] {
        let claims = claims(&issuer, what, &[("sub", "nobody")]);
        let token = issuer
            .key()
            .sign_with_header(&json!({ "typ": typ }), &claims);
        status(
            &post(&running, &token).await,
            200,
            &format!("a good one of the {what} type"),
        );
    }
}

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

async fn no_query_of_a_logout_request_is_in_the_log(host: &dyn Host) {
    let clock = clock(host);
    let issuer = Issuer::start_with_clock(&clock).await;
    let app = app(&issuer).write();
    let running = start(&app, &clock).await;
    let logout = issuer.sign_logout(&claims(&issuer, "1", &[("sub", "alice")]));
    let key = "dwk_SECRETSECRET";
    let queries = [
        format!("logout_token={logout}"),
        format!("api_key={key}"),
        format!("x=?api_key={key}"),
    ];
    for query in &queries {
        for form in ["", "logout_token=x", &format!("logout_token={logout}x")] {
            let ask = Ask::new("POST", &format!("{LOGOUT}?{query}")).form(form);
            let answer = ask.send(running.address).await;
            status(&answer, 400, "a logout that is none, with a query");
        }
    }
    let ask = Ask::new("POST", &format!("{LOGOUT}?api_key={key}"));
    let ask = ask.form(&format!("logout_token={logout}"));
    status(
        &ask.send(running.address).await,
        200,
        "a good one, with a query",
    );
    let log = running.whole_log().await.join("\n");
    let refused = events(&running, "logout-refused");
    assert_eq!(refused.len(), 9, "the log tells of each: {refused:#?}");
    for event in refused {
        assert_eq!(event["path"], LOGOUT, "and where it was");
    }
    for hidden in [key, "api_key", "logout_token=", &logout] {
        assert!(!log.contains(hidden), "{hidden:?} is in the log: {log}");
    }
}

async fn a_logout_token_is_no_access_token_and_the_other_way_round(host: &dyn Host) {
    let clock = clock(host);
    let issuer = Issuer::start_with_clock(&clock).await;
    let app = app(&issuer).write();
    let running = start(&app, &clock).await;
    let access = issuer.token("alice", "read");
    status(
        &post(&running, &access).await,
        400,
        "an access token at the logout path",
    );
    let mut claims = claims(&issuer, "1", &[("sub", "alice"), ("scope", "read")]);
    claims["aud"] = json!(["shop", AUDIENCE]);
    for typ in [json!("logout+jwt"), json!("JWT"), json!(null)] {
        let token = issuer
            .key()
            .sign_with_header(&json!({ "typ": typ }), &claims);
        let answer = get(&running, "/read", &token).await;
        status(
            &answer,
            401,
            &format!("a logout token of type {typ} at a route"),
        );
    }
}

async fn tenants_share_a_path_and_stay_apart(host: &dyn Host) {
    let clock = clock(host);
    let issuer = Issuer::start_with_clock(&clock).await;
    let keys = ["a", "b"].map(|tenant| {
        let key = crate::api::issuer::Key::ed25519("1");
        issuer.publish_tenant(tenant, vec![key.clone()]);
        (tenant, key)
    });
    let policy = format!(
        "[issuer.acme]\nurl = \"{}/{{tenant}}\"\ntenants = [\"a\", \"b\"]\naudience = \"{AUDIENCE}\"\n\n\
         [revocation]\n\n[issuer.acme.logout]\npath = \"{LOGOUT}\"\nclient_id = \"shop\"\n\n\
         [[route]]\npath = \"/read\"\nissuer = [\"acme\"]\n",
        issuer.url()
    );
    let app = crate::api::app::AppSpec::gated("echo", policy).write();
    let running = start(&app, &clock).await;
    let of = |tenant: &str, mut claims: Value| {
        claims["iss"] = format!("{}/{tenant}", issuer.url()).into();
        claims
    };
    let tokens = keys
        .each_ref()
        .map(|(tenant, key)| key.sign(&of(tenant, issuer.claims("alice", ""))));
    for token in &tokens {
        status(&get(&running, "/read", token).await, 200, "before");
    }
    let logout = |id: &str| claims(&issuer, id, &[("sub", "alice")]);
    let forged = keys[1].1.sign(&of("a", logout("1")));
    status(
        &post(&running, &forged).await,
        400,
        "signed by b in the name of a",
    );
    let genuine = keys[0].1.sign(&of("a", logout("2")));
    status(&post(&running, &genuine).await, 200, "of a");
    status(&get(&running, "/read", &tokens[0]).await, 401, "alice of a");
    status(&get(&running, "/read", &tokens[1]).await, 200, "alice of b");
    let genuine = keys[1].1.sign(&of("b", logout("2")));
    status(
        &post(&running, &genuine).await,
        200,
        "of b, with the same id",
    );
    status(&get(&running, "/read", &tokens[1]).await, 401, "alice of b");
}
