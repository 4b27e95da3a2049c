//! `doorward replay`: what another policy would have decided otherwise.
//!
//! That it decides as the gate does is tried in the engine: `tests/tests/replay`. Here are lines as gates write them.

use std::path::Path;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::run::{Ran, doorward, feed, run};

const OLD: &str = r#"[issuer.acme]
url = "https://acme.example"
audience = "api"

[[route]]
path = "/items/{id}"
scope = ["read"]
[route.claims]
tier = "gold"
"#;

const ADMITTED: &str = "0a0a0a0a-0000-4000-8000-000000000001";
const REFUSED: &str = "0a0a0a0a-0000-4000-8000-000000000002";

/// What lines of all names have in common.
fn inputs(tier: &str, verdict: &str) -> Value {
    json!({
        "method": "GET",
        "path": "/items/7",
        "at": 1_767_225_600,
        "presented": { "place": "authorization", "form": "bearer", "bytes": 400, "dots": 2 },
        "token": {
            "iss": "https://acme.example", "aud": ["api"], "alg": "EdDSA", "typ": "JWT",
            "exp": 1_767_229_200, "iat": 1_767_225_600, "scopes": ["read"],
            "claims": { "tier": tier }, "identity": "e3b0c44298fc1c14",
        },
        "verdict": verdict,
    })
}

fn admitted() -> String {
    json!({
        "time": "2026-01-01T00:00:00.000Z", "event": "request", "request_id": ADMITTED, "route": "/items/{id}",
        "decision": "admitted", "inputs": inputs("gold", "admitted"),
    })
    .to_string()
}

fn refused() -> String {
    json!({
        "event": "refused", "request_id": REFUSED, "route": "/items/{id}", "decision": "refused",
        "class": "forbidden", "reason": "the claim tier has none of the values that the rule lists",
        "inputs": inputs("silver", "forbidden"),
    })
    .to_string()
}

/// The policy with other values of the claim.
fn with_tier(tier: &str) -> String {
    OLD.replace("\"gold\"", tier)
}

fn replay(folder: &Path, policy: &str, log: &str, more: &[&str]) -> Ran {
    std::fs::write(folder.join("new.toml"), policy).unwrap();
    std::fs::write(folder.join("gate.log"), log).unwrap();
    let mut arguments = vec!["replay", "gate.log", "--policy", "new.toml"];
    arguments.extend(more);
    run(folder, &arguments)
}

fn json_of(folder: &Path, policy: &str, log: &str) -> (i32, Value) {
    let ran = replay(folder, policy, log, &["--format", "json"]);
    let document = serde_json::from_str(&ran.stdout);
    (ran.status, document.unwrap_or_else(|_| panic!("{ran:?}")))
}

fn folder() -> TempDir {
    tempfile::tempdir().unwrap()
}

#[test]
fn by_the_same_policy_nothing_is_decided_otherwise() {
    let folder = folder();
    let log = format!("{}\n{}\n", admitted(), refused());
    let ran = replay(folder.path(), OLD, &log, &[]);
    assert_eq!(ran.status, 0, "{ran:?}");
    assert!(
        ran.stdout
            .contains("2 requests: 2 decided as before, 0 otherwise, 0 undecidable"),
        "{ran:?}"
    );
    assert!(
        ran.stdout.contains("not judged again: signatures"),
        "{ran:?}"
    );
    assert!(!ran.stdout.contains("OTHERWISE"), "{ran:?}");
}

#[test]
fn what_is_decided_otherwise_is_counted_by_kind_with_an_example_and_a_status_of_its_own() {
    let folder = folder();
    let log = format!("{}\n{}\n{}\n", admitted(), refused(), admitted());
    let ran = replay(folder.path(), &with_tier("\"silver\""), &log, &[]);
    assert_eq!(ran.status, 3, "{ran:?}");
    for says in [
        "       2  admitted by /items/{id} -> refused 403 forbidden by /items/{id} (the claim tier has none of the values \
         that the rule lists)\n          such as 0a0a0a0a-0000-4000-8000-000000000001\n",
        "       1  refused forbidden by /items/{id} (the claim tier has none of the values that the rule lists) -> admitted \
         by /items/{id}\n          such as 0a0a0a0a-0000-4000-8000-000000000002\n",
    ] {
        assert!(ran.stdout.contains(says), "{says}\n{}", ran.stdout);
    }
    let (status, document) = json_of(folder.path(), &with_tier("\"silver\""), &log);
    assert_eq!(status, 3);
    assert_eq!(document["same"], 0);
    assert_eq!(document["differing"], 3);
    let first = &document["differences"][0];
    assert_eq!(
        (&first["count"], &first["example"]),
        (&json!(2), &json!(ADMITTED))
    );
    assert_eq!(first["from"]["verdict"], "admitted");
    assert_eq!(
        (&first["to"]["verdict"], &first["to"]["status"]),
        (&json!("forbidden"), &json!(403))
    );
}

