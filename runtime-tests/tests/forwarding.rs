//! What the service behind the gate sees: the request that was authorised, byte for byte, and of the
//! identity fields only what the gate set.

#![expect(clippy::indexing_slicing, reason = "tests")]

use doorward_runtime_tests::app::AppSpec;
use doorward_runtime_tests::client::{Ask, send_bytes};
use doorward_runtime_tests::gated::{policy, seen, status};
use doorward_runtime_tests::host::Host;
use doorward_runtime_tests::issuer::Issuer;
use doorward_runtime_tests::{cases, run};
use serde_json::json;
use std::process::ExitCode;

fn main() -> ExitCode {
    run::main(cases![
        identity_fields_of_the_client_never_arrive_under_any_spelling,
        identity_fields_in_trailers_never_arrive,
        no_client_passes_for_another_request_or_caller_with_a_field_or_a_trailer,
        what_a_route_or_the_proxy_rule_lets_through_arrives,
        the_credential_is_stripped_unless_the_policy_forwards_it,
        a_target_that_can_be_read_two_ways_is_a_bad_request,
        the_target_arrives_byte_for_byte,
        a_body_arrives_byte_for_byte,
        a_chunked_body_arrives_with_any_method_that_tells_of_it,
        a_service_that_waits_for_the_trailers_of_no_body_is_told_that_there_are_none,
    ])
}

async fn identity_fields_of_the_client_never_arrive_under_any_spelling(host: &dyn Host) {
    let issuer = Issuer::start().await;
    let app = AppSpec::gated("echo", policy(&issuer)).write();
    let running = host.start(&app).await;
    let spellings = [
        "x-auth-subject",
        "X-Auth-Subject",
        "X-AUTH-SUBJECT",
        "x_auth_subject",
        "X_Auth-Subject",
        "x-auth_subject",
        "x.auth.subject",
        "X.Auth-Subject",
        "x-auth.subject",
        "x-Auth-issuer",
        "x_auth_issuer",
        "x.auth.issuer",
    ];
    for target in ["/read/a", "/public/a"] {
        let mut ask = Ask::get(target);
        for spelling in spellings {
            ask = ask
                .header(spelling, "mallory")
                .header(spelling, "mallory-again");
        }
        if target.starts_with("/read") {
            ask = ask.bearer(&issuer.token("alice", "read"));
        }
        let answer = ask.send(running.address).await;
        status(&answer, 200, target);
        let text = answer.text();
        assert!(
            !text.contains("mallory"),
            "{target}: a forged identity arrived: {text}"
        );
        let subject = seen(&answer, "x-auth-subject");
        let expected: &[&str] = if target.starts_with("/read") {
            &["alice"]
        } else {
            &[]
        };
        assert_eq!(subject, expected, "{target}: the subject that arrived");
    }
}

async fn identity_fields_in_trailers_never_arrive(host: &dyn Host) {
    let issuer = Issuer::start().await;
    let app = AppSpec::gated("echo", policy(&issuer)).write();
    let running = host.start(&app).await;
    let bytes = format!(
        "POST /read/trailers HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {}\r\n\
         Transfer-Encoding: chunked\r\nTrailer: X-Auth-Subject, X_Auth_Subject, X-Checksum\r\n\
         Connection: close\r\n\r\n\
         5\r\nhello\r\n0\r\nX-Auth-Subject: mallory\r\nX_Auth_Subject: mallory\r\n\
         X-Checksum: 1\r\n\r\n",
        issuer.token("alice", "read")
    );
    let answer = send_bytes(running.address, bytes.as_bytes()).await;
    status(&answer, 200, "a chunked body with trailers");
    assert_eq!(
        answer.json(),
        json!({ "bytes": 5, "trailers": ["x-checksum"] }),
        "the body arrives whole, and of the trailers only what is not reserved"
    );
}

/// What servers read method, path or caller from.
const SPOOFING: [&str; 24] = [
    "X-HTTP-Method",
    "X_HTTP_Method",
    "X-HTTP-Method-Override",
    "x.http.method.override",
    "X-Method-Override",
    "X-Original-Method",
    "X-Original-URL",
    "X_Original_URL",
    "X-Rewrite-URL",
    "Script_Name",
    "X-Forwarded-Prefix",
    "Remote-User",
    "Remote_User",
    "X-Remote-User",
    "X-Remote-Groups",
    "X-WebAuth-User",
    "X-Forwarded-User",
    "X_Forwarded_Email",
    "X-Auth-Request-User",
    "X-SSL-Client-Verify",
    "Client-Cert",
    "X-MS-Client-Principal-Name",
    "X-Consumer-Username",
    "Tailscale_User_Login",
];

