//! What only simulated hosts can be made to do: clients that leave at a moment of the test's choice, clocks that are
//! set back, stores and endpoints that never answer, and how long exactly one instance waits for them.

use crate::api::app::AppSpec;
use crate::api::client::Ask;
use crate::api::clocked::{
    Stopwatch, clock, get, get_at_once, serve, sleep, start, store_hangs, until,
};
use crate::api::credential::ApiKey;
use crate::api::gated::status;
use crate::api::host::{Host, How};
use crate::api::issuer::{AUDIENCE, Behaviour, INTROSPECTION, Issuer, METADATA};
use crate::api::run::{Case, cases};
use crate::asking;
use std::cell::Cell;
use std::time::Duration;

pub const CASES: &[Case] = cases![
    whose_question_is_dropped_leaves_it_to_the_next_one,
    an_endpoint_that_never_answers_is_waited_for_within_bounds,
    a_pause_does_not_outlast_a_clock_that_was_set_back,
    a_store_that_hangs_holds_up_nobody_for_long,
];

/// How long a question may take.
const QUESTION_TIME_MAX: Duration = Duration::from_secs(5);
/// Time for requests to come as far as they get.
const MOMENT: Duration = Duration::from_millis(10);

async fn whose_question_is_dropped_leaves_it_to_the_next_one(host: &dyn Host) {
    let clock = clock(host);
    let (issuer, spec) = asking(&clock, "").await;
    let app = spec.write();
    let running = serve(&app, &clock, How::one()).await;
    issuer.says_of("opaque", issuer.active("alice", "read"));
    issuer.behaves(INTROSPECTION, Behaviour::Stall);
    let asked = async |times: usize| {
        let what = format!("it is asked {times} times");
        let is_asked = |issuer: &Issuer| issuer.requests(INTROSPECTION) >= times;
        issuer.until(&what, is_asked).await;
    };
    let is_to_leave = Cell::new(false);
    let leaves = until("it is time to leave", || is_to_leave.get());
    let ask = Ask::get("/read").bearer("opaque");
    let first = ask.send_until(running.address, leaves);
    let tokens = vec!["opaque".to_owned(); 6];
    let others = async {
        asked(1).await;
        get_at_once(&running, "/read", &tokens).await
    };
    let rest = async {
        asked(1).await;
        sleep(MOMENT).await;
        assert_eq!(
            issuer.requests(INTROSPECTION),
            1,
            "the others wait for the question of the first one"
        );
        is_to_leave.set(true);
        asked(2).await;
        sleep(MOMENT).await;
        assert_eq!(issuer.requests(INTROSPECTION), 2, "one of them asks");
        issuer.recover();
    };
    let (has_left, answers, ()) = futures::join!(first, others, rest);
    assert!(has_left, "before it was answered");
    for answer in answers {
        status(&answer, 200, "one of those that stayed");
    }
    assert_eq!(issuer.asked_about(), ["opaque"], "and one was answered");
}

async fn an_endpoint_that_never_answers_is_waited_for_within_bounds(host: &dyn Host) {
    for metadata_too in [false, true] {
        let what = format!("an endpoint that never answers, metadata too: {metadata_too}");
        let clock = clock(host);
        let (issuer, spec) = asking(&clock, "").await;
        let app = spec.write();
        let running = serve(&app, &clock, How::one()).await;
        issuer.says_of("opaque", issuer.active("alice", "read"));
        match metadata_too {
            true => issuer.all_behave(&Behaviour::Stall),
            false => issuer.behaves(INTROSPECTION, Behaviour::Stall),
        }
        let waiting = Stopwatch::start();
        status(&get(&running, "/read", "opaque").await, 503, &what);
        waiting.assert_within(QUESTION_TIME_MAX, &what);
        // Who waits for the question of another one asks after that.
        let waiting = Stopwatch::start();
        let tokens = vec!["opaque".to_owned(); 12];
        for answer in get_at_once(&running, "/read", &tokens).await {
            status(&answer, 503, &what);
        }
        waiting.assert_within(2 * QUESTION_TIME_MAX, &what);
        let path = if metadata_too {
            METADATA
        } else {
            INTROSPECTION
        };
        let asked = issuer.requests(path);
        assert_eq!(asked, 3, "{what}: it is asked three times");
        let waiting = Stopwatch::start();
        for number in 0..10 {
            let answer = get(&running, "/read", &format!("opaque-{number}")).await;
            status(&answer, 503, &what);
        }
        waiting.assert_within(Duration::ZERO, &what);
        assert_eq!(
            issuer.requests(path),
            asked,
            "{what}: then it is left alone"
        );
        issuer.recover();
        clock.advance(5).await;
        let answer = get(&running, "/read", "opaque").await;
        status(&answer, 200, &format!("{what}, and recovers"));
    }
}

