//! API keys in a header, in the query, and as the password of HTTP Basic; where they go, and where they
//! do not.

use crate::api::app::AppSpec;
use crate::api::client::Ask;
use crate::api::clock::date_time;
use crate::api::clocked::{clock, start};
use crate::api::credential::{ApiKey, basic};
use crate::api::gated::{seen, status};
use crate::api::host::Host;
use crate::api::run::Case;
use crate::api::run::cases;

pub const CASES: &[Case] = cases![
    a_key_in_a_header_passes_and_the_service_sees_whose_it_is,
    a_key_in_the_query_passes_and_is_taken_out_of_it,
    a_key_is_the_password_of_basic_under_its_own_name_only,
    a_key_that_is_wrong_in_any_way_is_refused_alike,
    two_credentials_are_a_bad_request_on_every_route,
    the_header_of_keys_reaches_no_service_under_any_spelling,
    a_key_may_do_what_its_scopes_say_and_no_more,
    no_key_is_in_the_log_and_none_in_an_answer,
];

const ROUTES: &str = r#"
[identity]
"x-auth-subject" = "sub"
"x-auth-issuer" = "iss"

[[route]]
path = "/public/**"
public = true

[[route]]
path = "/read/**"
accept = ["api-key"]
scope = ["read"]

[[route]]
path = "/write"
accept = ["api-key", "basic"]
scope = ["write"]

[[route]]
path = "/basic"
accept = ["basic"]
scope = ["read"]

[[route]]
path = "/keep"
accept = ["api-key"]
credential = "forward"
"#;

fn policy(place: &str, keys: &[&ApiKey]) -> String {
    let tables: String = keys.iter().map(|key| key.table()).collect();
    format!("[api_keys]\n{place}\nstore = false\n\n{tables}\n{ROUTES}")
}

fn in_header(keys: &[&ApiKey]) -> AppSpec {
    AppSpec::gated("echo", policy("header = \"x-api-key\"", keys))
}

async fn a_key_in_a_header_passes_and_the_service_sees_whose_it_is(host: &dyn Host) {
    let clock = clock(host);
    let key = ApiKey::new("ci", &["read"], None);
    let app = in_header(&[&key]).write();
    let running = start(&app, &clock).await;
    for name in ["x-api-key", "X-API-Key", "X-Api-KEY"] {
        let ask = Ask::get("/read/a?b=c").header(name, &key.text);
        let answer = ask.send(running.address).await;
        status(&answer, 200, name);
        assert_eq!(seen(&answer, "x-auth-subject"), ["ci"], "{name}");
        assert_eq!(
            seen(&answer, "x-auth-issuer"),
            ["urn:doorward:api-keys"],
            "{name}"
        );
        assert_eq!(
            seen(&answer, "x-api-key"),
            [""; 0],
            "{name}: the key is kept back"
        );
        assert_eq!(answer.json()["target"], "/read/a?b=c", "{name}");
    }
    let ask = Ask::get("/keep").header("x-api-key", &key.text);
    let answer = ask.send(running.address).await;
    status(&answer, 200, "a route that hands the key on");
    assert_eq!(
        seen(&answer, "x-api-key"),
        [key.text.as_str()],
        "where the policy says so"
    );
}

