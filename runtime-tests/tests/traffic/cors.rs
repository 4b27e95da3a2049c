//! Which pages may read an answer (the Fetch standard, "CORS protocol").

use crate::front::{BOTH, class, prepared, values};
use doorward_runtime_tests::cases;
use doorward_runtime_tests::client::{Answer, Ask};
use doorward_runtime_tests::gated::status;
use doorward_runtime_tests::host::Host;
use doorward_runtime_tests::issuer::{AUDIENCE, Issuer};
use doorward_runtime_tests::run::Case;

pub const CASES: &[Case] = cases![
    a_page_of_an_allowed_origin_may_read_the_answer,
    a_page_of_an_origin_that_is_not_allowed_gets_no_fields_and_caches_are_told,
    an_origin_can_be_allowed_by_a_pattern,
    any_origin_is_allowed_without_credentials,
    a_page_can_read_that_it_was_refused,
    what_the_service_says_of_cors_is_replaced,
    what_the_service_says_of_cors_stands_where_the_policy_has_none,
    vary_is_merged_with_that_of_the_service,
];

/// An origin that is allowed, and one that is not.
pub const ORIGIN: &str = "https://app.example";
pub const OTHER: &str = "https://evil.example";

/// Pages of the application, of all its subdomains, and of anywhere.
pub fn policy(issuer: &Issuer) -> String {
    format!(
        r#"
[issuer.test]
url = "{}"
audience = "{AUDIENCE}"
leeway_s = 0

[cors.web]
origins = ["https://app.example", "https://*.app.example"]
credentials = true
request_headers = ["content-type", "x-b"]
exposed_headers = ["etag", "x-total"]
max_age_s = 77

[cors.any]
origins = "*"

[rate_limit.never]
requests = 1
per_s = 86400
burst = 1

[[route]]
path = "/web/**"
methods = ["GET", "PUT"]
issuer = ["test"]
scope = ["read"]
cors = "web"

[[route]]
path = "/web/**"
methods = ["POST"]
issuer = ["test"]

[[route]]
path = "/public/**"
public = true
cors = "web"

[[route]]
path = "/limited/**"
public = true
cors = "web"
rate_limit = "never"

[[route]]
path = "/any/**"
public = true
cors = "any"

[[route]]
path = "/plain/**"
public = true
"#,
        issuer.url()
    )
}

/// The names of the fields of CORS that an answer has.
pub fn allowed_fields(answer: &Answer) -> Vec<&str> {
    let names = answer.headers.iter().map(|(name, _)| name.as_str());
    names
        .filter(|name| name.starts_with("access-control-"))
        .collect()
}

/// Fails unless a page of [`ORIGIN`] may read the answer, and no other page.
fn is_readable(answer: &Answer, what: &str) {
    let fields = [
        ("access-control-allow-origin", ORIGIN),
        ("access-control-allow-credentials", "true"),
        ("access-control-expose-headers", "etag, x-total"),
        ("vary", "Origin"),
    ];
    for (name, value) in fields {
        assert_eq!(values(answer, name), [value], "{what}: {name}");
    }
    assert_eq!(
        allowed_fields(answer).len(),
        3,
        "{what}: and no other field"
    );
}

fn from(target: &str, origin: &str) -> Ask {
    Ask::get(target).header("Origin", origin)
}

async fn a_page_of_an_allowed_origin_may_read_the_answer(host: &dyn Host) {
    let issuer = Issuer::start().await;
    let token = issuer.token("alice", "read");
    for kind in BOTH {
        let front = prepared(kind, &policy(&issuer)).await.on(host).await;
        for ask in [
            from("/web/a", ORIGIN).bearer(&token),
            from("/public/a", ORIGIN),
        ] {
            let answer = front.send(ask).await;
            status(&answer, 200, &format!("{kind:?}"));
            is_readable(&answer, &format!("{kind:?}"));
        }
    }
}

async fn a_page_of_an_origin_that_is_not_allowed_gets_no_fields_and_caches_are_told(
    host: &dyn Host,
) {
    let issuer = Issuer::start().await;
    for kind in BOTH {
        let front = prepared(kind, &policy(&issuer)).await.on(host).await;
        let asks = [
            from("/public/a", OTHER),
            from("/public/a", "null"),
            from("/public/a", "https://app.example/"),
            from("/public/a", "http://app.example"),
            from("/public/a", ORIGIN).header("Origin", OTHER),
            Ask::get("/public/a"),
        ];
        for ask in asks {
            let what = format!("{kind:?}: {ask:?}");
            let answer = front.send(ask).await;
            status(&answer, 200, &what);
            assert_eq!(allowed_fields(&answer), [""; 0], "{what}");
            assert_eq!(values(&answer, "vary"), ["Origin"], "{what}");
        }
        let answer = front.send(from("/web/a", OTHER)).await;
        status(&answer, 401, &format!("{kind:?}: a refusal"));
        assert_eq!(allowed_fields(&answer), [""; 0], "{kind:?}: a refusal");
        assert_eq!(values(&answer, "vary"), ["Origin"], "{kind:?}: a refusal");
    }
}

