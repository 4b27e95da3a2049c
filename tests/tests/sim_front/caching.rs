//! Which caches may keep an answer, by where the credential of the request was (RFC 9111 §3.5).

use crate::{Front, fronts, status, values};
use doorward_tests::sim::client::{Answer, Sent};
use doorward_token::api_key::{KEY_RANDOM_BYTES, generate};

const ROUTES: &str = r#"
[issuer.test]
url = "https://issuer.example"
audience = "api"
jwks_url = "https://issuer.example/keys"

[security_headers.web]
preset = "none"
set = { cache-control = "no-store" }

[[route]]
path = "/public/**"
public = true

[[route]]
path = "/all/**"
accept = ["jwt", "api-key", "basic"]
issuer = "test"
token_from = ["header:x-token", "cookie:session", "query:access_token", "authorization"]

[[route]]
path = "/may/**"
issuer = "test"
token_from = ["cookie:session", "authorization"]
auth = "optional"

[[route]]
path = "/said/**"
accept = ["jwt", "api-key"]
issuer = "test"
token_from = ["cookie:session", "authorization"]
shared_cache = "origin"

[[route]]
path = "/set/**"
issuer = "test"
token_from = ["cookie:session"]
security_headers = "web"
"#;

/// An API key.
fn key() -> String {
    generate(&[7; KEY_RANDOM_BYTES]).text.to_string()
}

fn policy() -> String {
    let key = generate(&[7; KEY_RANDOM_BYTES]);
    let (id, hash) = (&key.id, key.digest.text());
    format!(
        "[api_keys]\nheader = \"x-api-key\"\nstore = false\n[[api_keys.key]]\nname = \"ci\"\nid = \"{id}\"\nhash = \"{hash}\"\n{ROUTES}"
    )
}

fn control(answer: &Answer) -> Vec<String> {
    values(answer, "cache-control")
}

fn get(front: &Front, sent: Sent, says: &str) -> Answer {
    let answer = front.send(sent.field("x-answer-cache-control", says));
    status(&answer, 200, &format!("{}: {says}", front.what));
    answer
}

#[test]
fn an_answer_is_private_where_the_credential_was_not_in_authorization() {
    for front in fronts(&policy()) {
        let what = &front.what;
        let token = front.token("read");
        let elsewhere = [
            Sent::get("/all/a").field("x-token", &token),
            Sent::get("/all/a").field("cookie", format!("session={token}")),
            Sent::get(&format!("/all/a?access_token={token}")),
            Sent::get("/all/a").field("x-api-key", key()),
            Sent::new("POST", "/all/a").field("x-api-key", key()),
            Sent::get("/may/a").field("cookie", format!("session={token}")),
            Sent::get("/said/a").field("x-api-key", key()),
        ];
        for sent in elsewhere {
            let answer = front.send(sent.clone());
            status(&answer, 200, what);
            assert_eq!(control(&answer), ["private"], "{what}: {sent:?}");
            let says = "max-age=60, stale-if-error=5";
            let answer = get(&front, sent, says);
            assert_eq!(control(&answer), [format!("private, {says}")], "{what}");
        }
        let public = "public, s-maxage=600";
        let cookie = || Sent::get("/all/a").field("cookie", format!("session={token}"));
        let cdn = cookie().field("x-answer-cdn-cache-control", "max-age=600");
        let answer = get(&front, cdn, public);
        assert_eq!(
            control(&answer),
            ["private"],
            "{what}: whatever the origin says"
        );
        assert!(!answer.fields.has("cdn-cache-control"), "{what}");
        let answer = get(&front, cookie(), "no-store");
        assert_eq!(control(&answer), ["no-store"], "{what}");
        let set = Sent::get("/set/a").field("cookie", format!("session={token}"));
        assert_eq!(control(&front.send(set)), ["no-store"], "{what}: ours");
    }
}

#[test]
fn caches_see_by_themselves_whose_it_is_where_the_credential_was_in_authorization() {
    for front in fronts(&policy()) {
        let what = &front.what;
        let token = front.token("read");
        for sent in [
            Sent::get("/all/a").bearer(&token),
            Sent::get("/may/a").bearer(&token),
            // No credential was looked at.
            Sent::get("/may/a"),
            Sent::get("/public/a"),
            Sent::get("/public/a").field("cookie", format!("session={token}")),
        ] {
            let answer = front.send(sent.clone());
            assert!(control(&answer).is_empty(), "{what}: {sent:?}");
            let says = "public, max-age=60";
            assert_eq!(control(&get(&front, sent, says)), [says], "{what}");
        }
    }
}

#[test]
fn an_origin_says_public_where_the_policy_leaves_it_to_it() {
    for front in fronts(&policy()) {
        let what = &front.what;
        let token = front.token("read");
        let sent = || Sent::get("/said/a").field("cookie", format!("session={token}"));
        for (says, expected) in [
            ("public, max-age=60", "public, max-age=60"),
            ("s-maxage=60", "s-maxage=60"),
            ("max-age=60", "private, max-age=60"),
        ] {
            assert_eq!(control(&get(&front, sent(), says)), [expected], "{what}");
        }
    }
}
