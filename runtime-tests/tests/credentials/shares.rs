//! Each client has a share of what an issuer can be asked about opaque tokens: who makes up tokens, or is asked
//! by the issuer to wait, keeps nobody else's out.

use crate::{introspecting, with_secret};
use doorward_runtime_tests::app::App;
use doorward_runtime_tests::cases;
use doorward_runtime_tests::client::{Answer, Ask};
use doorward_runtime_tests::clocked::{Clock, clock, start};
use doorward_runtime_tests::gated::status;
use doorward_runtime_tests::host::{Host, Running};
use doorward_runtime_tests::issuer::{Client, INTROSPECTION, Issuer};
use doorward_runtime_tests::run::Case;

pub const CASES: &[Case] = cases![who_makes_up_tokens_keeps_nobody_else_out,];

const MALLORY: &str = "192.0.2.66";
const ALICE: &str = "192.0.2.1";

/// A gate behind one proxy, which says for whom it asks.
struct Stage<'h> {
    issuer: Issuer,
    running: Running,
    clock: Clock<'h>,
    _app: App,
}

impl<'h> Stage<'h> {
    async fn new(host: &'h dyn Host, lines: &str) -> Self {
        let clock = clock(host);
        let issuer = Issuer::start_with_clock(&clock).await;
        issuer.introspected_by(Client::Basic("gate", crate::SECRET));
        let policy = format!(
            "[proxy]\ntrusted_hops = 1\n\n{}[[route]]\npath = \"/read\"\n",
            introspecting(&issuer, "test", lines)
        );
        let app = with_secret(policy).write();
        let running = start(&app, &clock).await;
        for token in ["of-alice", "another-of-alice"] {
            issuer.says_of(token, issuer.active("alice", ""));
        }
        for number in 0..200 {
            let token = format!("of-mallory-{number}");
            issuer.says_of(&token, issuer.active("mallory", ""));
        }
        Self {
            issuer,
            running,
            clock,
            _app: app,
        }
    }

    async fn get(&self, address: &str, token: &str) -> Answer {
        let ask = Ask::get("/read").bearer(token);
        let ask = ask.header("X-Forwarded-For", address);
        ask.send(self.running.address).await
    }

    async fn expect(&self, address: &str, token: &str, expected: u16, what: &str) -> Answer {
        let answer = self.get(address, token).await;
        status(&answer, expected, &format!("{what}: {token} of {address}"));
        answer
    }

    fn asked(&self) -> usize {
        self.issuer.requests(INTROSPECTION)
    }
}

async fn who_makes_up_tokens_keeps_nobody_else_out(host: &dyn Host) {
    let stage = Stage::new(host, "").await;
    let mut number = 0;
    // There is more of the share with every second, however long each question takes.
    let made_up = (0..600).map(|number| format!("made-up-{number}"));
    for token in made_up {
        let answer = stage.get(MALLORY, &token).await;
        number += 1;
        if answer.status == 429 {
            break;
        }
        status(&answer, 401, "a made up token");
    }
    assert!((60..600).contains(&number), "the share is {number}");
    assert_eq!(stage.asked(), number - 1, "the last one is not asked about");
    stage.expect(ALICE, "of-alice", 200, "meanwhile").await;
    stage.expect(ALICE, "made-up", 401, "meanwhile").await;
    stage.clock.advance(2).await;
    stage.expect(MALLORY, "of-mallory-1", 200, "later").await;
}
