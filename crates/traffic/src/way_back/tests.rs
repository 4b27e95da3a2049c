use super::*;

fn target(authority: &str, base_path: &str) -> Target {
    Target {
        tls: true,
        authority: authority.to_owned(),
        base_path: base_path.to_owned(),
    }
}

fn strip() -> Rewrite {
    Rewrite::StripPrefix("/orders".to_owned())
}

fn replace() -> Rewrite {
    Rewrite::Replace {
        prefix: "/orders".to_owned(),
        with: "/v2".to_owned(),
    }
}

/// What an upstream says of where things are, and what its client gets: nothing where it stays.
#[test]
fn a_url_of_the_upstream_is_one_below_the_prefix() {
    let origin = target("orders.internal:8080", "");
    let below = target("orders.internal:8080", "/base");
    for (rewrite, target, said, given) in [
        (strip(), &origin, "/login", Some("/orders/login")),
        (
            strip(),
            &origin,
            "/login?next=/a#top",
            Some("/orders/login?next=/a#top"),
        ),
        (strip(), &origin, "/", Some("/orders/")),
        (strip(), &origin, "/?a", Some("/orders/?a")),
        (strip(), &origin, "/orders/7", None),
        (strip(), &origin, "/orders", None),
        (strip(), &origin, "/ordersX", Some("/orders/ordersX")),
        (strip(), &origin, "login", None),
        (strip(), &origin, "../login", None),
        (strip(), &origin, "?page=2", None),
        (strip(), &origin, "//elsewhere.example/a", None),
        (strip(), &origin, "https://elsewhere.example/a", None),
        (strip(), &origin, "https://orders.internal/a", None),
        (
            strip(),
            &origin,
            "https://orders.internal:8080/a?b",
            Some("/orders/a?b"),
        ),
        (
            strip(),
            &origin,
            "http://Orders.Internal:8080/a",
            Some("/orders/a"),
        ),
        (
            strip(),
            &origin,
            "https://orders.internal:8080",
            Some("/orders/"),
        ),
        (
            strip(),
            &origin,
            "https://orders.internal:8080?b",
            Some("/orders/?b"),
        ),
        (strip(), &origin, "mailto:a@orders.internal", None),
        (strip(), &origin, "", None),
        (strip(), &below, "/base/a", Some("/orders/a")),
        (strip(), &below, "/base", Some("/orders")),
        (strip(), &below, "/based", None),
        (strip(), &below, "/a", None),
        (replace(), &origin, "/v2/a", Some("/orders/a")),
        (replace(), &origin, "/v2", Some("/orders")),
        (replace(), &origin, "/v1/a", None),
        (
            replace(),
            &origin,
            "https://orders.internal:8080/v1/a",
            Some("/v1/a"),
        ),
        (replace(), &below, "/base/v2/a", Some("/orders/a")),
    ] {
        let back = WayBack::of(&rewrite, target);
        for name in ["location", "content-location"] {
            let moved = back.field(name, said.as_bytes());
            assert_eq!(moved.as_deref(), given, "{name}: {said}, {rewrite:?}");
        }
        let refresh = |url: &str| ["5;url=", url].concat();
        let moved = back.field("refresh", refresh(said).as_bytes());
        assert_eq!(moved, given.map(refresh), "refresh: {said}, {rewrite:?}");
        assert_eq!(back.field("x-location", said.as_bytes()), None);
    }
}

#[test]
fn a_refresh_is_read_as_browsers_read_it() {
    let (rewrite, target) = (strip(), target("a.internal", ""));
    let back = WayBack::of(&rewrite, &target);
    for (said, given) in [
        ("0; URL=/a", Some("0;url=/orders/a")),
        ("0, url='/a'", Some("0;url=/orders/a")),
        ("0;url=\"/a\"", Some("0;url=/orders/a")),
        ("5", None),
        ("5;", None),
        ("5;u", None),
        ("5; /a", None),
    ] {
        let moved = back.field("refresh", said.as_bytes());
        assert_eq!(moved.as_deref(), given, "{said}");
    }
    assert_eq!(back.field("location", b"/\xff"), None, "what is no text");
}

#[test]
fn a_cookie_is_one_of_the_prefix_and_of_the_host_that_the_client_asked() {
    let (rewrite, target) = (strip(), target("a.internal:8080", ""));
    let back = WayBack::of(&rewrite, &target);
    for (said, given) in [
        ("a=1", None),
        ("a=1; Path=/", Some("a=1; Path=/orders")),
        (
            "a=1; path=/x; HttpOnly",
            Some("a=1; Path=/orders/x; HttpOnly"),
        ),
        ("a=1; Path=/x/", Some("a=1; Path=/orders/x/")),
        (
            "a=1;Secure;Path=/;SameSite=Lax",
            Some("a=1;Secure; Path=/orders;SameSite=Lax"),
        ),
        ("a=1; Path=/orders", None),
        ("a=1; Path=", None),
        ("Path=/; Secure", None),
        ("a=Path=/x; Secure", None),
        ("__Host-a=1; Path=/; Secure", None),
        (
            "__Secure-a=1; Path=/; Secure",
            Some("__Secure-a=1; Path=/orders; Secure"),
        ),
        ("a=1; Domain=a.internal; Secure", Some("a=1; Secure")),
        ("a=1; domain=.Internal; Path=/", Some("a=1; Path=/orders")),
        ("a=1; Domain=example.com", None),
        ("a=1; Domain=b.a.internal", None),
        ("a=1; Domain=nternal", None),
        ("a=1; Domain=", None),
    ] {
        let moved = back.field("set-cookie", said.as_bytes());
        assert_eq!(moved.as_deref(), given, "{said}");
    }
}

#[test]
fn moving_a_path_there_and_back_gives_the_path() {
    for base in ["", "/base", "/base/more"] {
        let target = target("a.internal", base);
        for rewrite in [strip(), replace()] {
            for path in ["/orders", "/orders/", "/orders/7", "/orders/7/lines?a=b"] {
                let inner = Rewrite::apply(Some(&rewrite), path, base);
                let inner = inner.unwrap_or_default();
                let moved = WayBack::of(&rewrite, &target).field("location", inner.as_bytes());
                // Nothing and a slash are the same root.
                let same = moved.as_deref().map(without_slash) == Some(without_slash(path));
                assert!(same, "{path} is {inner} inside, and {moved:?} again");
            }
        }
    }
}
