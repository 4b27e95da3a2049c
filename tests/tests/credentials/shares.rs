//! Each client has a share of what an issuer can be asked about opaque tokens: who makes up tokens, or is asked
//! by the issuer to wait, keeps nobody else's out.

use crate::api::app::App;
use crate::api::client::{Answer, Ask};
use crate::api::clocked::{Clock, clock, start};
use crate::api::gated::status;
use crate::api::host::{Host, InProcess, Running};
use crate::api::issuer::{Behaviour, Client, INTROSPECTION, Issuer};
use crate::api::run::Case;
use crate::api::run::cases;
use crate::{introspecting, with_secret};

pub const CASES: &[Case] = cases![
    good_tokens_use_up_nothing,
    no_token_pauses_the_endpoint_by_what_is_answered_about_it,
    who_makes_up_tokens_keeps_nobody_else_out,
    ; in_process:
    made_up_tokens_of_one_address_keep_no_other_token_out,
    an_ipv6_network_has_one_share,
    a_429_pauses_the_share_of_the_address_and_no_other,
    a_share_is_paused_for_as_long_as_is_asked_within_bounds,
];

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

fn retry_after(answer: &Answer) -> Option<u64> {
    answer.header("retry-after")?.parse().ok()
}

async fn made_up_tokens_of_one_address_keep_no_other_token_out() {
    let stage = Stage::new(&InProcess, "cache_s = 60\nnegative_cache_s = 60").await;
    stage.expect(MALLORY, "of-mallory-0", 200, "before").await;
    let before = stage.asked();
    let mut refused = 0;
    for number in 0..300 {
        let answer = stage.get(MALLORY, &format!("made-up-{number}")).await;
        if answer.status == 401 {
            continue;
        }
        status(&answer, 429, "a made up token");
        let class = answer.json()["type"].as_str().unwrap().to_owned();
        assert!(class.ends_with(":rate-limited"), "{class}");
        assert_eq!(retry_after(&answer), Some(1), "a made up token");
        refused += 1;
    }
    assert_eq!(stage.asked() - before, 60, "the issuer was asked");
    assert_eq!(refused, 240, "the others were not asked about");
    stage.expect(ALICE, "of-alice", 200, "meanwhile").await;
    stage
        .expect(ALICE, "made-up-by-alice", 401, "meanwhile")
        .await;
    stage
        .expect(MALLORY, "of-mallory-0", 200, "remembered")
        .await;
    stage.expect(MALLORY, "made-up-0", 401, "remembered").await;
    stage.expect(MALLORY, "of-mallory-1", 429, "used up").await;
    // A client does not get another share by what it says of itself.
    let lie = format!("{ALICE}, {MALLORY}");
    stage.expect(&lie, "of-mallory-1", 429, "used up").await;
    stage.clock.advance(1).await;
    stage.expect(MALLORY, "of-mallory-1", 200, "later").await;
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

async fn an_ipv6_network_has_one_share() {
    let stage = Stage::new(&InProcess, "").await;
    for number in 0..70 {
        let address = format!("2001:db8:1:2::{number:x}");
        let expected = if number < 60 { 401 } else { 429 };
        let token = format!("made-up-{number}");
        stage
            .expect(&address, &token, expected, "one network")
            .await;
    }
    stage
        .expect("2001:db8:1:3::1", "of-alice", 200, "another")
        .await;
}

async fn good_tokens_use_up_nothing(host: &dyn Host) {
    for lines in ["", "cache_s = 0"] {
        let stage = Stage::new(host, lines).await;
        for number in 0..200 {
            let token = format!("of-mallory-{number}");
            stage.expect(MALLORY, &token, 200, lines).await;
        }
        for _ in 0..100 {
            stage.expect(MALLORY, "of-mallory-0", 200, lines).await;
        }
    }
}

async fn a_429_pauses_the_share_of_the_address_and_no_other() {
    let stage = Stage::new(&InProcess, "cache_s = 60").await;
    stage.expect(MALLORY, "of-mallory-0", 200, "before").await;
    stage
        .issuer
        .behaves(INTROSPECTION, Behaviour::TooMany("30".to_owned()));
    let answer = stage.expect(MALLORY, "made-up", 503, "too many").await;
    assert_eq!(retry_after(&answer), Some(30));
    let class = answer.json()["type"].as_str().unwrap().to_owned();
    assert!(class.ends_with(":issuer-unavailable"), "{class}");
    let asked = stage.asked();
    for number in 0..10 {
        let token = format!("made-up-{number}");
        let answer = stage.expect(MALLORY, &token, 503, "paused").await;
        assert_eq!(retry_after(&answer), Some(30));
    }
    assert_eq!(stage.asked(), asked, "nobody is asked");
    stage.issuer.recover();
    stage
        .expect(ALICE, "of-alice", 200, "of another address")
        .await;
    stage
        .expect(MALLORY, "of-mallory-0", 200, "remembered")
        .await;
    stage.clock.advance(29).await;
    let answer = stage
        .expect(MALLORY, "of-mallory-1", 503, "29 s later")
        .await;
    assert_eq!(retry_after(&answer), Some(1));
    stage.clock.advance(1).await;
    stage
        .expect(MALLORY, "of-mallory-1", 200, "30 s later")
        .await;
}

async fn a_share_is_paused_for_as_long_as_is_asked_within_bounds() {
    for (after, expected) in [
        ("1", 1),
        ("0", 1),
        ("60", 60),
        ("86400", 60),
        ("99999999999999999999999", 60),
        ("Fri, 15 Jan 2027 08:00:30 GMT", 30),
        ("Fri, 15 Jan 2027 07:00:00 GMT", 1),
        ("Fri, 15 Jan 2027 12:00:00 GMT", 60),
        ("-1", 5),
        ("soon", 5),
        ("", 5),
    ] {
        let stage = Stage::new(&InProcess, "").await;
        stage
            .issuer
            .behaves(INTROSPECTION, Behaviour::TooMany(after.to_owned()));
        let answer = stage.expect(MALLORY, "made-up", 503, after).await;
        assert_eq!(retry_after(&answer), Some(expected), "{after:?}");
    }
}

async fn no_token_pauses_the_endpoint_by_what_is_answered_about_it(host: &dyn Host) {
    let page = || Behaviour::Content("text/html", b"no".to_vec());
    for behaviour in [
        Behaviour::Status(400),
        Behaviour::Error(400, "invalid_request"),
        Behaviour::Error(400, "invalid_client"),
        Behaviour::Error(400, "unauthorized_client"),
        Behaviour::Status(403),
        Behaviour::Status(404),
        Behaviour::Status(413),
        Behaviour::Status(422),
        Behaviour::Status(429),
        Behaviour::Redirect("/elsewhere".to_owned()),
        page(),
    ] {
        let stage = Stage::new(host, "").await;
        let what = format!("{behaviour:?}");
        stage.issuer.behaves(INTROSPECTION, behaviour);
        for number in 0..20 {
            let token = format!("made-up-{number}");
            let answer = stage.get(MALLORY, &token).await;
            assert!(
                matches!(answer.status, 401 | 503),
                "{what}: {}",
                answer.status
            );
        }
        stage.issuer.recover();
        stage.expect(ALICE, "of-alice", 200, &what).await;
    }
    // What no token brings about.
    for behaviour in [
        Behaviour::Status(500),
        Behaviour::Status(401),
        Behaviour::Close,
    ] {
        let stage = Stage::new(host, "").await;
        let what = format!("{behaviour:?}");
        stage.issuer.behaves(INTROSPECTION, behaviour);
        for number in 0..20 {
            let token = format!("made-up-{number}");
            stage.expect(MALLORY, &token, 503, &what).await;
        }
        assert_eq!(stage.asked(), 3, "{what}: then it is left alone");
        stage.issuer.recover();
        stage.expect(ALICE, "of-alice", 503, &what).await;
        stage.clock.advance(5).await;
        stage.expect(ALICE, "of-alice", 200, &what).await;
    }
}
