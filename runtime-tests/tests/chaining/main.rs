//! Components that ask each other by service chaining: directly, and with the gateway before one of them.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

mod components;
mod ending;
mod gateway;
mod instances;

use doorward_runtime_tests::app::{App, AppSpec, Other};
use doorward_runtime_tests::client::{Answer, Ask};
use doorward_runtime_tests::host::{Host, Running};
use doorward_runtime_tests::run;
use std::process::ExitCode;

fn main() -> ExitCode {
    run::main(
        &[
            components::CASES,
            ending::CASES,
            gateway::CASES,
            instances::CASES,
        ]
        .concat(),
    )
}

/// Every component may ask every other one.
const ALL: &str = "http://*.spin.internal";

/// The component `relay`, which may ask what `outbound` allows, and others beside it.
fn relay(outbound: &str, others: Vec<Other>) -> AppSpec {
    AppSpec {
        middleware: Vec::new(),
        policy: None,
        outbound: vec![outbound.to_owned()],
        stores: Vec::new(),
        others,
        ..AppSpec::gated("relay", "")
    }
}

/// A private component that may ask all others.
fn asking(name: &'static str, file: &str) -> Other {
    Other {
        outbound: vec![ALL.to_owned()],
        ..Other::private(name, file)
    }
}

/// An application that runs.
struct Stage {
    running: Running,
    _app: App,
}

impl Stage {
    async fn start(host: &dyn Host, spec: &AppSpec) -> Self {
        let app = spec.write();
        let running = host.start(&app).await;
        Self { running, _app: app }
    }

    async fn get(&self, target: &str) -> Answer {
        Ask::get(target).send(self.running.address).await
    }

    /// Waits until the log has a line with all of these in it.
    async fn logged(&self, words: &[&str]) {
        let has_all = |line: &str| words.iter().all(|word| line.contains(word));
        self.running.wait_for_log(has_all).await;
    }

    fn has_logged(&self, words: &[&str]) -> bool {
        let log = self.running.log();
        log.iter()
            .any(|line| words.iter().all(|word| line.contains(word)))
    }

    /// How often work that never ends has shown that it still goes on.
    fn beats(&self) -> usize {
        self.count("beat")
    }

    /// How many lines of the log have this in them.
    fn count(&self, word: &str) -> usize {
        let log = self.running.log();
        log.iter().filter(|line| line.contains(word)).count()
    }
}
