//! Introspection endpoints that are slow, down or wrong.

use crate::{introspecting, with_secret};
use doorward_runtime_tests::cases;
use doorward_runtime_tests::clocked::{clock, get, start};
use doorward_runtime_tests::gated::status;
use doorward_runtime_tests::host::Host;
use doorward_runtime_tests::issuer::{AUDIENCE, Behaviour, Client, INTROSPECTION, Issuer};
use doorward_runtime_tests::run::Case;

pub const CASES: &[Case] = cases![a_slow_endpoint_holds_up_nobody_else,];

async fn a_slow_endpoint_holds_up_nobody_else(host: &dyn Host) {
    let clock = clock(host);
    let slow = Issuer::start_with_clock(&clock).await;
    let quick = Issuer::start_with_clock(&clock).await;
    let signing = Issuer::start_with_clock(&clock).await;
    for issuer in [&slow, &quick] {
        issuer.introspected_by(Client::Basic("gate", crate::SECRET));
        for number in 0..20 {
            issuer.says_of(&format!("opaque-{number}"), issuer.active("alice", ""));
        }
    }
    let policy = format!(
        "{}{}[issuer.signing]\nurl = \"{}\"\naudience = \"{AUDIENCE}\"\n\n\
         [[route]]\npath = \"/slow\"\nissuer = [\"slow\", \"signing\"]\n\n\
         [[route]]\npath = \"/quick\"\nissuer = [\"quick\"]\n",
        introspecting(&slow, "slow", ""),
        introspecting(&quick, "quick", ""),
        signing.url(),
    );
    let app = with_secret(policy).write();
    let running = start(&app, &clock).await;
    slow.behaves(INTROSPECTION, Behaviour::Stall);
    let waiting = get(&running, "/slow", "opaque-0");
    let meanwhile = async {
        slow.until("it is asked", |slow| slow.stalled() == 1).await;
        for number in 0..20 {
            let answer = get(&running, "/quick", &format!("opaque-{number}")).await;
            status(&answer, 200, "an opaque token of another issuer");
            let answer = get(&running, "/slow", &signing.token("bob", "")).await;
            status(&answer, 200, "a signed token of another issuer");
            let answer = get(&running, "/slow", &slow.token("bob", "")).await;
            status(&answer, 200, "a signed token of the same issuer");
        }
        assert_eq!(slow.stalled(), 1, "the slow one stalls to this moment");
        slow.recover();
    };
    let (answer, ()) = tokio::join!(waiting, meanwhile);
    status(
        &answer,
        200,
        "the opaque token of the slow issuer, in the end",
    );
}
