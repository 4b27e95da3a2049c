//! What the policy changes on the way: the path, static fields, and what is told of the host.

use crate::{NONE, ORDERS, TRUST, ok, policy, scenes, status};
use doorward_tests::sim::client::Sent;
use doorward_tests::sim::origin::Reply;

/// The host that the client asks.
const ASKED: &str = "shop.example:8080";

#[test]
fn paths_are_rewritten_as_the_policy_says_and_queries_are_not() {
    for (base, cases) in [
        (
            "",
            [
                ("/strip/orders", "/"),
                ("/strip/orders/", "/"),
                (
                    "/strip/orders/7?a=%2F/strip/orders",
                    "/7?a=%2F/strip/orders",
                ),
                ("/strip/orders?q", "/?q"),
                ("/replace/a/7/?b", "/v2/x/7/?b"),
                ("/replace/a", "/v2/x"),
                ("/to-root/a", "/a"),
                ("/plain/a%20b/?c=/..", "/plain/a%20b/?c=/.."),
            ],
        ),
        (
            "/base/of",
            [
                ("/strip/orders", "/base/of"),
                ("/strip/orders/", "/base/of/"),
                ("/strip/orders/7?a=b", "/base/of/7?a=b"),
                ("/strip/orders?q", "/base/of?q"),
                ("/replace/a/7/?b", "/base/of/v2/x/7/?b"),
                ("/replace/a", "/base/of/v2/x"),
                ("/to-root/a", "/base/of/a"),
                ("/plain/a%20b/?c=/..", "/base/of/plain/a%20b/?c=/.."),
            ],
        ),
    ] {
        let policy = format!(
            r#"{TRUST}
            [upstream.orders]
            url = "https://{ORDERS}{base}"

            [defaults]
            upstream = "orders"

            [[route]]
            path = "/strip/orders/**"
            public = true
            strip_prefix = "/strip/orders"

            [[route]]
            path = "/replace/a/**"
            public = true
            replace = {{ prefix = "/replace/a", with = "/v2/x" }}

            [[route]]
            path = "/to-root/**"
            public = true
            replace = {{ prefix = "/to-root", with = "/" }}

            [[route]]
            path = "/plain/**"
            issuer = ["test"]
            "#
        );
        for scene in scenes(&policy) {
            for (target, expected) in cases {
                let mut sent = Sent::get(target);
                if target.starts_with("/plain") {
                    sent = sent.bearer(&scene.token("read"));
                }
                let seen = scene.passes(sent, target);
                assert_eq!(seen.target, expected, "{base:?}: {target}");
            }
        }
    }
}

/// A route to `orders` with these lines, below `/shop/orders`.
fn moved(lines: &str) -> String {
    format!(
        r#"{TRUST}
        [upstream.orders]
        url = "https://{ORDERS}"

        [[route]]
        path = "/shop/orders/**"
        public = true
        upstream = "orders"
        {lines}
        "#
    )
}

