#![expect(
    clippy::unwrap_used,
    clippy::unreachable,
    reason = "a test fails by panicking"
)]

use std::sync::Mutex;

use super::*;

struct Silent;

impl Callee for Silent {
    fn ask(&self, _request: Request<WasiBody>) -> Answering {
        Box::pin(std::future::pending())
    }
}

/// Components that can be asked, and what is written to the log.
fn components(names: &[&str]) -> (Chaining, Arc<Callees>, Arc<Mutex<Vec<String>>>) {
    let lines = Arc::new(Mutex::new(Vec::new()));
    let sink = Arc::clone(&lines);
    let chaining = Chaining::new(LogSink::new(move |line| {
        let line = format!("{}: {}", line.component, line.text);
        sink.lock().unwrap().push(line);
    }));
    let depths = || (0..CHAIN_DEPTH_MAX).map(|_| Arc::new(Silent) as Arc<dyn Callee>);
    let callees = names
        .iter()
        .map(|name| ((*name).to_owned(), depths().collect()));
    let callees = Arc::new(callees.collect());
    chaining.set_callees(&callees);
    (chaining, callees, lines)
}

fn find(chaining: &Chaining, depth: usize, to: &str) -> Result<(), Error> {
    let from = "gateway";
    chaining.find(&Call { from, depth, to }).map(|_| ())
}

#[test]
fn a_component_is_found_by_its_name_without_regard_to_case() {
    let (chaining, _callees, _) = components(&["js", "Python"]);
    for name in ["js", "JS", "Python", "python"] {
        let found = find(&chaining, 0, name);
        assert!(found.is_ok(), "{name}: {found:?}");
    }
}

#[test]
fn a_component_that_is_not_there_is_an_error_that_names_the_nearest() {
    let (chaining, _callees, log) = components(&["orders", "js"]);
    for (name, expected) in [
        ("order", "did you mean `orders`?"),
        ("something-else", "no component `something-else`"),
        ("", "no component ``"),
        ("a.js", "no component `a.js`"),
    ] {
        let Err(Error::InternalError(Some(message))) = find(&chaining, 0, name) else {
            unreachable!("{name} should not be there");
        };
        assert!(message.contains(expected), "{message}");
        assert!(!message.contains("not permitted"), "{message}");
        let line = log.lock().unwrap().pop().unwrap();
        assert_eq!(line, format!("gateway: {message}"));
    }
}

#[test]
fn components_ask_each_other_so_many_times_and_no_further() {
    let (chaining, _callees, log) = components(&["a"]);
    for depth in 0..CHAIN_DEPTH_MAX {
        find(&chaining, depth, "a").unwrap();
    }
    assert!(log.lock().unwrap().is_empty());
    for depth in [CHAIN_DEPTH_MAX, CHAIN_DEPTH_MAX + 1, usize::MAX] {
        let error = find(&chaining, depth, "a").unwrap_err();
        assert!(matches!(error, Error::LoopDetected), "{error:?}");
    }
    let line = log.lock().unwrap().pop().unwrap();
    assert!(line.contains("in a circle"), "{line}");
}

#[test]
fn where_the_application_has_ended_nobody_answers() {
    let (chaining, callees, _) = components(&["a"]);
    drop(callees);
    let error = find(&chaining, 0, "a").unwrap_err();
    assert!(matches!(error, Error::DestinationUnavailable), "{error:?}");
}