async fn a_key_in_the_query_passes_and_is_taken_out_of_it(host: &dyn Host) {
    let clock = clock(host);
    let key = ApiKey::new("ci", &["read"], None);
    let spec = AppSpec::gated("echo", policy("query = \"api_key\"", &[&key]));
    let app = spec.write();
    let running = start(&app, &clock).await;
    let text = &key.text;
    for (target, expected) in [
        (format!("/read/a?api_key={text}"), "/read/a"),
        (
            format!("/read/a?x=1&api_key={text}&y=%20"),
            "/read/a?x=1&y=%20",
        ),
        (format!("/read/a?api_key={text}&y"), "/read/a?y"),
        (format!("/read/a?y&&api_key={text}"), "/read/a?y&"),
    ] {
        let answer = Ask::get(&target).send(running.address).await;
        let shown = target.replace(text.as_str(), "…");
        status(&answer, 200, &shown);
        assert_eq!(answer.json()["target"], expected, "{shown}");
        assert_eq!(seen(&answer, "x-auth-subject"), ["ci"], "{shown}");
        assert!(
            !answer.text().contains(text.as_str()),
            "{shown}: the key is kept back"
        );
    }
    for (what, target, expected) in [
        (
            "two of them",
            format!("/read/a?api_key={text}&api_key={text}"),
            400,
        ),
        (
            "one of them empty",
            format!("/read/a?api_key={text}&api_key="),
            400,
        ),
        ("another spelling", format!("/read/a?api%5fkey={text}"), 400),
        (
            "both spellings",
            format!("/read/a?api%5Fkey=x&api_key={text}"),
            400,
        ),
        (
            "two of them, public",
            format!("/public/a?api_key={text}&api_key={text}"),
            400,
        ),
        ("another case", format!("/read/a?API_KEY={text}"), 401),
        ("in the header", "/read/a".to_owned(), 401),
    ] {
        let ask = Ask::get(&target).header("x-api-key", text);
        status(&ask.send(running.address).await, expected, what);
    }
    let answer = Ask::get(&format!("/public/a?z=1&api_key={text}"))
        .send(running.address)
        .await;
    status(&answer, 200, "a public route");
    assert_eq!(
        answer.json()["target"],
        "/public/a?z=1",
        "the key is kept back there too"
    );
}

async fn a_key_is_the_password_of_basic_under_its_own_name_only(host: &dyn Host) {
    let clock = clock(host);
    let ci = ApiKey::new("ci", &["read"], None);
    let other = ApiKey::new("other", &["read"], None);
    let app = in_header(&[&ci, &other]).write();
    let running = start(&app, &clock).await;
    for (what, value, expected) in [
        ("its own name", ci.basic("ci"), 200),
        ("another key under its name", other.basic("other"), 200),
        ("the name of another key", ci.basic("other"), 401),
        ("an unknown name", ci.basic("nobody"), 401),
        ("the name in another case", ci.basic("CI"), 401),
        ("no name", ci.basic(""), 400),
        ("another password", basic("ci", "password"), 401),
        ("no password", basic("ci", ""), 400),
        ("a key under Bearer", format!("Bearer {}", ci.text), 401),
        ("no colon", "Basic Y2k=".to_owned(), 400),
        ("no base64", "Basic !".to_owned(), 400),
    ] {
        let ask = Ask::get("/basic").header("Authorization", &value);
        let answer = ask.send(running.address).await;
        status(&answer, expected, what);
        match expected {
            200 => assert_eq!(seen(&answer, "authorization"), [""; 0], "{what}: kept back"),
            401 => {
                let challenge = answer.header("www-authenticate").unwrap_or_default();
                assert!(
                    challenge.starts_with("Basic realm="),
                    "{what}: {challenge:?}"
                );
            }
            _ => {}
        }
    }
    let ask = Ask::get("/basic").header("x-api-key", &ci.text);
    status(
        &ask.send(running.address).await,
        401,
        "in the header, where Basic is due",
    );
}