#[test]
fn what_an_upstream_says_of_its_own_paths_is_moved_back_where_they_were_moved() {
    let strip = "strip_prefix = \"/shop/orders\"";
    let replace = "replace = { prefix = \"/shop/orders\", with = \"/v2\" }";
    let own = format!("https://{ORDERS}/login");
    let reply = Reply::status(302)
        .field("Location", &own)
        .field("Content-Location", "/v2/7")
        .field("Refresh", "5; url=/v2/7")
        .field("Set-Cookie", "a=1; Path=/v2; HttpOnly")
        .field("Set-Cookie", &format!("b=1; Domain={ORDERS}"))
        .field("Set-Cookie", "__Host-c=1; Path=/; Secure")
        .field("X-Location", "/v2/7");
    let off = format!("{strip}\nrewrite_response = false");
    for (lines, location, below, prefix) in [
        (
            strip,
            "/shop/orders/login",
            "/shop/orders/v2",
            &["/shop/orders"][..],
        ),
        (replace, "/login", "/shop/orders", &[]),
        (&off, &own, "/v2", &["/shop/orders"]),
        ("", &own, "/v2", &[]),
    ] {
        for scene in scenes(&moved(lines)) {
            scene.origin.always(reply.clone());
            let sent = Sent::get("/shop/orders/7").field("X-Forwarded-Prefix", "/forged");
            let answer = scene.send(sent);
            let is_moved = lines == strip || lines == replace;
            let cookie_b = match is_moved {
                true => "b=1".to_owned(),
                false => format!("b=1; Domain={ORDERS}"),
            };
            let refresh = match is_moved {
                true => format!("5;url={below}/7"),
                false => "5; url=/v2/7".to_owned(),
            };
            for (name, expected) in [
                ("location", vec![location.to_owned()]),
                ("content-location", vec![format!("{below}/7")]),
                ("refresh", vec![refresh]),
                (
                    "set-cookie",
                    vec![
                        format!("a=1; Path={below}; HttpOnly"),
                        cookie_b,
                        "__Host-c=1; Path=/; Secure".to_owned(),
                    ],
                ),
                ("x-location", vec!["/v2/7".to_owned()]),
            ] {
                let named = answer.fields.named(name);
                let values: Vec<_> = named.map(String::from_utf8_lossy).collect();
                assert_eq!(values, expected, "{lines}: {name}");
            }
            let seen = scene.origin.seen();
            let told = seen[0].values("x-forwarded-prefix");
            assert_eq!(told, prefix, "{lines}: what the upstream is told");
        }
    }
}

#[test]
fn a_path_that_goes_on_as_it_came_loses_its_prefix_and_nothing_else() {
    for (base, policy_base) in [("", ""), ("/base", "/base")] {
        let policy = format!(
            r#"{TRUST}
            [upstream.orders]
            url = "https://{ORDERS}{policy_base}"

            [defaults]
            upstream = "orders"
            token_from = ["query:access_token"]

            [[route]]
            path = "/strip/**"
            issuer = ["test"]
            escapes = "forward"
            strip_prefix = "/strip"

            [[route]]
            path = "/a%20b/x/**"
            public = true
            escapes = "forward"
            replace = {{ prefix = "/a%20b", with = "/v2" }}

            [[route]]
            path = "/{{package}}"
            public = true
            escapes = "forward"

            [[route]]
            path = "/canonical/**"
            public = true
            strip_prefix = "/canonical"
            "#
        );
        for scene in scenes(&policy) {
            let token = scene.token("read");
            for (target, query, expected) in [
                (
                    "/strip/g%2Fp/a%25b;c//d%40e%2f",
                    "",
                    "/g%2Fp/a%25b;c//d%40e%2f",
                ),
                ("/strip/g%2Fp", "?a=%2F..%2F//;b", "/g%2Fp?a=%2F..%2F//;b"),
                ("/strip/%40a/%c3%a9", "", "/%40a/%c3%a9"),
                ("/strip", "?b", if base.is_empty() { "/?b" } else { "?b" }),
                ("/a%20b/x/%2Fy", "", "/v2/x/%2Fy"),
                ("/a%20b/x//y", "?", "/v2/x//y?"),
                ("/@scope%2fname", "", "/@scope%2fname"),
                ("/%40scope%2Fname", "?c", "/%40scope%2Fname?c"),
                ("/%63anonical/%40a%2Cb%7e/", "?%40", "/@a,b~/?%40"),
            ] {
                // The credential in the query is taken out, and all else stays.
                let separator = if query.is_empty() { '?' } else { '&' };
                let is_in_query = target.starts_with("/strip");
                let asked = match is_in_query {
                    true => format!("{target}{query}{separator}access_token={token}"),
                    false => format!("{target}{query}"),
                };
                let seen = scene.passes(Sent::get(&asked), target);
                assert_eq!(seen.target, format!("{base}{expected}"), "{target}");
            }
            for target in [
                "/strip//evil.example/a",
                "/strip/../a",
                "/strip/%2e%2e%2fa",
                "/strip/a%00",
                "/%73trip/a%2Fb",
                "//evil.example/a%2Fb",
                "/canonical/a%2Fb",
                "/canonical//evil.example",
            ] {
                let asked = format!("{target}?access_token={token}");
                let answer = scene.send(Sent::get(&asked));
                status(&answer, 400, target);
            }
        }
    }
}

