//! Tokens in headers of their own, cookies and the query, before a service: what of them reaches it, what
//! a page of somebody else can do with them, and what is logged.

use crate::api::app::AppSpec;
use crate::api::client::{Ask, send_bytes};
use crate::api::gated::{seen, status};
use crate::api::host::Host;
use crate::api::issuer::{AUDIENCE, Issuer};
use crate::api::run::Case;
use crate::api::run::cases;

pub const CASES: &[Case] = cases![
    a_token_in_the_query_reaches_the_service_nowhere,
    of_the_cookies_only_the_tokens_own_is_kept_back,
    a_token_in_a_trailer_is_kept_back,
    a_page_of_somebody_else_changes_nothing_with_a_cookie,
    what_the_host_was_called_by_a_trusted_proxy_is_our_own_origin,
    an_optional_route_says_by_what_its_answers_differ,
    a_limit_by_subject_counts_who_has_none_by_address,
    a_remembered_token_is_good_only_where_its_issuer_is_believed,
    no_token_is_in_the_log,
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

async fn of_the_cookies_only_the_tokens_own_is_kept_back(host: &dyn Host) {
    let issuer = Issuer::start().await;
    let app = spec(&issuer).write();
    let running = host.start(&app).await;
    let token = issuer.token("alice", "read");
    for (target, cookies, left) in [
        (
            "/all/a",
            vec![format!("a=1; session={token}; b=\"2 3\"")],
            vec!["a=1; b=\"2 3\""],
        ),
        ("/all/a", vec![format!("session={token}")], vec![]),
        (
            "/all/a",
            vec!["a=1".to_owned(), format!("session=\"{token}\";b=2")],
            // One field goes on (RFC 9113 section 8.2.3).
            vec!["a=1;b=2"],
        ),
        (
            "/public/a",
            vec!["session=x; a=1; session=y".to_owned()],
            vec!["a=1"],
        ),
        (
            "/public/a",
            vec!["session=x".to_owned(), "a=1".to_owned()],
            vec!["a=1"],
        ),
    ] {
        let mut ask = Ask::get(target);
        for cookie in &cookies {
            ask = ask.header("Cookie", cookie);
        }
        let answer = ask.send(running.address).await;
        status(&answer, 200, &cookies.join(" + "));
        assert_eq!(seen(&answer, "cookie"), left, "{cookies:?}");
        if target == "/all/a" {
            assert_eq!(seen(&answer, "x-auth-subject"), ["alice"], "{cookies:?}");
        }
    }
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

async fn a_page_of_somebody_else_changes_nothing_with_a_cookie(host: &dyn Host) {
    let issuer = Issuer::start().await;
    let app = spec(&issuer).write();
    let running = host.start(&app).await;
    let cookie = format!("session={}", issuer.token("alice", "read"));
    let own = format!("http://{}", running.address);
    for (target, fields, expected) in [
        ("/all/a", vec![], 403),
        ("/all/a", vec![("Sec-Fetch-Site", "same-origin")], 200),
        ("/all/a", vec![("Sec-Fetch-Site", "none")], 200),
        ("/all/a", vec![("Sec-Fetch-Site", "cross-site")], 403),
        (
            "/all/a",
            vec![("Sec-Fetch-Site", "same-site"), ("Origin", own.as_str())],
            403,
        ),
        ("/all/a", vec![("Origin", own.as_str())], 200),
        ("/all/a", vec![("Origin", "https://app.example")], 403),
        ("/all/a", vec![("Origin", "null")], 403),
        (
            "/web",
            vec![
                ("Origin", "https://app.example"),
                ("Sec-Fetch-Site", "cross-site"),
            ],
            200,
        ),
        (
            "/web",
            vec![
                ("Origin", "https://evil.example"),
                ("Sec-Fetch-Site", "cross-site"),
            ],
            403,
        ),
        ("/open", vec![("Sec-Fetch-Site", "cross-site")], 403),
    ] {
        for method in ["POST", "DELETE"] {
            let mut ask = Ask::new(method, target).header("Cookie", &cookie);
            for (name, value) in &fields {
                ask = ask.header(name, value);
            }
            let what = format!("{method} {target} {fields:?}");
            status(&ask.send(running.address).await, expected, &what);
        }
        let mut ask = Ask::get(target).header("Cookie", &cookie);
        for (name, value) in &fields {
            ask = ask.header(name, value);
        }
        let what = format!("GET {target} {fields:?}");
        status(&ask.send(running.address).await, 200, &what);
    }
}

async fn what_the_host_was_called_by_a_trusted_proxy_is_our_own_origin(host: &dyn Host) {
    let issuer = Issuer::start().await;
    let cookie = format!("session={}", issuer.token("alice", "read"));
    for (hops, expected) in [("", [403, 403, 200]), ("trusted_hops = 1", [200, 403, 403])] {
        let policy = format!("{}\n[proxy]\n{hops}", policy(&issuer, ""));
        let app = AppSpec::gated("echo", policy).write();
        let running = host.start(&app).await;
        let own = format!("http://{}", running.address);
        for (origin, expected) in ["https://app.test", "http://app.test", &own]
            .into_iter()
            .zip(expected)
        {
            let ask = Ask::new("POST", "/all/a")
                .header("Cookie", &cookie)
                .header("X-Forwarded-For", "192.0.2.1")
                .header("X-Forwarded-Proto", "https")
                .header("X-Forwarded-Host", "app.test")
                .header("Origin", origin);
            let what = format!("{origin} with {hops:?}");
            status(&ask.send(running.address).await, expected, &what);
        }
    }
}

async fn an_optional_route_says_by_what_its_answers_differ(host: &dyn Host) {
    let issuer = Issuer::start().await;
    let app = spec(&issuer).write();
    let running = host.start(&app).await;
    let token = issuer.token("alice", "read");
    let cookie = format!("session={token}");
    for (ask, expected, subject) in [
        (Ask::get("/open"), 200, &[][..]),
        (Ask::get("/open").header("Cookie", "a=1"), 200, &[]),
        (Ask::get("/open").bearer(&token), 200, &["alice"]),
        (Ask::get("/open").header("Cookie", &cookie), 200, &["alice"]),
        (Ask::get("/open").bearer("e30.e30.e30"), 401, &[]),
        (Ask::get("/open").header("Authorization", ""), 400, &[]),
        (
            Ask::get("/open").header("Authorization", "Digest x"),
            401,
            &[],
        ),
    ] {
        let answer = ask.send(running.address).await;
        let what = format!("{ask:?}").replace(&token, "…");
        status(&answer, expected, &what);
        assert_eq!(
            answer.header("vary"),
            Some("Authorization, Cookie"),
            "{what}"
        );
        if expected == 200 {
            assert_eq!(seen(&answer, "x-auth-subject"), subject, "{what}");
        }
    }
    let answer = Ask::get("/open/web").send(running.address).await;
    assert_eq!(
        answer.header("vary"),
        Some("Origin, Authorization"),
        "beside that of CORS"
    );
    let answer = Ask::get("/public/a").send(running.address).await;
    assert_eq!(answer.header("vary"), None, "a public route");
}

async fn a_limit_by_subject_counts_who_has_none_by_address(host: &dyn Host) {
    let issuer = Issuer::start().await;
    let policy = policy(&issuer, "").replace(
        "auth = \"optional\"\n        token_from",
        "auth = \"optional\"\n        rate_limit = \"each\"\n        token_from",
    );
    let limit = "[rate_limit.each]\nrequests = 1\nper_s = 3600\nkey = \"subject\"";
    let app = AppSpec::gated("echo", format!("{policy}\n{limit}")).write();
    let running = host.start(&app).await;
    for (subject, expected) in [
        (None, 200),
        (None, 429),
        (Some("alice"), 200),
        (Some("alice"), 429),
        (Some("bob"), 200),
    ] {
        let mut ask = Ask::get("/open");
        if let Some(subject) = subject {
            ask = ask.bearer(&issuer.token(subject, "read"));
        }
        status(
            &ask.send(running.address).await,
            expected,
            &format!("{subject:?}"),
        );
    }
}

async fn a_remembered_token_is_good_only_where_its_issuer_is_believed(host: &dyn Host) {
    let issuer = Issuer::start().await;
    let policy = policy(
        &issuer,
        r#"token_from = ["header:x-token", "authorization"]"#,
    );
    let policy = policy.replace(
        r#"token_from = "query:access_token""#,
        r#"token_from = ["query:access_token", "authorization"]"#,
    );
    let app = AppSpec::gated("echo", policy).write();
    let running = host.start(&app).await;
    let token = issuer.token("alice", "read");
    for round in ["first", "again"] {
        let ask = Ask::get("/all/a").header("X-Token", &token);
        status(&ask.send(running.address).await, 200, round);
        let ask = Ask::get("/all/a").header("Cookie", &format!("session={token}"));
        status(&ask.send(running.address).await, 401, round);
        let ask = Ask::get(&format!("/all/a?access_token={token}"));
        status(&ask.send(running.address).await, 401, round);
    }
}

async fn no_token_is_in_the_log(host: &dyn Host) {
    let issuer = Issuer::start().await;
    let app = spec(&issuer).write();
    let running = host.start(&app).await;
    let token = issuer.token("alice", "read");
    let wrong = format!("{token}x");
    for token in [&token, &wrong] {
        for ask in [
            Ask::get(&format!("/all/a?access_token={token}")),
            Ask::get(&format!("/all/a?access_token={token}&access_token={token}")),
            Ask::get(&format!("/all/a?access%5Ftoken={token}")),
            Ask::get(&format!("/all/a?access_token={token}%zz")),
            Ask::get(&format!("/nowhere?access_token={token}")),
            Ask::get(&format!("/all/../a?access_token={token}")),
            Ask::get("/all/a").header("Cookie", &format!("session={token}; session={token}")),
            Ask::get("/all/a").header("Cookie", &format!("session={token} ")),
            Ask::get("/all/a").header("X-Token", &format!("Bearer  {token}")),
            Ask::new("POST", "/all/a").header("Cookie", &format!("session={token}")),
            Ask::get("/public/a").header("Referer", &format!("http://x/?access_token={token}")),
        ] {
            let answer = ask.send(running.address).await;
            if answer.status != 200 {
                assert!(!answer.text().contains(token.as_str()), "in an answer");
            }
        }
    }
    let log = running.whole_log().await.join("\n");
    assert!(log.contains("refused"), "something was logged: {log}");
    assert!(log.contains("Sec-Fetch-Site"), "and why: {log}");
    for part in token.split('.') {
        assert!(
            !log.contains(part),
            "a part of a token is in the log: {log}"
        );
    }
}