async fn a_key_that_is_wrong_in_any_way_is_refused_alike(host: &dyn Host) {
    let clock = clock(host);
    let key = ApiKey::new("ci", &["read"], None);
    let stranger = ApiKey::new("stranger", &["read"], None);
    let expiring = ApiKey::new("expiring", &["read"], None);
    let end = clock.now() + 10;
    let expired = format!("{}expires = \"{}\"\n", expiring.table(), date_time(end));
    let policy = policy("header = \"x-api-key\"", &[&key])
        .replace("[identity]", &format!("{expired}\n[identity]"));
    let app = AppSpec::gated("echo", policy).write();
    let running = start(&app, &clock).await;
    let ask = async |text: &str| {
        let ask = Ask::get("/read/a").header("x-api-key", text);
        ask.send(running.address).await
    };
    status(&ask(&key.text).await, 200, "the key");
    status(&ask(&expiring.text).await, 200, "a key before its end");
    clock.advance(end.saturating_sub(clock.now())).await;
    let text = &key.text;
    let mut wrong = vec![
        ("expired", expiring.text.clone()),
        ("unknown", stranger.text.clone()),
        ("another secret", key.with_another_secret()),
        ("a wrong checksum", format!("{}0", &text[..text.len() - 1])),
        ("cut", text[..text.len() - 1].to_owned()),
        ("longer", format!("{text}0")),
        ("another prefix", text.replacen("dwk_", "ghp_", 1)),
        ("another case", text.to_uppercase()),
        ("the id alone", key.id.clone()),
        (
            "the hash",
            key.record["digest"].as_str().unwrap().to_owned(),
        ),
    ];
    if text.ends_with('0') {
        wrong.retain(|(what, _)| *what != "a wrong checksum");
    }
    let mut answers = Vec::new();
    for (what, text) in wrong {
        let answer = ask(&text).await;
        status(&answer, 401, what);
        // All but what the request is called.
        let name = answer.header("x-request-id").unwrap_or("none");
        answers.push((
            answer.text().replace(name, "{request}"),
            answer.header("www-authenticate").map(str::to_owned),
        ));
    }
    answers.dedup();
    assert_eq!(answers.len(), 1, "refusals can be told apart: {answers:#?}");
    for (what, text, expected) in [("empty", "", 400), ("two in one", "a, b", 400)] {
        let answer = ask(text).await;
        assert!(
            [400, 401].contains(&answer.status),
            "{what}: {} or {expected}",
            answer.status
        );
    }
}

async fn two_credentials_are_a_bad_request_on_every_route(host: &dyn Host) {
    let clock = clock(host);
    let key = ApiKey::new("ci", &["read", "write"], None);
    let app = in_header(&[&key]).write();
    let running = start(&app, &clock).await;
    let basic = key.basic("ci");
    for target in ["/public/a", "/read/a", "/write", "/basic", "/keep"] {
        for (what, headers) in [
            (
                "the same key twice",
                [("x-api-key", &key.text), ("x-api-key", &key.text)],
            ),
            (
                "a key and Basic",
                [("x-api-key", &key.text), ("authorization", &basic)],
            ),
            (
                "a key and Bearer",
                [
                    ("x-api-key", &key.text),
                    ("authorization", &"Bearer x".to_owned()),
                ],
            ),
            (
                "Basic twice",
                [("authorization", &basic), ("authorization", &basic)],
            ),
        ] {
            let mut ask = Ask::get(target);
            for (name, value) in headers {
                ask = ask.header(name, value);
            }
            let answer = ask.send(running.address).await;
            status(&answer, 400, &format!("{what} at {target}"));
        }
    }
}

async fn the_header_of_keys_reaches_no_service_under_any_spelling(host: &dyn Host) {
    let clock = clock(host);
    let key = ApiKey::new("ci", &["read"], None);
    let app = in_header(&[&key]).write();
    let running = start(&app, &clock).await;
    let spellings = ["X-API-Key", "x_api_key", "X-Api_Key", "x.api.key"];
    for spelling in spellings {
        for target in ["/public/a", "/read/a"] {
            let mut ask = Ask::get(target).header(spelling, "forged");
            if target == "/read/a" && spelling != "X-API-Key" {
                ask = ask.header("x-api-key", &key.text);
            }
            let answer = ask.send(running.address).await;
            if target == "/read/a" && spelling == "X-API-Key" {
                status(&answer, 401, "a forged key");
                continue;
            }
            status(&answer, 200, &format!("{spelling} at {target}"));
            for name in spellings {
                assert_eq!(seen(&answer, name), [""; 0], "{spelling} at {target}");
            }
        }
    }
    let chunked = |target: &str, with_key: bool| {
        let key = if with_key {
            format!("X-API-Key: {}\r\n", key.text)
        } else {
            String::new()
        };
        format!(
            "POST {target} HTTP/1.1\r\nHost: a\r\n{key}Connection: close\r\n\
             Transfer-Encoding: chunked\r\nTrailer: x-api-key, x_api_key, x-other\r\n\r\n\
             2\r\nab\r\n0\r\nx-api-key: forged\r\nX_Api_Key: forged\r\nx-other: kept\r\n\r\n"
        )
    };
    for (target, with_key) in [("/public/trailers", false), ("/read/trailers", true)] {
        let bytes = chunked(target, with_key);
        let answer = crate::api::client::send_bytes(running.address, bytes.as_bytes()).await;
        status(&answer, 200, target);
        assert_eq!(
            answer.json()["trailers"],
            serde_json::json!(["x-other"]),
            "{target}"
        );
    }
}

