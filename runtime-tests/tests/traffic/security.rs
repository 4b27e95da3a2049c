//! Fields that make browsers careful, on every answer whoever made it.

use crate::front::{BOTH, prepared, values};
use doorward_runtime_tests::cases;
use doorward_runtime_tests::client::{Answer, Ask};
use doorward_runtime_tests::host::Host;
use doorward_runtime_tests::run::Case;

pub const CASES: &[Case] = cases![what_the_service_says_itself_stands,];

const POLICY: &str = r#"
[security_headers.changed]
preset = "web"
set = { x-frame-options = "DENY", permissions-policy = "camera=()" }
remove = ["strict-transport-security"]

[[route]]
path = "/changed"
public = true
security_headers = "changed"
"#;

const KNOWN: [&str; 8] = [
    "strict-transport-security",
    "x-content-type-options",
    "referrer-policy",
    "x-frame-options",
    "content-security-policy",
    "cross-origin-resource-policy",
    "x-robots-tag",
    "permissions-policy",
];

/// Fails unless the answer has these of the fields that make browsers careful, each once, and no other.
fn has(answer: &Answer, expected: &[(&str, &str)], what: &str) {
    for name in KNOWN {
        let expected = expected.iter().filter(|(known, _)| *known == name);
        let expected: Vec<&str> = expected.map(|(_, value)| *value).collect();
        assert_eq!(values(answer, name), expected, "{what}: {name}");
    }
}

async fn what_the_service_says_itself_stands(host: &dyn Host) {
    for kind in BOTH {
        let front = prepared(kind, POLICY).await.on(host).await;
        let ask = Ask::get("/changed")
            .header("x-answer-X-Frame-Options", "SAMEORIGIN")
            .header("x-answer-content-security-policy", "default-src 'self'")
            .header("x-answer-content-security-policy", "script-src 'none'")
            .header("x-answer-strict-transport-security", "max-age=1");
        let answer = front.send(ask).await;
        let expected = [
            ("strict-transport-security", "max-age=1"),
            ("x-content-type-options", "nosniff"),
            ("referrer-policy", "strict-origin-when-cross-origin"),
            ("x-frame-options", "SAMEORIGIN"),
            ("content-security-policy", "default-src 'self'"),
            ("content-security-policy", "script-src 'none'"),
            ("permissions-policy", "camera=()"),
        ];
        has(&answer, &expected, &format!("{kind:?}"));
    }
}
