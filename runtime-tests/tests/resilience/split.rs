//! Who goes to the new upstream, and who stays with the old one.

use crate::{get, route_with, start_forgetful, start_one, upstream};
use doorward_runtime_tests::app::AppSpec;
use doorward_runtime_tests::cases;
use doorward_runtime_tests::client::Ask;
use doorward_runtime_tests::gated::status;
use doorward_runtime_tests::host::{Host, Running};
use doorward_runtime_tests::issuer::{AUDIENCE, Issuer};
use doorward_runtime_tests::origin::{Origin, Reply};
use doorward_runtime_tests::run::Case;
use std::collections::BTreeSet;

pub const CASES: &[Case] = cases![
    a_subject_is_always_on_the_same_side_across_instances_and_restarts,
    who_has_moved_stays_there_when_the_percentage_is_raised,
    a_split_by_client_goes_by_the_address_and_not_by_the_subject,
    a_public_route_is_split_by_the_address,
    a_header_or_a_cookie_of_this_value_moves_a_request_whatever_the_percentage,
    no_percentage_moves_nobody_and_all_of_them_moves_everybody,
];

const SUBJECTS: usize = 300;

/// An old upstream and a new one.
pub struct Two {
    pub old: Origin,
    pub new: Origin,
}

impl Two {
    pub async fn start() -> Self {
        let [old, new] = ["old", "new"].map(|name| Origin::start(Reply::ok(name)));
        Self {
            old: old.await,
            new: new.await,
        }
    }

    pub fn upstreams(&self) -> String {
        upstream("old", &[&self.old], "") + &upstream("new", &[&self.new], "")
    }

    /// A policy with one route for who has a token, split by these lines.
    pub fn policy(&self, issuer: &Issuer, split: &str) -> String {
        format!(
            "[issuer.test]\nurl = \"{}\"\naudience = \"{AUDIENCE}\"\n\n\
             [identity]\n\"x-auth-subject\" = \"sub\"\n\n{}\
             [[route]]\npath = \"/**\"\nissuer = [\"test\"]\nscope = [\"read\"]\n\
             upstream = \"old\"\n[route.split]\nto = \"new\"\n{split}\n",
            issuer.url(),
            self.upstreams()
        )
    }

    fn public(&self, lines: &str, split: &str) -> String {
        let route = format!("upstream = \"old\"\n[route.split]\nto = \"new\"\n{split}");
        format!("{lines}\n{}{}", self.upstreams(), route_with("u", &route))
    }
}

/// Which of so many subjects are served by the new upstream.
async fn moved(running: &Running, issuer: &Issuer) -> BTreeSet<usize> {
    let mut moved = BTreeSet::new();
    for number in 0..SUBJECTS {
        let token = issuer.token(&format!("user-{number}"), "read");
        let ask = Ask::get("/a").bearer(&token);
        let answer = ask.send(running.address).await;
        status(&answer, 200, &format!("subject {number}"));
        if answer.text() == "new" {
            moved.insert(number);
        }
    }
    moved
}

async fn a_subject_is_always_on_the_same_side_across_instances_and_restarts(host: &dyn Host) {
    let issuer = Issuer::start().await;
    let two = Two::start().await;
    let app = AppSpec::gateway(two.policy(&issuer, "percent = 50")).write();
    let running = host.start(&app).await;
    let first = moved(&running, &issuer).await;
    assert!(
        (SUBJECTS / 4..SUBJECTS * 3 / 4).contains(&first.len()),
        "about half of them move: {}",
        first.len()
    );
    assert_eq!(moved(&running, &issuer).await, first, "the same ones again");
    running.stop().await;
    let running = start_forgetful(host, &app).await;
    let later = moved(&running, &issuer).await;
    assert_eq!(
        later, first,
        "the same ones after a restart, each by a new instance"
    );
}

async fn who_has_moved_stays_there_when_the_percentage_is_raised(host: &dyn Host) {
    let issuer = Issuer::start().await;
    let two = Two::start().await;
    let mut before = BTreeSet::new();
    for percent in [5, 20, 50, 95] {
        let split = format!("percent = {percent}");
        let app = AppSpec::gateway(two.policy(&issuer, &split)).write();
        let running = host.start(&app).await;
        let now = moved(&running, &issuer).await;
        let back: Vec<_> = before.difference(&now).collect();
        assert!(
            back.is_empty(),
            "{percent} %: {back:?} are back at the old one"
        );
        assert!(now.len() > before.len(), "{percent} %: more have moved");
        before = now;
    }
}

