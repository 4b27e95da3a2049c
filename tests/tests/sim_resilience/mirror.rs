//! A copy of each request for a second upstream, whose answer nobody sees.

use crate::{
    HELD_BYTES_MAX, Origins, QUICK, REPEATABLE, bytes, ok, route_with, status, trust, upstream,
    with_body,
};
use doorward_tests::sim::client::Sent;
use doorward_tests::sim::component::Component;
use doorward_tests::sim::issuer::Issuer;
use doorward_tests::sim::message::Failure;
use doorward_tests::sim::origin::{Origin, Reply};
use doorward_tests::sim::stage::Stage;
use serde_json::json;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

/// An upstream `u` and its mirror.
pub struct Mirrored {
    pub origins: Origins,
    pub origin: Rc<Origin>,
    pub mirror: Rc<Origin>,
}

impl Mirrored {
    pub fn new() -> Self {
        Self::of(Origins::new())
    }

    fn of(origins: Origins) -> Self {
        let origin = origins.origin("u", ok("of the origin"));
        let mirror = origins.origin("shadow", ok("of the mirror"));
        Self {
            origins,
            origin,
            mirror,
        }
    }

    /// The policy of the gateway in front of them, both with these lines.
    pub fn policy(lines: &str) -> String {
        let route = format!("upstream = \"u\"\nmirror = \"shadow\"\n{REPEATABLE}");
        [
            upstream("u", &["u"], lines),
            upstream("shadow", &["shadow"], lines),
            route_with("u", &route),
        ]
        .concat()
    }

    /// Waits until the mirror has answered all there is.
    fn settled(&self, stage: &Stage) {
        let executor = &stage.world.executor;
        executor.run_for(Duration::from_millis(1));
        stage.until("the mirror has answered", || self.mirror.open() == 0);
    }
}

/// How often each request came, by method, target and body.
fn by_content(origin: &Origin) -> BTreeMap<(String, String, Vec<u8>), usize> {
    let mut counts = BTreeMap::new();
    for seen in origin.seen() {
        assert!(seen.is_whole(), "a request that is not whole: {seen:?}");
        let key = (seen.method, seen.target, seen.body);
        *counts.entry(key).or_default() += 1;
    }
    counts
}

#[test]
fn of_1_200_requests_in_any_order_the_mirror_gets_1_200_with_their_bodies() {
    for seed in 1..=3 {
        check_that_the_mirror_gets_all(seed);
    }
}

fn check_that_the_mirror_gets_all(seed: u64) {
    const COUNT: usize = 400;
    let mirrored = Mirrored::of(Origins::shuffled(seed));
    let stage = mirrored.origins.many(&Mirrored::policy(""));
    let request = |number: usize| {
        let body = format!("body {number} ")
            .repeat(number % 40 + 1)
            .into_bytes();
        match number % 4 {
            0 | 1 => Sent::get(&format!("/u/{number}?q")),
            2 => Sent::post(&format!("/u/{number}"), body).with_length(),
            _ => {
                let (first, last) = body.split_at(body.len() / 2);
                let pieces = vec![first.to_vec(), last.to_vec()];
                Sent::new("PUT", &format!("/u/{number}")).pieces(pieces, Duration::ZERO)
            }
        }
    };
    for first in (0..COUNT).step_by(8) {
        for answer in stage.at_once((first..first + 8).map(request)) {
            status(&answer, 200, "a mirrored request");
        }
    }
    mirrored.settled(&stage);
    assert_eq!(mirrored.mirror.count(), COUNT, "seed {seed}: the mirror");
    assert_eq!(mirrored.origin.count(), COUNT, "seed {seed}: the origin");
    assert!(
        by_content(&mirrored.mirror) == by_content(&mirrored.origin),
        "seed {seed}: the mirror has the same requests as the origin"
    );
}

#[test]
fn a_body_is_mirrored_as_far_as_it_is_held() {
    let mirrored = Mirrored::new();
    let stage = mirrored.origins.one(&Mirrored::policy(""));
    for (count, is_mirrored) in [
        (1, true),
        (HELD_BYTES_MAX, true),
        (HELD_BYTES_MAX + 1, false),
        (100, true),
    ] {
        mirrored.mirror.forget();
        let answer = stage.send(with_body("POST", "/u/a", bytes(count)));
        status(&answer, 200, &format!("a body of {count} bytes"));
        mirrored.settled(&stage);
        let bodies: Vec<_> = mirrored.mirror.seen();
        let bodies: Vec<_> = bodies.iter().map(|seen| &*seen.body).collect();
        let body = bytes(count);
        let expected: &[&[u8]] = if is_mirrored { &[&body] } else { &[] };
        assert!(
            bodies == expected,
            "a body of {count} bytes: the mirror got {} of it",
            bodies.len()
        );
    }
}

