//! Which pages may read an answer (the Fetch standard, "CORS protocol").

use crate::front::{BOTH, prepared, values};
use doorward_runtime_tests::cases;
use doorward_runtime_tests::client::{Answer, Ask};
use doorward_runtime_tests::host::Host;
use doorward_runtime_tests::issuer::{AUDIENCE, Issuer};
use doorward_runtime_tests::run::Case;

pub const CASES: &[Case] = cases![what_the_service_says_of_cors_is_replaced,];

/// An origin that is allowed, and one that is not.
pub const ORIGIN: &str = "https://app.example";
const OTHER: &str = "https://evil.example";

/// Pages of the application.
pub fn policy(issuer: &Issuer) -> String {
    format!(
        r#"
[issuer.test]
url = "{}"
audience = "{AUDIENCE}"
leeway_s = 0

[cors.web]
origins = ["https://app.example"]
credentials = true
request_headers = ["content-type", "x-b"]
exposed_headers = ["etag", "x-total"]
max_age_s = 77

[[route]]
path = "/web/**"
methods = ["GET", "PUT"]
issuer = ["test"]
scope = ["read"]
cors = "web"

[[route]]
path = "/public/**"
public = true
cors = "web"
"#,
        issuer.url()
    )
}

/// The names of the fields of CORS that an answer has.
fn allowed_fields(answer: &Answer) -> Vec<&str> {
    let names = answer.headers.iter().map(|(name, _)| name.as_str());
    names
        .filter(|name| name.starts_with("access-control-"))
        .collect()
}

/// Fails unless a page of [`ORIGIN`] may read the answer, and no other page.
fn is_readable(answer: &Answer, what: &str) {
    let fields = [
        ("access-control-allow-origin", ORIGIN),
        ("access-control-allow-credentials", "true"),
        ("access-control-expose-headers", "etag, x-total"),
        ("vary", "Origin"),
    ];
    for (name, value) in fields {
        assert_eq!(values(answer, name), [value], "{what}: {name}");
    }
    assert_eq!(
        allowed_fields(answer).len(),
        3,
        "{what}: and no other field"
    );
}

fn from(target: &str, origin: &str) -> Ask {
    Ask::get(target).header("Origin", origin)
}

async fn what_the_service_says_of_cors_is_replaced(host: &dyn Host) {
    let issuer = Issuer::start().await;
    let says = |ask: Ask| {
        ask.header("x-answer-access-control-allow-origin", "*")
            .header("x-answer-Access-Control-Allow-Credentials", "true")
            .header("x-answer-access-control-expose-headers", "x-secret")
            .header("x-answer-access-control-allow-private-network", "true")
    };
    for kind in BOTH {
        let front = prepared(kind, &policy(&issuer)).await.on(host).await;
        let answer = front.send(says(from("/public/a", ORIGIN))).await;
        is_readable(&answer, &format!("{kind:?}: an allowed origin"));
        let answer = front.send(says(from("/public/a", OTHER))).await;
        assert_eq!(allowed_fields(&answer), [""; 0], "{kind:?}: another origin");
    }
}
