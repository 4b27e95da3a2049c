//! What components cost, measured by the command.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::Stdio;

use serde_json::{Value, json};

use super::run::{doorward, fails, run, succeeds};

/// The project, whose components are measured.
fn project() -> &'static str {
    let own = Path::new(env!("CARGO_MANIFEST_DIR"));
    own.ancestors().nth(2).unwrap().to_str().unwrap()
}

/// A short measurement of the smallest component, of which nothing is left but in `folder`.
fn bench(more: &[&'static str]) -> Vec<&'static str> {
    let mut arguments = vec!["bench", "--from", project(), "--state-dir", "state"];
    arguments.extend([
        "--build",
        "--case",
        "bare",
        "--seconds",
        "0.3",
        "--connections",
        "4",
    ]);
    arguments.extend(more);
    arguments
}

fn number(json: &Value, pointer: &str) -> f64 {
    let value = json.pointer(pointer).and_then(Value::as_f64);
    value.unwrap_or_else(|| panic!("{pointer} is no number in {json:#}"))
}

#[test]
fn a_case_is_measured_drawn_and_compared() {
    let folder = tempfile::tempdir().unwrap();
    let in_folder = |name: &str| folder.path().join(name);
    let ran = succeeds(
        folder.path(),
        &bench(&[
            "--reuse", "1,128", "--rounds", "2", "--rate", "50", "--format", "json", "--plot",
            "a.svg",
        ]),
    );
    let json: Value = serde_json::from_str(&ran.stdout).unwrap();
    let results = json.pointer("/results").unwrap().as_array().unwrap();
    let keys: Vec<_> = results
        .iter()
        .map(|result| {
            (
                result["reuse"].as_u64().unwrap(),
                result["load"].as_str().unwrap(),
            )
        })
        .collect();
    let expected = [(1, "closed"), (1, "50/s"), (128, "closed"), (128, "50/s")];
    assert_eq!(keys, expected);
    for result in results {
        assert_eq!(result["failed"], 0, "{result:#}");
        let figures = &result["figures"];
        let median = |name: &str| number(figures, &format!("/{name}/median"));
        assert!(median("requests_per_second") > 0.0, "{result:#}");
        let latencies = ["p50_us", "p90_us", "p99_us", "p999_us"].map(median);
        assert!(latencies.is_sorted() && latencies[0] > 0.0, "{result:#}");
        if cfg!(target_os = "linux") {
            assert!(median("memory_bytes") > 1e6, "{result:#}");
        }
        assert!(median("first_answer_ms") > 0.0, "{result:#}");
    }
    let svg = fs::read_to_string(in_folder("a.svg")).unwrap();
    for said in [
        "<svg",
        "bare",
        "1 requests an instance, 50/s",
        "128 requests an instance, closed",
    ] {
        assert!(svg.contains(said), "{said}");
    }

    // As if it had been a thousand times as fast before, or as slow.
    for (scale, status) in [(1000.0, 3), (0.001, 0)] {
        let mut before = json.clone();
        for result in before["results"].as_array_mut().unwrap() {
            let old = number(result, "/figures/requests_per_second/median") * scale;
            result["figures"] = json!({ "requests_per_second": { "median": old } });
        }
        fs::write(in_folder("before.json"), before.to_string()).unwrap();
        let arguments = bench(&[
            "--reuse",
            "128",
            "--rounds",
            "1",
            "--compare",
            "before.json",
        ]);
        let ran = run(folder.path(), &arguments);
        assert_eq!(ran.status, status, "{}\n{}", ran.stdout, ran.stderr);
        let said = [
            "requests_per_second",
            "Measured only before: bare, 1 an instance, 50/s",
        ];
        for said in said {
            assert!(ran.stdout.contains(said), "{said}: {}", ran.stdout);
        }
        assert_eq!(ran.stdout.contains("worse"), status == 3, "{}", ran.stdout);
    }
}

#[test]
fn whatever_serves_a_url_is_measured_with_the_tokens_of_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let mut origin = doorward(folder.path())
        .args(["bench", "--be-origin"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut url = String::new();
    let mut said = BufReader::new(origin.stdout.take().unwrap());
    said.read_line(&mut url).unwrap();
    let export = [
        "bench",
        "--from",
        project(),
        "--state-dir",
        "state",
        "--tokens",
        "3",
    ];
    succeeds(folder.path(), &[&export[..], &["--export", "."]].concat());
    let process = origin.id().to_string();
    let ran = succeeds(
        folder.path(),
        &[
            "bench",
            "--url",
            url.trim(),
            "--token-file",
            "EdDSA.txt",
            "--process",
            &process,
            "--seconds",
            "0.2",
            "--rounds",
            "1",
            "--connections",
            "2",
            "--format",
            "json",
        ],
    );
    let json: Value = serde_json::from_str(&ran.stdout).unwrap();
    let result = &json["results"][0];
    assert_eq!(
        (&result["case"], &result["failed"]),
        (&json!("url"), &json!(0))
    );
    assert!(number(result, "/figures/p50_us/median") > 0.0, "{result:#}");
    if cfg!(target_os = "linux") {
        assert!(number(result, "/figures/memory_bytes/median") > 1e5);
    }
    // It ends with its input.
    drop(origin.stdin.take());
    assert!(origin.wait().unwrap().success());
}

#[test]
fn what_cannot_be_measured_is_said_with_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    fails(
        folder.path(),
        &["bench", "--case", "nothing"],
        2,
        &["gate-rs256"],
    );
    let none = [
        "bench",
        "--from",
        project(),
        "--components",
        ".",
        "--state-dir",
        "state",
    ];
    let expected = ["bare: there is no", "whoami.wasm", "doorward bench --build"];
    fails(folder.path(), &none, 1, &expected);
    let few = [
        "bench",
        "--from",
        project(),
        "--state-dir",
        "state",
        "--tokens",
        "100",
    ];
    fails(
        folder.path(),
        &few,
        1,
        &["100 tokens are too few", "--tokens 2000"],
    );
    let tls = ["bench", "--url", "https://127.0.0.1/"];
    fails(folder.path(), &tls, 1, &["is no http URL"]);
    fs::write(folder.path().join("other.json"), "{}").unwrap();
    let other = ["bench", "--compare", "other.json"];
    fails(
        folder.path(),
        &other,
        1,
        &["other.json cannot be compared with"],
    );
}
