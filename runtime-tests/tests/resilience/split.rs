//! Who goes to the new upstream, and who stays with the old one.

use crate::{start_forgetful, upstream};
use doorward_runtime_tests::app::AppSpec;
use doorward_runtime_tests::cases;
use doorward_runtime_tests::client::Ask;
use doorward_runtime_tests::gated::status;
use doorward_runtime_tests::host::{Host, Running};
use doorward_runtime_tests::issuer::{AUDIENCE, Issuer};
use doorward_runtime_tests::origin::{Origin, Reply};
use doorward_runtime_tests::run::Case;
use std::collections::BTreeSet;

pub const CASES: &[Case] =
    cases![a_subject_is_always_on_the_same_side_across_instances_and_restarts,];

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
