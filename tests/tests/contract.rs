//! What the engine may count on, in virtual time. `runtime-tests/tests/contract.rs` runs the same cases with the
//! built components over sockets.

use doorward_tests::contract::{cases, simulated};
use doorward_tests::sim::message::Manner;
use std::collections::BTreeSet;

fn holds(group: &str) {
    let cases = cases::group(group);
    assert!(!cases.is_empty(), "there are no cases of {group}");
    let mut differs = String::new();
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
    assert!(differs.is_empty(), "{differs}");
}

#[test]
fn heads_are_what_a_host_makes_of_them() {
    holds("heads");
}

#[test]
fn bodies_end_where_they_end() {
    holds("bodies");
}

#[test]
fn trailers_go_where_they_may() {
    holds("trailers");
}

#[test]
fn failures_are_told_by_their_class() {
    holds("failures");
}

#[test]
fn what_the_gate_knows_is_what_the_host_gives() {
    holds("knowledge");
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
