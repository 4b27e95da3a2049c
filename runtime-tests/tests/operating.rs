//! What an operator asks for and sees, in a component that is built with it: a line for each request, which events
//! there are, whether it is ready, what a request is called, and a second policy beside the first. What each of them says
//! in every case is shown in virtual time; here it is that it says so on a host.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use doorward_runtime_tests::app::{App, AppSpec, built};
use doorward_runtime_tests::client::{Answer, Ask};
use doorward_runtime_tests::gated::{policy, seen, status};
use doorward_runtime_tests::host::{Host, How, Running};
use doorward_runtime_tests::issuer::{Behaviour, Issuer};
use doorward_runtime_tests::{cases, run};
use serde_json::Value;
use std::process::ExitCode;
use std::time::{Duration, Instant};

/// What WASI writes at once, in bytes.
const LINE_BYTES_MAX: usize = 4096;

/// How long it may take until it is ready again, with the time after which an issuer that failed is asked again.
const READY_TIME_MAX: Duration = Duration::from_secs(60);

fn main() -> ExitCode {
    run::main(cases![
        each_request_has_a_line_of_its_own_with_numbers_and_no_secret,
        a_variable_says_which_events_there_are,
        a_variable_that_says_nothing_sensible_is_told_and_all_is_told,
        it_is_ready_when_it_has_keys_and_alive_without,
        a_request_is_called_the_same_by_the_client_the_service_and_the_log,
        a_second_policy_tells_what_it_would_decide_otherwise,
    ])
}

/// The service `echo` behind a gate that is built with everything, with `more` at the top of its policy.
fn spec(issuer: &Issuer, more: &str) -> AppSpec {
    let mut spec = AppSpec::gated("echo", format!("{more}\n{}", policy(issuer)));
    spec.sources.push(("gate", built("gate-reporting")));
    spec
}

/// The object of a line, which a host may have put something before.
fn object(line: &str) -> Value {
    serde_json::from_str(&line[line.find('{').unwrap()..]).unwrap()
}

/// The events of the log until now, with their names.
async fn events(running: &Running) -> Vec<Value> {
    let lines = running.whole_log().await;
    let objects = lines.iter().filter(|line| line.contains("\"event\""));
    objects.map(|line| object(line)).collect()
}

/// Those with this name.
fn named<'e>(events: &'e [Value], name: &str) -> Vec<&'e Value> {
    events
        .iter()
        .filter(|event| event["event"] == name)
        .collect()
}

async fn asked(running: &Running, ask: Ask, expected: u16) -> Answer {
    let answer = ask.send(running.address).await;
    status(&answer, expected, &format!("{ask:?}"));
    answer
}

async fn each_request_has_a_line_of_its_own_with_numbers_and_no_secret(host: &dyn Host) {
    let issuer = Issuer::start().await;
    let app = spec(&issuer, "[log]").write();
    let running = host.serve(&app, How::one()).await;
    let token = issuer.token("alice", "read");
    let narrow = issuer.token("bob", "other");
    let ask = |target: &str, token: &str| {
        Ask::get(target)
            .bearer(token)
            .header("Cookie", "session=kept-in-a-cookie")
    };
    asked(&running, ask("/read/a?key=said-in-a-query", &token), 200).await;
    asked(&running, ask("/read/b", &token), 200).await;
    asked(&running, ask("/read/a", &narrow), 403).await;
    asked(
        &running,
        Ask::new("POST", "/public/a").body(b"seven b"),
        200,
    )
    .await;
    let events = events(&running).await;
    let requests = named(&events, "request");
    let of = requests.iter().map(|line| line["route"].as_str().unwrap());
    let routes: Vec<&str> = of.collect();
    assert_eq!(
        routes,
        ["/read/**", "/read/**", "/public/**"],
        "{events:#?}"
    );
    for (line, cache) in requests.iter().zip([Some("miss"), Some("hit"), None]) {
        assert_eq!(line["status"], 200, "{line}");
        assert_eq!(line["decision"], "admitted", "{line}");
        assert_eq!(line["cache"].as_str(), cache, "{line}");
        assert!(line["duration_ms"].as_f64().unwrap() >= 0.0, "{line}");
        assert!(line["instance_age_ms"].is_number(), "{line}");
        assert!(line["time"].as_str().unwrap().ends_with('Z'), "{line}");
    }
    assert_eq!(requests[0]["subject"], "alice");
    assert_eq!(requests[0]["issuer"], "test");
    assert_eq!(requests[2]["method"], "POST");
    let bytes_in = requests[2]["bytes_in"].as_u64().unwrap();
    assert!(
        bytes_in <= 7,
        "those that came before the answer: {bytes_in}"
    );
    let refused = named(&events, "refused");
    assert_eq!(refused[0]["status"], 403, "{}", refused[0]);
    assert_eq!(refused[0]["class"], "insufficient-scope");
    assert_eq!(refused[0]["decision"], "refused");
    for line in running.log() {
        assert!(line.len() <= LINE_BYTES_MAX, "{line}");
        let (_, signature) = token.rsplit_once('.').unwrap();
        for secret in [signature, "kept-in-a-cookie", "said-in-a-query", "Bearer"] {
            assert!(!line.contains(secret), "{secret}: {line}");
        }
    }
}

