//! The decision cases that `tests/` has as data, through the gate.

use crate::act::{Act, HOST};
use crate::book::Book;
use crate::scene::Scene;
use doorward_runtime_tests::app::AppSpec;
use doorward_runtime_tests::cases;
use doorward_runtime_tests::client::Ask;
use doorward_runtime_tests::host::Host;
use doorward_runtime_tests::run::Case;
use doorward_tests::decisions::Suite;

pub const CASES: &[Case] =
    cases![; both_manners: every_decision_case_is_answered_and_logged_as_it_is_written];

async fn every_decision_case_is_answered_and_logged_as_it_is_written(host: &dyn Host) {
    let mut book = Book::open("decisions", host);
    let scene = Scene::set(host).await;
    let mut count = 0;
    for suite in Suite::all() {
        let mut spec = AppSpec::gated("echo", suite.policy.clone());
        let files = suite.key_files.iter().map(|(path, text)| {
            let name = path.trim_start_matches('/').to_owned();
            (name, text.clone().into_bytes())
        });
        spec.files = files.collect();
        spec.variables = suite.variables.clone().into_iter().collect();
        let mut act = Act::begin(&mut book, &suite.name, &spec, &scene).await;
        for case in &suite.cases {
            if case.not_over_http.is_some() || case.fault.is_some() {
                continue;
            }
            let sent = suite.sent(case, scene.clock.now(), &format!("http://{HOST}"));
            let mut ask = Ask::new(&case.method, &sent.target);
            for (name, value) in &sent.headers {
                ask = ask.header(name, value);
            }
            for value in &sent.authorization {
                ask = ask.header("Authorization", value);
            }
            act.ask(&case.name, &ask).await;
            count += 1;
        }
        act.end().await;
    }
    assert!(count > 80, "cases are missing: {count}");
    book.close();
}