#[test]
fn static_fields_are_set_and_removed_in_both_directions() {
    let lines = r#"
        [upstream.orders.request]
        set = { x-env = "prod", x-team = "a, b" }
        remove = ["x-debug", "user-agent"]

        [upstream.orders.response]
        set = { x-served-by = "edge", cache-control = "no-store" }
        remove = ["server", "x-internal"]
    "#;
    let reply = ok("hello")
        .field("Server", "origin/1.0")
        .field("X-Internal", "1")
        .field("X-INTERNAL", "2")
        .field("Cache-Control", "public")
        .field("X-Stays", "yes");
    for scene in scenes(&policy(lines)) {
        scene.origin.always(reply.clone());
        let sent = Sent::get("/public/a")
            .field("X-Env", "forged")
            .field("X-ENV", "again")
            .field("X-Debug", "1")
            .field("User-Agent", "u")
            .field("X-Stays", "yes");
        let answer = scene.send(sent);
        status(&answer, 200, "the origin's answer");
        assert_eq!(answer.text(), "hello", "and its body");
        let seen = scene.origin.seen();
        for (name, expected) in [
            ("x-env", &["prod"][..]),
            ("x-team", &["a, b"]),
            ("x-debug", &[]),
            ("user-agent", &[]),
            ("x-stays", &["yes"]),
        ] {
            assert_eq!(seen[0].values(name), expected, "{name}, for the upstream");
        }
        for (name, expected) in [
            ("x-served-by", &["edge"][..]),
            ("cache-control", &["no-store"]),
            ("server", &[]),
            ("x-internal", &[]),
            ("x-stays", &["yes"]),
        ] {
            let named = answer.fields.named(name);
            let values: Vec<_> = named.map(String::from_utf8_lossy).collect();
            assert_eq!(values, expected, "{name}, for the client");
        }
    }
}

#[test]
fn the_upstream_is_told_the_clients_host_unless_that_is_hidden() {
    for (line, tells) in [
        ("", true),
        ("host = \"forwarded\"", true),
        ("host = \"hidden\"", false),
    ] {
        for scene in scenes(&policy(line)) {
            let sent = Sent::get("/public/a").field("X-Forwarded-Host", "mallory.example");
            let seen = scene.passes(sent.to(ASKED).plain(), line);
            let (expected, forwarded) = match tells {
                true => (
                    &[ASKED][..],
                    format!("for=192.0.2.1;host=\"{ASKED}\";proto=http"),
                ),
                false => (&NONE[..], "for=192.0.2.1;proto=http".to_owned()),
            };
            assert_eq!(seen.values("x-forwarded-host"), expected, "{line:?}");
            assert_eq!(seen.values("forwarded"), [forwarded], "{line:?}");
            assert_eq!(
                seen.authority.as_deref(),
                Some(ORDERS),
                "{line:?}: the URL's"
            );
        }
    }
}

#[test]
fn of_an_upstreams_targets_each_has_its_own_base_path() {
    let policy = format!(
        "{TRUST}\n[upstream.orders]\nurl = [\"https://{ORDERS}/one\", \"https://{ORDERS}/two/\"]\n\
         [[route]]\npath = \"/a/**\"\npublic = true\nupstream = \"orders\"\n\
         [[route]]\npath = \"/b\"\nissuer = [\"test\"]\nupstream = \"orders\"\n"
    );
    for scene in scenes(&policy) {
        // Which one is asked is drawn at random.
        for _ in 0..64 {
            status(&scene.send(Sent::get("/a/b")), 200, "either of them");
        }
        let seen = scene.origin.seen();
        let mut targets: Vec<_> = seen.into_iter().map(|seen| seen.target).collect();
        targets.sort();
        targets.dedup();
        assert_eq!(targets, ["/one/a/b", "/two/a/b"]);
    }
}
