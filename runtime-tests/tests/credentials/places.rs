//! Tokens in headers of their own, cookies and the query, before a service: what of them reaches it, what
//! a page of somebody else can do with them, and what is logged.

use doorward_runtime_tests::app::AppSpec;
use doorward_runtime_tests::cases;
use doorward_runtime_tests::client::{Ask, send_bytes};
use doorward_runtime_tests::gated::{seen, status};
use doorward_runtime_tests::host::Host;
use doorward_runtime_tests::issuer::{AUDIENCE, Issuer};
use doorward_runtime_tests::run::Case;

pub const CASES: &[Case] = cases![
    a_token_in_the_query_reaches_the_service_nowhere,
    a_token_in_a_trailer_is_kept_back,
];

fn policy(issuer: &Issuer, lines: &str) -> String {
    format!(
        r#"
        [issuer.test]
        url = "{}"
        audience = "{AUDIENCE}"
        leeway_s = 0
        {lines}

        [identity]
        "x-auth-subject" = "sub"

        [cors.web]
        origins = ["https://app.example"]
        credentials = true

        [[route]]
        path = "/public/**"
        public = true

        [[route]]
        path = "/all/**"
        token_from = ["header:x-token", "cookie:session", "query:access_token"]

        [[route]]
        path = "/web"
        token_from = ["authorization", "cookie:session"]
        cors = "web"

        [[route]]
        path = "/open"
        auth = "optional"
        token_from = ["authorization", "cookie:session"]

        [[route]]
        path = "/open/web"
        auth = "optional"
        cors = "web"

        [[route]]
        path = "/keep"
        token_from = "query:access_token"
        credential = "forward"
        "#,
        issuer.url()
    )
}

fn spec(issuer: &Issuer) -> AppSpec {
    AppSpec::gated("echo", policy(issuer, ""))
}

async fn a_token_in_the_query_reaches_the_service_nowhere(host: &dyn Host) {
    let issuer = Issuer::start().await;
    let app = spec(&issuer).write();
    let running = host.start(&app).await;
    let token = issuer.token("alice", "read");
    let own = running.address;
    for target in ["/all/a", "/public/a"] {
        let ask = Ask::get(&format!("{target}?b=1&access_token={token}&c=%20")).header(
            "Referer",
            &format!("http://{own}/all?access_token={token}&d"),
        );
        let answer = ask.send(own).await;
        status(&answer, 200, target);
        let text = answer.text();
        assert!(
            !text.contains(&token),
            "{target}: the token arrived: {text}"
        );
        assert_eq!(answer.json()["target"], format!("{target}?b=1&c=%20"));
        assert_eq!(seen(&answer, "referer"), [format!("http://{own}/all?d")]);
        let url = seen(&answer, "spin-full-url");
        assert!(
            url.iter().all(|url| url.ends_with("?b=1&c=%20")),
            "{target}: {url:?}"
        );
    }
    let elsewhere = "https://other.example/?access_token=x";
    let ask = Ask::get("/public/a").header("Referer", elsewhere);
    let answer = ask.send(own).await;
    assert_eq!(seen(&answer, "referer"), [elsewhere], "of another origin");
    let target = format!("/keep?access_token={token}");
    let referer = format!("http://{own}{target}");
    let ask = Ask::get(&target).header("Referer", &referer);
    let answer = ask.send(own).await;
    status(&answer, 200, "a route that hands the credential on");
    assert_eq!(answer.json()["target"], target, "handed on");
    assert_eq!(seen(&answer, "referer"), [referer], "handed on");
}

async fn a_token_in_a_trailer_is_kept_back(host: &dyn Host) {
    let issuer = Issuer::start().await;
    let app = spec(&issuer).write();
    let running = host.start(&app).await;
    let token = issuer.token("alice", "read");
    let bytes = format!(
        "POST /all/trailers HTTP/1.1\r\nHost: a\r\nX-Token: {token}\r\nTransfer-Encoding: chunked\r\n\
         Trailer: X-Token, X_Token, Cookie, Referer, X-Checksum\r\nConnection: close\r\n\r\n\
         5\r\nhello\r\n0\r\nX-Token: {token}\r\nX_Token: {token}\r\nCookie: session={token}\r\n\
         Referer: http://a/?access_token={token}\r\nX-Checksum: 1\r\n\r\n",
    );
    let answer = send_bytes(running.address, bytes.as_bytes()).await;
    status(&answer, 200, "a chunked body with trailers");
    assert_eq!(
        answer.json()["trailers"],
        serde_json::json!(["x-checksum"]),
        "of the trailers only what holds no token"
    );
}