/// With `levels` as the text of the variable that says which events there are.
fn with_levels(issuer: &Issuer, levels: &str) -> App {
    let mut spec = spec(issuer, "[log]\nlevel_variable = \"log_level\"");
    let variable = ("log_level".to_owned(), levels.to_owned());
    spec.variables.push(variable);
    spec.write()
}

async fn a_variable_says_which_events_there_are(host: &dyn Host) {
    let issuer = Issuer::start().await;
    for (levels, of_keys, of_requests) in [
        ("info", true, true),
        ("info,doorward::keys=off", false, true),
        ("doorward=warn,hyper=debug", false, false),
        ("off", false, false),
    ] {
        let app = with_levels(&issuer, levels);
        let running = host.serve(&app, How::one()).await;
        let token = issuer.token("alice", "read");
        asked(&running, Ask::get("/read/a").bearer(&token), 200).await;
        asked(&running, Ask::get("/read/a"), 401).await;
        let events = events(&running).await;
        let has = |name: &str| !named(&events, name).is_empty();
        assert_eq!(has("keys-loaded"), of_keys, "{levels}: {events:#?}");
        assert_eq!(has("request"), of_requests, "{levels}: {events:#?}");
        assert!(
            has("refused"),
            "an audit has no level: {levels}: {events:#?}"
        );
        assert!(!has("levels-invalid"), "{levels}: {events:#?}");
    }
}

async fn a_variable_that_says_nothing_sensible_is_told_and_all_is_told(host: &dyn Host) {
    let issuer = Issuer::start().await;
    let app = with_levels(&issuer, "info,doorward::keys=shouting-secret");
    let running = host.serve(&app, How::one()).await;
    let token = issuer.token("alice", "read");
    for _ in 0..2 {
        asked(&running, Ask::get("/read/a").bearer(&token), 200).await;
    }
    let events = events(&running).await;
    assert_eq!(named(&events, "levels-invalid").len(), 1, "{events:#?}");
    assert_eq!(named(&events, "request").len(), 2, "{events:#?}");
    let log = running.log().concat();
    assert!(!log.contains("shouting-secret"), "the text is not repeated");
}

async fn it_is_ready_when_it_has_keys_and_alive_without(host: &dyn Host) {
    let issuer = Issuer::start().await;
    let health = "[health]\nready = \"/ready\"\nlive = \"/health\"\ndetails = \"all\"";
    let app = spec(&issuer, health).write();
    let running = host.serve(&app, How::one()).await;
    issuer.all_behave(&Behaviour::Status(500));
    let answer = asked(&running, Ask::get("/ready"), 503).await;
    let retry_after = answer.header("retry-after").unwrap_or_default();
    let retry_after_s: u64 = retry_after.parse().unwrap();
    assert!((1..=60).contains(&retry_after_s), "{retry_after_s}");
    let problem = answer.json();
    assert_eq!(problem["type"], "urn:problem-type:doorward:not-ready");
    assert_eq!(problem["checks"]["issuer:test"]["status"], "fail");
    let answer = asked(&running, Ask::get("/health"), 200).await;
    assert_eq!(answer.text(), "{\"status\":\"pass\"}");
    assert_eq!(answer.header("cache-control"), Some("no-store"));

    issuer.recover();
    let begun = Instant::now();
    let answer = loop {
        let answer = Ask::get("/ready").send(running.address).await;
        if answer.status != 503 {
            break answer;
        }
        assert!(begun.elapsed() < READY_TIME_MAX, "{}", answer.text());
    };
    status(&answer, 200, "with keys");
    assert_eq!(answer.json()["status"], "pass", "{}", answer.text());
    let answer = asked(&running, Ask::new("HEAD", "/ready"), 200).await;
    assert!(answer.body.is_empty(), "{}", answer.text());
    asked(&running, Ask::new("POST", "/ready"), 405).await;
    // Only as it is written: this is another path, which no rule lets in.
    asked(&running, Ask::get("/Ready"), 403).await;
    let log = events(&running).await;
    let told = |name: &str| log.iter().filter(|event| event["event"] == name).count();
    assert_eq!((told("not-ready"), told("ready")), (1, 1), "{log:#?}");
}

