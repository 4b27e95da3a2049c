use super::*;

fn limits() -> RequestLimits {
    RequestLimits {
        header_count_max: Some(10),
        header_bytes_max: Some(100),
        target_bytes_max: Some(20),
        body_bytes_max: Some(1000),
        body_pace: BodyPace::default(),
        content_types: Vec::new(),
    }
}

fn only(types: &[&str]) -> RequestLimits {
    RequestLimits {
        content_types: types.iter().map(|listed| (*listed).to_owned()).collect(),
        ..RequestLimits::default()
    }
}

/// What is said of a request with a body and these `Content-Type` lines.
fn with_types(limits: &RequestLimits, lines: &[&[u8]]) -> Result<(), LimitExceeded> {
    let content_type: Vec<_> = lines.iter().map(|line| line.to_vec()).collect();
    limits.check(&HeadSize {
        has_body: true,
        content_type: &content_type,
        ..HeadSize::default()
    })
}

/// The largest head that [`limits`] accept.
const LARGEST: HeadSize<'_> = HeadSize {
    count: 10,
    bytes: 100,
    target_bytes: 20,
    content_length: Some(1000),
    has_body: true,
    content_type: &[],
};

#[test]
fn a_request_within_its_limits_goes_on() {
    assert_eq!(limits().check(&LARGEST), Ok(()), "at each limit");
    assert_eq!(
        limits().check(&HeadSize::default()),
        Ok(()),
        "an empty request"
    );
}

#[test]
fn a_request_over_a_limit_is_refused_with_which_one() {
    for (head, error) in [
        (
            HeadSize {
                count: 11,
                ..LARGEST
            },
            LimitExceeded::HeaderCount { count: 11 },
        ),
        (
            HeadSize {
                bytes: 101,
                ..LARGEST
            },
            LimitExceeded::HeaderBytes { bytes: 101 },
        ),
        (
            HeadSize {
                target_bytes: 21,
                ..LARGEST
            },
            LimitExceeded::TargetBytes { bytes: 21 },
        ),
        (
            HeadSize {
                content_length: Some(1001),
                ..LARGEST
            },
            LimitExceeded::BodyBytes,
        ),
        (
            HeadSize {
                content_length: Some(u64::MAX),
                has_body: false,
                ..LARGEST
            },
            LimitExceeded::BodyBytes,
        ),
    ] {
        assert_eq!(limits().check(&head), Err(error), "of {head:?}");
    }
}

#[test]
fn without_limits_everything_goes_on() {
    let head = HeadSize {
        count: usize::MAX,
        bytes: usize::MAX,
        target_bytes: usize::MAX,
        content_length: Some(u64::MAX),
        has_body: true,
        content_type: &[],
    };
    assert_eq!(
        RequestLimits::default().check(&head),
        Ok(()),
        "nothing is too large"
    );
}

#[test]
fn a_body_has_one_of_the_listed_media_types() {
    let limits = only(&["application/json", "image/*"]);
    for good in [
        &b"application/json"[..],
        b"Application/JSON",
        b"application/json; charset=utf-8",
        b"application/json;charset=\"utf-8\"",
        b"application/json ; charset=utf-8 ; v=1",
        b" application/json\t",
        b"application/json;",
        b"application/json; ;a=b",
        b"application/json;a=\"b, c; \\\" d\"",
        b"application/json;a=",
        b"application/json; boundary=--=_Part_1/2.3:4",
        b"image/png",
        b"IMAGE/svg+xml",
    ] {
        assert_eq!(
            with_types(&limits, &[good]),
            Ok(()),
            "{} is accepted",
            good.escape_ascii()
        );
    }
}

