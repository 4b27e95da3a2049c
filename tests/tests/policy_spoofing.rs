//! Fields with which a client passes for another request or for somebody else: who removes them, who may let
//! them through, and who may set them.

#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

use doorward_policy::{Permit, Policy, Screened};
use doorward_tests::head;

/// What the policies here have besides.
const ROUTES: &str = r#"
[[route]]
path = "/open"
public = true

[[route]]
path = "/legacy"
public = true
override_headers = ["x-http-method-override", "x-method-override"]
"#;

fn policy(text: &str) -> Policy {
    let text = format!("{text}\n{ROUTES}");
    Policy::parse(&text).unwrap_or_else(|findings| panic!("{text}\n{findings}"))
}

fn permit<'p>(policy: &'p Policy, target: &'static str) -> Permit<'p> {
    match policy.screen(&head(target, &[], &[])) {
        Ok(Screened::Public(permit)) => permit,
        other => panic!("{target} is public, not {other:?}"),
    }
}

const OVERRIDES: [&str; 16] = [
    "x-http-method",
    "X-HTTP-Method-Override",
    "x_http_method_override",
    "X.Http.Method.Override",
    "x-method-override",
    "X_METHOD_OVERRIDE",
    "x-original-method",
    "x-forwarded-method",
    "x-original-url",
    "X_Original_URL",
    "x-rewrite-url",
    "x.rewrite.url",
    "x-original-uri",
    "x-script-name",
    "script_name",
    "PATH_INFO",
];

const IDENTITIES: [&str; 22] = [
    "remote-user",
    "Remote_User",
    "X-Remote-User",
    "x_remote_groups",
    "x-remote-extra-scopes",
    "X-WebAuth-User",
    "x-forwarded-user",
    "x_forwarded_email",
    "x.forwarded.groups",
    "x-forwarded-preferred-username",
    "x-auth-request-user",
    "x-client-cert",
    "X-SSL-Client-Verify",
    "client-cert",
    "x-forwarded-client-cert",
    "x-ms-client-principal-name",
    "x-amzn-oidc-data",
    "x-goog-authenticated-user-email",
    "cf-access-authenticated-user-email",
    "x-consumer-username",
    "x-authentik-username",
    "tailscale-user-login",
];

#[test]
fn a_client_asks_for_no_other_method_or_path_and_names_no_caller() {
    let policy = policy("");
    let permit = permit(&policy, "/open");
    for name in OVERRIDES.iter().chain(&IDENTITIES) {
        assert!(permit.removes_header(name), "{name} would be handed on");
        assert!(
            !permit.stays_from_trusted(name),
            "{name} would be handed on from a trusted proxy"
        );
    }
}

#[test]
fn a_route_without_methods_lets_the_named_ones_through_in_the_named_spelling() {
    let policy = policy("");
    let permit = permit(&policy, "/legacy");
    for name in [
        "x-http-method-override",
        "X-HTTP-Method-Override",
        "X-Method-Override",
    ] {
        assert!(!permit.removes_header(name), "{name} is let through");
    }
    for name in OVERRIDES.iter().chain(&IDENTITIES) {
        let named = ["x-http-method-override", "x-method-override"];
        let named = named.iter().any(|known| known.eq_ignore_ascii_case(name));
        assert_eq!(permit.removes_header(name), !named, "{name}");
    }
}

#[test]
fn a_trusted_proxy_says_who_calls_in_the_named_fields_and_in_no_other() {
    let policy = policy(
        "[proxy]\ntrusted_hops = 1\ntrusted_networks = \"10.0.0.0/8\"\n\
         identity_headers = [\"x-forwarded-user\", \"x-ssl-client-verify\"]",
    );
    let permit = permit(&policy, "/open");
    for name in [
        "x-forwarded-user",
        "X-Forwarded-User",
        "X-SSL-Client-Verify",
    ] {
        assert!(
            permit.removes_header(name),
            "{name}: from anybody else it is removed"
        );
        assert!(permit.stays_from_trusted(name), "{name}");
    }
    for name in [
        "x_forwarded_user",
        "x.forwarded-user",
        "x-forwarded-email",
        "x-ssl-client-dn",
        "remote-user",
    ]
    .iter()
    .chain(&OVERRIDES)
    {
        assert!(permit.removes_header(name), "{name}");
        assert!(!permit.stays_from_trusted(name), "{name}");
    }
}

#[test]
fn what_was_taken_off_the_path_is_for_trusted_proxies_to_say() {
    let policy = policy("");
    let permit = permit(&policy, "/open");
    for name in ["x-forwarded-prefix", "X_Forwarded_Prefix"] {
        assert!(permit.removes_header(name), "{name}");
        assert!(permit.stays_from_trusted(name), "{name}");
    }
}

#[test]
fn the_policy_itself_may_set_what_says_who_calls() {
    let policy = policy(
        r#"
[issuer.acme]
url = "https://acme.example"
audience = "api"

[identity]
x-forwarded-user = "sub"
remote-groups = { claim = "groups", format = "list" }

[api_keys]
header = "x-consumer-key"

[upstream.orders]
url = "https://orders.example"
credential = { secret = "key", header = "x-credential-key" }
request.set = { x-webauth-user = "gate", x-forwarded-prefix = "/orders", x_original_url = "/" }
request.remove = ["x-remote-user"]

[[route]]
path = "/acme"
accept = ["jwt", "api-key"]
upstream = "orders"

[[route]]
path = "/raw"
public = true
credential = "forward"
"#,
    );
    for (path, keeps_key) in [("/open", false), ("/raw", true)] {
        let permit = permit(&policy, path);
        for name in [
            "x-forwarded-user",
            "X_Forwarded_User",
            "remote-groups",
            "x-webauth-user",
            "x_consumer_key",
        ] {
            assert!(permit.removes_header(name), "{name} of a client, {path}");
        }
        let key = permit.removes_header("X-Consumer-Key");
        assert_eq!(key, !keeps_key, "the API key, {path}");
    }
    let orders = policy.upstreams().first().unwrap();
    for name in ["x_webauth.user", "X-Credential_Key", "x-remote.user"] {
        assert!(orders.takes_from_policy(name), "{name}");
    }
    assert!(!orders.takes_from_policy("x-credential"));
}