async fn a_key_may_do_what_its_scopes_say_and_no_more(host: &dyn Host) {
    let clock = clock(host);
    let reader = ApiKey::new("reader", &["read"], None);
    let writer = ApiKey::new("writer", &["read", "write"], None);
    let nothing = ApiKey::new("nothing", &[], None);
    let app = in_header(&[&reader, &writer, &nothing]).write();
    let running = start(&app, &clock).await;
    for round in ["first", "again"] {
        for (key, target, expected) in [
            (&reader, "/read/a", 200),
            (&reader, "/write", 403),
            (&writer, "/read/a", 200),
            (&writer, "/write", 200),
            (&nothing, "/read/a", 403),
            (&nothing, "/keep", 200),
            (&writer, "/elsewhere", 403),
        ] {
            let ask = Ask::get(target).header("x-api-key", &key.text);
            let answer = ask.send(running.address).await;
            status(
                &answer,
                expected,
                &format!("{} at {target}, {round}", key.name),
            );
        }
    }
    let ask = Ask::get("/write").header("Authorization", &writer.basic("writer"));
    status(&ask.send(running.address).await, 200, "the writer by Basic");
    let ask = Ask::get("/write").header("Authorization", &reader.basic("reader"));
    status(&ask.send(running.address).await, 403, "the reader by Basic");
}

async fn no_key_is_in_the_log_and_none_in_an_answer(host: &dyn Host) {
    let clock = clock(host);
    let key = ApiKey::new("ci", &["read"], None);
    let stranger = ApiKey::new("stranger", &["read"], None);
    for place in ["header = \"x-api-key\"", "query = \"api_key\""] {
        let app = AppSpec::gated("echo", policy(place, &[&key])).write();
        let running = start(&app, &clock).await;
        for text in [&key.text, &stranger.text, &key.with_another_secret()] {
            for ask in [
                Ask::get(&format!("/read/a?api_key={text}")),
                Ask::get(&format!("/write?api_key={text}")),
                Ask::get(&format!("/read/a?api%5Fkey={text}")),
                Ask::get("/read/a").header("x-api-key", text),
                Ask::get("/read/a")
                    .header("x-api-key", text)
                    .header("x-api-key", text),
                Ask::get("/write").header("Authorization", &basic("ci", text)),
                Ask::get("/read/a").bearer(text),
            ] {
                let answer = ask.send(running.address).await;
                if answer.status != 200 {
                    assert!(
                        !answer.text().contains(text.as_str()),
                        "in an answer: {}",
                        answer.text()
                    );
                }
            }
        }
        let log = running.whole_log().await.join("\n");
        assert!(log.contains("refused"), "something was logged: {log}");
        for text in [&key.text, &stranger.text, &key.with_another_secret()] {
            let secret = &text[17..60];
            assert!(!log.contains(secret), "a key is in the log: {log}");
            let encoded = basic("ci", text);
            assert!(
                !log.contains(&encoded[6..]),
                "a password is in the log: {log}"
            );
        }
    }
}