#[test]
fn lines_of_others_and_what_a_host_puts_before_a_line_are_passed_over_and_all_names_are_known() {
    let folder = folder();
    let named = |decision: &str, id: &str| json!({ decision: "admitted", id: ADMITTED, "doorward.inputs": inputs("gold", "admitted") });
    let nested = json!({
        "labels": { "decision": "admitted" }, "http": { "request": { "id": ADMITTED } },
        "doorward": { "inputs": inputs("gold", "admitted") },
    });
    let log = format!(
        "Serving http://127.0.0.1:3000\n{{\"event\":\"keys-loaded\",\"issuer\":\"acme\"}}\nan {{ }} in {{ the text\n\
         gate: {}\n{}\n{}\n{nested}\n{}",
        admitted(),
        named("labels.decision", "http.request.id"),
        named("doorward.decision", "doorward.request_id"),
        // A preflight, say.
        json!({ "decision": "answered", "route": "preflight" }),
    );
    let (status, document) = json_of(folder.path(), OLD, &log);
    assert_eq!(status, 0, "{document:#}");
    assert_eq!(
        (&document["same"], &document["other"]),
        (&json!(4), &json!(4)),
        "{document:#}"
    );
    let (_, document) = json_of(folder.path(), &with_tier("1"), &log);
    assert_eq!(document["differing"], 4, "{document:#}");
    assert_eq!(
        document["differences"][0]["example"], ADMITTED,
        "{document:#}"
    );
}

#[test]
fn what_cannot_be_decided_is_told_apart_with_the_reason() {
    let folder = folder();
    let without = json!({ "decision": "admitted", "route": "/items/{id}", "request_id": ADMITTED });
    let mut truncated = without.clone();
    truncated["inputs"] = json!({ "truncated": true });
    let log = format!("{without}\n{truncated}\n{}\n", admitted());
    let other = OLD.replace("tier = ", "level = ");
    let (status, document) = json_of(folder.path(), &other, &log);
    assert_eq!(status, 1, "nothing is known: {document:#}");
    assert_eq!(document["undecidable_count"], 3);
    let undecidable = document["undecidable"].as_array().unwrap();
    let reasons: Vec<&str> = undecidable
        .iter()
        .map(|one| one["why"].as_str().unwrap())
        .collect();
    for why in [
        "its `decision_inputs` did not fit into the line",
        "the new policy names a claim that was not recorded",
        "there is no `decision_inputs` in the line",
    ] {
        assert!(reasons.contains(&why), "{why}: {reasons:?}");
    }
    let ran = replay(folder.path(), &other, &log, &[]);
    assert!(ran.stdout.contains("UNDECIDABLE\n"), "{ran:?}");
}

#[test]
fn a_line_that_cannot_be_read_is_told_by_its_number_and_not_repeated() {
    let folder = folder();
    let cut: String = admitted().chars().take(300).collect();
    let wrong = json!({ "decision": "admitted", "inputs": { "method": 7, "secret": "hidden-in-the-line" } });
    let log = format!(
        "{}\n{cut}hidden-in-the-line\n{wrong}\n{}\n",
        admitted(),
        admitted()
    );
    let ran = replay(folder.path(), OLD, &log, &[]);
    assert_eq!(ran.status, 0, "{ran:?}");
    assert!(ran.stdout.contains("2 bad lines"), "{ran:?}");
    assert!(ran.stdout.contains("BAD LINES: 2, 3\n"), "{ran:?}");
    assert!(
        !format!("{ran:?}").contains("hidden-in-the-line"),
        "{ran:?}"
    );
}