#[test]
fn a_body_of_another_media_type_or_of_none_is_refused() {
    let limits = only(&["application/json", "image/*"]);
    for bad in [
        &[][..],
        &[&b""[..]],
        &[b"text/plain"],
        &[b"application/jsonp"],
        &[b"application/problem+json"],
        &[b"xapplication/json"],
        &[b"application"],
        &[b"application/"],
        &[b"/json"],
        &[b"image"],
        &[b"image/"],
        &[b"image/*"],
        &[b"*/*"],
        &[b"images/png"],
        &[b"application/json/xml"],
        &[b"application /json"],
        &[b"application/ json"],
        &[b"application/json\0"],
        &[b"application/json\x0C"],
        &[b"application/json charset=utf-8"],
        &[b"application/json, text/html"],
        &[b"text/html, application/json"],
        &[b"application/json;a=b, text/html"],
        &[b"application/json;a=b,text/html"],
        &[b"application/json;a, text/html"],
        &[b"application/json;, text/html"],
        &[b"application/json;a=\"b\", text/html"],
        &[b"application/json;a=\"b\"c"],
        &[b"application/json;a=\", text/html"],
        &[b"application/json;a=\"b\\"],
        &[b"application/json;a=\\\", text/html;\""],
        &[b"application/json;a=b\\"],
        &[b"application/json;a=b\"c\""],
        &[b"application/json;a"],
        &[b"application/json;=b"],
        &[b"application/json; a =b"],
        &[b"image/\xFF"],
        &[b"application/json", b"application/json"],
        &[b"application/json", b"text/html"],
        &[b"text/html", b"application/json"],
    ] {
        let shown: Vec<_> = bad
            .iter()
            .map(|line| line.escape_ascii().to_string())
            .collect();
        assert_eq!(
            with_types(&limits, bad),
            Err(LimitExceeded::ContentType),
            "{shown:?} is refused"
        );
    }
}

#[test]
fn only_what_has_a_body_needs_a_media_type() {
    let limits = only(&["application/json"]);
    for (has_body, content_length, needed) in [
        (false, None, false),
        (false, Some(0), false),
        (false, Some(1), true),
        (true, None, true),
        (true, Some(0), true),
        (true, Some(1), true),
    ] {
        let head = HeadSize {
            has_body,
            content_length,
            ..HeadSize::default()
        };
        assert_eq!(
            limits.check(&head).is_err(),
            needed,
            "body: {has_body}, length: {content_length:?}"
        );
    }
}

#[test]
fn without_listed_types_a_body_may_have_any() {
    let limits = only(&[]);
    for lines in [&[][..], &[&b"what is this"[..]], &[b"a/b", b"c/d"]] {
        assert_eq!(with_types(&limits, lines), Ok(()), "{lines:?} are accepted");
    }
}

fn of_bytes(most: u64) -> RequestLimits {
    RequestLimits {
        body_bytes_max: Some(most),
        ..RequestLimits::default()
    }
}

fn of_pace(time_max_s: u32, rate_min: u32) -> BodyCount {
    BodyCount::new(Some(&RequestLimits {
        body_pace: BodyPace {
            time_max_s,
            rate_min,
        },
        ..RequestLimits::default()
    }))
}

/// How many seconds a client is waited for in all that sends `bytes` after every `pause_ms`.
fn waited_for_s(mut count: BodyCount, pause_ms: u64, bytes: usize) -> Option<u64> {
    let mut waited_ms = 0;
    // More than a day.
    while waited_ms < 90_000_000 {
        let left_ms = count.wait_ms();
        if left_ms < pause_ms {
            return Some((waited_ms + left_ms) / 1000);
        }
        count.waited(pause_ms);
        waited_ms += pause_ms;
        assert_eq!(count.add(bytes), Ok(()), "no limit on bytes");
    }
    None
}

