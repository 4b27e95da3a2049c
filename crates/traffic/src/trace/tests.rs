use super::{Trace, tells_of_a_trace};
use crate::field_list::FieldList;
use crate::trace_context::Traceparent;
use core::cell::Cell;

const TOLD: &str = "00-12345678901234567890123456789012-1234567890123456-01";
const UUID: &str = "00000000-0000-4000-8000-000000000001";

/// 2, 0, 1, as a span and a name ask for them.
fn numbers() -> impl Fn() -> u64 {
    let next = Cell::new(2);
    move || next.replace((next.get() + 1) % 3)
}

fn trace(is_trusted: bool, fields: &[(&str, &str)]) -> Trace {
    let fields: FieldList = fields
        .iter()
        .map(|(name, value)| ((*name).to_owned(), value.as_bytes().to_vec()))
        .collect();
    Trace::of(&fields, None, || is_trusted, numbers())
}

fn sent_on(trace: &Trace) -> [(&'static str, String); 2] {
    let text = |value: &[u8]| String::from_utf8_lossy(value).into_owned();
    trace.fields().map(|(name, value)| (name, text(value)))
}

fn shown(told: Option<Traceparent>) -> Option<String> {
    told.map(|told| String::from_utf8_lossy(told.as_bytes()).into_owned())
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
    assert_eq!(shown(trace.parent).as_deref(), Some(TOLD));
    assert_eq!(trace.link, None);
    assert_eq!(
        sent_on(&trace),
        [
            ("x-request-id", "ours-1".into()),
            ("traceparent", ours.into())
        ]
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
    assert_eq!(shown(trace.link).as_deref(), Some(TOLD));
    let own = "00-00000000000040008000000000000001-0000000000000002-00";
    assert_eq!(
        sent_on(&trace),
        [("x-request-id", UUID.into()), ("traceparent", own.into())]
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
        assert_eq!((trace.parent, trace.link), (None, None));
        assert!(!trace.keeps("tracestate") && trace.keeps("baggage"));
        assert!(!trace.span.is_sampled());
    }
}

#[test]
fn a_tracestate_goes_on_as_it_came_or_not_at_all() {
    let stays = |states: &[&'static str]| {
        let mut fields = vec![("traceparent", TOLD)];
        fields.extend(states.iter().map(|state| ("tracestate", *state)));
        trace(true, &fields).keeps("tracestate")
    };
    assert!(stays(&["foo=1,bar=2"]));
    assert!(stays(&["foo=1", "bar=2"]));
    assert!(!stays(&["foo=1", "bar"]));
}

#[test]
fn whether_the_peer_is_trusted_is_asked_only_where_it_says_something() {
    let fields = FieldList::of([("accept", "*/*")]);
    let asked = Cell::new(false);
    let trace = Trace::of(&fields, None, || asked.replace(true), numbers());
    assert_eq!((trace.request_id.as_str(), asked.get()), (UUID, false));
}

#[test]
fn what_the_host_calls_it_counts_unless_a_trusted_peer_says_something_else() {
    const OF_HOST: &str = "0b9c54a0-3f0e-4b0e-9d2c-1f2e3d4c5b6a";
    let named = |is_trusted, fields, of_host: &str| {
        let of_host = Some(of_host.as_bytes());
        let trace = Trace::of(&fields, of_host, || is_trusted, numbers());
        let told = (trace.request_id.clone(), trace.is_named_by_host);
        (told, trace.span.trace_id().to_owned())
    };
    let theirs = || FieldList::of([("x-request-id", "theirs")]);
    let digits = OF_HOST.replace('-', "");
    let of_host = ((OF_HOST.to_owned(), true), digits.clone());
    assert_eq!(named(false, theirs(), OF_HOST), of_host);
    assert_eq!(named(true, FieldList::new(), OF_HOST), of_host);
    let of_peer = (("theirs".to_owned(), false), digits);
    assert_eq!(named(true, theirs(), OF_HOST), of_peer);
    // Only a UUID can be told from what somebody made up.
    let ((name, by_host), _) = named(false, theirs(), "anything");
    assert_eq!((name.as_str(), by_host), (UUID, false));
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
