use super::{http_date, parse_http_date, parse_rfc3339, rfc3339, unix_s};

/// Sun, 06 Nov 1994 08:49:37 GMT, the example of RFC 9110 section 5.6.7.
const THEN: &str = "Sun, 06 Nov 1994 08:49:37 GMT";
const NOW: u64 = 784_111_777;

#[test]
fn an_http_date_is_read_to_the_second() {
    for (text, seconds) in [
        (THEN, NOW),
        ("Thu, 01 Jan 1970 00:00:00 GMT", 0),
        ("Sat, 28 Feb 1970 23:59:59 GMT", 59 * 86_400 - 1),
        ("Tue, 29 Feb 2000 00:00:00 GMT", 951_782_400),
        ("Tue, 29 Feb 2000 12:00:00 GMT", 951_825_600),
        ("Wed, 01 Mar 2000 00:00:00 GMT", 951_868_800),
        ("Sun, 31 Dec 2023 23:59:59 GMT", 1_704_067_199),
        ("Thu, 29 Feb 2024 00:00:00 GMT", 1_709_164_800),
        ("Thu, 29 Feb 2024 12:00:00 GMT", 1_709_208_000),
        ("Fri, 01 Mar 2024 00:00:00 GMT", 1_709_251_200),
        ("Sun, 01 Mar 2026 00:00:00 GMT", 1_772_323_200),
        ("Tue, 31 Dec 2024 23:59:60 GMT", 1_735_689_600),
        ("Mon, 01 Mar 2100 00:00:00 GMT", 4_107_542_400),
        ("Fri, 31 Dec 9999 23:59:59 GMT", 253_402_300_799),
        // The day of the week is not compared with the date.
        ("Mon, 06 Nov 1994 08:49:37 GMT", NOW),
    ] {
        assert_eq!(parse_http_date(text, NOW), Some(seconds), "{text}");
    }
}

#[test]
fn all_three_forms_of_an_http_date_are_read() {
    for text in [
        THEN,
        "Sunday, 06-Nov-94 08:49:37 GMT",
        "Sun Nov  6 08:49:37 1994",
        "Sun Nov 06 08:49:37 1994",
    ] {
        assert_eq!(parse_http_date(text, NOW), Some(NOW), "{text}");
    }
    for (month, name) in (1..).zip([
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ]) {
        let expected = unix_s([1994, month, 16, 8, 49, 37]);
        assert!(expected.is_some());
        for text in [
            format!("Wed, 16 {name} 1994 08:49:37 GMT"),
            format!("Wednesday, 16-{name}-94 08:49:37 GMT"),
            format!("Wed {name} 16 08:49:37 1994"),
        ] {
            assert_eq!(parse_http_date(&text, NOW), expected, "{text}");
        }
    }
    for (short, long) in [
        ("Mon", "Monday"),
        ("Tue", "Tuesday"),
        ("Wed", "Wednesday"),
        ("Thu", "Thursday"),
        ("Fri", "Friday"),
        ("Sat", "Saturday"),
        ("Sun", "Sunday"),
    ] {
        for (text, expected) in [
            (format!("{short}, 06 Nov 1994 08:49:37 GMT"), Some(NOW)),
            (format!("{long}, 06-Nov-94 08:49:37 GMT"), Some(NOW)),
            (format!("{short} Nov  6 08:49:37 1994"), Some(NOW)),
            (format!("{long}, 06 Nov 1994 08:49:37 GMT"), None),
            (format!("{short}, 06-Nov-94 08:49:37 GMT"), None),
            (format!("{long} Nov  6 08:49:37 1994"), None),
        ] {
            assert_eq!(parse_http_date(&text, NOW), expected, "{text}");
        }
    }
}

#[test]
fn a_year_of_two_digits_is_at_most_fifty_years_ahead() {
    let new_year_2026 = 1_767_225_600;
    for (date, unix_s) in [
        ("Monday, 06-Nov-76 00:00:00 GMT", Some(3_371_846_400)),
        ("Sunday, 06-Nov-77 00:00:00 GMT", Some(247_622_400)),
        ("Friday, 06-Nov-26 00:00:00 GMT", Some(1_793_923_200)),
        ("Monday, 06-Nov-00 00:00:00 GMT", Some(973_468_800)),
    ] {
        assert_eq!(parse_http_date(date, new_year_2026), unix_s, "{date}");
    }
}

