//! What the engine may count on, in virtual time. `runtime-tests/tests/contract.rs` runs the same cases with the
//! built components over sockets.

use doorward_tests::contract::{Step, cases, simulated};
use doorward_tests::sim::message::Manner;
use std::collections::BTreeSet;

/// What is not as the cases of a group say.
fn differs(group: &str) -> String {
    let cases = cases::group(group);
    let mut differs = String::new();
    if cases.is_empty() {
        differs.push_str("there are no cases");
    }
    for case in &cases {
        for manner in Manner::ALL {
            for keeps_time in [true, false] {
                if keeps_time || !case.is_timed_by_host {
                    let (_, told) = simulated::run(case, manner, keeps_time);
                    if !told.is_empty() {
                        differs.push_str(&format!("{manner:?}, time {keeps_time}: {told}"));
                    }
                }
            }
        }
    }
    differs
}

#[test]
fn heads_are_what_a_host_makes_of_them() {
    let differs = differs("heads");
    assert!(differs.is_empty(), "{differs}");
}

#[test]
fn bodies_end_where_they_end() {
    let differs = differs("bodies");
    assert!(differs.is_empty(), "{differs}");
}

#[test]
fn trailers_go_where_they_may() {
    let differs = differs("trailers");
    assert!(differs.is_empty(), "{differs}");
}

#[test]
fn failures_are_told_by_their_class() {
    let differs = differs("failures");
    assert!(differs.is_empty(), "{differs}");
}

#[test]
fn what_the_gate_knows_is_what_the_host_gives() {
    let differs = differs("knowledge");
    assert!(differs.is_empty(), "{differs}");
}

#[test]
fn a_name_is_of_one_case() {
    let groups = cases::all();
    let mut names = BTreeSet::new();
    for case in groups.iter().flat_map(|group| &group.cases) {
        let name = format!("{:?} {}", case.stage.behind, case.name);
        assert!(names.insert(name), "{} is there twice", case.name);
    }
    assert!(names.len() > 80, "{} cases", names.len());
}

#[test]
fn every_case_says_what_has_to_be_seen() {
    let groups = cases::all();
    for case in groups.iter().flat_map(|group| &group.cases) {
        let only_acts = |step: &Step| matches!(step, Step::Later(_) | Step::Revoke | Step::Rotate);
        assert!(!case.steps.iter().all(only_acts), "{}", case.name);
    }
}
