//! Which pages may read an answer (the Fetch standard, "CORS protocol").

use crate::{class, fronts, status, values};
use doorward_tests::sim::client::{Answer, Sent};

/// An origin that is allowed, and one that is not.
pub const ORIGIN: &str = "https://app.example";
pub const OTHER: &str = "https://evil.example";

/// Pages of the application, of all its subdomains, and of anywhere.
pub const POLICY: &str = r#"
[issuer.test]
url = "https://issuer.example"
audience = "api"
jwks_url = "https://issuer.example/keys"
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
"#;

/// Nothing.
pub const NONE: [&str; 0] = [];

/// The names of the fields of CORS that an answer has.
pub fn allowed_fields(answer: &Answer) -> Vec<&str> {
    let names = answer.fields.names();
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

fn from(target: &str, origin: &str) -> Sent {
    Sent::get(target).field("Origin", origin)
}

#[test]
fn a_page_of_an_allowed_origin_may_read_the_answer() {
    for front in fronts(POLICY) {
        let what = &front.what;
        let token = front.token("read");
        for sent in [
            from("/web/a", ORIGIN).bearer(&token),
            from("/public/a", ORIGIN),
        ] {
            let answer = front.send(sent);
            status(&answer, 200, what);
            is_readable(&answer, what);
        }
        assert_eq!(front.reached(), 2, "{what}: what reached the service");
    }
}

#[test]
fn a_page_of_an_origin_that_is_not_allowed_gets_no_fields_and_caches_are_told() {
    for front in fronts(POLICY) {
        let what = &front.what;
        let sents = [
            from("/public/a", OTHER),
            from("/public/a", "null"),
            from("/public/a", "https://app.example/"),
            from("/public/a", "http://app.example"),
            from("/public/a", ORIGIN).field("Origin", OTHER),
            Sent::get("/public/a"),
        ];
        for sent in sents {
            let what = format!("{what}: {sent:?}");
            let answer = front.send(sent);
            status(&answer, 200, &what);
            assert_eq!(allowed_fields(&answer), NONE, "{what}");
            assert_eq!(values(&answer, "vary"), ["Origin"], "{what}");
        }
        let answer = front.send(from("/web/a", OTHER));
        status(&answer, 401, &format!("{what}: a refusal"));
        assert_eq!(allowed_fields(&answer), NONE, "{what}: a refusal");
        assert_eq!(values(&answer, "vary"), ["Origin"], "{what}: a refusal");
    }
}

#[test]
fn an_origin_can_be_allowed_by_a_pattern() {
    for front in fronts(POLICY) {
        let what = &front.what;
        let cases = [
            ("https://eu.app.example", true),
            ("https://evilapp.example", false),
            ("https://app.example.evil.example", false),
            ("https://eu.app.example:8443", false),
        ];
        for (origin, allowed) in cases {
            let answer = front.send(from("/public/a", origin));
            let expected = if allowed { vec![origin] } else { vec![] };
            assert_eq!(
                values(&answer, "access-control-allow-origin"),
                expected,
                "{what}: {origin}"
            );
        }
    }
}

#[test]
fn any_origin_is_allowed_without_credentials() {
    for front in fronts(POLICY) {
        let what = &front.what;
        for origin in [ORIGIN, OTHER, "null"] {
            let answer = front.send(from("/any/a", origin));
            let allowed = allowed_fields(&answer);
            assert_eq!(allowed, ["access-control-allow-origin"], "{what}: {origin}");
            assert_eq!(values(&answer, allowed[0]), ["*"], "{what}: {origin}");
            assert_eq!(
                values(&answer, "vary"),
                NONE,
                "{what}: the same answer for all"
            );
        }
    }
}

#[test]
fn a_page_can_read_that_it_was_refused() {
    for front in fronts(POLICY) {
        let what = &front.what;
        let token = front.token("write");
        front.send(from("/limited/a", ORIGIN));
        let get = |target| from(target, ORIGIN);
        let refusals = [
            (401, "no-credential", get("/web/a")),
            (401, "invalid-token", get("/web/a").bearer("a.b.c")),
            (403, "insufficient-scope", get("/web/a").bearer(&token)),
            (
                403,
                "forbidden",
                Sent::new("DELETE", "/web/a").field("Origin", ORIGIN),
            ),
            (429, "rate-limited", get("/limited/a")),
        ];
        for (expected, name, sent) in refusals {
            let what = format!("{what}: {name}");
            let answer = front.send(sent);
            status(&answer, expected, &what);
            assert_eq!(class(&answer), name, "{what}");
            is_readable(&answer, &what);
        }
        assert_eq!(front.reached(), 1, "{what}: what reached the service");
    }
}

#[test]
fn what_the_service_says_of_cors_is_replaced() {
    let says = |sent: Sent| {
        sent.field("x-answer-access-control-allow-origin", "*")
            .field("x-answer-Access-Control-Allow-Credentials", "true")
            .field("x-answer-access-control-expose-headers", "x-secret")
            .field("x-answer-access-control-allow-private-network", "true")
    };
    for front in fronts(POLICY) {
        let what = &front.what;
        let answer = front.send(says(from("/public/a", ORIGIN)));
        is_readable(&answer, &format!("{what}: an allowed origin"));
        let answer = front.send(says(from("/public/a", OTHER)));
        assert_eq!(allowed_fields(&answer), NONE, "{what}: another origin");
    }
}

#[test]
fn what_the_service_says_of_cors_stands_where_the_policy_has_none() {
    for front in fronts(POLICY) {
        let what = &front.what;
        let sent = from("/plain/a", OTHER).field("x-answer-access-control-allow-origin", OTHER);
        let answer = front.send(sent);
        assert_eq!(
            values(&answer, "access-control-allow-origin"),
            [OTHER],
            "{what}"
        );
        assert_eq!(values(&answer, "vary"), NONE, "{what}");
    }
}

#[test]
fn vary_is_merged_with_that_of_the_service() {
    for front in fronts(POLICY) {
        let what = &front.what;
        let cases = [
            (vec!["Accept-Encoding"], vec!["Accept-Encoding, Origin"]),
            (vec!["Accept", "Cookie"], vec!["Accept, Cookie, Origin"]),
            (vec!["origin, Accept"], vec!["origin, Accept"]),
            (vec!["*"], vec!["*"]),
        ];
        for (there, expected) in cases {
            let sent = there.iter().fold(from("/public/a", ORIGIN), |sent, value| {
                sent.field("x-answer-vary", value)
            });
            let answer = front.send(sent);
            assert_eq!(values(&answer, "vary"), expected, "{what}: {there:?}");
        }
    }
}
