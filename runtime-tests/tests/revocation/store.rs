//! The store of revocations: what is done without it, what is done with what is in it that should not be
//! there, and that it does not grow for ever.

use crate::REFRESH_S;
use crate::revoked::policy;
use doorward_runtime_tests::app::AppSpec;
use doorward_runtime_tests::cases;
use doorward_runtime_tests::client::Ask;
use doorward_runtime_tests::clocked::{clock, get, start, store_fails, until_event};
use doorward_runtime_tests::gated::status;
use doorward_runtime_tests::host::Host;
use doorward_runtime_tests::issuer::Issuer;
use doorward_runtime_tests::run::Case;

pub const CASES: &[Case] =
    cases![while_the_store_fails_every_token_is_refused_and_no_longer_than_that,];

async fn while_the_store_fails_every_token_is_refused_and_no_longer_than_that(host: &dyn Host) {
    let clock = clock(host);
    let issuer = Issuer::start_with_clock(&clock).await;
    let app = AppSpec::gated("echo", policy(&[("test", &issuer)], "[revocation]")).write();
    let running = start(&app, &clock).await;
    let token = issuer.token("alice", "read");
    status(&get(&running, "/read", &token).await, 200, "before");
    for expected in [503, 200, 503, 200] {
        store_fails(&app, expected == 503);
        clock.advance(REFRESH_S).await;
        for round in 0..3 {
            let answer = get(&running, "/read", &token).await;
            status(&answer, expected, &format!("a good token, {round}"));
            let answer = Ask::get("/public/a").send(running.address).await;
            status(&answer, 200, &format!("a public route, {round}"));
        }
        if expected == 503 {
            until_event(&running, "store-unavailable", 1).await;
        }
    }
}
