//! How the gate proves to the introspection endpoint who it is.

use crate::api::app::AppSpec;
use crate::api::clocked::{clock, get, get_at_once, start, start_forgetful, start_spread};
use crate::api::gated::status;
use crate::api::host::Host;
use crate::api::issuer::{AUDIENCE, Client, Issuer, Key};
use crate::api::run::Case;
use crate::api::run::cases;
use crate::{SECRET, asking};

pub const CASES: &[Case] = cases![
    the_gate_proves_who_it_is_in_each_of_three_ways,
    an_assertion_is_used_once,
    no_two_instances_use_the_same_assertion,
    with_a_wrong_secret_nobody_is_let_in_and_the_secret_is_told_to_nobody,
    without_the_variable_nobody_is_let_in,
];

/// An application whose gate asks `issuer` with this authentication and this value in the variable.
fn asking_with(issuer: &Issuer, lines: &str, value: &str) -> AppSpec {
    let policy = format!(
        "[issuer.test]\nurl = \"{}\"\naudience = \"{AUDIENCE}\"\n\n\
         [issuer.test.introspection]\nclient_id = \"ga te\"\nnegative_cache_s = 0\n{lines}\n\n\
         [[route]]\npath = \"/read\"\nissuer = [\"test\"]\nscope = [\"read\"]\n",
        issuer.url()
    );
    let mut spec = AppSpec::gated("echo", policy);
    spec.variables = vec![("proof".to_owned(), value.to_owned())];
    spec
}

/// Each way: its name, the lines of the policy, the value of the variable, and the registered client.
fn ways() -> [(&'static str, &'static str, String, Client); 5] {
    let (ed25519, other) = (Key::ed25519("client-1"), Key::ed25519("client-2"));
    [
        (
            "by default",
            "secret = \"proof\"",
            SECRET.to_owned(),
            Client::Basic("ga te", SECRET),
        ),
        (
            "client_secret_basic",
            "authentication = \"client_secret_basic\"\nsecret = \"proof\"",
            SECRET.to_owned(),
            Client::Basic("ga te", SECRET),
        ),
        (
            "client_secret_post",
            "authentication = \"client_secret_post\"\nsecret = \"proof\"",
            SECRET.to_owned(),
            Client::Post("ga te", SECRET),
        ),
        (
            "private_key_jwt",
            "authentication = \"private_key_jwt\"\nkey = \"proof\"",
            ed25519.private_jwk(),
            Client::KeyJwt("ga te", ed25519),
        ),
        (
            "private_key_jwt with another key",
            "authentication = \"private_key_jwt\"\nkey = \"proof\"",
            other.private_jwk(),
            Client::KeyJwt("ga te", other),
        ),
    ]
}

async fn the_gate_proves_who_it_is_in_each_of_three_ways(host: &dyn Host) {
    for (way, lines, value, client) in ways() {
        let clock = clock(host);
        let issuer = Issuer::start_with_clock(&clock).await;
        issuer.introspected_by(client);
        let app = asking_with(&issuer, lines, &value).write();
        let running = start(&app, &clock).await;
        for token in ["one", "two", "th/re+e="] {
            issuer.says_of(token, issuer.active("alice", "read"));
            let answer = get(&running, "/read", token).await;
            assert_eq!(
                issuer.turned_away(),
                [""; 0],
                "{way}: the endpoint knows the gate"
            );
            status(&answer, 200, &format!("{way}: {token}"));
        }
        assert_eq!(
            issuer.asked_about(),
            ["one", "two", "th/re+e="],
            "{way}: byte for byte"
        );
    }
}

async fn an_assertion_is_used_once(host: &dyn Host) {
    let clock = clock(host);
    let key = Key::ed25519("client");
    let issuer = Issuer::start_with_clock(&clock).await;
    issuer.introspected_by(Client::KeyJwt("ga te", key.clone()));
    let lines = "authentication = \"private_key_jwt\"\nkey = \"proof\"\ncache_s = 0";
    let app = asking_with(&issuer, lines, &key.private_jwk()).write();
    let running = start(&app, &clock).await;
    issuer.says_of("opaque", issuer.active("alice", "read"));
    // The endpoint turns away an identifier that it has seen, and one that has expired. At the same
    // second, and (on a clock of the test's own) an hour later.
    let later_s = if clock.is_own() { 3000 } else { 2 };
    for advance_s in [0, 0, 0, 1, later_s, 0] {
        clock.advance(advance_s).await;
        let answer = get(&running, "/read", "opaque").await;
        assert_eq!(issuer.turned_away(), [""; 0], "{advance_s} s later");
        status(&answer, 200, &format!("{advance_s} s later"));
    }
}

