//! What becomes of the client's credential, and of the gateway's own.

use crate::{NONE, ROUTES, TRUST, all_of, of, policy, policy_with_our_credential, scenes, status};
use doorward_tests::sim::client::Sent;
use doorward_tests::sim::component::Component;
use doorward_token::api_key::{KEY_RANDOM_BYTES, generate};

const SECRET: &str = "s3cret value";

#[test]
fn the_credential_is_stripped_unless_the_policy_forwards_it() {
    for scene in scenes(&policy("")) {
        let token = scene.token("read");
        let seen = scene.passes(Sent::get("/keep/a").bearer(&token), "/keep/a");
        assert_eq!(seen.values("authorization"), [format!("Bearer {token}")]);
        let seen = scene.passes(Sent::get("/read/a").bearer(&token), "/read/a");
        assert_eq!(seen.values("authorization"), NONE);
        let all = all_of(&seen);
        assert!(!all.contains(&token), "the token arrived: {all}");
    }
}

#[test]
fn the_credential_is_replaced_by_the_upstreams_own() {
    for (lines, name, expected) in [
        ("", "authorization", "Bearer s3cret value"),
        ("scheme = \"Basic\"", "authorization", "Basic s3cret value"),
        ("header = \"x-origin-key\"", "x-origin-key", SECRET),
    ] {
        let lines = format!("[upstream.orders.credential]\nsecret = \"orders_token\"\n{lines}");
        let component = Component::new(&policy_with_our_credential(&lines));
        for scene in of(component.secret("orders_token", SECRET)) {
            for target in ["/read/a", "/public/a"] {
                scene.origin.forget();
                let sent = Sent::get(target).field("X-Origin-Key", "mallory");
                let answer = scene.send(match target {
                    "/read/a" => sent.bearer(&scene.token("read")),
                    _ => sent,
                });
                status(&answer, 200, target);
                let seen = scene.origin.seen();
                assert_eq!(seen[0].values(name), [expected], "{lines}: {target}");
                let fields = answer.fields.iter().map(|(_, value)| value);
                let all: Vec<_> = fields.chain([&*answer.body]).collect();
                let all = String::from_utf8_lossy(&all.concat()).into_owned();
                assert!(
                    !all.contains("s3cret"),
                    "{target}: the client gets it: {all}"
                );
            }
            let log = scene.stage.log();
            assert!(!log.contains("s3cret"), "the secret is in the log: {log}");
        }
    }
}

#[test]
fn without_the_variable_nothing_is_sent() {
    let lines = "[upstream.orders.credential]\nsecret = \"orders_token\"";
    for scene in scenes(&policy_with_our_credential(lines)) {
        for target in ["/public/a", "/public/b"] {
            let answer = scene.send(Sent::get(target));
            status(&answer, 500, "no variable");
            assert_eq!(answer.field("content-type"), "application/problem+json");
            assert_eq!(answer.json()["status"], 500, "{}", answer.text());
            let all = format!("{} {:?}", answer.text(), answer.fields);
            for word in ["orders_token", "orders", "upstream"] {
                assert!(!all.contains(word), "{word} is of the inside: {all}");
            }
        }
        let told = scene.stage.world.told("variable-unreadable");
        assert!(told[0].text.contains("orders_token"), "{told:?}");
        assert_eq!(scene.origin.count(), 0, "the origin was not asked");
    }
}

#[test]
fn an_api_key_is_taken_out_of_the_query_and_out_of_the_fields() {
    let key = generate(&[7; KEY_RANDOM_BYTES]);
    let text = &key.text;
    let in_query = "query = \"api_key\"";
    for (place, sent, expected) in [
        (
            in_query,
            Sent::get(&format!("/key/a?api_key={text}")),
            "/key/a",
        ),
        (
            in_query,
            Sent::get(&format!("/key/a?x=1&api_key={text}&y=%20")),
            "/key/a?x=1&y=%20",
        ),
        (
            "header = \"x-api-key\"",
            Sent::get("/key/a?x").field("X-API-Key", text),
            "/key/a?x",
        ),
    ] {
        let policy = format!(
            "{TRUST}\n[api_keys]\n{place}\nstore = false\n\
             [[api_keys.key]]\nname = \"ci\"\nid = \"{}\"\nhash = \"{}\"\nscope = [\"read\"]\n\
             [upstream.orders]\nurl = \"https://orders.example\"\n{ROUTES}\n\
             [[route]]\npath = \"/key/**\"\naccept = [\"api-key\"]\n",
            key.id,
            key.digest.text()
        );
        for scene in scenes(&policy) {
            let seen = scene.passes(sent.clone(), expected);
            assert_eq!(seen.target, expected, "the target without the key");
            assert_eq!(seen.values("x-auth-subject"), ["ci"], "{expected}");
            let all = all_of(&seen);
            assert!(!all.contains(text.as_str()), "the key arrived: {all}");
            let log = scene.stage.log();
            assert!(!log.contains(text.as_str()), "the key is in the log: {log}");
        }
    }
}