async fn no_client_passes_for_another_request_or_caller_with_a_field_or_a_trailer(host: &dyn Host) {
    let issuer = Issuer::start().await;
    let app = AppSpec::gated("echo", policy(&issuer)).write();
    let running = host.start(&app).await;
    for target in ["/read/a", "/public/a"] {
        let ask = SPOOFING
            .iter()
            .fold(Ask::get(target).header("X-End", "to-end"), |ask, name| {
                ask.header(name, "mallory").header(name, "mallory-again")
            })
            .bearer(&issuer.token("alice", "read"));
        let answer = ask.send(running.address).await;
        status(&answer, 200, target);
        let text = answer.text();
        assert!(!text.contains("mallory"), "{target}: one arrived: {text}");
        assert_eq!(
            seen(&answer, "x-end"),
            ["to-end"],
            "{target}: others arrive"
        );
    }
    let trailers: String = SPOOFING
        .iter()
        .map(|name| format!("{name}: mallory\r\n"))
        .collect();
    let bytes = format!(
        "POST /public/trailers HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\
         Connection: close\r\n\r\n5\r\nhello\r\n0\r\n{trailers}X-Checksum: 1\r\n\r\n"
    );
    let answer = send_bytes(running.address, bytes.as_bytes()).await;
    status(&answer, 200, "trailers");
    assert_eq!(
        answer.json(),
        json!({ "bytes": 5, "trailers": ["x-checksum"] }),
        "of the trailers only what is an ordinary one"
    );
    let log = running.whole_log().await;
    for entry in [
        "\"x-original-url\"",
        "\"remote-user\"",
        "\"x-auth-request-*\"",
    ] {
        let told = log
            .iter()
            .filter(|line| line.contains("field-removed") && line.contains(entry))
            .count();
        assert_eq!(told, 1, "{entry} is told once: {log:#?}");
    }
    assert!(
        !log.join("\n").contains("mallory"),
        "a value is in the log: {log:#?}"
    );
}

async fn what_a_route_or_the_proxy_rule_lets_through_arrives(host: &dyn Host) {
    for (networks, trusted) in [("127.0.0.0/8", true), ("10.0.0.0/8", false)] {
        let issuer = Issuer::start().await;
        let policy = format!(
            "[proxy]\ntrusted_hops = 1\ntrusted_networks = [\"{networks}\"]\n\
             identity_headers = [\"x-forwarded-user\"]\n{}\n\
             [[route]]\npath = \"/legacy\"\npublic = true\n\
             override_headers = [\"x-http-method-override\"]\n",
            policy(&issuer)
        );
        let app = AppSpec::gated("echo", policy).write();
        let running = host.start(&app).await;
        for (target, overrides) in [("/legacy", &["DELETE"][..]), ("/public/a", &[])] {
            let answer = Ask::new("POST", target)
                .header("X-HTTP-Method-Override", "DELETE")
                .header("X_HTTP_Method_Override", "mallory")
                .header("X-Forwarded-User", "alice")
                .header("X_Forwarded_User", "mallory")
                .header("X-Forwarded-Email", "mallory")
                .header("X-Forwarded-Prefix", "/shop")
                .header("X-Forwarded-For", "127.0.0.1")
                .send(running.address)
                .await;
            let what = format!("{target}, {networks}");
            status(&answer, 200, &what);
            let named = seen(&answer, "x-http-method-override");
            assert_eq!(named, overrides, "{what}: the override");
            let user: &[&str] = if trusted { &["alice"] } else { &[] };
            assert_eq!(seen(&answer, "x-forwarded-user"), user, "{what}: who calls");
            let prefix: &[&str] = if trusted { &["/shop"] } else { &[] };
            assert_eq!(seen(&answer, "x-forwarded-prefix"), prefix, "{what}");
            let text = answer.text();
            assert!(!text.contains("mallory"), "{what}: another arrived: {text}");
        }
    }
}

async fn the_credential_is_stripped_unless_the_policy_forwards_it(host: &dyn Host) {
    let issuer = Issuer::start().await;
    let app = AppSpec::gated("echo", policy(&issuer)).write();
    let running = host.start(&app).await;
    let token = issuer.token("alice", "read");
    let stripped = Ask::get("/read/a")
        .bearer(&token)
        .send(running.address)
        .await;
    assert_eq!(
        seen(&stripped, "authorization"),
        [""; 0],
        "stripped by default"
    );
    let kept = Ask::get("/keep").bearer(&token).send(running.address).await;
    assert_eq!(
        seen(&kept, "authorization"),
        [format!("Bearer {token}")],
        "forwarded as asked"
    );
}

