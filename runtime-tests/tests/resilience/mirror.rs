//! A copy of each request for a second upstream, whose answer nobody sees.

use crate::{route_with, start_one, upstream};
use doorward_runtime_tests::app::{App, AppSpec};
use doorward_runtime_tests::cases;
use doorward_runtime_tests::client::Ask;
use doorward_runtime_tests::clocked::{until, until_event};
use doorward_runtime_tests::gated::status;
use doorward_runtime_tests::host::Host;
use doorward_runtime_tests::issuer::{AUDIENCE, Issuer};
use doorward_runtime_tests::load::{Until, tally};
use doorward_runtime_tests::origin::{Origin, Reply, Script};
use doorward_runtime_tests::run::Case;
use std::collections::BTreeMap;
use std::sync::Arc;

pub const CASES: &[Case] = cases![
    of_10_000_requests_the_mirror_gets_10_000_with_their_bodies,
    a_body_is_mirrored_as_far_as_it_is_held,
    a_request_that_is_asked_again_is_mirrored_once,
    the_answer_of_the_mirror_never_reaches_the_client,
    the_mirror_gets_no_credential,
];

/// What is held of a body.
const HELD_BYTES_MAX: usize = 64 * 1024;

/// The gateway with an upstream `u` and a mirror, both with these lines.
pub fn mirrored(origin: &Origin, mirror: &Origin, lines: &str) -> App {
    let policy = [
        upstream("u", &[origin], lines),
        upstream("shadow", &[mirror], lines),
        route_with("u", "upstream = \"u\"\nmirror = \"shadow\""),
    ];
    AppSpec::gateway(policy.concat()).write()
}

/// How often each request came, by method, target and digest of its body.
fn by_content(origin: &Origin) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for seen in origin.requests() {
        assert!(seen.is_whole(), "a request that is not whole: {seen:?}");
        let digest = seen.body_digest.unwrap_or_default();
        let key = format!("{} {} {digest}", seen.method, seen.target);
        *counts.entry(key).or_default() += 1;
    }
    counts
}

async fn of_10_000_requests_the_mirror_gets_10_000_with_their_bodies(host: &dyn Host) {
    const COUNT: usize = 10_000;
    let origin = Origin::start(Reply::ok("")).await;
    let mirror = Origin::start(Reply::ok("")).await;
    let app = mirrored(&origin, &mirror, "");
    let running = host.start(&app).await;
    let requests: Arc<[Vec<u8>]> = (0..COUNT)
        .map(|number| {
            let body = format!("body {number} ").repeat(number % 40 + 1);
            let (length, chunk) = (body.len(), format!("{:x}", body.len()));
            match number % 4 {
                0 | 1 => format!("GET /u/{number}?q HTTP/1.1\r\nHost: a\r\n\r\n"),
                2 => format!(
                    "POST /u/{number} HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\n\r\n{body}"
                ),
                _ => format!(
                    "PUT /u/{number} HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n\
                     {chunk}\r\n{body}\r\n0\r\n\r\n"
                ),
            }
            .into_bytes()
        })
        .collect();
    let tally = tally(running.address, &requests, 8, Until::Sent(COUNT)).await;
    assert_eq!(tally.all_but(200), 0, "{tally:?}");
    let all = |mirror: &Origin| mirror.count() == COUNT;
    mirror.until("the mirror has all requests", all).await;
    let answered = || mirror.requests().iter().all(|seen| seen.answered);
    until("the mirror has all of each request", answered).await;
    assert_eq!(origin.count(), COUNT, "the origin has each of them once");
    assert!(
        by_content(&mirror) == by_content(&origin),
        "the mirror has the same requests as the origin"
    );
}

async fn a_body_is_mirrored_as_far_as_it_is_held(host: &dyn Host) {
    let origin = Origin::start(Reply::ok("")).await;
    let mirror = Origin::start(Reply::ok("")).await;
    let app = mirrored(&origin, &mirror, "");
    let running = start_one(host, &app).await;
    let bytes: Vec<u8> = (0..=HELD_BYTES_MAX).map(|n| (n % 251) as u8).collect();
    for (count, is_mirrored) in [
        (1, true),
        (HELD_BYTES_MAX, true),
        (HELD_BYTES_MAX + 1, false),
        (100, true),
    ] {
        mirror.forget();
        let ask = Ask::new("POST", "/u/a").body(&bytes[..count]);
        let answer = ask.send(running.address).await;
        status(&answer, 200, &format!("a body of {count} bytes"));
        // What comes after it has come is not there before it.
        let answer = Ask::new("POST", "/u/last")
            .body(b"x")
            .send(running.address)
            .await;
        status(&answer, 200, "another one");
        let expected = 1 + usize::from(is_mirrored);
        mirror
            .until("the mirror has got them", |mirror| {
                mirror.count() >= expected && mirror.requests().iter().all(|seen| seen.answered)
            })
            .await;
        let seen = mirror.requests();
        let bodies: Vec<&[u8]> = seen
            .iter()
            .filter(|seen| seen.target == "/u/a")
            .map(|seen| &*seen.body)
            .collect();
        let expected: &[&[u8]] = if is_mirrored { &[&bytes[..count]] } else { &[] };
        assert!(
            bodies == expected,
            "a body of {count} bytes: the mirror got {} of it",
            bodies.len()
        );
    }
}

