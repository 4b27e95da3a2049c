//! What instances and hosts tell each other of an issuer's keys through the store.

use crate::policy;
use doorward_runtime_tests::app::{App, AppSpec};
use doorward_runtime_tests::cases;
use doorward_runtime_tests::clocked::{clock, first_event, get, start, stored, until};
use doorward_runtime_tests::gated::status;
use doorward_runtime_tests::host::Host;
use doorward_runtime_tests::issuer::{Behaviour, Issuer, METADATA};
use doorward_runtime_tests::run::Case;
use serde_json::Value;

pub const CASES: &[Case] = cases![a_second_host_starts_from_the_store_without_the_network,];

/// Where the record of the issuer `test` is.
const NAME: &str = "doorward/keys/test";

fn record(app: &App) -> Value {
    let bytes = stored(app, NAME).expect("there is a record in the store");
    serde_json::from_slice(&bytes).expect("the record is JSON")
}

async fn a_second_host_starts_from_the_store_without_the_network(host: &dyn Host) {
    let clock = clock(host);
    let issuer = Issuer::start_with_clock(&clock).await;
    let app = AppSpec::gated("echo", policy(&issuer)).write();
    let first = start(&app, &clock).await;
    let token = issuer.token("alice", "read");
    status(&get(&first, "/a", &token).await, 200, "the first host");
    until("the record is stored", || stored(&app, NAME).is_some()).await;
    issuer.all_behave(&Behaviour::Close);
    let second = start(&app, &clock).await;
    status(
        &get(&second, "/a", &token).await,
        200,
        "the second host, beside the first",
    );
    assert_eq!(issuer.requests(METADATA), 1, "only the first one has asked");
    let loaded = first_event(&second, "keys-loaded").await;
    assert_eq!(
        loaded["source"], "store",
        "where the keys come from: {loaded}"
    );
    let record = record(&app);
    assert_eq!(
        record["issuer"],
        issuer.url(),
        "whose keys they are: {record}"
    );
}