async fn a_pause_does_not_outlast_a_clock_that_was_set_back(host: &dyn Host) {
    // The endpoint is paused for everybody, or the share of an address is.
    for (behaviour, back_s) in [
        (Behaviour::Status(500), 2),
        (Behaviour::Status(500), 60),
        (Behaviour::Status(500), 86_400),
        (Behaviour::TooMany("60".to_owned()), 2),
        (Behaviour::TooMany("60".to_owned()), 86_400),
    ] {
        let what = format!("{behaviour:?}, and a clock that is set back by {back_s} s");
        let clock = clock(host);
        let (issuer, spec) = asking(&clock, "").await;
        let app = spec.write();
        let running = start(&app, &clock).await;
        issuer.behaves(INTROSPECTION, behaviour);
        for number in 0..4 {
            let answer = get(&running, "/read", &format!("opaque-{number}")).await;
            status(&answer, 503, &what);
        }
        let asked = issuer.requests(INTROSPECTION);
        assert!(asked < 4, "{what}: it is paused");
        issuer.recover();
        clock.set_back(back_s);
        issuer.says_of("opaque", issuer.active("alice", "read"));
        // A share may count as used up by that. From then on it comes back at its pace.
        get(&running, "/read", "opaque").await;
        clock.advance(1).await;
        let answer = get(&running, "/read", "opaque").await;
        status(&answer, 200, &what);
    }
}

async fn a_store_that_hangs_holds_up_nobody_for_long(host: &dyn Host) {
    let clock = clock(host);
    let issuer = Issuer::start_with_clock(&clock).await;
    let listed = ApiKey::new("listed", &["read"], None);
    let stored = ApiKey::new("stored", &["read"], None);
    let policy = |lines: &str| {
        format!(
            "[issuer.test]\nurl = \"{}\"\naudience = \"{AUDIENCE}\"\n\n\
             [api_keys]\nheader = \"x-api-key\"\n\n{}\n[store]\nrefresh_s = 5\n\n{lines}\
             [[route]]\npath = \"/public\"\npublic = true\n\n\
             [[route]]\npath = \"/key\"\naccept = [\"api-key\"]\nscope = [\"read\"]\n\n\
             [[route]]\npath = \"/read\"\nissuer = [\"test\"]\nscope = [\"read\"]\n",
            issuer.url(),
            listed.table(),
        )
    };
    let key = |key: &ApiKey| Ask::get("/key").header("x-api-key", &key.text);
    let signed = Ask::get("/read").bearer(&issuer.token("alice", "read"));
    let (none, call) = (Duration::ZERO, Duration::from_secs(2));
    let listing = Duration::from_secs(5);

    // Nothing was read before.
    let mut spec = AppSpec::gated("echo", policy(""));
    spec.key_values = vec![stored.entry()];
    let app = spec.write();
    store_hangs(&app);
    let running = serve(&app, &clock, How::one()).await;
    for (what, ask, expected, limit) in [
        ("a public route", Ask::get("/public"), 200, none),
        ("a key of the policy", key(&listed), 200, none),
        ("a key of the store", key(&stored), 503, listing),
        ("and again", key(&stored), 503, listing),
        // A look for the keys of the issuer, which then come from there.
        ("the first signed token", signed.clone(), 200, call),
        ("and again", signed.clone(), 200, none),
    ] {
        let waiting = Stopwatch::start();
        let answer = ask.send(running.address).await;
        status(&answer, expected, what);
        waiting.assert_within(limit, what);
    }
    // Those that find a listing under way, and the last of them at its very end.
    let waiting = Stopwatch::start();
    let late = async |delay: Duration| {
        sleep(delay).await;
        let waiting = Stopwatch::start();
        let answer = key(&stored).send(running.address).await;
        status(&answer, 503, "one of many");
        waiting.assert_within(listing, "one of many");
    };
    let delays = [0, 0, 1000, 3000, 4990].map(Duration::from_millis);
    futures::future::join_all(delays.map(late)).await;
    waiting.assert_within(2 * listing, "all of them");

    // What was read before is used, as long as the policy says.
    let mut spec = AppSpec::gated("echo", policy("[revocation]\n\n"));
    spec.key_values = vec![stored.entry()];
    let app = spec.write();
    let running = serve(&app, &clock, How::one()).await;
    for ask in [key(&stored), signed.clone()] {
        status(
            &ask.send(running.address).await,
            200,
            "while the store works",
        );
    }
    store_hangs(&app);
    for (advance_s, ask, expected, limit) in [
        (0, key(&stored), 200, none),
        (0, signed.clone(), 200, none),
        (5, signed.clone(), 200, listing),
        (0, key(&stored), 200, listing + call),
        (3600, signed, 503, listing + call),
        (0, key(&stored), 503, listing),
    ] {
        let what = format!("{ask:?}, {advance_s} s later");
        clock.advance(advance_s).await;
        let waiting = Stopwatch::start();
        status(&ask.send(running.address).await, expected, &what);
        waiting.assert_within(limit, &what);
    }
}
