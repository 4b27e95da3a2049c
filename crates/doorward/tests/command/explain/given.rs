//! What is given to `doorward explain`, rightly and wrongly.

use serde_json::{Value, json};

use super::{explain, folder, steps, token};
use crate::run::{fails, feed, run};

#[test]
fn a_token_comes_from_a_file_or_from_standard_input() {
    let folder = folder();
    let good = token(json!({}));
    std::fs::write(folder.path().join("token"), format!("Bearer {good}\n")).unwrap();
    for (arguments, input) in [
        (&["--token-file", "token"][..], ""),
        (&["--token-file", "-"], good.as_str()),
        (&[], good.as_str()),
        (&["--header", &format!("authorization: Bearer {good}")], ""),
    ] {
        let arguments = [&["GET", "/users/7"], arguments].concat();
        let explanation = steps(folder.path(), &arguments, input);
        assert_eq!(explanation["verdict"], "admitted", "{arguments:?}");
    }
    let arguments = ["GET", "/users/7", "--token-file", "-"];
    let ran = explain(folder.path(), &arguments, "two tokens");
    assert_eq!(ran.status, 1);
    assert!(ran.stderr.contains("is not one token"), "{}", ran.stderr);
}

#[test]
fn a_time_is_written_in_either_way() {
    let folder = folder();
    let good = token(json!({}));
    for (at, verdict) in [
        ("1767600600", "admitted"),
        ("2026-01-05T08:10:00Z", "admitted"),
        ("2026-01-05T09:10:00.5+01:00", "admitted"),
        ("2026-01-05T09:10:00Z", "refused"),
        ("1767700000", "refused"),
    ] {
        let arguments = ["explain", "GET", "/users/7", "--at", at, "--format", "json"];
        let ran = feed(folder.path(), &arguments, &good);
        let explanation: Value = serde_json::from_str(&ran.stdout).unwrap();
        assert_eq!(explanation["verdict"], verdict, "{at}");
    }
}

#[test]
fn what_is_typed_wrongly_is_said_clearly() {
    let folder = folder();
    let path = folder.path();
    std::fs::write(path.join("token"), token(json!({}))).unwrap();
    std::fs::write(path.join("empty"), "\n").unwrap();
    std::fs::write(path.join("broken.json"), "{\"keys\": 1}").unwrap();
    std::fs::write(path.join("spin.toml"), "spin_manifest_version = 2\n").unwrap();
    std::fs::write(path.join("long"), "x".repeat(200_000)).unwrap();
    let bearer = "Authorization: Bearer abc";
    for (arguments, status, expected) in [
        (
            &["GET", "https://api.example"][..],
            1,
            &["no path", "https://api.example/"][..],
        ),
        (&["GET", "https://api.example?a=1"], 1, &["no path"]),
        (&["GET", "api.example/users"], 1, &["neither", "/users/7"]),
        (&["GET", "ftp://api.example/users"], 1, &["neither"]),
        (&["GET", "https:///users"], 1, &["the host of the URL"]),
        (
            &["GET", "https://me@api.example/users"],
            1,
            &["the host of the URL"],
        ),
        (&["GET", "/users#top"], 1, &["fragment"]),
        (&["G T", "/users"], 1, &["the method \"G T\""]),
        (&["GET"], 2, &["<URL>"]),
        (
            &["GET", "/", "--header", "Authorization"],
            1,
            &["NAME: VALUE", "colon"],
        ),
        (
            &["GET", "/", "--header", "a b: c"],
            1,
            &["no name of a header field"],
        ),
        (
            &["GET", "/", "--header", "a: b\nc"],
            1,
            &["control characters"],
        ),
        (
            &["GET", "/", "--token-file", "none"],
            1,
            &["--token-file: none cannot be read"],
        ),
        (
            &["GET", "/", "--token-file", "empty"],
            1,
            &["there is no token in empty"],
        ),
        (
            &["GET", "/", "--token-file", "token", "--header", bearer],
            1,
            &["two tokens are given"],
        ),
        (&["GET", "/", "--client", "nobody"], 2, &["--client"]),
        (&["GET", "/", "--at", "soon"], 2, &["seconds since 1970"]),
        (&["GET", "/", "--at", "-1"], 2, &["--at"]),
        (
            &["GET", "/", "--keys", "none.json"],
            1,
            &["none.json cannot be read"],
        ),
        (
            &["GET", "/", "--keys", "broken.json"],
            1,
            &["broken.json is no key set"],
        ),
        (
            &["GET", "/", "--policy", "none.toml"],
            1,
            &["none.toml cannot be read", "--policy FILE"],
        ),
        (
            &["GET", "/", "--policy", "token"],
            1,
            &["is not valid", "doorward check token"],
        ),
        (
            &["GET", "/", "--policy", "spin.toml"],
            1,
            &["spin.toml is a Spin manifest", "--policy FILE"],
        ),
        (&["GET", "/straße?x=1"], 1, &["escaped: /stra%C3%9Fe\n"]),
        (&["GET", "/a b"], 1, &["escaped: /a%20b"]),
        (
            &["GET", "/", "--token-file", "long"],
            1,
            &["long cannot be read", "longer than any token"],
        ),
        (&["--ref", "1"], 2, &["--log"]),
        (&["GET", "/", "--log", "token"], 1, &["--log is for --ref"]),
        (
            &["--ref", "1", "--log", "none"],
            1,
            &["none cannot be read"],
        ),
        (
            &["GET", "/", "--ref", "1", "--log", "token"],
            2,
            &["cannot be used with"],
        ),
    ] {
        let ran = fails(path, &[&["explain"], arguments].concat(), status, expected);
        assert_eq!(ran.stdout, "", "{arguments:?}: nothing is explained");
    }
}