async fn an_origin_can_be_allowed_by_a_pattern(host: &dyn Host) {
    let issuer = Issuer::start().await;
    for kind in BOTH {
        let front = prepared(kind, &policy(&issuer)).await.on(host).await;
        let cases = [
            ("https://eu.app.example", true),
            ("https://evilapp.example", false),
            ("https://app.example.evil.example", false),
            ("https://eu.app.example:8443", false),
        ];
        for (origin, allowed) in cases {
            let answer = front.send(from("/public/a", origin)).await;
            let expected = if allowed { vec![origin] } else { vec![] };
            assert_eq!(
                values(&answer, "access-control-allow-origin"),
                expected,
                "{kind:?}: {origin}"
            );
        }
    }
}

async fn any_origin_is_allowed_without_credentials(host: &dyn Host) {
    let issuer = Issuer::start().await;
    for kind in BOTH {
        let front = prepared(kind, &policy(&issuer)).await.on(host).await;
        for origin in [ORIGIN, OTHER, "null"] {
            let answer = front.send(from("/any/a", origin)).await;
            let allowed = allowed_fields(&answer);
            assert_eq!(
                allowed,
                ["access-control-allow-origin"],
                "{kind:?}: {origin}"
            );
            assert_eq!(values(&answer, allowed[0]), ["*"], "{kind:?}: {origin}");
            assert_eq!(
                answer.header("vary"),
                None,
                "{kind:?}: the same answer for all"
            );
        }
    }
}

async fn a_page_can_read_that_it_was_refused(host: &dyn Host) {
    let issuer = Issuer::start().await;
    let token = issuer.token("alice", "write");
    for kind in BOTH {
        let front = prepared(kind, &policy(&issuer)).await.on(host).await;
        front.send(from("/limited/a", ORIGIN)).await;
        let get = |target| from(target, ORIGIN);
        let refusals = [
            (401, "no-credential", get("/web/a")),
            (401, "invalid-token", get("/web/a").bearer("a.b.c")),
            (403, "insufficient-scope", get("/web/a").bearer(&token)),
            (
                403,
                "forbidden",
                Ask::new("DELETE", "/web/a").header("Origin", ORIGIN),
            ),
            (429, "rate-limited", get("/limited/a")),
        ];
        for (expected, name, ask) in refusals {
            let what = format!("{kind:?}: {name}");
            let answer = front.send(ask).await;
            status(&answer, expected, &what);
            assert_eq!(class(&answer), name, "{what}");
            is_readable(&answer, &what);
        }
        assert_eq!(
            front.reached().await,
            1,
            "{kind:?}: what reached the service"
        );
    }
}

async fn what_the_service_says_of_cors_is_replaced(host: &dyn Host) {
    let issuer = Issuer::start().await;
    let says = |ask: Ask| {
        ask.header("x-answer-access-control-allow-origin", "*")
            .header("x-answer-Access-Control-Allow-Credentials", "true")
            .header("x-answer-access-control-expose-headers", "x-secret")
            .header("x-answer-access-control-allow-private-network", "true")
    };
    for kind in BOTH {
        let front = prepared(kind, &policy(&issuer)).await.on(host).await;
        let answer = front.send(says(from("/public/a", ORIGIN))).await;
        is_readable(&answer, &format!("{kind:?}: an allowed origin"));
        let answer = front.send(says(from("/public/a", OTHER))).await;
        assert_eq!(allowed_fields(&answer), [""; 0], "{kind:?}: another origin");
    }
}

async fn what_the_service_says_of_cors_stands_where_the_policy_has_none(host: &dyn Host) {
    let issuer = Issuer::start().await;
    for kind in BOTH {
        let front = prepared(kind, &policy(&issuer)).await.on(host).await;
        let ask = from("/plain/a", OTHER).header("x-answer-access-control-allow-origin", OTHER);
        let answer = front.send(ask).await;
        assert_eq!(
            values(&answer, "access-control-allow-origin"),
            [OTHER],
            "{kind:?}"
        );
        assert_eq!(answer.header("vary"), None, "{kind:?}");
    }
}

async fn vary_is_merged_with_that_of_the_service(host: &dyn Host) {
    let issuer = Issuer::start().await;
    for kind in BOTH {
        let front = prepared(kind, &policy(&issuer)).await.on(host).await;
        let cases = [
            (vec!["Accept-Encoding"], vec!["Accept-Encoding, Origin"]),
            (vec!["Accept", "Cookie"], vec!["Accept, Cookie, Origin"]),
            (vec!["origin, Accept"], vec!["origin, Accept"]),
            (vec!["*"], vec!["*"]),
        ];
        for (there, expected) in cases {
            let ask = there.iter().fold(from("/public/a", ORIGIN), |ask, value| {
                ask.header("x-answer-vary", value)
            });
            let answer = front.send(ask).await;
            assert_eq!(values(&answer, "vary"), expected, "{kind:?}: {there:?}");
        }
    }
}
