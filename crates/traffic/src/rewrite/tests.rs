use super::*;

fn strip(prefix: &str) -> Option<Rewrite> {
    Some(Rewrite::StripPrefix(prefix.into()))
}

fn replace(prefix: &str, with: &str) -> Option<Rewrite> {
    Some(Rewrite::Replace {
        prefix: prefix.into(),
        with: with.into(),
    })
}

#[test]
fn paths_are_rewritten_by_whole_segments() {
    for (rewrite, base, target, due) in [
        (None, "", "/", Some("/")),
        (None, "", "/orders/7?a=b", Some("/orders/7?a=b")),
        (None, "/base", "/", Some("/base/")),
        (None, "/base", "/orders", Some("/base/orders")),
        (None, "/base/", "/orders/", Some("/base/orders/")),
        (strip("/orders"), "", "/orders", Some("/")),
        (strip("/orders"), "", "/orders/", Some("/")),
        (strip("/orders"), "", "/orders?a", Some("/?a")),
        (strip("/orders"), "", "/orders/7/", Some("/7/")),
        (strip("/orders/"), "", "/orders/7", Some("/7")),
        (strip("/orders"), "", "/orders/orders", Some("/orders")),
        (strip("/orders"), "", "/ordersX", None),
        (strip("/orders"), "", "/ordersX/7", None),
        (strip("/orders"), "", "/Orders/7", None),
        (strip("/orders"), "", "/v1/orders", None),
        (strip("/orders"), "", "/?/orders", None),
        (strip("/orders"), "", "/", None),
        (strip("/a/b"), "", "/a/b/c", Some("/c")),
        (strip("/a/b"), "", "/a", None),
        (strip("/a/b"), "/base", "/a/b", Some("/base")),
        (strip("/a/b"), "/base", "/a/b/", Some("/base/")),
        (strip("/a/b"), "/base", "/a/b/c", Some("/base/c")),
        (strip("/"), "", "/orders", Some("/orders")),
        (replace("/api", "/v2"), "", "/api", Some("/v2")),
        (replace("/api", "/v2"), "", "/api/", Some("/v2/")),
        (replace("/api", "/v2"), "", "/api/x?y", Some("/v2/x?y")),
        (replace("/api", "/v2"), "", "/apis", None),
        (
            replace("/api", "/v2/a"),
            "/base",
            "/api/x",
            Some("/base/v2/a/x"),
        ),
        (replace("/api", "/"), "", "/api", Some("/")),
        (replace("/api", "/"), "", "/api/x", Some("/x")),
        (replace("/api", "/"), "/base", "/api/x", Some("/base/x")),
        (replace("/", "/v2"), "", "/x", Some("/v2/x")),
    ] {
        assert_eq!(
            Rewrite::apply(rewrite.as_ref(), target, base).as_deref(),
            due,
            "{target} with {rewrite:?} below {base:?}"
        );
    }
}

#[test]
fn what_could_pass_for_an_authority_is_refused() {
    for (rewrite, base, target) in [
        (strip("/orders"), "", "/orders//evil.example/"),
        (None, "", "//evil.example/a"),
        (replace("/orders", "/"), "", "/orders//evil.example/"),
        (None, "", "//evil.example"),
        (None, "", "///evil.example"),
        (None, "", ""),
        (None, "", "?a"),
        (None, "", "*"),
        (None, "", "http://evil.example/"),
        (None, "base", "/a"),
        (None, "//base", "/a"),
        (replace("/api", "v2"), "", "/api/x"),
        (replace("/api", "//v2"), "", "/api/x"),
        (strip("/orders"), "", "orders/a"),
    ] {
        let came = Rewrite::apply(rewrite.as_ref(), target, base);
        assert_eq!(came, None, "{target} with {rewrite:?} below {base:?}");
    }
}

#[test]
fn the_query_stays_as_it_is_whatever_is_in_it() {
    for query in [
        "",
        "?",
        "?a=/orders//x",
        "??",
        "?a?b",
        "?%2F%2e%2E",
        "?//e.example",
    ] {
        for (path, due) in [("/orders", "/"), ("/orders/a%20b", "/a%20b")] {
            let came = Rewrite::apply(strip("/orders").as_ref(), &format!("{path}{query}"), "");
            assert_eq!(came, Some(format!("{due}{query}")), "{path} {query}");
        }
    }
}

/// Every path of up to four of these segments, with and without a slash at its end.
#[test]
fn the_segments_that_are_left_are_the_same_byte_for_byte() {
    let words = ["a", "ab", "%C3%A9", "a.b"];
    let rewrites = [
        None,
        strip("/a"),
        strip("/a/ab"),
        replace("/a", "/z"),
        replace("/ab", "/"),
    ];
    let mut paths = vec![String::new()];
    for length in 0..4 {
        let longer: Vec<String> = paths
            .iter()
            .filter(|path| path.matches('/').count() == length)
            .flat_map(|path| words.map(|word| format!("{path}/{word}")))
            .collect();
        paths.extend(longer);
    }
    let mut applied = 0;
    for path in paths
        .iter()
        .flat_map(|path| [path.clone(), format!("{path}/")])
    {
        for rewrite in &rewrites {
            for base in ["", "/base", "/b/c"] {
                let target = format!("{path}?q=/a");
                let Some(came) = Rewrite::apply(rewrite.as_ref(), &target, base) else {
                    continue;
                };
                applied += 1;
                let (prefix, with) = match rewrite {
                    None => ("", ""),
                    Some(Rewrite::StripPrefix(prefix)) => (prefix.as_str(), ""),
                    Some(Rewrite::Replace { prefix, with }) => {
                        (prefix.as_str(), with.trim_end_matches('/'))
                    }
                };
                let segments = |path: &str| {
                    let full = path.split('/').filter(|segment| !segment.is_empty());
                    full.map(str::to_owned).collect::<Vec<_>>()
                };
                let mut due = segments(base);
                due.extend(segments(with));
                let removed = segments(prefix).len();
                due.extend(segments(&path).into_iter().skip(removed));
                let (came_path, query) = came.split_once('?').unwrap_or((&came, ""));
                assert_eq!(segments(came_path), due, "{target}, {rewrite:?}, {base:?}");
                assert_eq!(query, "q=/a", "{target}, {rewrite:?}, {base:?}");
                assert!(came.starts_with('/') && !came_path.contains("//"), "{came}");
            }
        }
    }
    assert!(applied > 1000, "only {applied} of them were rewritten");
}
