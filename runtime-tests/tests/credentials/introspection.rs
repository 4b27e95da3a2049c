//! Opaque tokens: what the issuer says of them, for how long that is believed, and that it is looked at
//! again for each request.

use crate::asking;
use doorward_runtime_tests::cases;
use doorward_runtime_tests::clocked::{clock, get, get_at_once, start};
use doorward_runtime_tests::gated::{seen, status};
use doorward_runtime_tests::host::Host;
use doorward_runtime_tests::issuer::{Behaviour, INTROSPECTION};
use doorward_runtime_tests::run::Case;

pub const CASES: &[Case] = cases![
    an_active_token_passes_and_the_service_sees_who_it_is,
    requests_with_the_same_token_share_one_question,
];

async fn an_active_token_passes_and_the_service_sees_who_it_is(host: &dyn Host) {
    let clock = clock(host);
    let (issuer, spec) = asking(&clock, "").await;
    let app = spec.write();
    let running = start(&app, &clock).await;
    issuer.says_of("opaque-alice", issuer.active("alice", "read"));
    for round in ["asked", "remembered"] {
        let answer = get(&running, "/read", "opaque-alice").await;
        status(&answer, 200, round);
        assert_eq!(seen(&answer, "x-auth-subject"), ["alice"], "{round}");
        assert_eq!(
            seen(&answer, "authorization"),
            [""; 0],
            "{round}: the token is kept back"
        );
    }
    assert_eq!(
        issuer.asked_about(),
        ["opaque-alice"],
        "the issuer is asked once"
    );
    assert_eq!(issuer.turned_away(), [""; 0], "and knows the gate");
}

async fn requests_with_the_same_token_share_one_question(host: &dyn Host) {
    let clock = clock(host);
    let (issuer, spec) = asking(&clock, "").await;
    let app = spec.write();
    let running = start(&app, &clock).await;
    issuer.says_of("warm", issuer.active("alice", "read"));
    issuer.says_of("opaque", issuer.active("alice", "read"));
    status(
        &get(&running, "/read", "warm").await,
        200,
        "the first token",
    );
    issuer.behaves(INTROSPECTION, Behaviour::Stall);
    let tokens = vec!["opaque".to_owned(); 12];
    let recover = async {
        issuer
            .until("it is asked", |issuer| issuer.stalled() > 0)
            .await;
        issuer.recover();
    };
    let (answers, ()) = tokio::join!(get_at_once(&running, "/read", &tokens), recover);
    for answer in answers {
        status(&answer, 200, "one of twelve");
    }
    let asked = issuer.asked_about().len() - 1;
    // How many instances they meet depends on the machine. If nothing was shared, each request would ask.
    assert!(
        asked < tokens.len(),
        "twelve requests, {asked} questions: one for each instance is due"
    );
}