async fn a_request_that_is_asked_again_is_mirrored_once(host: &dyn Host) {
    let origin = Origin::start(Reply::ok("")).await;
    let mirror = Origin::start(Reply::ok("")).await;
    let app = mirrored(&origin, &mirror, "backoff_ms = 1\nbackoff_ms_max = 1");
    let running = start_one(host, &app).await;
    for (number, body) in [&b""[..], b"body", b"", b"another"].into_iter().enumerate() {
        origin.set(Script::at_first(2, Reply::close(), Reply::ok("in the end")));
        let ask = Ask::new("PUT", "/u/a").body(body);
        status(&ask.send(running.address).await, 200, "asked three times");
        assert_eq!(
            origin.count(),
            3 * (number + 1),
            "the origin is asked again"
        );
        mirror
            .until("the mirror has got it", |mirror| {
                mirror.count() > number && mirror.requests()[number].answered
            })
            .await;
        assert_eq!(mirror.requests()[number].body, body, "its body");
    }
    assert_eq!(mirror.count(), 4, "each of them came once");
}

async fn the_answer_of_the_mirror_never_reaches_the_client(host: &dyn Host) {
    let origin = Origin::start(Reply::ok("of the origin")).await;
    let mirror = Origin::start(Reply::ok("")).await;
    let app = mirrored(&origin, &mirror, "");
    let running = start_one(host, &app).await;
    let marked = |code| {
        Reply::status(code)
            .field("X-Mirror", "of the mirror")
            .field("Set-Cookie", "mirror=1")
            .body("of the mirror")
    };
    for code in [200, 301, 401, 404, 429, 500, 503] {
        mirror.set(marked(code));
        for method in ["GET", "POST", "PUT"] {
            let ask = Ask::new(method, "/u/a").body(b"body");
            let answer = ask.send(running.address).await;
            status(&answer, 200, &format!("{method}, the mirror says {code}"));
            assert_eq!(answer.text(), "of the origin", "{method}, {code}");
            let fields = format!("{:?}", answer.headers);
            assert!(!fields.contains("mirror"), "{method}, {code}: {fields}");
        }
    }
    mirror
        .until("the mirror was asked", |mirror| mirror.count() >= 21)
        .await;
}

async fn the_mirror_gets_no_credential(host: &dyn Host) {
    let issuer = Issuer::start().await;
    let origin = Origin::start(Reply::ok("")).await;
    let mirror = Origin::start(Reply::ok("")).await;
    let secret = "[upstream.u.credential]\nsecret = \"origin_token\"";
    let policy = format!(
        "[issuer.test]\nurl = \"{}\"\naudience = \"{AUDIENCE}\"\n\n\
         [identity]\n\"x-auth-subject\" = \"sub\"\n\n{}{}\
         [[route]]\npath = \"/**\"\nissuer = [\"test\"]\nscope = [\"read\"]\n\
         upstream = \"u\"\nmirror = \"shadow\"\n",
        issuer.url(),
        upstream("u", &[&origin], secret),
        upstream("shadow", &[&mirror], ""),
    );
    let mut spec = AppSpec::gateway(policy);
    spec.variables = vec![("origin_token".to_owned(), "for-the-origin".to_owned())];
    let app = spec.write();
    let running = start_one(host, &app).await;
    let token = issuer.token("alice", "read");
    for body in [&b""[..], b"body"] {
        mirror.forget();
        origin.forget();
        let ask = Ask::new("PUT", "/a").bearer(&token).body(body);
        status(&ask.send(running.address).await, 200, "a mirrored request");
        mirror
            .until("the mirror has got it", |mirror| mirror.count() == 1)
            .await;
        assert_eq!(
            origin.request().values("authorization"),
            ["Bearer for-the-origin"],
            "the origin is asked with its own credential"
        );
        let seen = mirror.request();
        assert_eq!(
            seen.values("authorization"),
            [""; 0],
            "the mirror with none"
        );
        assert_eq!(
            seen.values("x-auth-subject"),
            ["alice"],
            "it is told whose request it is"
        );
        let all = format!("{:?}", seen.fields);
        assert!(
            !all.contains(&token) && !all.contains("for-the-origin"),
            "{all}"
        );
    }
    // A refused request is not mirrored.
    mirror.forget();
    status(&Ask::get("/a").send(running.address).await, 401, "no token");
    until_event(&running, "refused", 1).await;
    assert_eq!(mirror.count(), 0, "what is refused is not mirrored");
}
