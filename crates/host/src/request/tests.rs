#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::borrow::Cow;

use super::*;

fn pattern() -> RoutePattern {
    RoutePattern::parse("", "/users/:user_id/...").unwrap()
}

fn prepared(request: http::request::Builder) -> Result<http::request::Parts, BadRequest> {
    prepared_in(Manner::Removes, request)
}

fn prepared_in(
    manner: Manner,
    request: http::request::Builder,
) -> Result<http::request::Parts, BadRequest> {
    let (mut parts, ()) = request.body(()).unwrap().into_parts();
    let pattern = pattern();
    let route = RouteMatch {
        trigger: 0,
        component: "whoami",
        pattern: &pattern,
        parameters: vec![("user_id", "42")],
        path_info: Cow::Borrowed("/orders"),
    };
    let headers = RouteHeaders::new(&pattern).unwrap();
    prepare(
        &mut parts,
        &route,
        &headers,
        "192.0.2.7:4711".parse().unwrap(),
        manner,
    )?;
    Ok(parts)
}

fn request(target: &str) -> http::request::Builder {
    http::Request::get(target).header("host", "api.example:8080")
}

fn values<'h>(parts: &'h http::request::Parts, name: &str) -> Vec<&'h [u8]> {
    parts
        .headers
        .get_all(name)
        .iter()
        .map(HeaderValue::as_bytes)
        .collect()
}

#[test]
fn spin_headers_say_what_matched() {
    let parts = prepared(request("/users/42/orders?page=2")).unwrap();
    for (name, expected) in [
        ("spin-path-info", "/orders"),
        (
            "spin-full-url",
            "http://api.example:8080/users/42/orders?page=2",
        ),
        ("spin-matched-route", "/users/:user_id/..."),
        ("spin-base-path", "/"),
        ("spin-raw-component-route", "/users/:user_id/..."),
        ("spin-component-route", "/users/:user_id"),
        ("spin-client-addr", "192.0.2.7:4711"),
        ("spin-path-match-user-id", "42"),
    ] {
        assert_eq!(
            values(&parts, name),
            [expected.as_bytes()],
            "{name} should be {expected}"
        );
    }
}

#[test]
fn what_a_client_sent_under_the_name_of_a_spin_header_comes_first() {
    let parts = prepared(
        request("/users/42/orders")
            .header("spin-client-addr", "127.0.0.1:1")
            .header("Spin-Path-Match-User-Id", "1"),
    )
    .unwrap();
    assert_eq!(
        values(&parts, "spin-client-addr"),
        [b"127.0.0.1:1".as_slice(), b"192.0.2.7:4711"],
        "the last value should be the host's"
    );
    assert_eq!(
        values(&parts, "spin-path-match-user-id"),
        [b"1".as_slice(), b"42"],
        "the last value should be the host's"
    );
}

#[test]
fn path_and_query_reach_the_component_byte_for_byte() {
    for target in [
        "/",
        "/users//42/%2e%2E/%2Fa;b=c?x=%20&y=a+b&&",
        "/users/42/./../x",
        "/?",
        "/a?b?c",
    ] {
        let parts = prepared(request(target)).unwrap();
        assert_eq!(parts.uri.path_and_query().unwrap().as_str(), target);
        assert_eq!(parts.uri.scheme_str(), Some("http"));
        assert_eq!(parts.uri.authority().unwrap(), "api.example:8080");
    }
}

#[test]
fn the_connection_header_stays_with_the_connection() {
    let parts = prepared(request("/").header("connection", "close, x-secret")).unwrap();
    assert_eq!(values(&parts, "connection"), Vec::<&[u8]>::new());
}

#[test]
fn an_absolute_target_says_whom_the_request_is_for() {
    let parts = prepared(http::Request::get("http://api.example/users")).unwrap();
    assert_eq!(parts.uri, "http://api.example/users");
    let parts = prepared(request("http://api.example:8080/users")).unwrap();
    assert_eq!(parts.uri, "http://api.example:8080/users");
    for (target, host) in [
        ("http://api.example:80/users", "API.example"),
        ("http://API.example/users", "api.example:80"),
        ("http://api.example/users", "api.example:443"),
        ("http://[2001:db8::1]/users", "[2001:DB8::1]:80"),
    ] {
        let parts = prepared(http::Request::get(target).header("host", host)).unwrap();
        assert_eq!(parts.uri.path(), "/users", "{target} and {host}");
        assert_eq!(
            parts.uri.authority().unwrap(),
            host,
            "the field is what counts"
        );
    }
}

