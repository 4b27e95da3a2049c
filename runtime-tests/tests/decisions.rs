//! The decision cases that `tests/` runs against the core, run against the built gate over HTTP: the
//! wasm decides the same.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use doorward_runtime_tests::app::AppSpec;
use doorward_runtime_tests::client::{Answer, Ask};
use doorward_runtime_tests::host::Host;
use doorward_runtime_tests::issuer::now;
use doorward_runtime_tests::{cases, run};
use doorward_tests::decisions::{Case, Expected, Sent, Suite};
use std::collections::BTreeMap;
use std::process::ExitCode;

fn main() -> ExitCode {
    run::main(cases![the_gate_decides_every_case_as_the_core_does])
}

async fn the_gate_decides_every_case_as_the_core_does(host: &dyn Host) {
    let (mut run, mut left_out) = (0, 0);
    let mut wrong = Vec::new();
    for suite in Suite::all() {
        let mut spec = AppSpec::gated("echo", suite.policy.clone());
        spec.files = suite
            .key_files
            .iter()
            .map(|(path, text)| {
                (
                    path.trim_start_matches('/').to_owned(),
                    text.clone().into_bytes(),
                )
            })
            .collect();
        spec.variables = suite
            .variables
            .iter()
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect();
        let app = spec.write();
        let running = host.start(&app).await;
        let names = suite.identity_header_names();
        for case in &suite.cases {
            if case.not_over_http.is_some() || case.fault.is_some() {
                left_out += 1;
                continue;
            }
            let sent = suite.sent(case, now(), &format!("http://{}", running.address));
            let mut ask = Ask::new(&case.method, &sent.target);
            for (name, value) in &sent.headers {
                ask = ask.header(name, value);
            }
            for value in &sent.authorization {
                ask = ask.header("Authorization", value);
            }
            let answer = ask.send(running.address).await;
            run += 1;
            if let Some(why) = difference(case, &sent, &answer, &suite, &names) {
                wrong.push(format!(
                    "{} · {} ({} {}): {why}",
                    suite.name, case.name, case.method, case.target
                ));
            }
        }
    }
    println!("{run} cases run over HTTP, {left_out} make no sense there");
    assert!(run > 80, "cases are missing: {run}");
    assert!(
        wrong.is_empty(),
        "{} cases differ:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

fn difference(
    case: &Case,
    sent: &Sent,
    answer: &Answer,
    suite: &Suite,
    names: &[String],
) -> Option<String> {
    if let Some(due) = &case.vary
        && answer.header("vary").unwrap_or_default() != due
    {
        return Some(format!("Vary {:?}", answer.header("vary")));
    }
    // The answer to a HEAD request has no body, and the host itself refuses what is not HTTP before the
    // gate sees it; the status still has to be the due one.
    let silent = answer.body.is_empty();
    match &case.expect {
        Expected::Refusal(due) => {
            if answer.status != due.status {
                return Some(format!(
                    "status {} instead of {}: {}",
                    answer.status,
                    due.status,
                    answer.text()
                ));
            }
            if silent && (case.method == "HEAD" || due.status == 400) {
                return None;
            }
            if answer.header("www-authenticate") != due.www_authenticate.as_deref() {
                return Some(format!("challenge {:?}", answer.header("www-authenticate")));
            }
            if answer.header("retry-after").is_some() != due.retry_after {
                return Some(format!("Retry-After {:?}", answer.header("retry-after")));
            }
            let class = answer.json()["type"]
                .as_str()
                .unwrap_or_default()
                .to_owned();
            (!class.ends_with(&due.class)).then(|| format!("class {class}"))
        }
        Expected::Permit(due) => {
            if answer.status != 200 {
                return Some(format!("status {}: {}", answer.status, answer.text()));
            }
            if silent && case.method == "HEAD" {
                return None;
            }
            let seen = answer.json();
            if seen["target"] != sent.forwarded_target.as_str() {
                return Some(format!("target {}", seen["target"]));
            }
            for (due, values) in &sent.forwarded_headers {
                let found: Vec<&str> = seen["headers"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .filter(|pair| pair[0].as_str().unwrap().eq_ignore_ascii_case(due))
                    .map(|pair| pair[1].as_str().unwrap())
                    .collect();
                // Cookies that came in several fields go on as one.
                let joined = match due.as_str() {
                    "cookie" if values.len() > 1 => vec![values.join("; ")],
                    _ => values.clone(),
                };
                if found != joined {
                    return Some(format!("{due} became {found:?} instead of {joined:?}"));
                }
            }
            let mut identity = BTreeMap::new();
            let mut credential = false;
            for pair in seen["headers"].as_array().unwrap() {
                let (name, value) = (pair[0].as_str().unwrap(), pair[1].as_str().unwrap());
                credential |= name.eq_ignore_ascii_case("authorization")
                    || suite.api_key_header.as_deref() == Some(&name.to_ascii_lowercase());
                if names.iter().any(|known| known.eq_ignore_ascii_case(name))
                    && identity
                        .insert(name.to_ascii_lowercase(), value.to_owned())
                        .is_some()
                {
                    return Some(format!("{name} twice"));
                }
            }
            if identity != due.identity {
                return Some(format!(
                    "identity {identity:?} instead of {:?}",
                    due.identity
                ));
            }
            (credential != due.credential_forwarded)
                .then(|| format!("credential seen: {credential}"))
        }
    }
}
