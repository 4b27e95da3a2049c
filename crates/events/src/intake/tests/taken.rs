//! What is taken of a request, and what is told of it.

use std::io::Write as _;

use super::simulated::{Act, Memory, Pieces, Time, headers, sent, sent_for};
use crate::event::data::DataFault;
use crate::intake::WRITE_MS_MAX;
use crate::intake::answer::{Answer, End};
use crate::json::{Tape, Value};
use crate::record::BATCH_RECORDS_MAX;

const LINES: (&str, &str) = ("content-type", "application/x-ndjson");

fn event(id: impl std::fmt::Display) -> String {
    format!(r#"{{"id":"{id}","source":"/a","type":"t"}}"#)
}

fn lines(count: usize) -> String {
    (1..=count).map(|id| event(id) + "\n").collect()
}

/// Received, accepted, duplicates, refused.
fn counts(answer: &Answer) -> [u64; 4] {
    let report = &answer.report;
    [
        report.received,
        report.accepted,
        report.duplicates,
        report.refused,
    ]
}

fn body_of(answer: &Answer) -> String {
    let response = answer.response(&headers(&[("x-request-id", "abc")]));
    assert_eq!(response.status(), answer.status());
    let json = response.into_body();
    assert!(Tape::new().parse(json.as_bytes()).is_ok(), "{json}");
    json
}

fn gzip(content: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn events_are_taken_in_every_form_that_there_is() {
    let one = r#"{"specversion":"1.0","id":"1","source":"/a","type":"t"}"#;
    for (content_type, body, expected) in [
        ("application/x-ndjson", lines(3), [3, 3, 0, 0]),
        ("application/ndjson", event(1), [1, 1, 0, 0]),
        (
            "application/jsonl",
            format!("{}\r\n\r\n", event(1)),
            [1, 1, 0, 0],
        ),
        ("application/json", event(1), [1, 1, 0, 0]),
        (
            "application/json",
            format!("[{},\n {}]", event(1), event(2)),
            [2, 2, 0, 0],
        ),
        ("application/cloudevents+json", one.to_owned(), [1, 1, 0, 0]),
        (
            "application/cloudevents+json; charset=utf-8",
            one.to_owned(),
            [1, 1, 0, 0],
        ),
        (
            "application/cloudevents-batch+json",
            format!("[{one}]"),
            [1, 1, 0, 0],
        ),
        // The same event twice is there once.
        (
            "application/x-ndjson",
            format!("{0}\n{0}\n", event(1)),
            [2, 2, 1, 0],
        ),
        // None is none.
        ("application/x-ndjson", String::new(), [0; 4]),
        ("application/x-ndjson", "\n\n".to_owned(), [0; 4]),
        ("application/json", "[]".to_owned(), [0; 4]),
        (
            "application/cloudevents-batch+json",
            " [ ] ".to_owned(),
            [0; 4],
        ),
    ] {
        for length in [1, 7, 10_000] {
            for (coding, sent_body) in [
                ("identity", body.clone().into_bytes()),
                ("gzip", gzip(body.as_bytes())),
                ("zstd", zstd::bulk::compress(body.as_bytes(), 1).unwrap()),
            ] {
                let time = Time::new();
                let sink = Memory::new(&time);
                let fields = [("content-type", content_type), ("content-encoding", coding)];
                let pieces = Pieces::of(&time, &sent_body, length);
                let answer = sent(&fields, "", pieces, &sink);
                assert_eq!(counts(&answer), expected, "{content_type} {coding} {body}");
                assert_eq!((answer.status().as_u16(), &answer.end), (200, &End::Whole));
                assert_eq!(sink.ids().len() as u64, expected[1] - expected[2]);
            }
        }
    }
}

#[test]
fn a_good_event_is_taken_and_a_bad_one_is_told_by_its_place_field_and_reason() {
    let body = format!(
        "{}\n\n{{\"id\":\"2\",\"source\":\"/a\",\"type\":\"t\",\"time\":\"x\"}}\n{{\n{}\n[]\n",
        event(1),
        event(3)
    );
    let offset = |text: &str| body.find(text).unwrap();
    let due = format!(
        "{{\"received\":5,\"accepted\":2,\"duplicates\":0,\"refused\":3,\"errors\":[\
         {{\"event\":2,\"line\":3,\"offset\":{},\"field\":\"/time\",\"reason\":\"is not a time from 1970 on in the form of RFC 3339\"}},\
         {{\"event\":3,\"line\":4,\"offset\":{},\"field\":null,\"reason\":\"is not JSON: it ends in the middle of a value (at byte 1)\"}},\
         {{\"event\":5,\"line\":6,\"offset\":{},\"field\":null,\"reason\":\"is not a JSON object\"}}\
         ],\"errors_omitted\":0}}",
        offset("{\"id\":\"2\""),
        offset("{\n"),
        offset("[]")
    );
    for length in 1..body.len() {
        let time = Time::new();
        let sink = Memory::new(&time);
        let answer = sent(
            &[LINES],
            "",
            Pieces::of(&time, body.as_bytes(), length),
            &sink,
        );
        assert_eq!(answer.status(), 200);
        assert_eq!(body_of(&answer), due);
        assert_eq!(sink.ids(), ["1", "3"]);
        let record = r#"{"specversion":"1.0","id":"1","source":"/a","type":"t","recordedtime":"2027-01-01T00:00:00.000Z"}"#;
        assert_eq!(sink.written.borrow()[0].1, record);
    }
}

#[test]
fn where_none_is_taken_the_answer_is_a_422_with_the_first_errors_and_their_count() {
    let time = Time::new();
    let sink = Memory::new(&time);
    let body = "{}\n".repeat(200);
    let answer = sent(&[LINES], "", Pieces::of(&time, body.as_bytes(), 64), &sink);
    assert_eq!(counts(&answer), [200, 0, 0, 200]);
    let json = body_of(&answer);
    assert_eq!(answer.status(), 422);
    assert!(json.starts_with(
        "{\"type\":\"about:blank\",\"title\":\"Unprocessable Entity\",\"status\":422,"
    ));
    assert!(json.contains("\"request_id\":\"abc\""));
    assert_eq!(json.matches("\"reason\"").count(), 100);
    // Three of each are missing.
    assert!(json.ends_with("\"errors_omitted\":500}"), "{json}");
    assert_eq!(sink.tries.get(), 0);
}

#[test]
fn the_data_is_checked_by_what_the_caller_knows_of_types() {
    let time = Time::new();
    let sink = Memory::new(&time);
    let body = format!(
        "{}\n{}\n",
        event(1),
        r#"{"id":"2","source":"/a","type":"u"}"#
    );
    let mut check = |kind: &str, data: Option<Value<'_>>| {
        assert!(data.is_none());
        match kind {
            "t" => Ok(()),
            _ => Err(DataFault {
                pointer: Some(String::new()),
                reason: "is missing".into(),
            }),
        }
    };
    let pieces = Pieces::of(&time, body.as_bytes(), 64);
    let answer = sent_for(&[LINES], "", pieces, &sink, &mut check);
    assert_eq!(counts(&answer), [2, 1, 0, 1]);
    assert!(body_of(&answer).contains("\"field\":\"/data\",\"reason\":\"is missing\""));
}

#[test]
fn an_event_may_be_the_request() {
    let event = [
        ("ce-specversion", "1.0"),
        ("ce-id", "a%20b"),
        ("ce-source", "/a"),
        ("ce-type", "t"),
    ];
    for (content_type, body, expected) in [
        (None, &b""[..], Ok("")),
        (
            Some("application/json"),
            b" {\"n\": 1.0} ",
            Ok(r#","datacontenttype":"application/json","data":{"n":1.0}"#),
        ),
        (
            Some("text/plain"),
            b"a b",
            Ok(r#","datacontenttype":"text/plain","data":"a b""#),
        ),
        (
            Some("application/octet-stream"),
            b"\0",
            Ok(r#","datacontenttype":"application/octet-stream","data_base64":"AA==""#),
        ),
        (
            Some("application/json"),
            b"{}, \"id\":\"2\"",
            Err("\"/data\""),
        ),
    ] {
        let time = Time::new();
        let sink = Memory::new(&time);
        let mut fields = event.to_vec();
        fields.extend(content_type.map(|content_type| ("content-type", content_type)));
        let answer = sent(&fields, "", Pieces::of(&time, body, 3), &sink);
        match expected {
            Ok(data) => {
                let due = format!(
                    r#"{{"specversion":"1.0","id":"a b","source":"/a","type":"t"{data},"recordedtime":"2027-01-01T00:00:00.000Z"}}"#
                );
                assert_eq!(sink.written.borrow()[0].1, due);
                assert_eq!(
                    (answer.status().as_u16(), counts(&answer)),
                    (200, [1, 1, 0, 0])
                );
            }
            Err(field) => {
                assert_eq!(
                    (answer.status().as_u16(), counts(&answer)),
                    (422, [1, 0, 0, 1])
                );
                assert!(body_of(&answer).contains(field));
            }
        }
    }
    // As JSON it is longer than it was.
    let time = Time::new();
    let sink = Memory::new(&time);
    for (length, status) in [(700_000, 200), (900_000, 422), (1_048_577, 413)] {
        let body = vec![0; length];
        let answer = sent(&event, "", Pieces::of(&time, &body, 65_536), &sink);
        assert_eq!(answer.status(), status);
    }
}

#[test]
fn batches_are_written_in_their_order_while_the_next_one_is_read() {
    for (piece_ms, write_ms) in [(0, 0), (1, 0), (0, 50), (1, 50), (5, 5)] {
        let time = Time::new();
        let mut sink = Memory::new(&time);
        sink.write_ms = write_ms;
        let body = lines(3_500);
        let mut pieces = Pieces::of(&time, body.as_bytes(), 1_000);
        pieces.piece_ms = piece_ms;
        let answer = sent(&[LINES], "", pieces, &sink);
        assert_eq!(counts(&answer), [3_500, 3_500, 0, 0]);
        assert_eq!(*sink.batches.borrow(), [1_000, 1_000, 1_000, 500]);
        let due: Vec<String> = (1..=3_500).map(|id| id.to_string()).collect();
        assert_eq!(sink.ids(), due);
        // Not one after the other: reading goes on.
        let reading_ms = (body.len().div_ceil(1_000) as u64 + 1) * piece_ms;
        assert!(time.elapsed_ms() <= reading_ms.max(3 * write_ms) + 2 * write_ms);
    }
}

#[test]
fn no_more_is_read_than_the_next_batch_has_place_for() {
    let time = Time::new();
    let mut sink = Memory::new(&time);
    sink.act = Box::new(|| Act::Hang);
    let body = lines(10_000);
    let pieces = Pieces::of(&time, body.as_bytes(), 1_000);
    let read = pieces.read.clone();
    let answer = sent(&[LINES], "", pieces, &sink);
    assert_eq!(answer.status(), 503);
    let two_batches = lines(2 * BATCH_RECORDS_MAX).len();
    assert!(
        (two_batches..=two_batches + 1_000).contains(&read.get()),
        "{}",
        read.get()
    );
    assert_eq!(time.elapsed_ms(), WRITE_MS_MAX);
}

#[test]
fn a_write_that_fails_is_tried_again_until_there_is_no_time_left() {
    // Three failures, and then it is written.
    let time = Time::new();
    let mut sink = Memory::new(&time);
    let left = std::cell::Cell::new(3);
    sink.act = Box::new(move || match left.replace(left.get() - 1) {
        1.. => Act::Fail,
        _ => Act::Write,
    });
    let answer = sent(
        &[LINES],
        "",
        Pieces::of(&time, lines(5).as_bytes(), 64),
        &sink,
    );
    assert_eq!(
        (answer.status().as_u16(), counts(&answer)),
        (200, [5, 5, 0, 0])
    );
    assert_eq!(sink.tries.get(), 4);

    for (act, is_tried_again) in [(Act::Fail, true), (Act::Never, false), (Act::Hang, false)] {
        let time = Time::new();
        let mut sink = Memory::new(&time);
        sink.act = Box::new(move || act);
        let body = format!("{{}}\n{}", lines(5));
        let answer = sent(&[LINES], "", Pieces::of(&time, body.as_bytes(), 64), &sink);
        let response = answer.response(&headers(&[]));
        assert_eq!(response.status(), 503);
        assert_eq!(response.headers()["retry-after"], "5");
        assert!(answer.sink_error().is_some());
        // The event before it was refused.
        let json = body_of(&answer);
        assert!(
            json.ends_with(",\"resume_from\":{\"event\":2,\"line\":2,\"offset\":3}}"),
            "{json}"
        );
        assert_eq!(counts(&answer), [6, 0, 0, 1]);
        assert!(
            !json.contains("never") && !json.contains("not now"),
            "{json}"
        );
        assert_eq!(sink.tries.get() > 1, is_tried_again, "{act:?}");
        assert!(time.elapsed_ms() <= WRITE_MS_MAX);
        assert_eq!(time.elapsed_ms() == 0, act == Act::Never);
    }
}

#[test]
fn all_or_nothing_is_taken_up_to_one_batch() {
    for (body, status, end, written) in [
        (lines(BATCH_RECORDS_MAX), 200, End::Whole, BATCH_RECORDS_MAX),
        (lines(BATCH_RECORDS_MAX + 1), 413, End::TooMany, 0),
        (lines(BATCH_RECORDS_MAX) + "{}", 413, End::TooMany, 0),
        (lines(3) + "{}\n" + &lines(2), 422, End::NotAll, 0),
        ("{}\n".to_owned(), 422, End::NotAll, 0),
        (String::new(), 200, End::Whole, 0),
    ] {
        for length in [100, 100_000] {
            let time = Time::new();
            let sink = Memory::new(&time);
            let pieces = Pieces::of(&time, body.as_bytes(), length);
            let answer = sent(&[LINES], "strict=true", pieces, &sink);
            assert_eq!((answer.status().as_u16(), &answer.end), (status, &end));
            assert_eq!(sink.ids().len(), written);
            assert_eq!(answer.report.accepted, written as u64);
            body_of(&answer);
        }
    }
    // What breaks off is not all.
    let time = Time::new();
    let sink = Memory::new(&time);
    let mut pieces = Pieces::of(&time, lines(3).as_bytes(), 10);
    pieces.breaks = true;
    let answer = sent(&[LINES], "strict=true", pieces, &sink);
    assert_eq!((answer.status().as_u16(), sink.ids().len()), (400, 0));
    assert_eq!(answer.resume_from.map(|place| place.event), Some(1));
}

#[test]
fn what_came_before_a_body_broke_off_is_written_and_counted() {
    let body = lines(2_500);
    let cut = body.len() - 10;
    let packed = gzip(body.as_bytes());
    for (coding, sent_body, breaks, end_is_broken) in [
        ("identity", body.as_bytes()[..cut].to_vec(), true, true),
        ("gzip", packed[..packed.len() - 9].to_vec(), false, false),
    ] {
        let time = Time::new();
        let sink = Memory::new(&time);
        let mut pieces = Pieces::of(&time, &sent_body, 1_000);
        pieces.breaks = breaks;
        let answer = sent(&[LINES, ("content-encoding", coding)], "", pieces, &sink);
        assert_eq!(answer.status(), 400);
        assert_eq!(answer.end == End::Broken, end_is_broken);
        let written = sink.ids().len();
        assert_eq!(counts(&answer), [written as u64, written as u64, 0, 0]);
        assert!(written > 2_000);
        let next = answer.resume_from.unwrap();
        assert_eq!(next.event, written as u64 + 1);
        assert_eq!(next.offset, lines(written).len() as u64);
    }
    // What is an array only at first.
    let time = Time::new();
    let sink = Memory::new(&time);
    let array = format!("[{},{}}}", event(1), event(2));
    let json = [("content-type", "application/json")];
    let answer = sent(&json, "", Pieces::of(&time, array.as_bytes(), 5), &sink);
    assert_eq!(
        (answer.status().as_u16(), counts(&answer)),
        (400, [2, 2, 0, 0])
    );
    let at = array.len() - 1;
    let wrong = format!("there is neither a comma nor the end of the array at byte {at}.");
    assert!(body_of(&answer).contains(&wrong));
}

#[test]
fn what_is_not_read_is_answered_before_the_body() {
    for (fields, query, status, field) in [
        (
            vec![("content-type", "text/plain")],
            "",
            415,
            Some("accept"),
        ),
        (
            vec![("content-type", "application/json; charset=utf-16")],
            "",
            415,
            Some("accept"),
        ),
        (
            vec![LINES, ("content-encoding", "br")],
            "",
            415,
            Some("accept-encoding"),
        ),
        (vec![LINES], "strict=yes", 400, None),
    ] {
        let time = Time::new();
        let sink = Memory::new(&time);
        let pieces = Pieces::of(&time, lines(1).as_bytes(), 10);
        let read = pieces.read.clone();
        let answer = sent(&fields, query, pieces, &sink);
        let response = answer.response(&headers(&[]));
        assert_eq!(response.status(), status);
        for name in ["accept", "accept-encoding"] {
            assert_eq!(response.headers().contains_key(name), field == Some(name));
        }
        assert_eq!((read.get(), sink.tries.get()), (0, 0));
        body_of(&answer);
    }
}
