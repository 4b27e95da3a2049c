//! Who goes to the new upstream, and who stays with the old one.

use crate::{Origins, ok, route_with, status, trust, upstream};
use doorward_tests::sim::client::Sent;
use doorward_tests::sim::issuer::Issuer;
use doorward_tests::sim::stage::Stage;
use doorward_traffic::split::{BUCKETS, bucket};
use serde_json::json;
use std::collections::BTreeSet;
use std::rc::Rc;

const SUBJECTS: usize = 150;

/// An old upstream and a new one, and who says whose requests they get.
struct Two {
    origins: Origins,
    issuer: Rc<Issuer>,
    tokens: Vec<String>,
}

impl Two {
    fn new(subjects: usize) -> Self {
        let origins = Origins::new();
        for name in ["old", "new"] {
            origins.origin(name, ok(name));
        }
        let issuer = Issuer::at(&origins.world, "issuer.example", "first");
        let token = |number| {
            let claims = json!({ "sub": format!("user-{number}"), "scope": "read" });
            issuer.token_by("first", &origins.world, claims)
        };
        let tokens = (0..subjects).map(token).collect();
        Self {
            origins,
            issuer,
            tokens,
        }
    }

    fn upstreams() -> String {
        upstream("old", &["old"], "") + &upstream("new", &["new"], "")
    }

    /// A policy with one route for who has a token, split by these lines.
    fn policy(&self, split: &str) -> String {
        format!(
            "{}[identity]\n\"x-auth-subject\" = \"sub\"\n\n{}\
             [[route]]\npath = \"/**\"\nissuer = [\"test\"]\nscope = [\"read\"]\n\
             upstream = \"old\"\n[route.split]\nto = \"new\"\n{split}\n",
            trust(&self.issuer),
            Self::upstreams()
        )
    }

    fn public(lines: &str, split: &str) -> String {
        let route = format!("upstream = \"old\"\n[route.split]\nto = \"new\"\n{split}");
        format!("{lines}\n{}{}", Self::upstreams(), route_with("u", &route))
    }

    /// Which subjects are served by the new upstream.
    fn moved(&self, stage: &Stage) -> BTreeSet<usize> {
        let is_moved = |(number, token): (usize, &String)| {
            let answer = stage.send(Sent::get("/a").bearer(token));
            status(&answer, 200, &format!("subject {number}"));
            (answer.text() == "new").then_some(number)
        };
        self.tokens
            .iter()
            .enumerate()
            .filter_map(is_moved)
            .collect()
    }
}

#[test]
fn a_subject_is_always_on_the_same_side_across_instances_and_restarts() {
    let two = Two::new(SUBJECTS);
    let policy = two.policy("percent = 50");
    let stage = two.origins.many(&policy);
    let first = two.moved(&stage);
    assert!(
        (SUBJECTS / 4..SUBJECTS * 3 / 4).contains(&first.len()),
        "about half of them move: {}",
        first.len()
    );
    assert_eq!(two.moved(&stage), first, "the same ones again");
    let stage = two.origins.forgetful(&policy);
    let later = two.moved(&stage);
    assert_eq!(
        later, first,
        "the same ones after a restart, each by a new instance"
    );
}

#[test]
fn who_has_moved_stays_there_when_the_percentage_is_raised() {
    let two = Two::new(SUBJECTS);
    let mut before = BTreeSet::new();
    for percent in [5, 20, 50, 95] {
        let policy = two.policy(&format!("percent = {percent}"));
        let now = two.moved(&two.origins.many(&policy));
        let back: Vec<_> = before.difference(&now).collect();
        assert!(
            back.is_empty(),
            "{percent} %: {back:?} are back at the old one"
        );
        assert!(now.len() > before.len(), "{percent} %: more have moved");
        before = now;
    }
}

/// That these are as many as promised of any 10,000, the tests of `crates/traffic/src/split.rs` show.
#[test]
fn of_500_subjects_those_move_whom_the_policy_promises() {
    const ALL: usize = 500;
    const PERCENT: [u16; 4] = [1, 10, 50, 99];
    let two = Two::new(ALL);
    let routes = PERCENT.map(|percent| {
        format!(
            "[[route]]\npath = \"/{percent}/a\"\nissuer = [\"test\"]\nscope = [\"read\"]\n\
             upstream = \"old\"\n[route.split]\nto = \"new\"\npercent = {percent}\n"
        )
    });
    let policy = trust(&two.issuer) + &Two::upstreams() + &routes.concat();
    let stage = two.origins.one(&policy);
    for percent in PERCENT {
        let mut moved = 0.0;
        for (number, token) in two.tokens.iter().enumerate() {
            let answer = stage.send(Sent::get(&format!("/{percent}/a")).bearer(token));
            let caller = format!("test\0user-{number}");
            let moves = bucket("new", caller.as_bytes()) < percent * (BUCKETS / 100);
            let expected = if moves { "new" } else { "old" };
            assert_eq!(answer.text(), expected, "{percent} %: {caller:?}");
            moved += f64::from(u8::from(moves));
        }
        // Subjects are spread like chance would do it: five standard deviations.
        let share = f64::from(percent) / 100.0;
        let due = ALL as f64 * share;
        let tolerance = 5.0 * (due * (1.0 - share)).sqrt();
        assert!(
            (moved - due).abs() <= tolerance,
            "{percent} %: {moved} of {ALL} move, not {due} and at most {tolerance} more or less"
        );
    }
}

