//! Keys that come over http from another machine, where the policy allows that.

use crate::api::app::AppSpec;
use crate::api::client::Ask;
use crate::api::host::Host;
use crate::api::issuer::{AUDIENCE, Behaviour, Issuer};
use crate::api::run::{Case, cases};
use serde_json::json;

pub const CASES: &[Case] = cases![
    keys_come_over_http_where_the_policy_says_so,
    a_redirect_over_http_is_followed_on_the_same_origin_only,
    metadata_of_an_issuer_that_is_safe_name_no_keys_over_http,
];

/// Where an issuer is within a cluster.
const INSIDE: &str = "keycloak.auth:8080";
/// Where somebody else is.
const OTHER: &str = "mallory.auth:8080";

fn spec(url: &str, keys: &str) -> AppSpec {
    let policy = format!(
        "[issuer.test]\nurl = \"{url}\"\naudience = \"{AUDIENCE}\"\n{keys}\n\n\
         [[route]]\npath = \"/**\"\nissuer = [\"test\"]\nscope = [\"read\"]\n"
    );
    let mut spec = AppSpec::gated("echo", policy);
    spec.outbound.push(format!("http://{INSIDE}"));
    spec.outbound.push(format!("http://{OTHER}"));
    spec
}

async fn status(host: &dyn Host, spec: &AppSpec, token: &str) -> u16 {
    let running = host.start(&spec.write()).await;
    let answer = Ask::get("/a").bearer(token).send(running.address).await;
    answer.status
}

async fn keys_come_over_http_where_the_policy_says_so(host: &dyn Host) {
    let issuer = Issuer::start_at(INSIDE).await;
    let token = issuer.token("alice", "read");
    let (url, jwks_url) = (
        issuer.url(),
        format!("jwks_url = \"{}/jwks\"", issuer.url()),
    );
    for (what, keys, expected) in [
        ("discovery", "insecure_http = true", 200),
        (
            "a key set",
            &*format!("insecure_http = true\n{jwks_url}"),
            200,
        ),
        // The policy has an error, and decides nothing.
        ("discovery that is not allowed", "", 500),
        ("a key set that is not allowed", &*jwks_url, 500),
    ] {
        let asked = issuer.key_requests();
        let answered = status(host, &spec(&url, keys), &token).await;
        assert_eq!(answered, expected, "{what}");
        let fetched = issuer.key_requests() > asked;
        assert_eq!(fetched, expected == 200, "{what}");
    }
}

async fn a_redirect_over_http_is_followed_on_the_same_origin_only(host: &dyn Host) {
    let (issuer, other) = (
        Issuer::start_at(INSIDE).await,
        Issuer::start_at(OTHER).await,
    );
    let keys = format!(
        "insecure_http = true\njwks_url = \"{}/moved\"",
        issuer.url()
    );
    for (to, expected) in [
        (format!("{}/jwks", issuer.url()), 200),
        ("/jwks".to_owned(), 200),
        (format!("{}/jwks", other.url()), 503),
        (format!("https://{INSIDE}/jwks"), 503),
    ] {
        issuer.behaves("/moved", Behaviour::Redirect(to.clone()));
        let token = match expected {
            200 => issuer.token("alice", "read"),
            _ => other.key().sign(&issuer.claims("mallory", "read")),
        };
        let answered = status(host, &spec(&issuer.url(), &keys), &token).await;
        assert_eq!(answered, expected, "a redirect to {to}");
    }
    assert_eq!(other.key_requests(), 0, "nobody else is asked");
}

async fn metadata_of_an_issuer_that_is_safe_name_no_keys_over_http(host: &dyn Host) {
    let other = Issuer::start_at(OTHER).await;
    for allowed in ["", "insecure_http = true"] {
        let issuer = Issuer::start().await;
        let url = issuer.url();
        let metadata = json!({ "issuer": url, "jwks_uri": format!("{}/jwks", other.url()) });
        let metadata = metadata.to_string().into_bytes();
        issuer.metadata_behaves(Behaviour::Content("application/json", metadata));
        let token = other.key().sign(&issuer.claims("mallory", "read"));
        let answered = status(host, &spec(&url, allowed), &token).await;
        assert_eq!(answered, 503, "{allowed:?}");
    }
    assert_eq!(other.key_requests(), 0, "where they point is not asked");
}
