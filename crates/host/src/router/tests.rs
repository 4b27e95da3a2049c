#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use super::*;
use crate::manifest::HttpTrigger;
use std::collections::BTreeMap;
use std::path::PathBuf;

fn application(base: &str, routes: &[&str]) -> Application {
    let triggers = routes
        .iter()
        .map(|raw| HttpTrigger {
            id: format!("trigger of {raw}"),
            route: if *raw == "(private)" {
                Route::Private
            } else {
                Route::Pattern(RoutePattern::parse(base, raw).unwrap())
            },
            component: format!("component of {raw}"),
            static_response: None,
            middleware: Vec::new(),
            line: 1,
        })
        .collect();
    Application {
        name: "test".to_owned(),
        version: String::new(),
        description: String::new(),
        authors: Vec::new(),
        path: PathBuf::from("/spin.toml"),
        dir: PathBuf::from("/"),
        variables: BTreeMap::new(),
        triggers,
        components: BTreeMap::new(),
        notices: Vec::new(),
    }
}

/// The route that answers `path`, as it was written.
fn winner<'a>(routes: &[&'a str], path: &str) -> Option<&'a str> {
    let router = Router::new(&application("/", routes));
    let trigger = router.route(path).map(|found| found.trigger)?;
    routes.get(trigger).copied()
}

#[test]
fn a_path_goes_to_the_route_that_says_most_about_it() {
    let routes = [
        "/",
        "/users",
        "/users/:id",
        "/users/:id/posts",
        "/users/me",
        "/users/...",
        "/:section/about",
        "/static/:name.css",
        "/static/:name",
        "/files/report.pdf",
    ];
    for (path, expected) in [
        ("/", Some("/")),
        ("", Some("/")),
        ("/users", Some("/users")),
        ("/users/", Some("/users")),
        ("//users//", Some("/users")),
        ("/users/7", Some("/users/:id")),
        ("/users/me", Some("/users/me")),
        ("/users/7/posts", Some("/users/:id/posts")),
        ("/users/7/likes", Some("/users/...")),
        ("/users/7/likes/", Some("/users/...")),
        // Compared from the left: `users` is literal, `:section` is not.
        ("/users/about", Some("/users/:id")),
        ("/blog/about", Some("/:section/about")),
        ("/static/site.css", Some("/static/:name.css")),
        ("/static/site.js", Some("/static/:name")),
        ("/files/report.pdf", Some("/files/report.pdf")),
        // Nothing is decoded, folded or resolved.
        ("/Users", None),
        ("/%75sers", None),
        ("/blog/../users", None),
        ("/usersandmore", None),
        ("/files/reportxpdf", None),
        // An empty segment between slashes is a value like any other.
        ("/users//posts", Some("/users/:id/posts")),
    ] {
        assert_eq!(winner(&routes, path), expected, "the route for {path:?}");
    }
}

#[test]
fn the_order_of_the_manifest_does_not_decide() {
    let routes = ["/...", "/a/...", "/a/:b", "/a/b"];
    let reversed = ["/a/b", "/a/:b", "/a/...", "/..."];
    for (path, expected) in [
        ("/a/b", "/a/b"),
        ("/a/c", "/a/:b"),
        ("/a/c/d", "/a/..."),
        ("/a", "/a/..."),
        ("/b", "/..."),
        ("/", "/..."),
    ] {
        assert_eq!(winner(&routes, path), Some(expected), "in order, {path}");
        assert_eq!(winner(&reversed, path), Some(expected), "reversed, {path}");
    }
}

#[test]
fn the_wildcard_hands_on_what_it_took_with_its_slashes() {
    for (route, path, expected) in [
        ("/...", "/1/2/3", "/1/2/3"),
        ("/1/...", "/1/2/3", "/2/3"),
        ("/test/...", "/test", ""),
        ("/test/...", "/test/", "/"),
        ("/test/...", "/test/hello", "/hello"),
        ("/test/...", "/test/hello/", "/hello/"),
        ("/test", "/test/", ""),
        ("/...", "/a%2Fb/..", "/a%2Fb/.."),
    ] {
        let router = Router::new(&application("/", &[route]));
        let found = router.route(path).unwrap();
        assert_eq!(found.path_info, expected, "{route} and {path}");
    }
}

#[test]
fn a_parameter_is_one_segment_and_keeps_its_spelling() {
    let router = Router::new(&application("/", &["/u/:user/p/:page.html/..."]));
    let found = router.route("/u/J%C3%BCrgen/p/7.html/x").unwrap();
    assert_eq!(
        found.parameters,
        [("user", "J%C3%BCrgen"), ("page", "7")],
        "the parameters in the order of the pattern"
    );
    assert_eq!(found.path_info, "/x");
}

#[test]
fn a_base_stands_in_front_of_every_route() {
    let router = Router::new(&application("/base/", &["/foo", "bar/..."]));
    let found = router.route("/base/foo").unwrap();
    assert_eq!(found.component, "component of /foo");
    assert_eq!(found.pattern.raw(), "/foo");
    assert_eq!(found.pattern.based(), "/base/foo");
    assert!(router.route("/foo").is_none(), "a route without the base");

    let found = router.route("/base/bar/x").unwrap();
    assert_eq!(found.pattern.based(), "/base/bar/...");
    assert_eq!(found.pattern.raw_prefix(), "bar");
}

#[test]
fn a_private_trigger_answers_no_path() {
    let router = Router::new(&application("/", &["(private)", "/open"]));
    assert_eq!(router.routes().count(), 1, "routes besides the private one");
    assert_eq!(router.route("/open").unwrap().trigger, 1);
    assert!(router.route("/(private)").is_none());
}

#[test]
fn a_malformed_route_is_refused_with_the_reason() {
    for (route, reason) in [
        ("/a/:", "needs a name"),
        ("/a/:id/b/:id", "twice"),
        ("/a/*rest", "has no name"),
        ("/a/*/b", "whole last segment"),
        ("/a/.../b", "only at the end"),
    ] {
        let error = match RoutePattern::parse("/", route) {
            Err(error) => error.to_string(),
            Ok(pattern) => panic!("{route} was read as {pattern:?}"),
        };
        assert!(
            error.contains(reason),
            "{route}: {error:?} lacks {reason:?}"
        );
    }
}

#[test]
fn routes_that_match_the_same_paths_are_recognised() {
    let parse = |route| RoutePattern::parse("/", route).unwrap();
    for (one, two, same) in [
        ("/a", "/a/", true),
        ("/a", "a", true),
        ("/:x/b", "/:y/b", true),
        ("/a/...", "/a/*", true),
        ("/a", "/a/...", false),
        ("/:x", "/a", false),
    ] {
        assert_eq!(parse(one).same_paths(&parse(two)), same, "{one} and {two}");
    }
}