#[test]
fn a_request_that_is_asked_again_is_mirrored_once() {
    let mirrored = Mirrored::new();
    let stage = mirrored.origins.one(&Mirrored::policy(QUICK));
    let closed = Reply::failure(Failure::Incomplete).reading();
    for (number, body) in ["", "body", "", "another"].into_iter().enumerate() {
        mirrored
            .origin
            .at_first(2, closed.clone(), ok("in the end"));
        let answer = stage.send(with_body("PUT", "/u/a", body));
        status(&answer, 200, "asked three times");
        let asked = 3 * (number + 1);
        assert_eq!(mirrored.origin.count(), asked, "the origin is asked again");
        mirrored.settled(&stage);
        let seen = mirrored.mirror.seen();
        assert_eq!(seen.len(), number + 1, "the mirror once");
        assert_eq!(seen[number].body, body.as_bytes(), "its body");
    }
}

#[test]
fn the_answer_of_the_mirror_never_reaches_the_client() {
    let mirrored = Mirrored::new();
    // A mirror that fails is left alone otherwise.
    let stage = mirrored.origins.one(&Mirrored::policy("breaker = false"));
    for code in [200, 301, 401, 404, 429, 500, 503] {
        let marked = Reply::status(code)
            .field("X-Mirror", "of the mirror")
            .field("Set-Cookie", "mirror=1");
        mirrored.mirror.always(marked.body("of the mirror"));
        for method in ["GET", "POST", "PUT"] {
            let answer = stage.send(with_body(method, "/u/a", "body"));
            status(&answer, 200, &format!("{method}, the mirror says {code}"));
            assert_eq!(answer.text(), "of the origin", "{method}, {code}");
            let names: Vec<_> = answer.fields.iter().map(|(name, _)| name).collect();
            let expected = ["content-length", "x-request-id"];
            assert_eq!(names, expected, "{method}, {code}");
        }
    }
    mirrored.settled(&stage);
    assert_eq!(mirrored.mirror.count(), 21, "the mirror was asked");
}

#[test]
fn the_mirror_gets_no_credential() {
    let mirrored = Mirrored::new();
    let Mirrored {
        origins,
        origin,
        mirror,
    } = &mirrored;
    let issuer = Issuer::at(&origins.world, "issuer.example", "first");
    let secret = "[upstream.u.credential]\nsecret = \"origin_token\"";
    let policy = format!(
        "{}[identity]\n\"x-auth-subject\" = \"sub\"\n\n{}{}\
         [[route]]\npath = \"/**\"\nissuer = [\"test\"]\nscope = [\"read\"]\n\
         upstream = \"u\"\nmirror = \"shadow\"\n",
        trust(&issuer),
        upstream("u", &["u"], secret),
        upstream("shadow", &["shadow"], ""),
    );
    let component = Component::new(&policy).secret("origin_token", "for-the-origin");
    let stage = origins.served(component);
    let token = issuer.token_by("first", &origins.world, json!({ "scope": "read" }));
    for body in ["", "body"] {
        mirror.forget();
        origin.forget();
        let answer = stage.send(with_body("PUT", "/a", body).bearer(&token));
        status(&answer, 200, "a mirrored request");
        mirrored.settled(&stage);
        let [asked, copied] = [origin, mirror].map(|origin| origin.seen());
        assert_eq!((asked.len(), copied.len()), (1, 1), "each has it once");
        assert_eq!(
            asked[0].values("authorization"),
            ["Bearer for-the-origin"],
            "the origin is asked with its own credential"
        );
        let none: [&str; 0] = [];
        assert_eq!(
            copied[0].values("authorization"),
            none,
            "the mirror with none"
        );
        assert_eq!(
            copied[0].values("x-auth-subject"),
            ["alice"],
            "it is told whose request it is"
        );
        for (name, value) in copied[0].fields.iter() {
            let value = String::from_utf8_lossy(value);
            assert!(
                !value.contains(&token) && !value.contains("for-the-origin"),
                "{name}: {value}"
            );
        }
    }
    mirror.forget();
    status(&stage.send(Sent::get("/a")), 401, "no token");
    mirrored.settled(&stage);
    assert_eq!(stage.told("refused"), 1);
    assert_eq!(mirror.count(), 0, "what is refused is not mirrored");
}
