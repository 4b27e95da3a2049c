//! Pages of other origins, at the gate and at the gateway: a part of the theme of traffic.

use crate::book::Book;
use crate::front::{Front, begin};
use crate::scene::Scene;
use doorward_runtime_tests::client::Ask;

/// An origin whose pages may ask, and one whose may not.
pub const PAGE: &str = "https://app.example";
const OTHER: &str = "https://evil.example";

fn preflight(target: &str, origin: &str, method: &str) -> Ask {
    Ask::new("OPTIONS", target)
        .header("Origin", origin)
        .header("Access-Control-Request-Method", method)
}

/// The question of a browser whether a page may ask.
pub async fn preflights(book: &mut Book<'_>, scene: &Scene<'_>, front: &Front) {
    let mut act = begin(book, scene, front, "preflights").await;
    let asks = |fields: &str| {
        preflight("/web/a", PAGE, "PUT").header("Access-Control-Request-Headers", fields)
    };
    for (title, ask) in [
        ("allowed", preflight("/web/a", PAGE, "PUT")),
        (
            "allowed, of a subdomain",
            preflight("/web/a", "https://a.app.example", "GET"),
        ),
        ("allowed, with fields", asks("Content-Type, x-b")),
        (
            "allowed, to anybody",
            preflight("/any/a", OTHER, "DELETE").header("Access-Control-Request-Headers", "X-C"),
        ),
        ("another origin", preflight("/web/a", OTHER, "PUT")),
        (
            "two origins",
            preflight("/web/a", PAGE, "PUT").header("Origin", OTHER),
        ),
        ("another method", preflight("/web/a", PAGE, "DELETE")),
        (
            "a method whose rule has no CORS",
            preflight("/web/a", PAGE, "POST"),
        ),
        ("a method that is none", preflight("/web/a", PAGE, "P T")),
        ("another field", asks("x-c")),
        ("a field that is none", asks("a b")),
        ("of a path without CORS", preflight("/api/a", PAGE, "GET")),
        (
            "of a path without a rule",
            preflight("/nowhere", PAGE, "GET"),
        ),
        (
            "of a target that is none",
            preflight("/web/../web/a", PAGE, "PUT"),
        ),
        (
            "that is none",
            Ask::new("OPTIONS", "/web/a").header("Origin", PAGE),
        ),
    ] {
        act.ask(title, &ask).await;
    }
    act.end().await;
}

/// Answers to requests of pages.
pub async fn cors(book: &mut Book<'_>, scene: &Scene<'_>, front: &Front) {
    let mut act = begin(book, scene, front, "what pages may read").await;
    let get = |target: &str, origin: &str| Ask::get(target).header("Origin", origin);
    let says = |ask: Ask| {
        ask.header("X-Answer-Access-Control-Allow-Origin", "*")
            .header("X-Answer-Access-Control-Max-Age", "1")
            .header("X-Answer-Vary", "Accept, origin")
    };
    for (title, ask) in [
        ("an allowed origin", get("/public/a", PAGE)),
        ("another origin", get("/public/a", OTHER)),
        ("no origin", Ask::get("/public/a")),
        ("any origin", get("/any/a", OTHER)),
        ("a refusal", get("/web/a", PAGE)),
        ("a refusal by a token", get("/web/a", PAGE).bearer("x")),
        (
            "no rule lists the method",
            Ask::new("DELETE", "/web/a").header("Origin", PAGE),
        ),
        ("no rule lists the path", get("/nowhere", PAGE)),
        ("a token", get("/web/a", PAGE).bearer(&scene.alice())),
        (
            "the service says something else",
            says(get("/public/a", PAGE)),
        ),
        (
            "the service says something, the policy nothing",
            says(get("/api/a", PAGE)),
        ),
        ("optional", get("/open", PAGE)),
        (
            "optional, with a token",
            says(get("/open", PAGE)).bearer(&scene.alice()),
        ),
    ] {
        act.ask(title, &ask).await;
    }
    act.end().await;
}
