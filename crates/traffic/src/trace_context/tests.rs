//! The cases are those of the W3C's test suite for Trace Context, and what it leaves out.

use super::{TRACESTATE_BYTES_MAX, TRACESTATE_MEMBERS_MAX, Traceparent, tracestate};

const TRACE: &str = "12345678901234567890123456789012";
const SPAN: &str = "1234567890123456";

fn fields(values: &[&str]) -> Vec<Vec<u8>> {
    values
        .iter()
        .map(|value| value.as_bytes().to_vec())
        .collect()
}

fn read(values: &[&str]) -> Option<String> {
    let told = Traceparent::of(&fields(values));
    told.map(|told| told.as_str().to_owned())
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
        child.as_str(),
        "00-12345678901234567890123456789012-00000000fedcba98-03"
    );
}

#[test]
fn a_first_span_has_the_digits_of_a_uuid_and_is_not_sampled() {
    let first = Traceparent::first("0b9c54a0-3f0e-4b0e-9d2c-1f2e3d4c5b6a", 0);
    assert_eq!(
        first.as_str(),
        "00-0b9c54a03f0e4b0e9d2c1f2e3d4c5b6a-0000000000000001-00"
    );
    assert!(!first.is_sampled());
    // It is one that everybody reads.
    assert_eq!(read(&[first.as_str()]).as_deref(), Some(first.as_str()));
}

#[test]
fn a_valid_tracestate_goes_on() {
    let longest_key = format!("{}=1", "z".repeat(256));
    let longest_tenant = format!("{}@{}=1", "t".repeat(241), "v".repeat(14));
    let longest_value = format!("foo={}", "v".repeat(256));
    for (values, goes_on) in [
        (&["foo=1"][..], "foo=1"),
        (&["foo=1,bar=2"], "foo=1,bar=2"),
        // Several fields are one list.
        (&["foo=1", "bar=2"], "foo=1,bar=2"),
        (&["foo=1", "", "bar=2"], "foo=1,bar=2"),
        (&["foo=1 \t , \t bar=2, \t baz=3"], "foo=1,bar=2,baz=3"),
        (&["foo=1,"], "foo=1"),
        (&[",foo=1"], "foo=1"),
        (&["foo=1,,,bar=2"], "foo=1,bar=2"),
        (&["foo= 1"], "foo= 1"),
        (&["foo=1 2"], "foo=1 2"),
        (&["0foo=1"], "0foo=1"),
        (&["foo@=1,bar=2"], "foo@=1,bar=2"),
        (&["tenant@vendor=1"], "tenant@vendor=1"),
        (&["a_-*/b=1"], "a_-*/b=1"),
        (
            &["foo=!\"#$%&'()*+-./:;<>?@[\\]^_`{|}~"],
            "foo=!\"#$%&'()*+-./:;<>?@[\\]^_`{|}~",
        ),
        (&[longest_key.as_str()], longest_key.as_str()),
        (&[longest_tenant.as_str()], longest_tenant.as_str()),
        (&[longest_value.as_str()], longest_value.as_str()),
        // The first of two is the newer one.
        (&["foo=1,foo=2"], "foo=1"),
        (&["foo=1,bar=2", "foo=3"], "foo=1,bar=2"),
    ] {
        let state = tracestate(&fields(values));
        assert_eq!(state.as_deref(), Some(goes_on), "{values:?}");
    }
}

#[test]
fn a_tracestate_that_is_not_valid_goes_whole() {
    let long_key = format!("foo=1,{}=1", "z".repeat(257));
    let long_value = format!("foo=1,bar={}", "v".repeat(257));
    for value in [
        "",
        " , ",
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
        assert_eq!(tracestate(&fields(&[value])), None, "{value:?}");
    }
}

fn members(count: usize) -> String {
    let members: Vec<String> = (0..count).map(|n| format!("bar{n:02}={n:02}")).collect();
    members.join(",")
}

#[test]
fn as_many_members_go_on_as_there_may_be() {
    let all = members(TRACESTATE_MEMBERS_MAX);
    assert_eq!(tracestate(&fields(&[&all])), Some(all.clone()));
    assert_eq!(tracestate(&fields(&[&members(33)])), None);
    assert_eq!(tracestate(&fields(&[&all, "baz=1"])), None);
}

#[test]
fn of_a_tracestate_that_is_too_long_the_newest_short_members_go_on() {
    // 512 bytes go on.
    let full = format!("a={},b={}", "x".repeat(254), "y".repeat(253));
    assert_eq!(full.len(), TRACESTATE_BYTES_MAX);
    assert_eq!(tracestate(&fields(&[&full])), Some(full));
    let over = format!("a={},b={},c=1", "x".repeat(254), "y".repeat(120));
    assert_eq!(over.len(), 256 + 1 + 122 + 1 + 3);
    assert_eq!(tracestate(&fields(&[&over])), Some(over));
    // Members of more than 128 bytes go first…
    let long = format!(
        "a={},b=1,c={},d={}",
        "x".repeat(127),
        "y".repeat(126),
        "z".repeat(256)
    );
    let left = format!("b=1,c={}", "y".repeat(126));
    assert_eq!(tracestate(&fields(&[&long])), Some(left));
    // …and then those at the end.
    let members: Vec<String> = (0..5)
        .map(|n| format!("m{n}={}", "v".repeat(125)))
        .collect();
    let left = members[..3].join(",");
    assert_eq!(tracestate(&fields(&[&members.join(",")])), Some(left));
}
