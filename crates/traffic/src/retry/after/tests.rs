use super::*;

/// Sun, 06 Nov 1994 08:49:37 GMT, the example of RFC 9110 section 5.6.7.
const NOW: u64 = 784_111_777;

fn wait_ms(value: &str) -> Option<u64> {
    retry_after_ms(value.as_bytes(), NOW)
}

#[test]
fn seconds_are_read_up_to_a_bound() {
    for (value, due) in [
        ("0", Some(0)),
        ("1", Some(1000)),
        ("120", Some(120_000)),
        (" 120\t", Some(120_000)),
        ("0003", Some(3000)),
        ("3600", Some(3_600_000)),
        ("3601", Some(3_600_000)),
        ("99999999999999999999999999", Some(3_600_000)),
        ("", None),
        (" ", None),
        ("-1", None),
        ("+1", None),
        ("1.5", None),
        ("1s", None),
        ("1, 2", None),
        ("0x10", None),
        ("soon", None),
        ("١", None),
    ] {
        assert_eq!(wait_ms(value), due, "{value:?}");
    }
    let longest = [b'0'; RETRY_AFTER_BYTES_MAX];
    assert_eq!(retry_after_ms(&longest, NOW), Some(0));
    let longer = [b'0'; RETRY_AFTER_BYTES_MAX + 1];
    assert_eq!(retry_after_ms(&longer, NOW), None, "too long to be read");
    assert_eq!(retry_after_ms(b"\xFF", NOW), None, "no text");
}

#[test]
fn dates_are_read_in_all_three_forms() {
    for (value, seconds) in [
        ("Sun, 06 Nov 1994 08:49:37 GMT", 0),
        ("Sun, 06 Nov 1994 08:49:38 GMT", 1),
        ("Sun, 06 Nov 1994 09:49:36 GMT", 3599),
        ("Sun, 06 Nov 1994 08:49:36 GMT", 0),
        ("Mon, 07 Nov 1994 08:49:37 GMT", 3600),
        ("Thu, 01 Jan 1970 00:00:00 GMT", 0),
        ("Fri, 31 Dec 9999 23:59:60 GMT", 3600),
        ("Sunday, 06-Nov-94 08:50:37 GMT", 60),
        ("Sun Nov  6 08:50:37 1994", 60),
        ("Sun Nov 06 08:50:37 1994", 60),
        ("Wed Nov 16 08:50:37 1994", 3600),
    ] {
        assert_eq!(wait_ms(value), Some(seconds * 1000), "{value}");
    }
}

#[test]
fn what_is_no_date_is_none() {
    for value in [
        "Sun, 06 Nov 1994 08:49:37",
        "Sun, 06 Nov 1994 08:49:37 UTC",
        "Sun, 06 Nov 1994 08:49:37 GMT GMT",
        "Sun, 06 Nov 1994 08:49 GMT",
        "Sun, 06 Nov 1994 08:49:37:00 GMT",
        "Sun, 06 Nov 1994 24:00:00 GMT",
        "Sun, 06 Nov 1994 08:60:00 GMT",
        "Sun, 06 Nov 1994 08:49:61 GMT",
        "Sun, 00 Nov 1994 08:49:37 GMT",
        "Sun, 31 Nov 1994 08:49:37 GMT",
        "Wed, 29 Feb 1995 08:49:37 GMT",
        "Mon, 29 Feb 2100 08:49:37 GMT",
        "Sun, 06 nov 1994 08:49:37 GMT",
        "Sun, 06 No 1994 08:49:37 GMT",
        "Sun, 06 anF 1994 08:49:37 GMT",
        "Sun, 06 NovDec 1994 08:49:37 GMT",
        "Sun, 06 11 1994 08:49:37 GMT",
        "Sun, 06 Nov 994 08:49:37 GMT",
        "Sun, 06 Nov 01994 08:49:37 GMT",
        "Sun, 06 Nov 1969 08:49:37 GMT",
        "Sun, +6 Nov 1994 08:49:37 GMT",
        "06 Nov 1994 08:49:37 GMT",
        "Sun",
        "---",
        "1994-11-06T08:49:37Z",
    ] {
        assert_eq!(wait_ms(value), None, "{value}");
    }
}

#[test]
fn no_time_of_day_makes_a_date_unreadable() {
    for now in [0, 1, NOW, u64::MAX] {
        for value in [
            "Sunday, 06-Nov-94 08:49:37 GMT",
            "Sunday, 06-Nov-00 08:49:37 GMT",
        ] {
            let wait_ms = retry_after_ms(value.as_bytes(), now);
            assert!(wait_ms <= Some(3_600_000), "{value} at {now}");
        }
    }
}
