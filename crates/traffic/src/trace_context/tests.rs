//! The cases are those of the W3C's test suite for Trace Context, and what it leaves out.

use super::{TRACESTATE_BYTES_MAX, TRACESTATE_MEMBERS_MAX, Traceparent, is_tracestate};

const TRACE: &str = "12345678901234567890123456789012";
const SPAN: &str = "1234567890123456";

fn fields(values: &[&str]) -> Vec<Vec<u8>> {
    values
        .iter()
        .map(|value| value.as_bytes().to_vec())
        .collect()
}

fn shown(told: Traceparent) -> String {
    String::from_utf8_lossy(told.as_bytes()).into_owned()
}

fn read(values: &[&str]) -> Option<String> {
    let told = Traceparent::of(&fields(values));
    told.map(shown)
}

#[test]
fn a_valid_traceparent_is_read_in_version_00() {
    for (value, read_as) in [
        (
            "00-12345678901234567890123456789012-1234567890123456-01",
            "00-12345678901234567890123456789012-1234567890123456-01",
        ),
        (
            "00-12345678901234567890123456789012-1234567890123456-00",
            "00-12345678901234567890123456789012-1234567890123456-00",
        ),
        // Flags that are not known say nothing.
        (
            "00-12345678901234567890123456789012-1234567890123456-ff",
            "00-12345678901234567890123456789012-1234567890123456-03",
        ),
        (
            "00-12345678901234567890123456789012-1234567890123456-0c",
            "00-12345678901234567890123456789012-1234567890123456-00",
        ),
        // Later versions may be longer, behind a hyphen.
        (
            "cc-12345678901234567890123456789012-1234567890123456-01",
            "00-12345678901234567890123456789012-1234567890123456-01",
        ),
        (
            "cc-12345678901234567890123456789012-1234567890123456-01-what-the-future-will-be-like",
            "00-12345678901234567890123456789012-1234567890123456-01",
        ),
        (
            "01-12345678901234567890123456789012-1234567890123456-02-",
            "00-12345678901234567890123456789012-1234567890123456-02",
        ),
        // Some hosts leave the white space around a value.
        (
            " \t00-12345678901234567890123456789012-1234567890123456-01\t ",
            "00-12345678901234567890123456789012-1234567890123456-01",
        ),
    ] {
        assert_eq!(read(&[value]).as_deref(), Some(read_as), "{value:?}");
    }
}

#[test]
fn a_traceparent_that_is_not_valid_is_none() {
    for value in [
        "",
        "00",
        "00-12345678901234567890123456789012-1234567890123456",
        // Version 00 has an end.
        "00-12345678901234567890123456789012-1234567890123456-01-",
        "00-12345678901234567890123456789012-1234567890123456-01-what-the-future-will-be-like",
        "00-12345678901234567890123456789012-1234567890123456-01.",
        "cc-12345678901234567890123456789012-1234567890123456-01.what-the-future-will-not-be-like",
        // A version that is none.
        "ff-12345678901234567890123456789012-1234567890123456-01",
        "ff-12345678901234567890123456789012-1234567890123456-01-more",
        ".0-12345678901234567890123456789012-1234567890123456-01",
        "0.-12345678901234567890123456789012-1234567890123456-01",
        "CC-12345678901234567890123456789012-1234567890123456-01",
        "000-12345678901234567890123456789012-1234567890123456-01",
        "0000-12345678901234567890123456789012-1234567890123456-01",
        "0-12345678901234567890123456789012-1234567890123456-01",
        "-12345678901234567890123456789012-1234567890123456-01",
        // Ids of zeros.
        "00-00000000000000000000000000000000-1234567890123456-01",
        "00-12345678901234567890123456789012-0000000000000000-01",
        // Other digits, and upper case (§3.2.1: `HEXDIGLC`).
        "00-.2345678901234567890123456789012-1234567890123456-01",
        "00-1234567890123456789012345678901.-1234567890123456-01",
        "00-1234567890123456789012345678901A-1234567890123456-01",
        "00-12345678901234567890123456789012-.234567890123456-01",
        "00-12345678901234567890123456789012-123456789012345B-01",
        "00-12345678901234567890123456789012-1234567890123456-.0",
        "00-12345678901234567890123456789012-1234567890123456-0.",
        "00-12345678901234567890123456789012-1234567890123456-0F",
        "00-12345678901234567890123456789012-1234567890123456-+1",
        // Wrong lengths.
        "00-123456789012345678901234567890123-1234567890123456-01",
        "00-1234567890123456789012345678901-1234567890123456-01",
        "00-12345678901234567890123456789012-12345678901234567-01",
        "00-12345678901234567890123456789012-123456789012345-01",
        "00-12345678901234567890123456789012-1234567890123456-001",
        "00-12345678901234567890123456789012-1234567890123456-1",
        // Other separators, and two in one field.
        "00_12345678901234567890123456789012_1234567890123456_01",
        "00 12345678901234567890123456789012 1234567890123456 01",
        "00-12345678901234567890123456789012-1234567890123456-01,\
         00-12345678901234567890123456789012-1234567890123456-01",
        "00-1234567890123456789012345678901\u{e9}-1234567890123456-01",
    ] {
        assert_eq!(read(&[value]), None, "{value:?}");
    }
}