#[test]
fn what_is_no_http_date_is_none() {
    for text in [
        "",
        "0",
        "Sun",
        "Sun,",
        "---",
        "1994-11-06T08:49:37Z",
        "06 Nov 1994 08:49:37 GMT",
        "Sun, 06 Nov 1994 08:49:37",
        "Sun, 06 Nov 1994 08:49:37 UTC",
        "Sun, 06 Nov 1994 08:49:37 +0000",
        "Sun, 06 Nov 1994 08:49:37 gmt",
        "Sun, 06 Nov 1994 08:49:37 GMT ",
        " Sun, 06 Nov 1994 08:49:37 GMT",
        "Sun, 06 Nov 1994 08:49:37 GMT GMT",
        "Sun, 06 Nov 1994 08:49 GMT",
        "Sun, 06 Nov 1994 08:49:37:00 GMT",
        "sun, 06 Nov 1994 08:49:37 GMT",
        "Son, 06 Nov 1994 08:49:37 GMT",
        "n,Mo, 6 Nov 1994 08:49:37 GMT",
        "Sun; 06 Nov 1994 08:49:37 GMT",
        "Sun,-06 Nov 1994 08:49:37 GMT",
        "Sun, 6  Nov 1994 08:49:37 GMT",
        "Sun, 6 Nov 1994 08:49:37 GMT",
        "Sun,  6 Nov 1994 08:49:37 GMT",
        "Sun, +6 Nov 1994 08:49:37 GMT",
        "Sun, 00 Nov 1994 08:49:37 GMT",
        "Sun, 31 Nov 1994 08:49:37 GMT",
        "Sun, 32 Dec 1994 08:49:37 GMT",
        "Wed, 29 Feb 1995 08:49:37 GMT",
        "Sun, 29 Feb 2023 08:49:37 GMT",
        "Sun, 29 Feb 2100 08:49:37 GMT",
        "Mon, 29 Feb 2100 08:49:37 GMT",
        "Sun, 06 nov 1994 08:49:37 GMT",
        "Sun, 06 No 1994 08:49:37 GMT",
        "Sun, 06 anF 1994 08:49:37 GMT",
        "Sun, 06 NovDec 1994 08:49:37 GMT",
        "Sun, 06 11 1994 08:49:37 GMT",
        "Sun, 06 Nov 994 08:49:37 GMT",
        "Sun, 06 Nov 01994 08:49:37 GMT",
        "Sun, 06 Nov 1969 08:49:37 GMT",
        "Sun, 06 Nov 0000 08:49:37 GMT",
        "Sun, 06 Nov -994 08:49:37 GMT",
        "Sun, 06 Nov 94 08:49:37 GMT",
        "Sunday, 06-Nov-1994 08:49:37 GMT",
        "Sunday, 06 Nov 94 08:49:37 GMT",
        "Sun Nov 6 08:49:37 1994",
        "Sun Nov   08:49:37 1994",
        "Sun Nov  6 08:49:37 1994 GMT",
        "Sun, 06 Nov 1994 24:00:00 GMT",
        "Sun, 06 Nov 1994 08:60:37 GMT",
        "Sun, 06 Nov 1994 08:60:00 GMT",
        "Sun, 06 Nov 1994 08:49:61 GMT",
        "Sun, 06 Nov 1994 08-49-37 GMT",
        "Sun, 06 Nov 1994 08:49:3é GM",
        "Sun, 06 Nov 1994T08:49:37 GMT",
        "Sun\u{e9} Nov  6 08:49:37 1994",
    ] {
        assert_eq!(parse_http_date(text, NOW), None, "{text:?}");
    }
}

#[test]
fn no_time_of_day_makes_a_date_unreadable() {
    for (now, expected) in [
        (0, Some(NOW)),
        (1, Some(NOW)),
        (NOW, Some(NOW)),
        (u64::MAX, None),
    ] {
        let read = parse_http_date("Sunday, 06-Nov-94 08:49:37 GMT", now);
        assert_eq!(read, expected, "at {now}");
    }
}

#[test]
fn a_time_of_rfc_3339_is_read_in_one_form() {
    for (text, seconds) in [
        ("1970-01-01T00:00:00Z", 0),
        ("1999-12-31T23:59:59Z", 946_684_799),
        ("2000-02-29T12:00:00Z", 951_825_600),
        ("2027-01-01T00:00:00Z", 1_798_761_600),
        ("2100-03-01T00:00:00Z", 4_107_542_400),
        ("9999-12-31T23:59:59Z", 253_402_300_799),
    ] {
        assert_eq!(parse_rfc3339(text.as_bytes()), Some(seconds), "{text}");
    }
    for text in [
        "",
        "Z",
        "2027-01-01",
        "2027-01-01T00:00:00",
        "2027-01-01T00:00:00+00:00",
        "2027-01-01 00:00:00Z",
        "2027-01-01T00:00:00.5Z",
        "2027-1-1T00:00:00Z",
        "2027-01-01T00:00Z",
        "2027-01-01T00:00:00:00Z",
        "2027-00-01T00:00:00Z",
        "2027-13-01T00:00:00Z",
        "2027-02-29T00:00:00Z",
        "2100-02-29T00:00:00Z",
        "2027-01-00T00:00:00Z",
        "2027-01-01T24:00:00Z",
        "2027-01-01T00:60:00Z",
        "2027-01-01T00:00:60Z",
        "1969-12-31T23:59:59Z",
        "+027-01-01T00:00:00Z",
        "２027-01-01T00:00:00Z",
        "2027-01-01t00:00:00z",
    ] {
        assert_eq!(parse_rfc3339(text.as_bytes()), None, "{text:?}");
    }
}

