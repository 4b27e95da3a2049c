//! `OPTIONS` of a service that answers it itself: one line of its route.

use crate::cors::ORIGIN;
use crate::{Front, class, fronts, status, values};
use doorward_tests::sim::client::{Answer, Sent};

const POLICY: &str = r#"
[issuer.test]
url = "https://issuer.example"
audience = "api"
jwks_url = "https://issuer.example/keys"
leeway_s = 0

[identity]
x-auth-subject = "sub"

[cors.web]
origins = "https://app.example"

[rate_limit.each]
requests = 2
per_s = 86400
key = "subject"

[[route]]
path = "/own/**"
issuer = ["test"]
scope = ["read"]
public_options = true

[[route]]
path = "/some/**"
methods = ["GET"]
scope = ["read"]
public_options = true

[[route]]
path = "/some/**"
methods = ["POST"]
scope = ["write"]

[[route]]
path = "/web/**"
scope = ["read"]
cors = "web"
public_options = true

[[route]]
path = "/limited/**"
rate_limit = "each"
public_options = true

[[route]]
path = "/plain/**"
scope = ["read"]
"#;

/// What a browser asks before a page of another origin may send a request.
fn preflight(target: &str) -> Sent {
    Sent::new("OPTIONS", target)
        .field("Origin", ORIGIN)
        .field("Access-Control-Request-Method", "PUT")
        .field("Access-Control-Request-Headers", "authorization")
}

/// With what the service is to answer.
fn answering(sent: Sent) -> Sent {
    sent.field("x-answer-access-control-allow-origin", ORIGIN)
        .field("x-answer-access-control-allow-methods", "PUT")
        .field("x-answer-allow", "GET, PUT, OPTIONS")
}

/// The answer to what the service alone has answered.
fn passes(front: &Front, sent: Sent, what: &str) -> Answer {
    front.behind.forget();
    let answer = front.send(answering(sent));
    status(&answer, 200, what);
    assert_eq!(front.reached(), 1, "{what}: the service answers");
    answer
}

#[test]
fn a_service_answers_options_and_preflights_itself_without_a_credential() {
    for front in fronts(POLICY) {
        for target in ["/own/a", "/some/a"] {
            let what = format!("{}: {target}", front.what);
            for sent in [Sent::new("OPTIONS", target), preflight(target)] {
                let answer = passes(&front, sent, &what);
                assert_eq!(values(&answer, "allow"), ["GET, PUT, OPTIONS"], "{what}");
                let allowed = values(&answer, "access-control-allow-origin");
                assert_eq!(allowed, [ORIGIN], "{what}: as the service says");
            }
            let seen = front.behind.seen();
            let asked = seen[0].field("access-control-request-method");
            assert_eq!(asked, "PUT", "{what}: the service is asked all of it");
        }
    }
}

#[test]
fn no_other_method_gets_through_with_it() {
    for front in fronts(POLICY) {
        let what = &front.what;
        for method in [
            "GET", "PUT", "POST", "PROPFIND", "HEAD", "options", "Options",
        ] {
            let answer = front.stage.send(Sent::new(method, "/own/a"));
            assert!(answer.status >= 400, "{what}: {method}");
        }
        for (method, target, expected) in [
            ("GET", "/some/a", 401),
            ("POST", "/some/a", 401),
            ("PUT", "/some/a", 403),
            ("OPTIONS", "/plain/a", 401),
            ("OPTIONS", "/nowhere", 403),
        ] {
            let answer = front.send(Sent::new(method, target));
            status(&answer, expected, &format!("{what}: {method} {target}"));
        }
        assert_eq!(front.reached(), 0, "{what}: what reached the service");
    }
}

#[test]
fn options_say_nothing_of_who_asks_or_for_which_method() {
    for front in fronts(POLICY) {
        let what = &front.what;
        let token = front.token("read");
        let sent = Sent::new("OPTIONS", "/own/a")
            .bearer(&token)
            .field("X-Auth-Subject", "admin")
            .field("X_Auth_Subject", "admin")
            .field("X-HTTP-Method-Override", "DELETE")
            .field("X-Method-Override", "DELETE");
        passes(&front, sent, what);
        let seen = &front.behind.seen()[0];
        for name in [
            "authorization",
            "x-auth-subject",
            "x_auth_subject",
            "x-http-method-override",
            "x-method-override",
        ] {
            assert_eq!(seen.values(name), [""; 0], "{what}: {name}");
        }
        // A token that is none is not looked at either, as on every public route.
        passes(&front, Sent::new("OPTIONS", "/own/a").bearer("x.y.z"), what);
    }
}

#[test]
fn where_the_route_has_cors_the_gate_answers_preflights_and_nothing_else() {
    for front in fronts(POLICY) {
        let what = &front.what;
        status(&front.send(preflight("/web/a")), 204, what);
        assert_eq!(front.reached(), 0, "{what}: a preflight");
        let answer = passes(&front, Sent::new("OPTIONS", "/web/a"), what);
        assert_eq!(values(&answer, "allow"), ["GET, PUT, OPTIONS"], "{what}");
    }
}

#[test]
fn who_asks_without_a_credential_is_counted_by_address() {
    for front in fronts(POLICY) {
        let what = &front.what;
        for client in [1, 2] {
            let ask = || Sent::new("OPTIONS", "/limited/a").of_client(client);
            for _ in 0..2 {
                passes(&front, ask(), what);
            }
            let answer = front.send(ask());
            status(&answer, 429, what);
            assert_eq!(class(&answer), "rate-limited", "{what}");
        }
    }
}