/// Which of 200 addresses are served by the new upstream, as a proxy in front tells them.
async fn moved_addresses(running: &Running, token: Option<&str>) -> BTreeSet<usize> {
    let mut moved = BTreeSet::new();
    for number in 0..200 {
        let mut ask = Ask::get("/u/a").header("X-Forwarded-For", &format!("192.0.2.{number}"));
        if let Some(token) = token {
            ask = ask.bearer(token);
        }
        let answer = ask.send(running.address).await;
        status(&answer, 200, &format!("address {number}"));
        if answer.text() == "new" {
            moved.insert(number);
        }
    }
    moved
}

async fn a_split_by_client_goes_by_the_address_and_not_by_the_subject(host: &dyn Host) {
    let issuer = Issuer::start().await;
    let two = Two::start().await;
    let policy = two.policy(&issuer, "percent = 50\nby = \"client\"");
    let app = AppSpec::gateway(format!("[proxy]\ntrusted_hops = 1\n\n{policy}")).write();
    let running = start_one(host, &app).await;
    let [alice, bob] = ["alice", "bob"].map(|name| issuer.token(name, "read"));
    let first = moved_addresses(&running, Some(&alice)).await;
    assert!((60..140).contains(&first.len()), "half: {}", first.len());
    let other = moved_addresses(&running, Some(&bob)).await;
    assert_eq!(other, first, "the subject does not matter");
    // Who says whose address it is, is not the client where no proxy is trusted.
    let app = AppSpec::gateway(policy).write();
    let running = start_one(host, &app).await;
    let moved = moved_addresses(&running, Some(&alice)).await;
    assert!(
        moved.is_empty() || moved.len() == 200,
        "all of them are one client: {moved:?}"
    );
}

async fn a_public_route_is_split_by_the_address(host: &dyn Host) {
    let two = Two::start().await;
    let trusted = "[proxy]\ntrusted_hops = 1\n";
    let mut sides = Vec::new();
    for by in ["subject", "client"] {
        let split = format!("percent = 50\nby = \"{by}\"");
        let app = AppSpec::gateway(two.public(trusted, &split)).write();
        let running = start_one(host, &app).await;
        let moved = moved_addresses(&running, None).await;
        assert!((60..140).contains(&moved.len()), "half: {}", moved.len());
        sides.push(moved);
    }
    assert_eq!(sides[0], sides[1], "nobody has a subject there");
}

async fn a_header_or_a_cookie_of_this_value_moves_a_request_whatever_the_percentage(
    host: &dyn Host,
) {
    let two = Two::start().await;
    let split = "percent = 0\nheader = { name = \"x-use-new\", value = \"1\" }\n\
                 cookie = { name = \"use_new\", value = \"yes\" }";
    let app = AppSpec::gateway(two.public("", split)).write();
    let running = start_one(host, &app).await;
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
        let ask = Ask::get("/u/a");
        let ask = fields
            .iter()
            .fold(ask, |ask, (name, value)| ask.header(name, value));
        let answer = ask.send(running.address).await;
        assert_eq!(answer.text(), expected, "a request with {fields:?}");
    }
}

async fn no_percentage_moves_nobody_and_all_of_them_moves_everybody(host: &dyn Host) {
    let issuer = Issuer::start().await;
    let two = Two::start().await;
    for (percent, expected) in [(0, 0), (100, SUBJECTS)] {
        let split = format!("percent = {percent}");
        let app = AppSpec::gateway(two.policy(&issuer, &split)).write();
        let running = host.start(&app).await;
        let moved = moved(&running, &issuer).await;
        assert_eq!(moved.len(), expected, "{percent} % of {SUBJECTS}");
        let app = AppSpec::gateway(two.public("", &split)).write();
        let running = host.start(&app).await;
        let answer = get(&running, "/u/a").await;
        let expected = ["old", "new"][usize::from(percent == 100)];
        assert_eq!(answer.text(), expected, "{percent} % on a public route");
    }
}