#[test]
fn of_several_traceparents_none_is_taken() {
    let one = "00-12345678901234567890123456789012-1234567890123456-01";
    let other = "00-12345678901234567890123456789011-1234567890123456-01";
    assert_eq!(read(&[]), None);
    assert_eq!(read(&[one, one]), None);
    assert_eq!(read(&[one, other]), None);
    assert_eq!(read(&[one, ""]), None);
}

#[test]
fn another_span_has_the_trace_and_the_flags() {
    let told = Traceparent::of(&fields(&[
        "00-12345678901234567890123456789012-1234567890123456-03",
    ]));
    let told = told.unwrap();
    assert_eq!((told.trace_id(), told.span_id()), (TRACE, SPAN));
    assert!(told.is_sampled());
    let child = told.child(0xfedc_ba98);
    assert_eq!(
        shown(child),
        "00-12345678901234567890123456789012-00000000fedcba98-03"
    );
}

#[test]
fn a_first_span_is_not_sampled_and_one_that_everybody_reads() {
    let first = Traceparent::first("0b9c54a0-3f0e-4b0e-9d2c-1f2e3d4c5b6a", 0);
    assert_eq!(
        shown(first),
        "00-0b9c54a03f0e4b0e9d2c1f2e3d4c5b6a-0000000000000001-00"
    );
    assert!(!first.is_sampled());
    assert_eq!(read(&[&shown(first)]), Some(shown(first)));
}

fn goes_on(values: &[&str]) -> bool {
    is_tracestate(&fields(values))
}

#[test]
fn a_valid_tracestate_goes_on() {
    let longest_key = format!("{}=1", "z".repeat(256));
    let longest_tenant = format!("{}@{}=1", "t".repeat(241), "v".repeat(14));
    let longest_value = format!("foo={}", "v".repeat(256));
    for values in [
        &[][..],
        &[""],
        &["foo=1"],
        &["foo=1,bar=2"],
        // Several fields are one list.
        &["foo=1", "bar=2"],
        &["foo=1", "", "bar=2"],
        &["foo=1 \t , \t bar=2, \t baz=3"],
        &["foo=1,"],
        &[",foo=1"],
        &["foo=1,,,bar=2"],
        &["foo= 1"],
        &["foo=1 2"],
        &["0foo=1"],
        &["foo@=1,bar=2"],
        &["tenant@vendor=1"],
        &["a_-*/b=1"],
        &["foo=!\"#$%&'()*+-./:;<>?@[\\]^_`{|}~"],
        &[longest_key.as_str()],
        &[longest_tenant.as_str()],
        &[longest_value.as_str()],
        // Whose they are knows which one counts.
        &["foo=1,foo=2"],
        &["foo=1,bar=2", "foo=3"],
    ] {
        assert!(goes_on(values), "{values:?}");
    }
}

#[test]
fn a_tracestate_that_is_not_valid_does_not_go_on() {
    let long_key = format!("foo=1,{}=1", "z".repeat(257));
    let long_value = format!("foo=1,bar={}", "v".repeat(257));
    for value in [
        "foo",
        "foo=",
        "=1",
        "foo=1,bar",
        "foo=1,b ar=2",
        "foo =1",
        "FOO=1",
        "foo.bar=1",
        "_foo=1",
        "foo=1=2",
        "foo=1;bar=\u{e9}",
        "foo=1\tbar",
        "foo=\u{7f}",
        long_key.as_str(),
        long_value.as_str(),
    ] {
        assert!(!goes_on(&[value]), "{value:?}");
        assert!(!goes_on(&["bar=1", value]), "{value:?}");
    }
}

#[test]
fn as_many_members_and_bytes_go_on_as_there_may_be() {
    let members = |count: usize| {
        let members: Vec<String> = (0..count).map(|n| format!("bar{n:02}={n:02}")).collect();
        members.join(",")
    };
    let all = members(TRACESTATE_MEMBERS_MAX);
    assert!(goes_on(&[&all]));
    assert!(!goes_on(&[&members(33)]));
    assert!(!goes_on(&[&all, "baz=1"]));
    let full = format!("a={},b={}", "x".repeat(254), "y".repeat(253));
    assert_eq!(full.len(), TRACESTATE_BYTES_MAX);
    assert!(goes_on(&[&full]));
    assert!(!goes_on(&[&format!("{full}y")]));
    // The comma between two fields counts.
    let (one, other) = full.split_once(',').unwrap();
    assert!(goes_on(&[one, other]));
    assert!(!goes_on(&[one, other, ""]));
}
