//! Fields with which a client passes for another request or for somebody else, and the names that an
//! upstream's policy removes: under every spelling, in trailers as well.

use crate::{Stage, head};
use doorward_runtime_tests::cases;
use doorward_runtime_tests::client::{Ask, send_bytes};
use doorward_runtime_tests::gated::status;
use doorward_runtime_tests::host::Host;
use doorward_runtime_tests::origin::Reply;
use doorward_runtime_tests::run::Case;

pub const CASES: &[Case] = cases![
    no_client_passes_for_another_request_or_caller_with_a_field_or_a_trailer,
    what_is_removed_from_answers_is_so_in_every_spelling_and_in_trailers,
    a_large_answer_whose_trailers_are_looked_at_arrives_whole,
];

/// What is sent under a name that is not to arrive.
const FORGED: &str = "mallory";

const SPOOFING: [&str; 26] = [
    "X-HTTP-Method",
    "X_HTTP_Method",
    "X-HTTP-Method-Override",
    "x.http.method.override",
    "X-Method-Override",
    "X-Original-Method",
    "X-Original-URL",
    "X_Original_URL",
    "X-Rewrite-URL",
    "X-Script-Name",
    "Script_Name",
    "Remote-User",
    "Remote_User",
    "X-Remote-User",
    "X-Remote-Groups",
    "X-WebAuth-User",
    "X-Forwarded-User",
    "X_Forwarded_Email",
    "X-Auth-Request-User",
    "X.Auth.Request.Email",
    "X-SSL-Client-Verify",
    "Client-Cert",
    "X-MS-Client-Principal-Name",
    "X-Goog-Authenticated-User-Email",
    "X-Consumer-Username",
    "Tailscale_User_Login",
];

/// A request in chunks with these fields and these trailers.
fn chunked(target: &str, fields: &[String], trailers: &[String]) -> String {
    let mut all: Vec<&str> = fields.iter().map(String::as_str).collect();
    // Hosts send on what is announced.
    let names: Vec<&str> = trailers
        .iter()
        .filter_map(|line| Some(line.split_once(':')?.0))
        .collect();
    let announced = format!("Trailer: {}", names.join(", "));
    all.extend([
        "Transfer-Encoding: chunked",
        "Connection: close",
        &announced,
    ]);
    let trailers: String = trailers.iter().map(|line| format!("{line}\r\n")).collect();
    let head = head("POST", target, &all);
    format!("{head}5\r\nhello\r\n0\r\n{trailers}\r\n")
}

fn forged(names: &[&str]) -> Vec<String> {
    let line = |name: &&str| format!("{name}: {FORGED}");
    names.iter().map(line).collect()
}

async fn no_client_passes_for_another_request_or_caller_with_a_field_or_a_trailer(host: &dyn Host) {
    let stage = Stage::new(host, Reply::ok("hello")).await;
    for target in ["/public/a", "/read/a"] {
        stage.origin.forget();
        let mut fields = forged(&SPOOFING);
        fields.push("X-End: to-end".to_owned());
        if target == "/read/a" {
            fields.push(format!("Authorization: Bearer {}", stage.token()));
        }
        let mut trailers = forged(&SPOOFING);
        trailers.push("X-Sum: 1".to_owned());
        let bytes = chunked(target, &fields, &trailers);
        let answer = send_bytes(stage.running.address, bytes.as_bytes()).await;
        status(&answer, 200, target);
        let seen = stage.origin.request();
        let all = format!("{:?} {:?}", seen.fields, seen.trailers);
        assert!(!all.contains(FORGED), "{target}: one arrived: {all}");
        assert_eq!(seen.values("x-end"), ["to-end"], "others arrive");
        assert_eq!(seen.trailers, [("x-sum".to_owned(), "1".to_owned())]);
    }
    stage.logged(&["field-removed", "x-original-url"]).await;
    let log = stage.running.whole_log().await;
    for entry in [
        "\"x-http-method-override\"",
        "\"remote-user\"",
        "\"x-auth-request-*\"",
    ] {
        let told = log
            .iter()
            .filter(|line| line.contains("field-removed") && line.contains(entry))
            .count();
        assert_eq!(told, 1, "{entry} is told once: {log:#?}");
    }
    let log = log.join("\n");
    assert!(!log.contains(FORGED), "a value is in the log: {log}");
}

const DEBUG: [&str; 5] = ["X-Debug", "x-debug", "x_debug", "X.Debug", "X~DEBUG"];
const ENV: [&str; 4] = ["X-Env", "X_ENV", "x.env", "x-env"];

async fn what_is_removed_from_answers_is_so_in_every_spelling_and_in_trailers(host: &dyn Host) {
    let lines = "response.remove = [\"x-debug\"]\nresponse.set = { x-env = \"prod\" }";
    let names = [&DEBUG[..], &ENV].concat();
    let trailer = names.join(", ");
    let mut reply = Reply::chunked()
        .body("hello ")
        .body("world")
        .field("Trailer", &format!("{trailer}, X-Sum"));
    for name in &names {
        reply = reply.field(name, FORGED).trailer(name, FORGED);
    }
    let reply = reply.trailer("X-Sum", "1");
    let stage = Stage::with(host, reply, lines).await;
    for round in 0..2 {
        let mut client = stage.connect().await;
        client
            .send(head("GET", "/public/a", &["TE: trailers"]))
            .await;
        let response = client.response().await.unwrap();
        assert_eq!(response.status, 200, "round {round}");
        assert_eq!(response.text(), "hello world", "round {round}");
        let all = format!("{:?} {:?}", response.fields, response.trailers);
        assert!(!all.contains(FORGED), "round {round}: one arrived: {all}");
        assert_eq!(response.values("x-env"), ["prod"], "round {round}");
        assert_eq!(response.trailers, [("x-sum".to_owned(), "1".to_owned())]);
    }
}

async fn a_large_answer_whose_trailers_are_looked_at_arrives_whole(host: &dyn Host) {
    let lines = "response.remove = [\"x-debug\"]";
    let body: Vec<u8> = (0..1_000_003_u32).map(|n| (n % 251) as u8).collect();
    for reply in [Reply::ok(&body), Reply::chunked().body(&body).body(&body)] {
        let chunked = reply.clone();
        let stage = Stage::with(host, chunked, lines).await;
        for method in ["GET", "HEAD"] {
            let answer = stage.send(Ask::new(method, "/public/a")).await;
            assert_eq!(answer.status, 200, "{method}");
            let whole = answer.body.len() % body.len() == 0
                && answer.body.chunks(body.len()).all(|piece| piece == body);
            assert!(whole, "{method}: {} bytes came", answer.body.len());
            assert_eq!(answer.body.is_empty(), method == "HEAD", "{method}");
        }
    }
}
