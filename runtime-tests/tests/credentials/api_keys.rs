//! API keys in a header, in the query, and as the password of HTTP Basic; where they go, and where they
//! do not.

use doorward_runtime_tests::app::AppSpec;
use doorward_runtime_tests::cases;
use doorward_runtime_tests::client::Ask;
use doorward_runtime_tests::clocked::{clock, start};
use doorward_runtime_tests::credential::ApiKey;
use doorward_runtime_tests::gated::{seen, status};
use doorward_runtime_tests::host::Host;
use doorward_runtime_tests::run::Case;

pub const CASES: &[Case] = cases![a_key_in_a_header_passes_and_the_service_sees_whose_it_is,];

const ROUTES: &str = r#"
[identity]
"x-auth-subject" = "sub"
"x-auth-issuer" = "iss"

[[route]]
path = "/public/**"
public = true

[[route]]
path = "/read/**"
accept = ["api-key"]
scope = ["read"]

[[route]]
path = "/write"
accept = ["api-key", "basic"]
scope = ["write"]

[[route]]
path = "/basic"
accept = ["basic"]
scope = ["read"]

[[route]]
path = "/keep"
accept = ["api-key"]
credential = "forward"
"#;

fn policy(place: &str, keys: &[&ApiKey]) -> String {
    let tables: String = keys.iter().map(|key| key.table()).collect();
    format!("[api_keys]\n{place}\nstore = false\n\n{tables}\n{ROUTES}")
}

fn in_header(keys: &[&ApiKey]) -> AppSpec {
    AppSpec::gated("echo", policy("header = \"x-api-key\"", keys))
}

async fn a_key_in_a_header_passes_and_the_service_sees_whose_it_is(host: &dyn Host) {
    let clock = clock(host);
    let key = ApiKey::new("ci", &["read"], None);
    let app = in_header(&[&key]).write();
    let running = start(&app, &clock).await;
    for name in ["x-api-key", "X-API-Key", "X-Api-KEY"] {
        let ask = Ask::get("/read/a?b=c").header(name, &key.text);
        let answer = ask.send(running.address).await;
        status(&answer, 200, name);
        assert_eq!(seen(&answer, "x-auth-subject"), ["ci"], "{name}");
        assert_eq!(
            seen(&answer, "x-auth-issuer"),
            ["urn:doorward:api-keys"],
            "{name}"
        );
        assert_eq!(
            seen(&answer, "x-api-key"),
            [""; 0],
            "{name}: the key is kept back"
        );
        assert_eq!(answer.json()["target"], "/read/a?b=c", "{name}");
    }
    let ask = Ask::get("/keep").header("x-api-key", &key.text);
    let answer = ask.send(running.address).await;
    status(&answer, 200, "a route that hands the key on");
    assert_eq!(
        seen(&answer, "x-api-key"),
        [key.text.as_str()],
        "where the policy says so"
    );
}