#[test]
fn a_long_log_with_as_many_routes_and_reasons_as_lines_takes_no_more_room() {
    let folder = folder();
    let mut log = String::new();
    let mut line: Value = serde_json::from_str(&refused()).unwrap();
    for number in 0..3000_u32 {
        let digits = number.to_string();
        let letter = |digit: u8| char::from(digit + b'a' - b'0');
        let word: String = digits.bytes().map(letter).collect();
        line["reason"] = format!("reason {word}").into();
        log += &format!("{line}\n");
    }
    // A line without an end is one line, however long it is.
    log += &format!("{}\n{}\n", "x".repeat(3 << 20), admitted());
    std::fs::write(folder.path().join("new.toml"), with_tier("\"silver\"")).unwrap();
    std::fs::write(folder.path().join("gate.log"), log).unwrap();
    let mut command = doorward(folder.path());
    command.args([
        "replay", "gate.log", "--policy", "new.toml", "--format", "json",
    ]);
    let ran = command.output().unwrap();
    let document: Value = serde_json::from_slice(&ran.stdout).unwrap();
    assert_eq!(ran.status.code(), Some(3));
    assert_eq!(document["differing"], 3001);
    assert_eq!(document["differences"].as_array().unwrap().len(), 1000);
    assert_eq!(document["differences_left_out"], 2001);
    assert_eq!(document["other"], 1);
}

#[test]
fn reasons_that_differ_by_their_numbers_alone_are_of_one_kind() {
    let folder = folder();
    let mut line: Value = serde_json::from_str(&refused()).unwrap();
    let mut log = String::new();
    for number in [7, 1_767_225_600, 12] {
        line["reason"] = format!("expired at {number}").into();
        log += &format!("{line}\n");
    }
    let (status, document) = json_of(folder.path(), &with_tier("\"silver\""), &log);
    assert_eq!(status, 3, "{document:#}");
    let differences = document["differences"].as_array().unwrap();
    assert_eq!(differences.len(), 1, "{document:#}");
    assert_eq!(differences[0]["count"], 3, "{document:#}");
}

#[test]
fn what_a_client_has_sent_to_somebody_else_is_no_line_of_the_gate() {
    let folder = folder();
    let log = format!(
        "[gate] {}\nGET /search?q={}\n[app] said \"{}\n{} more {}\n",
        admitted(),
        admitted(),
        admitted(),
        "a".repeat(200),
        admitted()
    );
    let (status, document) = json_of(folder.path(), OLD, &log);
    assert_eq!(status, 0, "{document:#}");
    assert_eq!(
        (&document["same"], &document["other"]),
        (&json!(1), &json!(3)),
        "{document:#}"
    );
}

#[test]
fn a_terminal_obeys_nothing_of_a_log() {
    let folder = folder();
    let mut line: Value = serde_json::from_str(&refused()).unwrap();
    for member in ["reason", "route", "request_id"] {
        line[member] = "\u{1b}[2J\u{202e}forged".into();
    }
    let ran = replay(
        folder.path(),
        &with_tier("\"silver\""),
        &format!("{line}\n"),
        &[],
    );
    assert_eq!(ran.status, 3, "{ran:?}");
    assert!(ran.stdout.contains("\\u{1b}[2J\\u{202e}forged"), "{ran:?}");
    assert!(!ran.stdout.contains('\u{1b}'), "{ran:?}");
}

#[test]
fn a_log_without_a_request_is_an_error_that_says_what_it_takes() {
    let folder = folder();
    for log in [
        "",
        "Serving http://127.0.0.1:3000\n",
        "{\"event\":\"ready\"}\n",
    ] {
        let ran = replay(folder.path(), OLD, log, &[]);
        assert_eq!(ran.status, 1, "{ran:?}");
        assert!(ran.stderr.contains("decision_inputs = true"), "{ran:?}");
    }
    let ran = run(
        folder.path(),
        &["replay", "missing.log", "--policy", "new.toml"],
    );
    assert_eq!(ran.status, 1, "{ran:?}");
    assert!(ran.stderr.contains("missing.log cannot be read"), "{ran:?}");
    let ran = run(folder.path(), &["replay", "gate.log"]);
    assert_eq!(ran.status, 2, "a policy is needed: {ran:?}");
}

#[test]
fn a_log_may_come_on_standard_input() {
    let folder = folder();
    std::fs::write(folder.path().join("new.toml"), OLD).unwrap();
    let ran = feed(
        folder.path(),
        &["replay", "-", "--policy", "new.toml"],
        &admitted(),
    );
    assert_eq!(ran.status, 0, "{ran:?}");
    assert!(
        ran.stdout.contains("1 requests: 1 decided as before"),
        "{ran:?}"
    );
}
