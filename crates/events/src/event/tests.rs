use super::bounds::{EXTENSIONS_MAX, TIME_AHEAD_MS, TIME_BEHIND_MS};
use super::data::{AnyData, DataCheck, DataFault};
use super::{Rules, read, write};
use crate::fault::Faults;
use crate::json::{Tape, Value};
use crate::record::Batch;

/// 2027-01-01T00:00:00Z.
const NOW_MS: u64 = 1_798_761_600_000;
const RECORDED_AT: &str = "2027-01-01T00:00:00.000Z";

/// The record of an event, or all that is wrong with it.
fn taken(
    text: &str,
    specversion_required: bool,
    check: &mut dyn DataCheck,
) -> Result<Batch, Vec<String>> {
    let mut tape = Tape::new();
    let value = tape.parse(text.as_bytes()).unwrap();
    let rules = Rules {
        specversion_required,
        time_ahead_ms: TIME_AHEAD_MS,
        time_behind_ms: TIME_BEHIND_MS,
    };
    let (mut scratch, mut faults) = (String::new(), Faults::default());
    match read(value, &rules, NOW_MS, check, &mut scratch, &mut faults) {
        Some(event) => {
            assert!(faults.is_empty());
            let mut batch = Batch::new();
            write(&event, RECORDED_AT, &mut batch);
            Ok(batch)
        }
        None => Err(faults
            .take()
            .map(|fault| format!("{} {}", fault.field.unwrap_or_default(), fault.reason))
            .collect()),
    }
}

fn faults(text: &str) -> Vec<String> {
    taken(text, true, &mut AnyData).err().unwrap_or_default()
}

