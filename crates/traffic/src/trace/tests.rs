use super::{Trace, tells_of_a_trace};
use crate::field_list::FieldList;
use core::cell::Cell;

const TOLD: &str = "00-12345678901234567890123456789012-1234567890123456-01";
const UUID: &str = "00000000-0000-4000-8000-000000000001";

fn trace(is_trusted: bool, fields: &[(&str, &str)]) -> Trace {
    let fields: FieldList = fields
        .iter()
        .map(|(name, value)| ((*name).to_owned(), value.as_bytes().to_vec()))
        .collect();
    Trace::of(&fields, || is_trusted, u64::from)
}

fn sent_on(trace: &Trace) -> Vec<(&'static str, &str)> {
    trace.fields().collect()
}

#[test]
fn of_a_trusted_peer_all_goes_on_and_the_span_is_ours() {
    let trace = trace(
        true,
        &[
            ("x-request-id", "ours-1"),
            ("traceparent", TOLD),
            ("tracestate", "foo=1"),
            ("baggage", "a=b"),
        ],
    );
    let ours = "00-12345678901234567890123456789012-0000000000000002-01";
    assert_eq!(trace.request_id, "ours-1");
    assert_eq!(trace.parent.as_ref().map(|told| told.as_str()), Some(TOLD));
    assert_eq!(trace.link, None);
    assert_eq!(
        sent_on(&trace),
        [("x-request-id", "ours-1"), ("traceparent", ours)]
    );
    assert!(trace.keeps("tracestate") && trace.keeps("baggage") && trace.keeps("accept"));
    assert!(!trace.keeps("x-request-id") && !trace.keeps("traceparent"));
}

#[test]
fn of_anybody_else_nothing_goes_on_and_the_log_can_say_what_it_was() {
    let trace = trace(
        false,
        &[
            ("x-request-id", "theirs"),
            ("traceparent", TOLD),
            ("tracestate", "foo=1"),
            ("baggage", "a=b"),
        ],
    );
    assert_eq!(trace.request_id, UUID);
    assert_eq!(trace.parent, None);
    assert_eq!(trace.link.as_ref().map(|told| told.as_str()), Some(TOLD));
    let own = "00-00000000000040008000000000000001-0000000000000002-00";
    assert_eq!(
        sent_on(&trace),
        [("x-request-id", UUID), ("traceparent", own)]
    );
    for name in [
        "X-Request-ID",
        "x_request.id",
        "Traceparent",
        "TRACESTATE",
        "Baggage",
    ] {
        assert!(!trace.keeps(name), "{name}");
    }
}

#[test]
fn without_a_valid_traceparent_a_trusted_peer_has_no_tracestate() {
    for told in [
        "",
        "00-0-0-0",
        "ff-12345678901234567890123456789012-1234567890123456-01",
    ] {
        let trace = trace(
            true,
            &[
                ("traceparent", told),
                ("tracestate", "foo=1"),
                ("baggage", "a=b"),
            ],
        );
        assert_eq!((&trace.parent, &trace.link), (&None, &None));
        assert!(!trace.keeps("tracestate") && trace.keeps("baggage"));
        assert!(!trace.span.is_sampled());
    }
}

#[test]
fn a_tracestate_that_cannot_go_on_as_it_came_goes_on_as_it_can() {
    let state = |states: &[&'static str]| {
        let mut fields = vec![("traceparent", TOLD)];
        fields.extend(states.iter().map(|state| ("tracestate", *state)));
        let trace = trace(true, &fields);
        let set = trace.fields().find(|(name, _)| *name == "tracestate");
        (
            trace.keeps("tracestate"),
            set.map(|(_, state)| state.to_owned()),
        )
    };
    assert_eq!(state(&["foo=1,bar=2"]), (true, None));
    assert_eq!(
        state(&["foo=1", "bar=2"]),
        (false, Some("foo=1,bar=2".to_owned()))
    );
    assert_eq!(state(&["foo=1,,"]), (false, Some("foo=1".to_owned())));
    assert_eq!(state(&["foo"]), (false, None));
}

#[test]
fn whether_the_peer_is_trusted_is_asked_only_where_it_says_something() {
    let fields = FieldList::of([("accept", "*/*")]);
    let asked = Cell::new(false);
    let trace = Trace::of(&fields, || asked.replace(true), u64::from);
    assert_eq!((trace.request_id.as_str(), asked.get()), (UUID, false));
}

#[test]
fn the_fields_are_known_in_every_spelling() {
    for name in [
        "x-request-id",
        "X_Request_Id",
        "X.REQUEST.ID",
        "TraceParent",
        "baggage",
    ] {
        assert!(tells_of_a_trace(name), "{name}");
    }
    for name in ["x-request", "x-request-ids", "trace-parent", "b3"] {
        assert!(!tells_of_a_trace(name), "{name}");
    }
}
