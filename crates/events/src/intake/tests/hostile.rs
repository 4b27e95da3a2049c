//! Bodies that are made to hurt: each is refused, and the good events around what is bad go through.

use super::simulated::{Memory, Pieces, Time, sent};
use crate::intake::PIECES_AT_ONCE;
use crate::intake::answer::End;
use crate::json::{DEPTH_MAX, NUMBER_CHARS_MAX};
use crate::record::EVENT_BYTES_MAX;
use crate::report::REFUSED_MAX;
use crate::unfold::PIECE_BYTES_MAX;

const GOOD: &str = r#"{"id":"1","source":"/a","type":"t"}"#;

fn with_data(data: &str) -> String {
    format!(r#"{{"id":"2","source":"/a","type":"t","data":{data}}}"#)
}

#[test]
fn a_hostile_event_is_refused_and_those_around_it_are_taken() {
    let wide: String = (0..60_000).map(|nth| format!("\"m{nth}\":1,")).collect();
    let twice = format!("{{{wide}\"m7\":2}}");
    for (name, bad) in [
        (
            "deep",
            with_data(&("[".repeat(DEPTH_MAX) + &"]".repeat(DEPTH_MAX))).into_bytes(),
        ),
        ("deeper", with_data(&"[".repeat(500_000)).into_bytes()),
        ("wide and double", with_data(&twice).into_bytes()),
        (
            "long number",
            with_data(&"1".repeat(NUMBER_CHARS_MAX + 1)).into_bytes(),
        ),
        (
            "longer number",
            with_data(&"1".repeat(500_000)).into_bytes(),
        ),
        ("huge number", with_data("1e400").into_bytes()),
        (
            "no UTF-8",
            [b"{\"id\":\"".as_slice(), &[0xff; 4], b"\"}"].concat(),
        ),
        (
            "half a character",
            with_data("\"\u{e9}\"")
                .into_bytes()
                .into_iter()
                .filter(|byte| *byte != 0xa9)
                .collect(),
        ),
        ("half a pair", with_data(r#""\ud800""#).into_bytes()),
        ("raw control character", with_data("\"\u{1}\"").into_bytes()),
        (
            "a mark",
            [b"\xef\xbb\xbf".as_slice(), GOOD.as_bytes()].concat(),
        ),
        (
            "too long",
            with_data(&format!("\"{}\"", "x".repeat(EVENT_BYTES_MAX))).into_bytes(),
        ),
        (
            "far too long",
            with_data(&format!("\"{}\"", "x".repeat(5 * EVENT_BYTES_MAX))).into_bytes(),
        ),
        ("garbage", b"\0\0\0".to_vec()),
        ("many extensions", {
            let members: String = (0..50_000).map(|nth| format!(",\"e{nth}\":1")).collect();
            format!(r#"{{"id":"2","source":"/a","type":"t"{members}}}"#).into_bytes()
        }),
        ("many wrong names", {
            let members: String = (0..50_000).map(|nth| format!(",\"E{nth}\":[]")).collect();
            format!(r#"{{"id":"2","source":"/a","type":"t"{members}}}"#).into_bytes()
        }),
        (
            "long names",
            format!(r#"{{"{}":1}}"#, "x".repeat(1_000_000)).into_bytes(),
        ),
    ] {
        let last = GOOD.replace("\"1\"", "\"3\"");
        let body = [GOOD.as_bytes(), b"\n", &bad, b"\n", last.as_bytes()].concat();
        let time = Time::new();
        let sink = Memory::new(&time);
        let fields = [("content-type", "application/x-ndjson")];
        let answer = sent(&fields, "", Pieces::of(&time, &body, 65_536), &sink);
        assert_eq!(sink.ids(), ["1", "3"], "{name}");
        assert_eq!(
            (answer.status().as_u16(), answer.report.refused),
            (200, 1),
            "{name}"
        );
        let json = answer.response(&http::HeaderMap::new()).into_body();
        assert!(json.len() < 8_192, "{name}: {}", json.len());
    }
}

#[test]
fn the_deepest_and_the_widest_that_may_be_are_taken() {
    let depth = DEPTH_MAX - 1;
    let wide: String = (0..60_000).map(|nth| format!("\"m{nth}\":1,")).collect();
    for data in [
        "[".repeat(depth) + &"]".repeat(depth),
        format!("{{{wide}\"m\":2}}"),
    ] {
        let time = Time::new();
        let sink = Memory::new(&time);
        let body = with_data(&data);
        let fields = [("content-type", "application/json")];
        let answer = sent(
            &fields,
            "",
            Pieces::of(&time, body.as_bytes(), 65_536),
            &sink,
        );
        assert_eq!((answer.status().as_u16(), answer.report.accepted), (200, 1));
    }
}

#[test]
fn a_bomb_ends_the_request_and_nothing_of_it_is_taken() {
    let bomb = zstd::bulk::compress(&vec![b'\n'; 300_000_000], 3).unwrap();
    let nested = zstd::bulk::compress(&bomb, 3).unwrap();
    for (name, body, status) in [
        ("bomb", &bomb, 413),
        ("frames of bombs", &bomb.repeat(3), 413),
        // It is unfolded once, and what comes of that is no event.
        ("bomb in a bomb", &nested, 422),
    ] {
        let time = Time::new();
        let sink = Memory::new(&time);
        let fields = [
            ("content-type", "application/x-ndjson"),
            ("content-encoding", "zstd"),
        ];
        let answer = sent(&fields, "", Pieces::of(&time, body, 65_536), &sink);
        assert_eq!(answer.status(), status, "{name}");
        assert_eq!(sink.tries.get(), 0, "{name}");
    }
}

#[test]
fn who_sends_nothing_but_bad_events_is_not_listened_to_for_long() {
    for (more, end, status, ids) in [
        (0, End::Whole, 200, &["1", "3"][..]),
        (1, End::TooManyRefused, 422, &["1"][..]),
    ] {
        let bad = "{\n".repeat(usize::try_from(REFUSED_MAX).unwrap() + more);
        let last = GOOD.replace("\"1\"", "\"3\"");
        let body = format!("{GOOD}\n{bad}{last}\n");
        let time = Time::new();
        let sink = Memory::new(&time);
        let fields = [("content-type", "application/x-ndjson")];
        let pieces = Pieces::of(&time, body.as_bytes(), 65_536);
        let answer = sent(&fields, "", pieces, &sink);
        assert_eq!((&answer.end, answer.status().as_u16()), (&end, status));
        assert_eq!(answer.report.refused, REFUSED_MAX + more as u64);
        assert_eq!(sink.ids(), ids);
        // What was refused is not to be sent again.
        let next = answer.resume_from.map(|place| place.event);
        assert_eq!(next, (more > 0).then_some(REFUSED_MAX + 3));
    }
}

#[test]
fn others_have_turns_while_a_piece_becomes_many() {
    let plain = vec![b'\n'; 3_000_000];
    let body = zstd::bulk::compress(&plain, 3).unwrap();
    let time = Time::new();
    let sink = Memory::new(&time);
    let fields = [
        ("content-type", "application/x-ndjson"),
        ("content-encoding", "zstd"),
    ];
    let answer = sent(&fields, "", Pieces::of(&time, &body, body.len()), &sink);
    assert_eq!(answer.end, End::Whole);
    let pieces = u32::try_from(plain.len() / PIECE_BYTES_MAX).unwrap();
    assert!(time.turns.get() >= pieces / PIECES_AT_ONCE, "{pieces}");
}
