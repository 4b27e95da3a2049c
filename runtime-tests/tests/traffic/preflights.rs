//! The question of a browser whether a page of another origin may send a request (the Fetch standard,
//! "CORS-preflight request").

use crate::cors::{ORIGIN, OTHER, allowed_fields, policy};
use crate::front::{BOTH, class, prepared, values};
use doorward_runtime_tests::cases;
use doorward_runtime_tests::client::{Answer, Ask};
use doorward_runtime_tests::clocked::all_events;
use doorward_runtime_tests::gated::status;
use doorward_runtime_tests::host::Host;
use doorward_runtime_tests::issuer::{Behaviour, Issuer, KEYS, METADATA};
use doorward_runtime_tests::run::Case;

pub const CASES: &[Case] = cases![
    a_preflight_is_answered_without_a_credential_an_issuer_or_the_service,
    a_preflight_says_what_the_rule_allows_and_for_how_long,
    a_preflight_of_an_origin_that_is_not_allowed_allows_nothing,
    a_preflight_for_a_method_that_no_rule_lists_is_refused,
    a_preflight_for_a_field_that_the_rule_does_not_list_is_refused,
    options_without_the_fields_of_a_preflight_goes_the_ordinary_way,
    a_preflight_where_no_rule_has_cors_goes_the_ordinary_way,
    preflights_count_against_no_limit,
];

const VARY: &str = "Origin, Access-Control-Request-Method, Access-Control-Request-Headers";

fn preflight(target: &str, origin: &str, method: &str) -> Ask {
    Ask::new("OPTIONS", target)
        .header("Origin", origin)
        .header("Access-Control-Request-Method", method)
}

/// Fails where the answer lets a browser send anything.
fn allows_nothing(answer: &Answer, what: &str) {
    status(answer, 403, what);
    for field in [
        "access-control-allow-methods",
        "access-control-allow-headers",
        "access-control-max-age",
    ] {
        assert_eq!(answer.header(field), None, "{what}: {field}");
    }
    assert_eq!(
        values(answer, "vary"),
        [VARY],
        "{what}: the same for all caches"
    );
}

async fn a_preflight_is_answered_without_a_credential_an_issuer_or_the_service(host: &dyn Host) {
    let issuer = Issuer::start().await;
    issuer.all_behave(&Behaviour::Close);
    for kind in BOTH {
        let front = prepared(kind, &policy(&issuer)).await.on(host).await;
        let what = format!("{kind:?}");
        let answer = front.send(preflight("/web/a", ORIGIN, "PUT")).await;
        status(&answer, 204, &what);
        assert_eq!(answer.text(), "", "{what}: a preflight has no body");
        let with_token = preflight("/web/a", ORIGIN, "PUT").bearer("a.b.c");
        status(&front.send(with_token).await, 204, &what);
        assert_eq!(front.reached().await, 0, "{what}: what reached the service");
        let refused = front.send(Ask::new("PUT", "/web/a").bearer("a.b.c")).await;
        assert!(
            refused.status >= 400,
            "{what}: the request itself has to prove itself"
        );
    }
    assert_eq!(
        issuer.requests(METADATA) + issuer.requests(KEYS),
        0,
        "requests to the issuer"
    );
}

async fn a_preflight_says_what_the_rule_allows_and_for_how_long(host: &dyn Host) {
    let issuer = Issuer::start().await;
    for kind in BOTH {
        let front = prepared(kind, &policy(&issuer)).await.on(host).await;
        let ask = |target: &str| {
            preflight(target, ORIGIN, "PUT")
                .header("Access-Control-Request-Headers", "Content-Type, x-b")
        };
        let answer = front.send(ask("/web/a")).await;
        status(&answer, 204, &format!("{kind:?}"));
        let fields = [
            ("access-control-allow-origin", ORIGIN),
            ("access-control-allow-credentials", "true"),
            ("access-control-allow-methods", "GET, PUT"),
            ("access-control-allow-headers", "content-type, x-b"),
            ("access-control-max-age", "77"),
            ("vary", VARY),
        ];
        for (name, value) in fields {
            assert_eq!(values(&answer, name), [value], "{kind:?}: {name}");
        }
        let exposed = answer.header("access-control-expose-headers");
        assert_eq!(
            exposed, None,
            "{kind:?}: there is nothing to be read of a preflight"
        );
        let answer = front.send(ask("/any/a")).await;
        status(&answer, 204, &format!("{kind:?}, any origin"));
        assert_eq!(
            answer.header("access-control-allow-origin"),
            Some("*"),
            "{kind:?}"
        );
        assert_eq!(
            answer.header("access-control-allow-credentials"),
            None,
            "{kind:?}"
        );
    }
}

async fn a_preflight_of_an_origin_that_is_not_allowed_allows_nothing(host: &dyn Host) {
    let issuer = Issuer::start().await;
    for kind in BOTH {
        let front = prepared(kind, &policy(&issuer)).await.on(host).await;
        for origin in [OTHER, "null", "https://app.example.evil.example", "*", ""] {
            let what = format!("{kind:?}: {origin:?}");
            let answer = front.send(preflight("/web/a", origin, "PUT")).await;
            allows_nothing(&answer, &what);
            assert_eq!(allowed_fields(&answer), [""; 0], "{what}");
        }
        let two = preflight("/web/a", ORIGIN, "PUT").header("Origin", OTHER);
        let answer = front.send(two).await;
        allows_nothing(&answer, &format!("{kind:?}: two origins"));
        assert_eq!(allowed_fields(&answer), [""; 0], "{kind:?}: two origins");
        assert_eq!(
            all_events(&front.running, "preflight-refused").await.len(),
            6,
            "{kind:?}: the log"
        );
        assert_eq!(
            front.reached().await,
            0,
            "{kind:?}: what reached the service"
        );
    }
}