/// Which of 200 addresses are served by the new upstream, as a proxy in front tells them.
fn moved_addresses(stage: &Stage, token: Option<&str>) -> BTreeSet<usize> {
    let is_moved = |number: &usize| {
        let address = format!("192.0.2.{number}");
        let sent = Sent::get("/u/a").field("X-Forwarded-For", address);
        let answer = stage.send(match token {
            Some(token) => sent.bearer(token),
            None => sent,
        });
        status(&answer, 200, &format!("address {number}"));
        answer.text() == "new"
    };
    (0..200).filter(is_moved).collect()
}

#[test]
fn a_split_by_client_goes_by_the_address_and_not_by_the_subject() {
    let two = Two::new(2);
    let policy = two.policy("percent = 50\nby = \"client\"");
    let trusting = format!("[proxy]\ntrusted_hops = 1\n\n{policy}");
    let stage = two.origins.one(&trusting);
    let first = moved_addresses(&stage, Some(&two.tokens[0]));
    assert!((60..140).contains(&first.len()), "half: {}", first.len());
    let other = moved_addresses(&stage, Some(&two.tokens[1]));
    assert_eq!(other, first, "the subject does not matter");
    // Who says whose address it is, is not the client where no proxy is trusted.
    let moved = moved_addresses(&two.origins.one(&policy), Some(&two.tokens[0]));
    assert!(
        moved.is_empty() || moved.len() == 200,
        "all of them are one client: {moved:?}"
    );
}

#[test]
fn a_public_route_is_split_by_the_address() {
    let two = Two::new(0);
    let trusted = "[proxy]\ntrusted_hops = 1\n";
    let mut sides = Vec::new();
    for by in ["subject", "client"] {
        let split = format!("percent = 50\nby = \"{by}\"");
        let stage = two.origins.one(&Two::public(trusted, &split));
        let moved = moved_addresses(&stage, None);
        assert!((60..140).contains(&moved.len()), "half: {}", moved.len());
        sides.push(moved);
    }
    assert_eq!(sides[0], sides[1], "nobody has a subject there");
}

#[test]
fn a_header_or_a_cookie_of_this_value_moves_a_request_whatever_the_percentage() {
    let two = Two::new(0);
    let split = "percent = 0\nheader = { name = \"x-use-new\", value = \"1\" }\n\
                 cookie = { name = \"use_new\", value = \"yes\" }";
    let stage = two.origins.one(&Two::public("", split));
    for (fields, expected) in [
        (&[][..], "old"),
        (&[("X-Use-New", "1")], "new"),
        (&[("X-Use-New", "0")], "old"),
        (&[("X-Use-New", "11")], "old"),
        (&[("X-Use-New", "0"), ("X-Use-New", "1")], "new"),
        (&[("Cookie", "use_new=yes")], "new"),
        (&[("Cookie", "a=b; use_new=yes; c=d")], "new"),
        (&[("Cookie", "a=b"), ("Cookie", "use_new=yes")], "new"),
        (&[("Cookie", "use_new=no")], "old"),
        (&[("Cookie", "not_use_new=yes")], "old"),
        (&[("Cookie", "use_new=yes2")], "old"),
    ] {
        let sent = Sent::get("/u/a");
        let sent = fields
            .iter()
            .fold(sent, |sent, (name, value)| sent.field(name, value));
        let answer = stage.send(sent);
        assert_eq!(answer.text(), expected, "a request with {fields:?}");
    }
}

#[test]
fn no_percentage_moves_nobody_and_all_of_them_moves_everybody() {
    let two = Two::new(SUBJECTS);
    for (percent, expected) in [(0, 0), (100, SUBJECTS)] {
        let split = format!("percent = {percent}");
        let moved = two.moved(&two.origins.many(&two.policy(&split)));
        assert_eq!(moved.len(), expected, "{percent} % of {SUBJECTS}");
        let stage = two.origins.many(&Two::public("", &split));
        let answer = stage.send(Sent::get("/u/a"));
        let expected = ["old", "new"][usize::from(percent == 100)];
        assert_eq!(answer.text(), expected, "{percent} % on a public route");
    }
}