async fn no_two_instances_use_the_same_assertion(host: &dyn Host) {
    let clock = clock(host);
    let key = Key::ed25519("client");
    let issuer = Issuer::start_with_clock(&clock).await;
    issuer.introspected_by(Client::KeyJwt("ga te", key.clone()));
    let lines = "authentication = \"private_key_jwt\"\nkey = \"proof\"\ncache_s = 0";
    let app = asking_with(&issuer, lines, &key.private_jwk()).write();
    issuer.says_of("opaque", issuer.active("alice", "read"));
    let forgetful = start_forgetful(&app, &clock).await;
    for number in 0..8 {
        let answer = get(&forgetful, "/read", "opaque").await;
        assert_eq!(issuer.turned_away(), [""; 0], "instance {number}");
        status(&answer, 200, &format!("instance {number}"));
    }
    let spread = start_spread(&app, &clock).await;
    let tokens = vec!["opaque".to_owned(); 8];
    for answer in get_at_once(&spread, "/read", &tokens).await {
        assert_eq!(
            issuer.turned_away(),
            [""; 0],
            "instances at the same moment"
        );
        status(&answer, 200, "instances at the same moment");
    }
    assert_eq!(issuer.asked_about().len(), 16, "each of them has asked");
}

async fn with_a_wrong_secret_nobody_is_let_in_and_the_secret_is_told_to_nobody(host: &dyn Host) {
    let stranger = Key::ed25519("client-1").private_jwk();
    for (way, lines, _, client) in ways() {
        let clock = clock(host);
        let issuer = Issuer::start_with_clock(&clock).await;
        issuer.introspected_by(client);
        let wrong = if lines.contains("private_key_jwt") {
            stranger.as_str()
        } else {
            "another-s3cr3t"
        };
        let app = asking_with(&issuer, lines, wrong).write();
        let running = start(&app, &clock).await;
        issuer.says_of("opaque", issuer.active("alice", "read"));
        let answer = get(&running, "/read", "opaque").await;
        status(&answer, 503, &format!("{way}: a wrong secret"));
        assert_eq!(
            issuer.turned_away().len(),
            1,
            "{way}: the endpoint turns the gate away"
        );
        let log = running.whole_log().await.join("\n");
        assert!(
            log.contains("introspection-failed"),
            "{way}: the log says so: {log}"
        );
        for secret in ["another-s3cr3t", "opaque"] {
            assert!(
                !log.contains(secret),
                "{way}: {secret:?} is in the log: {log}"
            );
        }
        let private: serde_json::Value = serde_json::from_str(&stranger).unwrap();
        let private = private["d"].as_str().unwrap();
        assert!(
            !log.contains(private),
            "{way}: the key is in the log: {log}"
        );
    }
}

async fn without_the_variable_nobody_is_let_in(host: &dyn Host) {
    let no_value = async {
        let clock = clock(host);
        let (issuer, mut spec) = asking(&clock, "").await;
        issuer.says_of("opaque", issuer.active("alice", "read"));
        spec.variables = vec![];
        let app = spec.write();
        let running = start(&app, &clock).await;
        let answer = get(&running, "/read", "opaque").await;
        status(&answer, 503, "the variable is not declared");
        let answer = get(&running, "/read", &issuer.token("alice", "read")).await;
        status(&answer, 200, "a signed token needs no variable");
        // The log names the variable.
        running
            .wait_for_log(|line| line.contains("client_secret"))
            .await;
        assert_eq!(issuer.asked_about(), [""; 0], "the endpoint is not asked");
    };
    no_value.await;

    let clock = clock(host);
    for (way, lines, value) in [
        ("an empty secret", "secret = \"proof\"", ""),
        (
            "no key",
            "authentication = \"private_key_jwt\"\nkey = \"proof\"",
            "{\"kty\": \"OKP\"}",
        ),
    ] {
        let issuer = Issuer::start_with_clock(&clock).await;
        issuer.introspected_by(Client::Basic("ga te", SECRET));
        issuer.says_of("opaque", issuer.active("alice", "read"));
        let app = asking_with(&issuer, lines, value).write();
        let running = start(&app, &clock).await;
        let answer = get(&running, "/read", "opaque").await;
        status(&answer, 503, way);
    }
}