async fn a_preflight_for_a_method_that_no_rule_lists_is_refused(host: &dyn Host) {
    let issuer = Issuer::start().await;
    for kind in BOTH {
        let front = prepared(kind, &policy(&issuer)).await.on(host).await;
        // POST has a rule, but that one has no CORS.
        for method in ["DELETE", "put", "POST", "P T", ""] {
            let what = format!("{kind:?}: {method:?}");
            let answer = front.send(preflight("/web/a", ORIGIN, method)).await;
            allows_nothing(&answer, &what);
        }
        let two = preflight("/web/a", ORIGIN, "GET").header("Access-Control-Request-Method", "PUT");
        allows_nothing(&front.send(two).await, &format!("{kind:?}: two methods"));
        let answer = front.send(preflight("/any/a", ORIGIN, "DELETE")).await;
        status(&answer, 204, &format!("{kind:?}: a rule for every method"));
        assert_eq!(
            answer.header("access-control-allow-methods"),
            Some("DELETE"),
            "{kind:?}"
        );
        assert_eq!(
            front.reached().await,
            0,
            "{kind:?}: what reached the service"
        );
    }
}

async fn a_preflight_for_a_field_that_the_rule_does_not_list_is_refused(host: &dyn Host) {
    let issuer = Issuer::start().await;
    for kind in BOTH {
        let front = prepared(kind, &policy(&issuer)).await.on(host).await;
        for fields in ["x-c", "content-type, x-c", "content-type x-b", "a:b"] {
            let ask =
                preflight("/web/a", ORIGIN, "PUT").header("Access-Control-Request-Headers", fields);
            allows_nothing(&front.send(ask).await, &format!("{kind:?}: {fields}"));
        }
        let ask =
            preflight("/any/a", ORIGIN, "GET").header("Access-Control-Request-Headers", "X-C");
        let answer = front.send(ask).await;
        assert_eq!(
            answer.header("access-control-allow-headers"),
            Some("x-c"),
            "{kind:?}: a rule without a list allows what is asked for"
        );
    }
}

async fn options_without_the_fields_of_a_preflight_goes_the_ordinary_way(host: &dyn Host) {
    let issuer = Issuer::start().await;
    for kind in BOTH {
        let front = prepared(kind, &policy(&issuer)).await.on(host).await;
        let options = || Ask::new("OPTIONS", "/any/a");
        let asks = [
            ("neither", options()),
            ("no method", options().header("Origin", ORIGIN)),
            (
                "no origin",
                options().header("Access-Control-Request-Method", "GET"),
            ),
            ("not OPTIONS", preflight("/any/a", ORIGIN, "GET")),
        ];
        for (number, (what, ask)) in (1..).zip(asks) {
            let ask = match what {
                "not OPTIONS" => Ask::get("/any/a")
                    .header("Origin", ORIGIN)
                    .header("Access-Control-Request-Method", "GET"),
                _ => ask,
            };
            let answer = front.send(ask).await;
            status(&answer, 200, &format!("{kind:?}: {what}"));
            assert_eq!(
                front.reached().await,
                number,
                "{kind:?}: {what}: reaches the service"
            );
        }
        let answer = front
            .send(Ask::new("OPTIONS", "/web/a").header("Origin", ORIGIN))
            .await;
        status(&answer, 403, &format!("{kind:?}: no rule lists OPTIONS"));
        assert_eq!(class(&answer), "forbidden", "{kind:?}");
    }
}

async fn a_preflight_where_no_rule_has_cors_goes_the_ordinary_way(host: &dyn Host) {
    let issuer = Issuer::start().await;
    for kind in BOTH {
        let front = prepared(kind, &policy(&issuer)).await.on(host).await;
        let answer = front.send(preflight("/plain/a", ORIGIN, "GET")).await;
        status(
            &answer,
            200,
            &format!("{kind:?}: the service answers for itself"),
        );
        let answer = front.send(preflight("/nowhere", ORIGIN, "GET")).await;
        status(&answer, 403, &format!("{kind:?}: a path without a rule"));
        let answer = front.send(preflight("/web/../web/a", ORIGIN, "PUT")).await;
        status(&answer, 400, &format!("{kind:?}: a target that is none"));
    }
}

async fn preflights_count_against_no_limit(host: &dyn Host) {
    let issuer = Issuer::start().await;
    let policy = policy(&issuer).replace(
        "[[route]]\npath = \"/any/**\"",
        "[rate_limit.once]\nrequests = 1\nper_s = 3600\n\n[[route]]\npath = \"/any/**\"\nrate_limit = \"once\"",
    );
    for kind in BOTH {
        let front = prepared(kind, &policy).await.on(host).await;
        for _ in 0..3 {
            let answer = front.send(preflight("/any/a", ORIGIN, "GET")).await;
            status(&answer, 204, &format!("{kind:?}: a preflight"));
        }
        for (expected, what) in [(200, "the first request"), (429, "the second one")] {
            let answer = front
                .send(Ask::get("/any/a").header("Origin", ORIGIN))
                .await;
            status(&answer, expected, &format!("{kind:?}: {what}"));
        }
    }
}