async fn a_target_that_can_be_read_two_ways_is_a_bad_request(host: &dyn Host) {
    let issuer = Issuer::start().await;
    let app = AppSpec::gated("echo", policy(&issuer)).write();
    let running = host.start(&app).await;
    for target in [
        "/public/../read/a",
        "/public/%2e%2e/read/a",
        "/public/%252e%252e/a",
        "//public/a",
        "/public//a",
        "/public/a%2fb",
        "/public/a%5cb",
        "/public/a\\b",
        "/public/a;b",
        "/public/a%00",
        "/public/%c0%af",
        "/public/%zz",
        "/public/%",
        "/public/.",
        "/public/a%0d%0ab",
    ] {
        let answer = Ask::get(target).send(running.address).await;
        assert_eq!(answer.status, 400, "{target}: {:?}", answer.text());
    }
}

async fn the_target_arrives_byte_for_byte(host: &dyn Host) {
    let issuer = Issuer::start().await;
    let app = AppSpec::gated("echo", policy(&issuer)).write();
    let running = host.start(&app).await;
    let target = "/public/A~b-c_d.e/f@g:h,i=j?q=%2F..%2f&x=//;y&%41=+";
    let answer = Ask::get(target).send(running.address).await;
    status(&answer, 200, "an unusual but canonical target");
    assert_eq!(answer.json()["target"], target, "byte for byte");
}

async fn a_body_arrives_byte_for_byte(host: &dyn Host) {
    let issuer = Issuer::start().await;
    let app = AppSpec::gated("echo", policy(&issuer)).write();
    let running = host.start(&app).await;
    let body: Vec<u8> = (0..300_000_u32)
        .map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8)
        .collect();
    let answer = Ask::new("POST", "/read/body")
        .bearer(&issuer.token("alice", "read"))
        .body(&body)
        .send(running.address)
        .await;
    assert_eq!(answer.status, 200, "a body of 300 kB");
    assert!(
        answer.body == body,
        "the body came back changed ({} bytes)",
        answer.body.len()
    );
}

async fn a_chunked_body_arrives_with_any_method_that_tells_of_it(host: &dyn Host) {
    let issuer = Issuer::start().await;
    let app = AppSpec::gated("echo", policy(&issuer)).write();
    let running = host.start(&app).await;
    for (method, field, arrives) in [
        ("POST", "X-Other: a", "hello"),
        ("DELETE", "X-Other: a", "hello"),
        ("QUERY", "X-Other: a", "hello"),
        // This one has to say that a body comes.
        ("GET", "Content-Type: text/plain", "hello"),
        ("GET", "Trailer: x-other", "hello"),
        ("GET", "X-Other: a", ""),
    ] {
        let bytes = format!(
            "{method} /read/body HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {}\r\n{field}\r\n\
             Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
            issuer.token("alice", "read")
        );
        let answer = send_bytes(running.address, bytes.as_bytes()).await;
        assert_eq!(answer.status, 200, "{method} with a chunked body, {field}");
        assert_eq!(
            answer.text(),
            arrives,
            "{method} with a chunked body, {field}"
        );
    }
}

async fn a_service_that_waits_for_the_trailers_of_no_body_is_told_that_there_are_none(
    host: &dyn Host,
) {
    let issuer = Issuer::start().await;
    let app = AppSpec::gated("echo", policy(&issuer)).write();
    let running = host.start(&app).await;
    let token = issuer.token("alice", "read");
    for method in ["GET", "POST"] {
        let answer = Ask::new(method, "/read/trailers")
            .bearer(&token)
            .send(running.address)
            .await;
        status(&answer, 200, "a request without a body");
        assert_eq!(
            answer.json(),
            json!({ "bytes": 0, "trailers": [] }),
            "{method} without a body"
        );
    }
    for field in ["X-Other: a", "Trailer: x-auth-subject"] {
        let bytes = format!(
            "GET /read/trailers HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {token}\r\n{field}\r\n\
             Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n\
             0\r\nX-Auth-Subject: mallory\r\n\r\n"
        );
        let answer = send_bytes(running.address, bytes.as_bytes()).await;
        status(&answer, 200, "nothing but a trailer");
        assert_eq!(
            answer.json(),
            json!({ "bytes": 0, "trailers": [] }),
            "a trailer after no body, {field}"
        );
    }
}