async fn a_request_is_called_the_same_by_the_client_the_service_and_the_log(host: &dyn Host) {
    let issuer = Issuer::start().await;
    let app = spec(&issuer, "[log]").write();
    let running = host.serve(&app, How::one()).await;
    let token = issuer.token("alice", "read");
    let theirs = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let ask = Ask::get("/read/a")
        .header("X-Request-Id", "by-the-client")
        .header("traceparent", theirs)
        .header("tracestate", "vendor=1");
    let admitted = asked(&running, ask.clone().bearer(&token), 200).await;
    let refused = asked(&running, ask, 401).await;
    let mut names = Vec::new();
    for answer in [&admitted, &refused] {
        let all: Vec<&str> = answer
            .headers
            .iter()
            .filter(|(name, _)| name == "x-request-id")
            .map(|(_, value)| value.as_str())
            .collect();
        assert_eq!(all.len(), 1, "{all:?}");
        assert_ne!(all, ["by-the-client"]);
        names.push(all[0].to_owned());
    }
    assert_ne!(names[0], names[1]);
    assert_eq!(seen(&admitted, "x-request-id"), [names[0].as_str()]);
    let traces = seen(&admitted, "traceparent");
    let trace_id = names[0].replace('-', "");
    assert_eq!(traces.len(), 1, "{traces:?}");
    assert_eq!(traces[0].split('-').nth(1), Some(trace_id.as_str()));
    assert!(seen(&admitted, "tracestate").is_empty());
    let problem = refused.json();
    assert_eq!(problem["request_id"], names[1].as_str());
    assert_eq!(problem["instance"], format!("urn:uuid:{}", names[1]));
    let events = events(&running).await;
    for (name, event) in names.iter().zip(["request", "refused"]) {
        let of = |line: &&&Value| line["request_id"] == name.as_str();
        let line = named(&events, event);
        let line = line.iter().find(of).unwrap();
        assert_eq!(line["trace_id"], name.replace('-', "").as_str(), "{line}");
        let linked = "0af7651916cd43dd8448eb211c80319c";
        assert_eq!(line["linked_trace_id"], linked, "{line}");
    }
}

async fn a_second_policy_tells_what_it_would_decide_otherwise(host: &dyn Host) {
    let issuer = Issuer::start().await;
    let mut spec = spec(&issuer, "candidate = \"/new.toml\"");
    let stricter = policy(&issuer).replace("scope = [\"read\"]", "scope = [\"more\"]");
    spec.files
        .push(("new.toml".to_owned(), stricter.into_bytes()));
    let app = spec.write();
    let running = host.serve(&app, How::one()).await;
    let token = issuer.token("alice", "read");
    asked(&running, Ask::get("/read/a").bearer(&token), 200).await;
    asked(&running, Ask::get("/public/a"), 200).await;
    asked(&running, Ask::get("/read/a"), 401).await;
    let events = events(&running).await;
    let differs = named(&events, "candidate-differs");
    assert_eq!(differs.len(), 1, "{events:#?}");
    assert_eq!(differs[0]["enforced"], "admitted");
    assert_eq!(differs[0]["candidate"], "insufficient-scope");
    assert_eq!(differs[0]["path"], "/read/a");
}