#[test]
fn an_error_does_not_repeat_what_may_be_a_secret() {
    let folder = folder();
    let secret = "c2VjcmV0LXNlY3JldA";
    let path = folder.path();
    std::fs::write(path.join("two"), format!("{secret} {secret}")).unwrap();
    for arguments in [
        &["--header", &format!("Authorization Bearer {secret}")][..],
        &["--header", &format!("Bearer {secret}: x")],
        &["--header", &format!("x: {secret}\n")],
        &["--token-file", "two"],
        &["--header", &format!("x-api-key: {secret}")],
        &["--header", &format!("cookie: session={secret}")],
        &["--header", &format!("authorization: Basic {secret}")],
    ] {
        for url in [
            "/users/me?x=1",
            "/far",
            "/nowhere",
            &format!("/far?api_key={secret}"),
        ] {
            let ran = run(path, &[&["explain", "GET", url], arguments].concat());
            let said = ran.stdout + &ran.stderr;
            assert!(!said.contains(secret), "{arguments:?}: {said}");
            assert!(!said.contains(&secret[..12]), "{arguments:?}: {said}");
        }
    }
}

#[test]
fn names_of_other_schemas_are_known() {
    let folder = folder();
    let log = r#"{"@timestamp":"x","http":{"request":{"id":"AB-1"}},"trace":{"id":"77"}}
{"http.request.id":"ab-1"}
{"Attributes":{"request_id":"ab-1"},"TraceId":"77"}
{"instance":"ab-1","user":{"name":"ab-1"},"xrequest_id":"ab-1"}
"#;
    std::fs::write(folder.path().join("log"), log).unwrap();
    for (id, count) in [("ab-1", 3), ("77", 2)] {
        let arguments = ["explain", "--ref", id, "--log", "-", "--format", "json"];
        let ran = feed(folder.path(), &arguments, log);
        let found: Value = serde_json::from_str(&ran.stdout).unwrap();
        assert_eq!(found["lines"].as_array().unwrap().len(), count, "{id}");
    }
}

#[test]
fn the_lines_of_a_request_are_found_in_a_log() {
    let folder = folder();
    let path = folder.path();
    let id = "0197a3f0-5f0a-7c3e-8a59-3f6f2f1f9a10";
    let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
    let log = format!(
        "Serving x at http://127.0.0.1:3000\n{{\"request_id\":\"another\"}}\n{{not JSON}}\n[1, 2]\n\
         gate: {{\"level\":\"warn\",\"request_id\":\"{id}\",\"trace_id\":\"{trace}\",\"status\":401,\"route\":\"/users/{{id}}\"}}\n\
         \n{{\"request_id\":\"{id}\",\"event\":\"refused\"}}"
    );
    std::fs::write(path.join("log"), log).unwrap();
    let ran = run(path, &["explain", "--ref", id, "--log", "log"]);
    assert_eq!(
        ran.stdout,
        "log:5\n  level            warn\n  request_id       0197a3f0-5f0a-7c3e-8a59-3f6f2f1f9a10\n  route            \
         /users/{id}\n  status           401\n  trace_id         4bf92f3577b34da6a3ce929d0e0e4736\nlog:7\n  event            \
         refused\n  request_id       0197a3f0-5f0a-7c3e-8a59-3f6f2f1f9a10\n"
    );
    assert_eq!(ran.status, 0);
    for (reference, count) in [
        (format!("urn:uuid:{id}"), 2),
        (id.to_ascii_uppercase(), 2),
        (trace.to_owned(), 1),
        (format!("00-{trace}-00f067aa0ba902b7-01"), 1),
    ] {
        let arguments = [
            "explain", "--ref", &reference, "--log", "log", "--format", "json",
        ];
        let ran = run(path, &arguments);
        let found: Value = serde_json::from_str(&ran.stdout).unwrap();
        assert_eq!(
            found["lines"].as_array().unwrap().len(),
            count,
            "{reference}"
        );
    }
    let missing = ["explain", "--ref", "nobody", "--log", "log"];
    fails(path, &missing, 1, &["no line of log", "not sampled"]);
    std::fs::write(path.join("text"), "a\nb\n").unwrap();
    let no_log = ["explain", "--ref", id, "--log", "text"];
    fails(path, &no_log, 1, &["no line of it is a JSON object"]);
}