/// An event with these members besides those that each has.
fn with(members: &str) -> String {
    format!(r#"{{"specversion":"1.0","id":"1","source":"/a","type":"t",{members}}}"#)
}

#[test]
fn a_record_has_what_was_sent_in_one_line_and_when_it_was_recorded() {
    for (text, expected) in [
        (
            r#"{"type":"t","id":"1","source":"/a"}"#,
            r#"{"specversion":"1.0","id":"1","source":"/a","type":"t","recordedtime":"@"}"#,
        ),
        (
            "{\n\t\"data\" : { \"n\" : 1.500e+02 , \"s\":\" a  b \\\" \" },\r\n \"specversion\":\"1.0\", \"x\":1, \"source\" : \"/a\",\"type\":\"t\",\"id\":\"1\"}\n",
            r#"{"specversion":"1.0","id":"1","source":"/a","type":"t","data":{"n":1.500e+02,"s":" a  b \" "},"x":1,"recordedtime":"@"}"#,
        ),
        // The client does not say when it was recorded, and null is nothing but as data.
        (
            r#"{"id":"1","source":"/a","type":"t","recordedtime":"1999-01-01T00:00:00Z","subject":null,"data":null,"ext":null}"#,
            r#"{"specversion":"1.0","id":"1","source":"/a","type":"t","data":null,"recordedtime":"@"}"#,
        ),
        // Escapes stay, in the values and in the names.
        (
            r#"{"id":"\u0031\/","source":"https:\/\/a\/b","type":"t\u00e9","d\u0061ta":"\u0000","extension\u0031":true}"#,
            r#"{"specversion":"1.0","id":"\u0031\/","source":"https:\/\/a\/b","type":"t\u00e9","d\u0061ta":"\u0000","extension\u0031":true,"recordedtime":"@"}"#,
        ),
    ] {
        let batch = taken(text, false, &mut AnyData).unwrap();
        let record = batch.records().next().unwrap();
        assert_eq!(record.json, expected.replace('@', RECORDED_AT));
        assert!(Tape::new().parse(record.json.as_bytes()).is_ok());
    }
    let text = r#"{"id":"\u0031\/","source":"https:\/\/a","type":"t\u00e9","time":"2026-12-31T23:00:00.25-01:00"}"#;
    let batch = taken(text, false, &mut AnyData).unwrap();
    let record = batch.records().next().unwrap();
    assert_eq!(
        (record.id, record.source, record.kind),
        ("1/", "https://a", "t\u{e9}")
    );
    assert_eq!(record.time_ms, Some(NOW_MS + 250));
}

#[test]
fn attributes_are_what_the_specification_says() {
    for (member, fault) in [
        (r#""time":"2027-01-01T00:00:00Z""#, None),
        (r#""time":"2027-01-01T00:10:00Z""#, None),
        (
            r#""time":"2027-01-01T00:10:00.001Z""#,
            Some("/time is more than 600 s ahead of now"),
        ),
        (r#""time":"2026-12-01T00:00:00Z""#, None),
        (
            r#""time":"2026-11-30T23:59:59.999Z""#,
            Some("/time is more than 2678400 s ago"),
        ),
        (
            r#""time":"1969-01-01T00:00:00Z""#,
            Some("/time is not a time from 1970 on in the form of RFC 3339"),
        ),
        (
            r#""time":"yesterday""#,
            Some("/time is not a time from 1970 on in the form of RFC 3339"),
        ),
        (r#""time":1798761600"#, Some("/time is not a string")),
        (
            r#""datacontenttype":"application/json; charset=utf-8""#,
            None,
        ),
        (
            r#""datacontenttype":"json""#,
            Some("/datacontenttype is not a media type (RFC 9110)"),
        ),
        (r#""datacontenttype":"""#, Some("/datacontenttype is empty")),
        (r#""dataschema":"https://a/b#c""#, None),
        (
            r#""dataschema":"a/b""#,
            Some("/dataschema is not a URI with a scheme (RFC 3986)"),
        ),
        (r#""subject":"ä b""#, None),
        (r#""subject":"""#, Some("/subject is empty")),
        (
            r#""subject":"a\nb""#,
            Some("/subject has the control character U+000A"),
        ),
        (
            r#""subject":"a\u0085b""#,
            Some("/subject has the control character U+0085"),
        ),
        (
            r#""subject":"\ufdd0""#,
            Some("/subject has U+FDD0, which is no character"),
        ),
        (
            r#""subject":"\ud83f\udffe""#,
            Some("/subject has U+1FFFE, which is no character"),
        ),
        (r#""data_base64":"AAEC""#, None),
        (r#""data_base64":"\/\/8=""#, None),
        (
            r#""data_base64":"AA""#,
            Some("/data_base64 is not base64 with its padding (RFC 4648 section 4)"),
        ),
        (r#""data_base64":1"#, Some("/data_base64 is not a string")),
        (
            r#""data":1,"data_base64":"AAEC""#,
            Some("/data_base64 is there, and so is data: only one of them may be"),
        ),
        (r#""data":1,"data_base64":null"#, None),
        (
            r#""ext1":"a","ext2":true,"ext3":-2147483648,"ext4":2147483647"#,
            None,
        ),
        (
            r#""ext":2147483648"#,
            Some("/ext is not a whole number of 32 bits"),
        ),
        (
            r#""ext":1.0"#,
            Some("/ext is not a whole number of 32 bits"),
        ),
        (
            r#""ext":1e1"#,
            Some("/ext is not a whole number of 32 bits"),
        ),
        (
            r#""ext":[]"#,
            Some("/ext is not a string, a boolean or a number"),
        ),
        (
            r#""ext":{}"#,
            Some("/ext is not a string, a boolean or a number"),
        ),
        (
            r#""ext":"\u0007""#,
            Some("/ext has the control character U+0007"),
        ),
        (
            r#""userId":"a""#,
            Some(
                "/userId is not known, nor is it an extension: their names have lower-case letters and digits alone",
            ),
        ),
        (
            r#""":1"#,
            Some(
                "/ is not known, nor is it an extension: their names have lower-case letters and digits alone",
            ),
        ),
        (r#""anameofmorethantwentycharacters":1"#, None),
    ] {
        let expected: Vec<&str> = fault.into_iter().collect();
        assert_eq!(faults(&with(member)), expected, "{member}");
    }
}

#[test]
fn what_each_event_has_has_to_be_there_and_bounded() {
    let long = |length: usize| "a".repeat(length);
    for (text, expected) in [
        ("[]".to_owned(), &[" is not a JSON object"][..]),
        (
            "{}".to_owned(),
            &[
                "/specversion is missing",
                "/id is missing",
                "/source is missing",
                "/type is missing",
            ],
        ),
        (
            r#"{"specversion":null,"id":null,"source":null,"type":null}"#.to_owned(),
            &[
                "/specversion is missing",
                "/id is missing",
                "/source is missing",
                "/type is missing",
            ],
        ),
        (
            r#"{"specversion":"0.3","id":"","source":"a b","type":7,"time":"x"}"#.to_owned(),
            &[
                "/specversion is not 1.0, the only version that is read",
                "/id is empty",
                "/source is not a URI reference (RFC 3986)",
                "/type is not a string",
                "/time is not a time from 1970 on in the form of RFC 3339",
            ],
        ),
        (
            format!(
                r#"{{"specversion":"1.0","id":"{}","source":"{}","type":"{}"}}"#,
                long(257),
                long(2_049),
                long(257)
            ),
            &[
                "/id is longer than 256 bytes",
                "/source is longer than 2048 bytes",
                "/type is longer than 256 bytes",
            ],
        ),
        (
            with(&format!(r#""{}":1"#, long(65))),
            &[
                "/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\u{2026} is longer than 64 bytes",
            ],
        ),
    ] {
        assert_eq!(faults(&text), expected, "{text}");
    }
    let plain = r#"{"id":"1","source":"/a","type":"t"}"#;
    assert!(taken(plain, false, &mut AnyData).is_ok());
    assert_eq!(faults(plain), ["/specversion is missing"]);
    let extensions = |count: usize| {
        let members: Vec<String> = (0..count).map(|nth| format!("\"e{nth}\":1")).collect();
        with(&members.join(","))
    };
    assert!(faults(&extensions(EXTENSIONS_MAX)).is_empty());
    assert_eq!(
        faults(&extensions(EXTENSIONS_MAX + 1)),
        [" has more than 64 extensions"]
    );
}

#[test]
fn data_is_checked_by_the_type_once_everything_else_is_good() {
    let mut asked = Vec::new();
    let mut check = |kind: &str, data: Option<Value<'_>>| {
        asked.push((kind.to_owned(), data.map(|data| data.text().to_owned())));
        let (pointer, reason) = match kind {
            "a.b" => (Some("/n".to_owned()), "is missing"),
            "t" => return Ok(()),
            _ => (None, "is not known"),
        };
        Err(DataFault {
            pointer,
            reason: reason.into(),
        })
    };
    let typed =
        |kind: &str, rest: &str| format!(r#"{{"id":"1","source":"/a","type":"{kind}"{rest}}}"#);
    for (text, expected) in [
        (typed("t", r#","data":{"n":1}"#), None),
        (typed("\\u0074", ""), None),
        (typed("a.b", r#","data":[]"#), Some("/data/n is missing")),
        (
            typed("x", r#","data_base64":"""#),
            Some("/type is not known"),
        ),
        (typed("x", r#","time":1"#), Some("/time is not a string")),
    ] {
        let found = taken(&text, false, &mut check).err();
        assert_eq!(
            found,
            expected.map(|fault| vec![fault.to_owned()]),
            "{text}"
        );
    }
    let expected = [
        ("t", Some("{\"n\":1}")),
        ("t", None),
        ("a.b", Some("[]")),
        ("x", None),
    ];
    let expected = expected.map(|(kind, data)| (kind.to_owned(), data.map(str::to_owned)));
    assert_eq!(asked, expected);
}
