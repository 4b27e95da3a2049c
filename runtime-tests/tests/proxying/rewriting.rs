//! What the policy changes on the way: the path, static fields, and what is told of the host.

use crate::{Stage, trust};
use doorward_runtime_tests::app::AppSpec;
use doorward_runtime_tests::cases;
use doorward_runtime_tests::client::Ask;
use doorward_runtime_tests::gated::status;
use doorward_runtime_tests::host::Host;
use doorward_runtime_tests::issuer::Issuer;
use doorward_runtime_tests::origin::{Origin, Reply};
use doorward_runtime_tests::run::Case;

pub const CASES: &[Case] = cases![
    paths_are_rewritten_as_the_policy_says_and_queries_are_not,
    static_fields_are_set_and_removed_in_both_directions,
    the_upstream_is_told_the_clients_host_unless_that_is_hidden,
    of_an_upstreams_targets_each_has_its_own_base_path,
];

async fn paths_are_rewritten_as_the_policy_says_and_queries_are_not(host: &dyn Host) {
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
                ("/to-root/a//?x".trim_end_matches("//?x"), "/a"),
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
        let issuer = Issuer::start().await;
        let origin = Origin::start(Reply::ok("hello")).await;
        let policy = format!(
            r#"{}
            [upstream.orders]
            url = "{}{base}"

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
            "#,
            trust(&issuer),
            origin.url()
        );
        let stage = Stage::of(host, issuer, origin, AppSpec::gateway(policy)).await;
        for (target, expected) in cases {
            stage.origin.forget();
            let mut ask = Ask::get(target);
            if target.starts_with("/plain") {
                ask = ask.bearer(&stage.token());
            }
            status(&stage.send(ask).await, 200, target);
            assert_eq!(
                stage.origin.request().target,
                expected,
                "{base:?}: {target}"
            );
        }
    }
}

async fn static_fields_are_set_and_removed_in_both_directions(host: &dyn Host) {
    let lines = r#"
        [upstream.orders.request]
        set = { x-env = "prod", x-team = "a, b" }
        remove = ["x-debug", "user-agent"]

        [upstream.orders.response]
        set = { x-served-by = "edge", cache-control = "no-store" }
        remove = ["server", "x-internal"]
    "#;
    let reply = Reply::ok("hello")
        .field("Server", "origin/1.0")
        .field("X-Internal", "1")
        .field("X-INTERNAL", "2")
        .field("Cache-Control", "public")
        .field("X-Stays", "yes");
    let stage = Stage::with(host, reply, lines).await;
    let ask = Ask::get("/public/a")
        .header("X-Env", "forged")
        .header("X-ENV", "again")
        .header("X-Debug", "1")
        .header("User-Agent", "u")
        .header("X-Stays", "yes");
    let answer = stage.send(ask).await;
    status(&answer, 200, "the origin's answer");
    let seen = stage.origin.request();
    for (name, expected) in [
        ("x-env", &["prod"][..]),
        ("x-team", &["a, b"]),
        ("x-debug", &[]),
        ("user-agent", &[]),
        ("x-stays", &["yes"]),
    ] {
        assert_eq!(seen.values(name), expected, "{name}, for the upstream");
    }
    for (name, expected) in [
        ("x-served-by", Some("edge")),
        ("cache-control", Some("no-store")),
        ("server", None),
        ("x-internal", None),
        ("x-stays", Some("yes")),
    ] {
        assert_eq!(answer.header(name), expected, "{name}, for the client");
    }
    let values = answer
        .headers
        .iter()
        .filter(|(name, _)| name == "cache-control");
    assert_eq!(values.count(), 1, "what is set takes the place of what was");
}

async fn the_upstream_is_told_the_clients_host_unless_that_is_hidden(host: &dyn Host) {
    for (line, tells) in [
        ("", true),
        ("host = \"forwarded\"", true),
        ("host = \"hidden\"", false),
    ] {
        let stage = Stage::with(host, Reply::ok("hello"), line).await;
        let ask = Ask::get("/public/a").header("X-Forwarded-Host", "mallory.example");
        status(&stage.send(ask).await, 200, line);
        let seen = stage.origin.request();
        let asked = stage.running.address.to_string();
        let (expected, forwarded) = match tells {
            true => (
                vec![asked.as_str()],
                format!("for=127.0.0.1;host=\"{asked}\";proto=http"),
            ),
            false => (vec![], "for=127.0.0.1;proto=http".to_owned()),
        };
        assert_eq!(seen.values("x-forwarded-host"), expected, "{line:?}");
        assert_eq!(seen.values("forwarded"), [&*forwarded], "{line:?}");
        let own = stage.origin.address().to_string();
        assert_eq!(seen.values("host"), [&*own], "{line:?}: the URL's");
    }
}

async fn of_an_upstreams_targets_each_has_its_own_base_path(host: &dyn Host) {
    let issuer = Issuer::start().await;
    let origin = Origin::start(Reply::ok("hello")).await;
    let policy = format!(
        "{}\n[upstream.orders]\nurl = [\"{url}/one\", \"{url}/two/\"]\n\
         [[route]]\npath = \"/a/**\"\npublic = true\nupstream = \"orders\"\n\
         [[route]]\npath = \"/b\"\nissuer = [\"test\"]\nupstream = \"orders\"\n",
        trust(&issuer),
        url = origin.url()
    );
    let stage = Stage::of(host, issuer, origin, AppSpec::gateway(policy)).await;
    // Which one is asked is chosen at random: in 64 requests both are, but once in 10^19 times.
    for _ in 0..64 {
        status(&stage.get("/a/b").await, 200, "either of them");
    }
    let mut targets: Vec<String> = stage
        .origin
        .requests()
        .into_iter()
        .map(|seen| seen.target)
        .collect();
    targets.sort();
    targets.dedup();
    assert_eq!(targets, ["/one/a/b", "/two/a/b"]);
}