#[test]
fn a_request_that_is_unclear_about_its_host_is_refused() {
    let get = http::Request::get;
    for (request, expected) in [
        (get("/"), BadRequest::NoHost),
        (
            get("/")
                .header("host", "a.example")
                .header("host", "b.example"),
            BadRequest::TwoHosts,
        ),
        (
            get("/")
                .header("host", "a.example")
                .header("host", "a.example"),
            BadRequest::TwoHosts,
        ),
        (get("/").header("host", ""), BadRequest::InvalidHost),
        (get("/").header("host", "a b"), BadRequest::InvalidHost),
        (
            get("/").header("host", "user@a.example"),
            BadRequest::InvalidHost,
        ),
        (get("/").header("host", "a/b"), BadRequest::InvalidHost),
        (
            get("http://b.example/").header("host", "a.example"),
            BadRequest::DifferentHosts,
        ),
        (
            get("http://a.example:8080/").header("host", "a.example"),
            BadRequest::DifferentHosts,
        ),
        (
            get("http://a.example:443/").header("host", "a.example:80"),
            BadRequest::DifferentHosts,
        ),
        (get("http://user@a.example/"), BadRequest::InvalidHost),
        (
            get("http://user@a.example/").header("host", "a.example"),
            BadRequest::InvalidHost,
        ),
    ] {
        let shown = format!("{request:?}");
        assert_eq!(
            prepared(request).map(|_| ()),
            Err(expected),
            "{shown} should be refused"
        );
    }
}

#[test]
fn what_connection_names_ends_here() {
    let parts = prepared(
        request("/users/42/orders")
            .header("connection", "keep-alive, X-Hop,x-other")
            .header(
                "connection",
                "host, content-length, spin-client-addr, not a name",
            )
            .header("x-hop", "1")
            .header("x-hop", "2")
            .header("x-other", "3")
            .header("x-stays", "4")
            .header("content-length", "5"),
    )
    .unwrap();
    for name in ["connection", "x-hop", "x-other"] {
        assert!(values(&parts, name).is_empty(), "{name} should be gone");
    }
    assert_eq!(values(&parts, "x-stays"), [b"4".as_slice()]);
    assert_eq!(
        values(&parts, "content-length"),
        [b"5".as_slice()],
        "nobody takes away where the message ends"
    );
    assert_eq!(
        values(&parts, "spin-client-addr"),
        [b"192.0.2.7:4711".as_slice()],
        "nobody takes away what the host says"
    );
}

fn chained(request: http::request::Builder) -> http::request::Parts {
    let (mut parts, ()) = request.body(()).unwrap().into_parts();
    prepare_chained(&mut parts).unwrap();
    parts
}

#[test]
fn a_chained_request_looks_as_if_the_component_had_all_routes_and_the_client_no_address() {
    let request = http::Request::get("http://js.spin.internal/a/b?c=d")
        .header("host", "js.spin.internal")
        .header("connection", "x-for-the-next-hop")
        .header("x-for-the-next-hop", "1")
        .header("spin-client-addr", "127.0.0.1:1");
    let parts = chained(request);
    assert_eq!(parts.uri, "http://js.spin.internal/a/b?c=d");
    for (name, expected) in [
        ("spin-path-info", vec!["/a/b"]),
        ("spin-full-url", vec!["http://localhost/a/b?c=d"]),
        ("spin-matched-route", vec!["/..."]),
        ("spin-base-path", vec!["/"]),
        ("spin-raw-component-route", vec!["/..."]),
        ("spin-component-route", vec![""]),
        ("spin-client-addr", vec!["127.0.0.1:1", "0.0.0.0:0"]),
        ("host", vec![]),
        ("connection", vec![]),
        ("x-for-the-next-hop", vec![]),
    ] {
        let expected: Vec<&[u8]> = expected.into_iter().map(str::as_bytes).collect();
        assert_eq!(values(&parts, name), expected, "{name}");
    }
    let parts = chained(http::Request::get("https://js.spin.internal:8443"));
    assert_eq!(parts.uri, "http://js.spin.internal:8443/");
    assert_eq!(values(&parts, "spin-path-info"), [b"/"]);
}

#[test]
fn no_transfer_coding_but_chunked_is_served() {
    for (codings, refused) in [
        (&["chunked"][..], None),
        (&["Chunked"], None),
        (&["gzip, chunked"], Some(BadRequest::TransferCoding)),
        (&["gzip", "chunked"], Some(BadRequest::TransferCoding)),
        (&["identity, chunked"], Some(BadRequest::TransferCoding)),
        (&["gzip"], Some(BadRequest::TransferCoding)),
        (&["chunked, chunked"], Some(BadRequest::TwiceChunked)),
    ] {
        let mut request = request("/users/42/orders");
        for coding in codings {
            request = request.header("transfer-encoding", *coding);
        }
        assert_eq!(prepared(request).err(), refused, "{codings:?}");
    }
    assert_eq!(BadRequest::TransferCoding.status(), 501);
    assert_eq!(BadRequest::TwiceChunked.status(), 400);
}