#[test]
fn a_client_is_waited_for_as_long_as_its_body_comes_at_the_least_rate_and_no_longer_in_all_than_it_may()
 {
    for (name, count, pause_ms, bytes, due) in [
        ("nothing comes", BodyCount::default(), 100_000, 1, Some(30)),
        ("a byte in 8 s", BodyCount::default(), 8_000, 1, Some(30)),
        ("half the rate", BodyCount::default(), 1_000, 250, Some(59)),
        (
            "the rate itself",
            BodyCount::default(),
            1_000,
            500,
            Some(600),
        ),
        (
            "much of it in time",
            BodyCount::default(),
            10,
            65_536,
            Some(600),
        ),
        (
            "a pause that is too long",
            BodyCount::default(),
            31_000,
            1 << 30,
            Some(30),
        ),
        ("lifted in all", of_pace(0, 500), 1_000, 500, None),
        (
            "lifted in all, and too slow",
            of_pace(0, 500),
            1_000,
            499,
            Some(14_501),
        ),
        ("any rate", of_pace(100, 0), 7_000, 1, Some(100)),
        ("both lifted", of_pace(0, 0), 3_600_000, 0, None),
        (
            "a high rate in small pieces",
            of_pace(0, 1_000_000),
            1,
            1_000,
            None,
        ),
        (
            "the largest numbers",
            of_pace(u32::MAX, u32::MAX),
            30_001,
            usize::MAX,
            Some(30),
        ),
    ] {
        assert_eq!(waited_for_s(count, pause_ms, bytes), due, "{name}");
    }
}

#[test]
fn a_fast_beginning_is_no_leave_to_stall() {
    let mut count = BodyCount::default();
    assert_eq!(count.add(1 << 30), Ok(()));
    assert_eq!(count.wait_ms(), 30_000);
    count.waited(30_000);
    assert_eq!(count.wait_ms(), 0);
    assert_eq!(count.add(5_000), Ok(()));
    assert_eq!(count.wait_ms(), 10_000);
}

#[test]
fn a_body_may_have_as_many_bytes_as_its_limit_and_no_more() {
    let mut count = BodyCount::new(Some(&of_bytes(10)));
    assert_eq!(count.add(0), Ok(()), "nothing is nothing");
    assert_eq!(count.add(4), Ok(()), "below the limit");
    assert_eq!(count.add(6), Ok(()), "at the limit");
    assert_eq!(count.bytes(), 10, "what was added up");
    assert_eq!(count.add(1), Err(LimitExceeded::BodyBytes), "one too many");
    assert_eq!(
        count.add(0),
        Err(LimitExceeded::BodyBytes),
        "what was too much stays too much"
    );
    let mut none = BodyCount::new(Some(&of_bytes(0)));
    assert_eq!(none.add(0), Ok(()), "an empty body is within a limit of 0");
    assert_eq!(
        none.add(1),
        Err(LimitExceeded::BodyBytes),
        "one byte is not"
    );
}

#[test]
fn counting_never_begins_anew() {
    let mut count = BodyCount::new(Some(&of_bytes(u64::MAX - 1)));
    for _ in 0..3 {
        assert_eq!(
            count.add(usize::MAX),
            Err(LimitExceeded::BodyBytes),
            "the largest number is over the limit, however often it is added"
        );
    }
    assert_eq!(count.bytes(), u64::MAX, "it stays at the largest number");
    let mut endless = BodyCount::default();
    for _ in 0..3 {
        assert_eq!(endless.add(usize::MAX), Ok(()), "without a limit");
    }
}

#[test]
fn a_limit_says_in_words_what_was_over_it() {
    for (exceeded, due) in [
        (
            LimitExceeded::HeaderCount { count: 11 },
            "11 header fields are too many",
        ),
        (
            LimitExceeded::HeaderBytes { bytes: 101 },
            "101 bytes of header fields are too many",
        ),
        (
            LimitExceeded::TargetBytes { bytes: 21 },
            "21 bytes of target are too many",
        ),
        (LimitExceeded::BodyBytes, "the body has too many bytes"),
        (
            LimitExceeded::ContentType,
            "the body has no media type, or one that is not accepted",
        ),
    ] {
        assert_eq!(exceeded.to_string(), due, "of {exceeded:?}");
    }
}
