#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on says so by panicking"
)]

use super::*;

const PAGE: &str = "https://app.example";
const PREFLIGHT_VARY: &str =
    "Origin, Access-Control-Request-Method, Access-Control-Request-Headers";

fn rule(origins: &[&str]) -> CorsRule {
    CorsRule {
        origins: origins
            .iter()
            .map(|text| OriginPattern::parse(text).unwrap())
            .collect(),
        credentials: false,
        request_headers: None,
        exposed_headers: Vec::new(),
        max_age_s: 600,
    }
}

fn lines(values: &[&str]) -> Vec<Vec<u8>> {
    values
        .iter()
        .map(|value| value.as_bytes().to_vec())
        .collect()
}

/// Field names and values, as a test writes them.
fn fields(due: &[(&'static str, &str)]) -> CorsFields {
    due.iter()
        .map(|(name, value)| (*name, (*value).to_owned()))
        .collect()
}

fn ask(rule: &CorsRule, requested_headers: &[&str]) -> PreflightAnswer {
    rule.preflight(
        &lines(&[PAGE]),
        "PUT",
        &lines(requested_headers),
        &["GET", "PUT"],
    )
}

/// The value of a field of a preflight that is allowed.
fn allowed(answer: PreflightAnswer, name: &str) -> Option<String> {
    let PreflightAnswer::Allowed(fields) = answer else {
        panic!("the page may ask: {answer:?}");
    };
    let field = fields.into_iter().find(|(field, _)| *field == name);
    field.map(|(_, value)| value)
}

fn refused(answer: PreflightAnswer) -> (PreflightRefusal, CorsFields) {
    match answer {
        PreflightAnswer::Refused { reason, fields } => (reason, fields),
        PreflightAnswer::Allowed(fields) => panic!("the page may not ask: {fields:?}"),
    }
}

#[test]
fn a_page_of_an_allowed_origin_may_read_the_response() {
    let rule = CorsRule {
        credentials: true,
        exposed_headers: vec!["etag".to_owned(), "x-total".to_owned()],
        ..rule(&[PAGE, "https://*.app.example"])
    };
    for origin in [PAGE, "https://a.app.example"] {
        assert_eq!(
            rule.actual(&lines(&[origin])),
            fields(&[
                (ALLOW_ORIGIN, origin),
                (ALLOW_CREDENTIALS, "true"),
                (EXPOSE_HEADERS, "etag, x-total"),
                (VARY, "Origin"),
            ]),
            "{origin} is told that it may read"
        );
    }
}

#[test]
fn whoever_is_not_allowed_learns_that_the_answer_varies_and_nothing_else() {
    let rule = CorsRule {
        credentials: true,
        exposed_headers: vec!["etag".to_owned()],
        ..rule(&[PAGE, "https://*.app.example"])
    };
    let not_utf8 = [b"https://\xFF.app.example".to_vec()];
    for (origin, what) in [
        (lines(&[]), "no origin"),
        (lines(&[""]), "an empty origin"),
        (lines(&["null"]), "a sandboxed page"),
        (lines(&["https://evil.test"]), "another origin"),
        (lines(&["https://evil-app.example"]), "a look-alike"),
        (lines(&[PAGE, PAGE]), "two origins"),
        (lines(&[PAGE, "https://evil.test"]), "two different origins"),
        (
            lines(&["https://app.example, https://app.example"]),
            "a list",
        ),
        (not_utf8.to_vec(), "bytes that are no text"),
    ] {
        assert_eq!(
            rule.actual(&origin),
            fields(&[(VARY, "Origin")]),
            "{what} is allowed nothing"
        );
    }
}

#[test]
fn a_rule_for_every_origin_has_one_answer_for_all() {
    let rule = CorsRule {
        exposed_headers: vec!["etag".to_owned()],
        ..rule(&["*"])
    };
    let due = fields(&[(ALLOW_ORIGIN, "*"), (EXPOSE_HEADERS, "etag")]);
    for origin in [
        lines(&[]),
        lines(&[PAGE]),
        lines(&["null"]),
        lines(&[PAGE, PAGE]),
    ] {
        assert_eq!(
            rule.actual(&origin),
            due,
            "a cache may give it to anyone: {origin:?}"
        );
    }
}

#[test]
fn credentials_never_go_with_every_origin() {
    for origins in [&["*"][..], &[PAGE, "*"], &["*", PAGE]] {
        let rule = CorsRule {
            credentials: true,
            ..rule(origins)
        };
        assert_eq!(
            rule.actual(&lines(&[PAGE])),
            fields(&[(ALLOW_ORIGIN, "*")]),
            "no response allows both, with {origins:?}"
        );
        assert_eq!(
            allowed(ask(&rule, &[]), ALLOW_CREDENTIALS),
            None,
            "no preflight allows both, with {origins:?}"
        );
        assert_eq!(
            allowed(ask(&rule, &[]), ALLOW_ORIGIN).as_deref(),
            Some("*"),
            "no preflight echoes an origin, with {origins:?}"
        );
    }
}

#[test]
fn a_preflight_is_told_everything_that_the_page_may_do() {
    let rule = CorsRule {
        credentials: true,
        request_headers: Some(vec!["authorization".to_owned(), "content-type".to_owned()]),
        exposed_headers: vec!["etag".to_owned()],
        ..rule(&[PAGE])
    };
    assert_eq!(
        ask(&rule, &["content-type"]),
        PreflightAnswer::Allowed(fields(&[
            (ALLOW_ORIGIN, PAGE),
            (ALLOW_CREDENTIALS, "true"),
            (ALLOW_METHODS, "GET, PUT"),
            (ALLOW_HEADERS, "authorization, content-type"),
            (MAX_AGE, "600"),
            (VARY, PREFLIGHT_VARY),
        ])),
        "what the rule says, and nothing that is for responses only"
    );
}

#[test]
fn the_requested_method_is_among_those_that_are_allowed() {
    let rule = rule(&[PAGE]);
    for (methods, requested, due) in [
        (&["GET", "PUT"][..], "PUT", "GET, PUT"),
        (&["GET"], "PATCH", "GET, PATCH"),
        (&["PATCH"], "patch", "PATCH, patch"),
        (&[], "DELETE", "DELETE"),
    ] {
        let answer = rule.preflight(&lines(&[PAGE]), requested, &[], methods);
        assert_eq!(
            allowed(answer, ALLOW_METHODS).as_deref(),
            Some(due),
            "{requested} beside {methods:?}"
        );
    }
}

#[test]
fn what_is_no_method_is_not_echoed() {
    let rule = rule(&[PAGE]);
    let longest = "M".repeat(REQUESTED_METHOD_BYTES_MAX);
    let long = format!("{longest}M");
    for requested in [
        "",
        "GET, DELETE",
        "GET\r\nx: y",
        "GÉT",
        "*/*",
        long.as_str(),
    ] {
        let answer = rule.preflight(&lines(&[PAGE]), requested, &[], &["GET"]);
        let (reason, fields) = refused(answer);
        assert_eq!(reason, PreflightRefusal::Method, "of {requested:?}");
        assert!(
            !fields.iter().any(|(name, _)| *name == ALLOW_METHODS),
            "{requested:?} allows no method: {fields:?}"
        );
    }
    let answer = rule.preflight(&lines(&[PAGE]), &longest, &[], &[]);
    assert_eq!(
        allowed(answer, ALLOW_METHODS),
        Some(longest),
        "the longest method is one"
    );
}

#[test]
fn a_rule_that_lists_no_request_headers_allows_those_that_are_asked_for_by_name() {
    let rule = rule(&[PAGE]);
    for (requested, due) in [
        (&[][..], None),
        (&[""], None),
        (&[" , "], None),
        (&["content-type"], Some("content-type")),
        (
            &["authorization,content-type"],
            Some("authorization, content-type"),
        ),
        (
            &["Authorization , X-Trace\t"],
            Some("authorization, x-trace"),
        ),
        (&["a", "b,c"], Some("a, b, c")),
    ] {
        assert_eq!(
            allowed(ask(&rule, requested), ALLOW_HEADERS).as_deref(),
            due,
            "asked for {requested:?}"
        );
    }
}

#[test]
fn a_request_header_that_is_not_listed_refuses() {
    let listed = |names: &[&str]| CorsRule {
        request_headers: Some(names.iter().map(|name| (*name).to_owned()).collect()),
        ..rule(&[PAGE])
    };
    let one = listed(&["content-type"]);
    assert_eq!(
        allowed(ask(&one, &["Content-Type"]), ALLOW_HEADERS).as_deref(),
        Some("content-type"),
        "a listed field is allowed in any case"
    );
    for (rule, requested, name) in [
        (&one, "authorization", "authorization"),
        (&one, "content-type,X-Evil", "x-evil"),
        (&one, "content_type", "content_type"),
        (&listed(&[]), "content-type", "content-type"),
        (&listed(&["*"]), "authorization", "authorization"),
    ] {
        let (reason, due) = refused(ask(rule, &[requested]));
        let name = name.to_owned();
        assert_eq!(
            reason,
            PreflightRefusal::Header { name },
            "asked for {requested}"
        );
        assert_eq!(
            due,
            fields(&[(ALLOW_ORIGIN, PAGE), (VARY, PREFLIGHT_VARY)]),
            "the console may tell why, and nothing is allowed"
        );
    }
}

#[test]
fn what_is_no_field_name_is_not_echoed() {
    let rule = rule(&[PAGE]);
    for requested in [
        &b"x y"[..],
        b"x:y",
        b"x\r\nset-cookie",
        b"a,b\0",
        b"\x0Cx",
        b"caf\xC3\xA9",
        b"\xFF",
        b"\"a,b\"",
    ] {
        let answer = rule.preflight(&lines(&[PAGE]), "GET", &[requested.to_vec()], &[]);
        let (reason, _) = refused(answer);
        assert_eq!(reason, PreflightRefusal::HeaderName, "of {requested:?}");
    }
}

#[test]
fn a_preflight_asks_for_a_bounded_number_of_headers() {
    let rule = rule(&[PAGE]);
    let names = vec!["a"; REQUESTED_HEADERS_MAX];
    let due = Some(names.join(", "));
    assert_eq!(
        allowed(ask(&rule, &[&names.join(",")]), ALLOW_HEADERS),
        due,
        "as many as may be, in one line"
    );
    assert_eq!(
        allowed(ask(&rule, &names), ALLOW_HEADERS),
        due,
        "as many as may be, in lines of their own"
    );
    let long = "a".repeat(REQUESTED_HEADERS_BYTES_MAX);
    assert_eq!(
        allowed(ask(&rule, &[&long]), ALLOW_HEADERS).as_ref(),
        Some(&long),
        "one that is as long as may be"
    );
    let many = vec!["a"; REQUESTED_HEADERS_MAX + 1];
    for (requested, what) in [
        (&many[..], "one more"),
        (&[&many.join(",")], "one more in a line"),
        (&[long.as_str(), "a"], "one byte more"),
        (&[&",".repeat(REQUESTED_HEADERS_BYTES_MAX + 1)], "emptiness"),
    ] {
        let (reason, _) = refused(ask(&rule, requested));
        assert_eq!(
            reason,
            PreflightRefusal::TooManyHeaders,
            "{what} is too much"
        );
    }
}

#[test]
fn a_preflight_of_another_origin_learns_nothing() {
    let some = rule(&[PAGE]);
    for origin in [
        lines(&["https://evil.test"]),
        lines(&["null"]),
        lines(&[PAGE, PAGE]),
        lines(&[]),
    ] {
        let answer = some.preflight(&origin, "GET", &lines(&["content-type"]), &["GET"]);
        assert_eq!(
            answer,
            PreflightAnswer::Refused {
                reason: PreflightRefusal::Origin,
                fields: fields(&[(VARY, PREFLIGHT_VARY)]),
            },
            "{origin:?} is not allowed"
        );
    }
    let answer = rule(&["*"]).preflight(&lines(&[PAGE, PAGE]), "GET", &[], &["GET"]);
    assert_eq!(
        refused(answer).0,
        PreflightRefusal::Origin,
        "no browser sends two origins"
    );
}

#[test]
fn a_preflight_is_an_options_request_with_an_origin_and_a_requested_method() {
    for (method, origins, has_requested_method, due) in [
        ("OPTIONS", 1, true, true),
        ("OPTIONS", 2, true, true),
        ("OPTIONS", 0, true, false),
        ("OPTIONS", 1, false, false),
        ("options", 1, true, false),
        ("GET", 1, true, false),
        ("POST", 1, true, false),
    ] {
        assert_eq!(
            is_preflight(method, origins, has_requested_method),
            due,
            "{method} with {origins} origins, requested method: {has_requested_method}"
        );
    }
}

#[test]
fn vary_gains_what_it_lacks_and_loses_nothing() {
    for (existing, add, due) in [
        (&[][..], "Origin", Some("Origin")),
        (
            &["Accept-Encoding"],
            "Origin",
            Some("Accept-Encoding, Origin"),
        ),
        (&["a", "b ,c"], "Origin", Some("a, b, c, Origin")),
        (&["Origin"], "Origin", None),
        (&["accept, ORIGIN"], "Origin", None),
        (&["accept", "origin"], "Origin", None),
        (&["*"], "Origin", None),
        (&["accept, *"], PREFLIGHT_VARY, None),
        (&["x-origin"], "Origin", Some("x-origin, Origin")),
        (&["", " , "], "Origin", Some("Origin")),
        (&["not one, accept"], "Origin", Some("accept, Origin")),
        (&["Origin, not one"], "Origin", None),
        (&[], PREFLIGHT_VARY, Some(PREFLIGHT_VARY)),
        (
            &["access-control-request-method"],
            PREFLIGHT_VARY,
            Some("access-control-request-method, Origin, Access-Control-Request-Headers"),
        ),
        (&["accept"], "", None),
    ] {
        assert_eq!(
            merge_vary(&lines(existing), add).as_deref(),
            due,
            "{add:?} added to {existing:?}"
        );
    }
    assert_eq!(
        merge_vary(&[b"\xFF, accept".to_vec()], "Origin").as_deref(),
        Some("accept, Origin"),
        "bytes that are no text are no field name"
    );
}

#[test]
fn every_field_that_a_rule_can_set_is_its_own() {
    let rule = CorsRule {
        credentials: true,
        exposed_headers: vec!["etag".to_owned()],
        ..rule(&[PAGE])
    };
    let PreflightAnswer::Allowed(mut set) = ask(&rule, &["content-type"]) else {
        panic!("the page may ask");
    };
    set.extend(rule.actual(&lines(&[PAGE])));
    set.retain(|(name, _)| *name != VARY);
    for (name, _) in &set {
        assert!(
            OWNED_FIELDS.contains(name),
            "an upstream may not set {name}"
        );
    }
    for owned in OWNED_FIELDS {
        assert!(
            set.iter().any(|(name, _)| *name == owned),
            "{owned} is removed and can be set again"
        );
    }
}

#[test]
fn a_refusal_names_the_header_that_the_page_may_not_set() {
    let name = "x-evil".to_owned();
    assert_eq!(
        PreflightRefusal::Header { name }.to_string(),
        "pages may not set the request header x-evil",
        "the log says which one"
    );
}

#[test]
fn a_page_may_send_credentials_where_its_own_origin_is_listed_and_they_are_allowed() {
    let with = |origins: &[&str], credentials| CorsRule {
        credentials,
        ..rule(origins)
    };
    let listed = with(&[PAGE, "https://*.apps.example"], true);
    for (origin, due) in [
        (PAGE, true),
        ("https://one.apps.example", true),
        ("https://apps.example", false),
        ("http://app.example", false),
        ("https://app.example/", false),
        ("null", false),
        ("", false),
    ] {
        assert_eq!(listed.allows_with_credentials(origin), due, "{origin}");
    }
    assert!(
        !with(&[PAGE], false).allows_with_credentials(PAGE),
        "not allowed"
    );
    let any = with(&["*", PAGE], true);
    assert!(!any.allows_with_credentials(PAGE), "everybody's");
    assert!(!any.allows_with_credentials("null"), "nobody's");
}