#[test]
fn a_date_is_written_as_it_is_read() {
    for (unix_s, text) in [
        (0, "Thu, 01 Jan 1970 00:00:00 GMT"),
        (784_111_777, "Sun, 06 Nov 1994 08:49:37 GMT"),
        (951_827_696, "Tue, 29 Feb 2000 12:34:56 GMT"),
        (1_801_353_599, "Sat, 30 Jan 2027 23:59:59 GMT"),
    ] {
        assert_eq!(http_date(unix_s), text);
        assert_eq!(parse_http_date(text, 0), Some(unix_s));
    }
}

#[test]
fn every_day_is_written_as_it_is_read() {
    // Up to the end of 9999, with a time of day that is another one each day.
    for day in 0..2_932_897_u64 {
        let ms = day * 86_400_000 + day * 9_973 % 86_400_000;
        let text = rfc3339(ms);
        let (whole, rest) = text.split_at(19);
        assert_eq!(rest, format!(".{:03}Z", ms % 1000), "{text}");
        let read = parse_rfc3339(format!("{whole}Z").as_bytes());
        assert_eq!(read, Some(ms / 1000), "{text}");
    }
}

#[test]
fn a_time_is_written_with_milliseconds() {
    for (ms, text) in [
        (0, "1970-01-01T00:00:00.000Z"),
        (951_782_399_999, "2000-02-28T23:59:59.999Z"),
        (951_782_400_000, "2000-02-29T00:00:00.000Z"),
        (1_798_761_600_007, "2027-01-01T00:00:00.007Z"),
        (4_107_542_400_000, "2100-03-01T00:00:00.000Z"),
        (253_402_300_799_999, "9999-12-31T23:59:59.999Z"),
    ] {
        assert_eq!(rfc3339(ms), text);
    }
}

#[test]
fn a_time_of_rfc_3339_has_fractions_and_any_zone() {
    const DAY_MS: u64 = 86_400_000;
    for (text, expected) in [
        ("1970-01-01T00:00:00Z", Some(0)),
        ("1970-01-02T00:00:00z", Some(DAY_MS)),
        ("1970-01-02t00:00:00Z", Some(DAY_MS)),
        ("1970-01-02T00:00:00.5Z", Some(DAY_MS + 500)),
        ("1970-01-02T00:00:00.05Z", Some(DAY_MS + 50)),
        ("1970-01-02T00:00:00.123Z", Some(DAY_MS + 123)),
        (
            "1970-01-02T00:00:00.999999999999999999999Z",
            Some(DAY_MS + 999),
        ),
        ("1970-01-02T00:00:00+00:00", Some(DAY_MS)),
        ("1970-01-02T00:00:00-00:00", Some(DAY_MS)),
        ("1970-01-02T01:30:00+01:30", Some(DAY_MS)),
        ("1970-01-01T18:00:00.007-06:00", Some(DAY_MS + 7)),
        ("1970-01-01T23:59:60Z", Some(DAY_MS)),
        // The examples of section 5.8.
        ("1985-04-12T23:20:50.52Z", Some(482_196_050_520)),
        ("1996-12-19T16:39:57-08:00", Some(851_042_397_000)),
        ("1990-12-31T15:59:60-08:00", Some(662_688_000_000)),
        ("9999-12-31T23:59:59.999Z", Some(253_402_300_799_999)),
        // Before 1970.
        ("1969-12-31T23:59:59Z", None),
        ("1970-01-01T00:00:00+00:01", None),
        ("0001-01-01T00:00:00Z", None),
        // What is none.
        ("", None),
        ("1970-01-02", None),
        ("1970-01-02T00:00:00", None),
        ("1970-01-02T00:00Z", None),
        ("1970-01-02 00:00:00Z", None),
        ("1970-01-02T00:00:00.Z", None),
        ("1970-01-02T00:00:00,5Z", None),
        ("1970-01-02T00:00:00ZZ", None),
        ("1970-01-02T00:00:00Z ", None),
        ("1970-01-02T00:00:00+24:00", None),
        ("1970-01-02T00:00:00+00:60", None),
        ("1970-01-02T00:00:00+0000", None),
        ("1970-01-02T00:00:00+:0:00", None),
        ("1970-01-02T00:00:00+00", None),
        ("1970-13-02T00:00:00Z", None),
        ("1970-02-29T00:00:00Z", None),
        ("1970-01-02T24:00:00Z", None),
        ("1970-01-02T00:00:61Z", None),
        ("+970-01-02T00:00:00Z", None),
        ("\u{661}970-01-02T00:00:00Z", None),
    ] {
        assert_eq!(super::parse_rfc3339_ms(text.as_bytes()), expected, "{text}");
    }
}
