//! Fields that make browsers careful, on every answer whoever made it.

use crate::{fronts, status, values};
use doorward_tests::sim::client::{Answer, Sent};

const POLICY: &str = r#"
[api_keys]
header = "x-api-key"

[security_headers.api]
preset = "api"

[security_headers.web]
preset = "web"

[security_headers.none]
preset = "none"
set = { x-robots-tag = "noindex" }

[security_headers.changed]
preset = "web"
set = { x-frame-options = "DENY", permissions-policy = "camera=()" }
remove = ["strict-transport-security"]

[rate_limit.never]
requests = 1
per_s = 86400

[limits.small]
target_bytes_max = 10

[defaults]
security_headers = "api"

[[route]]
path = "/api"
public = true

[[route]]
path = "/web"
public = true
security_headers = "web"

[[route]]
path = "/none"
public = true
security_headers = "none"

[[route]]
path = "/changed"
public = true
security_headers = "changed"

[[route]]
path = "/off"
public = true
security_headers = false

[[route]]
path = "/key"
accept = ["api-key"]

[[route]]
path = "/never"
public = true
rate_limit = "never"

[[route]]
path = "/small/{what}"
public = true
limits = "small"
"#;

const API: [(&str, &str); 6] = [
    ("strict-transport-security", "max-age=63072000"),
    ("x-content-type-options", "nosniff"),
    ("referrer-policy", "no-referrer"),
    ("x-frame-options", "DENY"),
    (
        "content-security-policy",
        "default-src 'none'; frame-ancestors 'none'",
    ),
    ("cross-origin-resource-policy", "same-origin"),
];
const WEB: [(&str, &str); 5] = [
    ("strict-transport-security", "max-age=63072000"),
    ("x-content-type-options", "nosniff"),
    ("referrer-policy", "strict-origin-when-cross-origin"),
    ("x-frame-options", "SAMEORIGIN"),
    (
        "content-security-policy",
        "base-uri 'self'; frame-ancestors 'self'",
    ),
];
const OTHERS: [&str; 2] = ["x-robots-tag", "permissions-policy"];

/// Fails unless the answer has these of the fields that make browsers careful, each once, and no other.
fn has(answer: &Answer, expected: &[(&str, &str)], what: &str) {
    let known = API.iter().map(|(name, _)| *name).chain(OTHERS);
    for name in known {
        let expected = expected.iter().filter(|(known, _)| *known == name);
        let expected: Vec<&str> = expected.map(|(_, value)| *value).collect();
        assert_eq!(values(answer, name), expected, "{what}: {name}");
    }
}

#[test]
fn each_preset_has_its_fields() {
    for front in fronts(POLICY) {
        let what = &front.what;
        let presets: [(&str, &[(&str, &str)]); 3] = [
            ("/api", &API),
            ("/web", &WEB),
            ("/none", &[("x-robots-tag", "noindex")]),
        ];
        for (target, expected) in presets {
            let answer = front.send(Sent::get(target));
            status(&answer, 200, &format!("{what}: {target}"));
            has(&answer, expected, &format!("{what}: {target}"));
        }
    }
}

#[test]
fn a_preset_can_be_overridden_and_fields_left_out() {
    for front in fronts(POLICY) {
        let what = &front.what;
        let answer = front.send(Sent::get("/changed"));
        let mut expected = WEB[1..].to_vec();
        expected.retain(|(name, _)| *name != "x-frame-options");
        expected.extend([
            ("x-frame-options", "DENY"),
            ("permissions-policy", "camera=()"),
        ]);
        has(&answer, &expected, what);
    }
}

#[test]
fn what_the_service_says_itself_stands() {
    for front in fronts(POLICY) {
        let what = &front.what;
        let sent = Sent::get("/changed")
            .field("x-answer-X-Frame-Options", "SAMEORIGIN")
            .field("x-answer-content-security-policy", "default-src 'self'")
            .field("x-answer-content-security-policy", "script-src 'none'")
            .field("x-answer-strict-transport-security", "max-age=1");
        let answer = front.send(sent);
        let expected = [
            ("strict-transport-security", "max-age=1"),
            ("x-content-type-options", "nosniff"),
            ("referrer-policy", "strict-origin-when-cross-origin"),
            ("x-frame-options", "SAMEORIGIN"),
            ("content-security-policy", "default-src 'self'"),
            ("content-security-policy", "script-src 'none'"),
            ("permissions-policy", "camera=()"),
        ];
        has(&answer, &expected, what);
    }
}

#[test]
fn refusals_have_the_fields_too() {
    for front in fronts(POLICY) {
        let what = &front.what;
        front.send(Sent::get("/never"));
        for (target, expected) in [("/key", 401), ("/never", 429), ("/small/too-long", 414)] {
            let answer = front.send(Sent::get(target));
            status(&answer, expected, &format!("{what}: {target}"));
            has(&answer, &API, &format!("{what}: {target}"));
        }
    }
}

#[test]
fn a_route_has_those_of_the_defaults_its_own_or_none() {
    for front in fronts(POLICY) {
        let what = &front.what;
        let routes: [(&str, &[(&str, &str)]); 3] = [("/api", &API), ("/web", &WEB), ("/off", &[])];
        for (target, expected) in routes {
            let answer = front.send(Sent::get(target));
            has(&answer, expected, &format!("{what}: {target}"));
        }
    }
}
