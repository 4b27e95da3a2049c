use super::*;

/// Sun, 06 Nov 1994 08:49:37 GMT, the example of RFC 9110 §5.6.7.
const THEN: &str = "Sun, 06 Nov 1994 08:49:37 GMT";
const NOW: UnixTime = UnixTime(784_111_777);

#[test]
fn the_issuer_says_for_how_long_within_bounds() {
    for (header, seconds) in [
        (None, FRESH_S_DEFAULT),
        (Some(""), FRESH_S_DEFAULT),
        (Some("public"), FRESH_S_DEFAULT),
        (Some("max-age=300"), 300),
        (Some("public, Max-Age = 300 , must-revalidate"), 300),
        (Some("max-age=\"300\""), 300),
        (Some("max-age=1"), FRESH_S_MIN),
        (Some("max-age=0"), FRESH_S_MIN),
        (Some("no-store"), FRESH_S_MIN),
        (Some("no-cache, max-age=300"), FRESH_S_MIN),
        (Some("max-age=300, max-age=200"), 200),
        (Some("max-age=31536000"), FRESH_S_MAX),
        (Some("max-age=99999999999999999999999999"), FRESH_S_MAX),
        (Some("max-age=-1"), FRESH_S_DEFAULT),
        (Some("max-age=3e2"), FRESH_S_DEFAULT),
        (Some("max-age="), FRESH_S_DEFAULT),
        (Some("x-max-age=300"), FRESH_S_DEFAULT),
    ] {
        let headers = CacheHeaders {
            cache_control: header,
            ..CacheHeaders::default()
        };
        assert_eq!(fresh_s(&headers, NOW), seconds, "{header:?}");
    }
}

/// As a sender may put them into one field, so it may put them into several (RFC 9110 §5.3).
#[test]
fn several_fields_are_one_list_of_which_the_shortest_time_counts() {
    for (fields, seconds) in [
        (&["no-store", "no-store"][..], FRESH_S_MIN),
        (&["max-age=600", "no-store"], FRESH_S_MIN),
        (&["max-age=61, public", "max-age=600"], 61),
        (&["max-age=600", "max-age=60"], 60),
        (&["max-age=300", "max-age=soon"], 300),
        (&["public", "max-age=300"], 300),
        (&["", "max-age=300", ""], 300),
        (&["max-age=300", "private=\"x\", max-age=200"], 200),
        (&["", ""], FRESH_S_DEFAULT),
    ] {
        let joined = fields.join(", ");
        let headers = CacheHeaders {
            cache_control: Some(&joined),
            ..CacheHeaders::default()
        };
        assert_eq!(fresh_s(&headers, NOW), seconds, "{fields:?}");
    }
}

#[test]
fn what_a_cache_on_the_way_has_used_up_is_taken_off() {
    for (cache_control, age, seconds) in [
        ("max-age=300", "0", 300),
        ("max-age=300", "100", 200),
        ("max-age=300", " 100 ", 200),
        ("max-age=300", "240", FRESH_S_MIN),
        ("max-age=300", "4000", FRESH_S_MIN),
        ("max-age=31536000", "100", FRESH_S_MAX),
        ("max-age=300", "99999999999999999999999999", FRESH_S_MIN),
        ("max-age=300", "-100", 300),
        ("max-age=300", "soon", 300),
        ("max-age=300", "", 300),
        ("public", "100", FRESH_S_DEFAULT - 100),
    ] {
        let headers = CacheHeaders {
            cache_control: Some(cache_control),
            age: Some(age),
            ..CacheHeaders::default()
        };
        assert_eq!(
            fresh_s(&headers, NOW),
            seconds,
            "{cache_control}, Age: {age:?}"
        );
    }
}

#[test]
fn without_max_age_the_time_of_expiry_counts() {
    let later = "Sun, 06 Nov 1994 08:54:37 GMT";
    let earlier = "Sun, 06 Nov 1994 08:47:57 GMT";
    for (cache_control, expires, date, age, seconds, what) in [
        (
            None,
            Some(later),
            Some(THEN),
            None,
            300,
            "Expires less Date",
        ),
        (
            None,
            Some(later),
            None,
            None,
            300,
            "without a Date, less now",
        ),
        (
            None,
            Some(later),
            Some("today"),
            None,
            300,
            "a Date that is none",
        ),
        (
            None,
            Some(later),
            Some(earlier),
            None,
            400,
            "the sender's clock, not ours",
        ),
        (
            None,
            Some("Sunday, 06-Nov-94 08:54:37 GMT"),
            Some("Sun Nov  6 08:49:37 1994"),
            None,
            300,
            "in the obsolete forms of a date",
        ),
        (None, Some(later), Some(THEN), Some("100"), 200, "less Age"),
        (
            None,
            Some(THEN),
            Some(later),
            None,
            FRESH_S_MIN,
            "it has passed",
        ),
        (
            None,
            Some(THEN),
            Some(THEN),
            None,
            FRESH_S_MIN,
            "it has come",
        ),
        (
            None,
            Some("0"),
            Some(THEN),
            None,
            FRESH_S_MIN,
            "no date has passed",
        ),
        (
            None,
            Some("-1"),
            None,
            None,
            FRESH_S_MIN,
            "no date has passed",
        ),
        (
            None,
            Some(""),
            None,
            None,
            FRESH_S_MIN,
            "no date has passed",
        ),
        (
            None,
            Some("Fri, 31 Dec 9999 23:59:59 GMT"),
            Some(THEN),
            None,
            FRESH_S_MAX,
            "too long",
        ),
        (
            Some("max-age=200"),
            Some(later),
            Some(THEN),
            None,
            200,
            "max-age wins",
        ),
        (
            Some("no-store"),
            Some(later),
            Some(THEN),
            None,
            FRESH_S_MIN,
            "no-store wins",
        ),
        (
            Some("public"),
            Some(later),
            Some(THEN),
            None,
            300,
            "public says nothing",
        ),
        (
            None,
            None,
            Some(THEN),
            None,
            FRESH_S_DEFAULT,
            "a Date alone says nothing",
        ),
    ] {
        let headers = CacheHeaders {
            cache_control,
            age,
            expires,
            date,
        };
        assert_eq!(fresh_s(&headers, NOW), seconds, "{what}: {headers:?}");
    }
}
