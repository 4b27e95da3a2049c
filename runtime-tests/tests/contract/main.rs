//! What the engine may count on, with the built components over sockets: the cases of
//! `doorward_tests::contract`, which run in virtual time as well. What becomes of a request has to be what its case
//! says, and everything about it the same as in virtual time.

#![expect(clippy::expect_used, reason = "tests")]

mod scene;

use doorward_runtime_tests::host::Host;
use doorward_runtime_tests::{cases, run};
use doorward_tests::contract::{Case, Gets, Sees, Step, cases as contract, simulated};
use doorward_tests::sim::message::Manner;
use scene::Scene;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::process::ExitCode;

fn main() -> ExitCode {
    run::main_on_one_thread(cases![heads, bodies, trailers, failures, knowledge])
}

async fn heads(host: &dyn Host) {
    holds(host, "heads").await;
}

async fn bodies(host: &dyn Host) {
    holds(host, "bodies").await;
}

async fn trailers(host: &dyn Host) {
    holds(host, "trailers").await;
}

async fn failures(host: &dyn Host) {
    holds(host, "failures").await;
}

async fn knowledge(host: &dyn Host) {
    holds(host, "knowledge").await;
}

async fn holds(host: &dyn Host, group: &str) {
    let (mut scenes, mut differs) = (BTreeMap::new(), String::new());
    for case in contract::group(group) {
        if host.name() == "spin" && case.not_on_spin.is_some() {
            continue;
        }
        // Where nothing but exchanges happens, cases that are set up alike share a host.
        let is_shared = case.steps.iter().all(|step| matches!(step, Step::Ask(_)));
        let alike = format!("{:?}", case.stage);
        let mut scene = match scenes.remove(&alike) {
            Some(scene) if is_shared => scene,
            _ => Scene::new(host, &case.stage).await,
        };
        differs.push_str(&differs_of(host, &case, &mut scene).await);
        if is_shared {
            scenes.insert(alike, scene);
        }
    }
    assert!(differs.is_empty(), "{differs}");
}

/// What is not as the case says, and what is not as in virtual time.
async fn differs_of(host: &dyn Host, case: &Case, scene: &mut Scene<'_>) -> String {
    let manner = match host.shows_hops() {
        true => Manner::Shows,
        false => Manner::Removes,
    };
    let (simulated, _) = simulated::run(case, manner, true);
    let mut simulated = simulated.iter();
    let mut differs = String::new();
    let mut tell = |told: &str| {
        if !told.is_empty() {
            let _ = writeln!(differs, "{}: {told}", case.name);
        }
    };
    for step in &case.steps {
        let Step::Ask(exchange) = step else {
            tell(&scene.other(step).await.err().unwrap_or_default());
            continue;
        };
        let outcome = scene.exchange(exchange).await;
        tell(&outcome.differs(&exchange.sees, &exchange.gets, manner));
        let simulated = simulated.next().expect("each exchange has an outcome");
        let matters =
            !matches!(exchange.sees, Sees::NotWhole) && !matches!(exchange.gets, Gets::Whatever);
        if matters && outcome.text() != simulated.text() {
            let (one, other) = (outcome.text(), simulated.text());
            tell(&format!("over sockets\n{one}and in virtual time\n{other}"));
        }
    }
    differs
}
