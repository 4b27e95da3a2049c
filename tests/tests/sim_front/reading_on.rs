//! The body of a request that was refused is read on for a while, so that its client can read why (RFC 9112 §9.6).

use crate::{Front, fronts, status};
use doorward_tests::sim::client::Sent;
use doorward_tests::sim::origin::Reply;
use std::time::Duration;

const POLICY: &str = r#"
[issuer.test]
url = "https://issuer.example"
audience = "api"
jwks_url = "https://issuer.example/keys"

[rate_limit.never]
requests = 1
per_s = 86400
burst = 1

[limits.small]
body_bytes_max = 1000

[limits.json]
content_types = ["application/json"]

[[route]]
path = "/protected"
issuer = "test"

[[route]]
path = "/get"
methods = ["GET"]
public = true

[[route]]
path = "/public"
public = true

[[route]]
path = "/limited"
public = true
rate_limit = "never"

[[route]]
path = "/small"
public = true
limits = "small"

[[route]]
path = "/json"
public = true
limits = "json"
"#;

const KIB: usize = 1024;
/// Bytes that hosts have read before anybody asks for them.
const AHEAD: usize = 64 * KIB;
/// A while that is longer than any body is read on.
const LONG: Duration = Duration::from_secs(60);

fn upload(target: &str, count: usize, bytes: usize, pause: Duration) -> Sent {
    Sent::new("POST", target).pieces(vec![vec![b'x'; bytes]; count], pause)
}

/// A megabyte to this target.
fn megabyte(target: &str) -> Sent {
    upload(target, 16, 64 * KIB, Duration::from_millis(20))
}

/// How many bytes are taken, in the end, of a body whose request is answered so.
fn taken(front: &Front, sent: Sent, expected: u16, what: &str) -> usize {
    let (sent, taken) = sent.watched();
    status(
        &front.send(sent),
        expected,
        &format!("{}: {what}", front.what),
    );
    front.stage.world.executor.run_for(LONG);
    taken.get()
}

#[test]
fn the_body_of_a_request_that_is_refused_is_read_on() {
    for front in fronts(POLICY) {
        let used = Sent::new("POST", "/limited");
        status(&front.send(used), 200, &front.what);
        for (what, sent, expected) in [
            ("no token", megabyte("/protected").with_length(), 401),
            ("a false token", megabyte("/protected").bearer("a.b.c"), 401),
            ("no rule", megabyte("/nowhere").with_length(), 403),
            ("no method", megabyte("/get"), 403),
            ("a malformed target", megabyte("/a;b").with_length(), 400),
            ("a rate limit", megabyte("/limited").with_length(), 429),
            ("a length", megabyte("/small").with_length(), 413),
            ("more than may come", megabyte("/small"), 413),
            (
                "a media type",
                megabyte("/json").field("content-type", "text/plain"),
                415,
            ),
            ("no media type", megabyte("/json"), 415),
            (
                "no media type, a length",
                megabyte("/json").with_length(),
                415,
            ),
            (
                "a DELETE",
                megabyte("/protected").with_method("DELETE"),
                401,
            ),
            (
                "a GET",
                megabyte("/protected").with_method("GET").with_length(),
                401,
            ),
        ] {
            let taken = taken(&front, sent, expected, what);
            assert_eq!(taken, 1024 * KIB, "{}: {what}", front.what);
        }
    }
}

#[test]
fn the_body_of_a_request_that_is_answered_before_its_end_is_read_on() {
    for front in fronts(POLICY) {
        front.behind.answers(|_, _| Reply::status(422).early());
        for sent in [megabyte("/public"), megabyte("/public").with_length()] {
            let taken = taken(&front, sent, 422, "early");
            assert_eq!(taken, 1024 * KIB, "{}", front.what);
        }
    }
}

#[test]
fn the_body_of_a_request_that_nobody_answers_is_read_on() {
    for front in fronts(POLICY).filter(|front| front.kind == crate::Kind::Gateway) {
        front.behind.stop();
        for sent in [megabyte("/public"), megabyte("/public").with_length()] {
            let taken = taken(&front, sent, 502, "nobody");
            assert_eq!(taken, 1024 * KIB, "{}", front.what);
        }
    }
}

#[test]
fn who_waits_for_leave_to_send_is_not_read() {
    for front in fronts(POLICY) {
        let sent = megabyte("/protected").field("expect", "100-continue");
        let taken = taken(&front, sent.with_length(), 401, "expects");
        assert!(taken <= AHEAD, "{}: {taken}", front.what);
    }
}

#[test]
fn it_is_read_on_within_bounds_of_bytes_time_and_pauses() {
    let (ms, s) = (Duration::from_millis, Duration::from_secs);
    let piece = 1024 * KIB;
    let all = [
        (
            "bytes",
            upload("/protected", 80, piece, ms(1)),
            64 * piece..=66 * piece,
        ),
        (
            "time",
            upload("/protected", 60, KIB, s(1)),
            9 * KIB..=11 * KIB,
        ),
        ("a pause", upload("/protected", 60, KIB, s(3)), 0..=KIB),
    ];
    for front in fronts(POLICY) {
        for (what, sent, within) in &all {
            let taken = taken(&front, sent.clone(), 401, what);
            assert!(within.contains(&taken), "{}: {what}: {taken}", front.what);
        }
    }
}

#[test]
fn an_instance_reads_on_eight_at_a_time() {
    for front in fronts(POLICY) {
        let slow = || upload("/protected", 60, KIB, Duration::from_millis(500)).watched();
        let (sent, taken): (Vec<_>, Vec<_>) = (0..12).map(|_| slow()).unzip();
        for answer in front.stage.at_once(sent) {
            status(&answer, 401, &front.what);
        }
        front.stage.world.executor.run_for(LONG);
        let read_on = taken.iter().filter(|taken| taken.get() > 10 * KIB);
        assert_eq!(read_on.count(), 8, "{}: {taken:?}", front.what);
        assert_eq!(front.stage.gate.made_so_far(), 1, "{}", front.what);
        // Then there is room again.
        let taken = self::taken(&front, megabyte("/protected"), 401, "later");
        assert_eq!(taken, 1024 * KIB, "{}", front.what);
    }
}
