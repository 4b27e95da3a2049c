//! Keys that their issuer publishes no longer, or has lost: what the newest set says holds at once where it
//! was fetched, and everywhere else when the record is next read.

use crate::policy;
use doorward_runtime_tests::app::AppSpec;
use doorward_runtime_tests::cases;
use doorward_runtime_tests::clocked::{clock, get, start};
use doorward_runtime_tests::gated::status;
use doorward_runtime_tests::host::Host;
use doorward_runtime_tests::issuer::{Issuer, Key};
use doorward_runtime_tests::run::Case;

pub const CASES: &[Case] =
    cases![keys_end_at_once_where_a_token_with_another_key_tells_of_a_new_set,];

async fn keys_end_at_once_where_a_token_with_another_key_tells_of_a_new_set(host: &dyn Host) {
    let clock = clock(host);
    let issuer = Issuer::start_with_clock(&clock).await;
    let mut spec = AppSpec::gated("echo", policy(&issuer));
    // Without the store as well.
    spec.stores = vec![];
    let app = spec.write();
    let running = start(&app, &clock).await;
    let withdrawn = issuer.key();
    let token = issuer.token("alice", "read");
    status(&get(&running, "/a", &token).await, 200, "before");
    issuer.publish(vec![Key::ed25519("new")]);
    let answer = get(&running, "/a", &issuer.token("bob", "read")).await;
    status(&answer, 200, "a token of the new key");
    for round in ["remembered", "remembered, again"] {
        status(&get(&running, "/a", &token).await, 401, round);
    }
    let answer = get(
        &running,
        "/a",
        &withdrawn.sign(&issuer.claims("bob", "read")),
    )
    .await;
    status(&answer, 401, "another token of the withdrawn key");
}
