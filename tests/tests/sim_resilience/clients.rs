//! Clients that go away, pause or lie: what they do says nothing of the origin.

use crate::{Origins, ok, one_upstream, status};
use doorward_tests::sim::client::Sent;
use doorward_tests::sim::hold::Hold;
use doorward_tests::sim::message::Failure;
use doorward_tests::sim::origin::{Origin, Reply};
use doorward_tests::sim::stage::Stage;
use std::time::Duration;

/// More than a breaker needs to open, and than a target needs to be set aside.
const HOSTILE: usize = 50;
const ONCE: &str = "attempts_max = 1";
const HOUR: Duration = Duration::from_secs(3600);

/// Fails unless everybody else is served as if nothing had been.
fn nobody_is_hurt(stage: &Stage, origin: &Origin, what: &str) {
    assert_eq!(origin.open(), 0, "{what}: nothing is left at the origin");
    let before = origin.count();
    for _ in 0..10 {
        status(&stage.send(Sent::get("/u/a")), 200, what);
    }
    assert_eq!(origin.count() - before, 10, "{what}: the origin is asked");
    let told = stage.world.told("upstream-failed");
    assert_eq!(told, [], "{what}: the origin is blamed");
}

#[test]
fn clients_that_go_away_while_the_origin_works_do_not_count_against_it() {
    let origins = Origins::new();
    let hold = Hold::closed(&origins.world);
    let origin = origins.origin("u", ok("late").held(&hold));
    let stage = origins.one(&one_upstream(&["u"], ONCE));
    for number in 0..HOSTILE {
        let sent = match number % 2 {
            0 => Sent::get("/u/a"),
            _ => Sent::new("PUT", "/u/a").pieces(vec![b"body".to_vec()], Duration::ZERO),
        };
        let client = stage.begin(sent);
        stage.until("the origin is asked", || hold.waiting() > 0);
        client.leave();
        assert_eq!(origin.count(), number + 1, "it was asked");
    }
    hold.open();
    nobody_is_hurt(&stage, &origin, "after clients went away");
}

#[test]
fn requests_that_the_host_ends_with_their_clients_do_not_count_against_the_origin() {
    let origins = Origins::new();
    let origin = origins.origin("u", Reply::failure(Failure::ClientGone).reading());
    let stage = origins.one(&one_upstream(&["u"], ""));
    for number in 0..HOSTILE {
        let answer = stage.send(Sent::get("/u/a").of_client(number));
        status(&answer, 400, "which nobody reads");
        assert_eq!(origin.count(), number + 1, "it is not asked again");
    }
    origin.always(ok("works"));
    nobody_is_hurt(&stage, &origin, "after clients went away");
}

#[test]
fn uploads_that_are_cut_off_do_not_count_against_the_origin() {
    let origins = Origins::new();
    let origin = origins.origin("u", ok("all of it"));
    let stage = origins.one(&one_upstream(&["u"], ONCE));
    for number in 0..HOSTILE {
        let before = origin.count();
        let method = ["PUT", "POST"][number / 2 % 2];
        let pieces = vec![b"hello".to_vec(), b"world".to_vec()];
        let sent = Sent::new(method, "/u/a").pieces(pieces, Duration::from_millis(20));
        let sent = match number % 2 {
            0 => sent.with_length(),
            _ => sent,
        };
        if number % 3 == 0 {
            let client = stage.begin(sent);
            stage.until("the upload has begun", || origin.count() > before);
            stage.world.executor.run_for(Duration::from_millis(25));
            client.leave();
        } else {
            // Half of the connection only: an answer can still be read.
            let answer = stage.send(sent.cut());
            status(&answer, 400, "an upload that is cut off");
        }
        assert_eq!(origin.open(), 0, "the upload is given up");
    }
    let whole = origin.seen();
    let whole = whole
        .iter()
        .filter(|seen| seen.is_whole() && seen.body.len() == 10);
    assert_eq!(whole.count(), 0, "what is cut off never looks whole");
    nobody_is_hurt(&stage, &origin, "after uploads were cut off");
}

#[test]
fn uploads_that_pause_do_not_count_against_the_origin() {
    let origins = Origins::new();
    let origin = origins.origin("u", ok("all of it"));
    let lines = format!("{ONCE}\nfirst_byte_timeout_ms = 400");
    let stage = origins.one(&one_upstream(&["u"], &lines));
    let uploads: Vec<_> = (0..HOSTILE)
        .map(|number| {
            let pieces = vec![b"hello".to_vec()];
            let sent = Sent::new("PUT", "/u/a").pieces(pieces, HOUR);
            stage.begin(match number % 2 {
                0 => sent.with_length(),
                _ => sent,
            })
        })
        .collect();
    stage.until("all uploads have begun", || origin.count() == HOSTILE);
    for upload in uploads {
        status(&upload.answer(), 408, "an upload that does not go on");
    }
    assert!(
        stage.world.executor.now() < Duration::from_millis(450),
        "nobody waits for longer than the upstream may take"
    );
    nobody_is_hurt(&stage, &origin, "after uploads paused");
}
