//! Who tries credentials out: failed authentication is counted by the client's address.

use crate::front::{BOTH, prepared};
use crate::rates::{answered, keys, policy};
use doorward_runtime_tests::cases;
use doorward_runtime_tests::client::Ask;
use doorward_runtime_tests::clocked::{Clock, clock};
use doorward_runtime_tests::host::Host;
use doorward_runtime_tests::issuer::Issuer;
use doorward_runtime_tests::run::Case;

pub const CASES: &[Case] = cases![after_too_many_wrong_keys_even_a_right_one_waits,];

const FAILURES: &str = r#"
[proxy]
trusted_hops = 1

[rate_limit.guesses]
requests = 3
per_s = 30
counts = "failed-authentication"

[defaults]
rate_limit = "guesses"

[[route]]
path = "/read"
issuer = ["test"]
scope = ["read"]

[[route]]
path = "/key"
accept = ["api-key", "basic"]

[[route]]
path = "/public"
public = true
"#;

async fn issuer(clock: &Clock<'_>) -> Issuer {
    Issuer::start_with_clock(clock).await
}

async fn after_too_many_wrong_keys_even_a_right_one_waits(host: &dyn Host) {
    let clock = clock(host);
    let issuer = issuer(&clock).await;
    let [ci, _] = keys();
    let ask = |key: &str| Ask::get("/key").header("x-api-key", key);
    for kind in BOTH {
        let front = prepared(kind, &policy(&issuer, FAILURES))
            .await
            .by(&clock)
            .await;
        let basic = Ask::get("/key").header("Authorization", &ci.basic("somebody"));
        let asks = [
            ("a right one", ask(&ci.text), 200),
            ("another secret", ask(&ci.with_another_secret()), 401),
            ("under another name", basic, 401),
            ("no key at all", ask("x"), 401),
            ("a right one", ask(&ci.text), 429),
        ];
        answered(&front, &asks).await;
        clock.advance(10).await;
        answered(&front, &[("a right one, as promised", ask(&ci.text), 200)]).await;
    }
}
