//! Hosts at their unkindest: requests that are dropped wherever they wait, instances that end wherever they are,
//! work that is lost, stores that are read late, clocks that are set back, bodies that fail halfway. Whatever
//! happens to one request, the next one is served and nothing is left of it.

#![expect(clippy::expect_used, clippy::indexing_slicing, reason = "tests")]

mod late;
mod scene;

use doorward_tests::mint::SigningKey;
use doorward_tests::sim::executor::Owner;
use doorward_tests::sim::message::{Failure, Manner};
use doorward_tests::sim::origin::Reply;
use scene::{SETTLES, Scene, WAYS, at_every_turn};
use serde_json::json;
use std::time::Duration;

#[test]
fn a_request_that_is_dropped_wherever_it_waits_leaves_nothing_stuck() {
    for seed in 0..2 {
        for behind_next in [false, true] {
            for way in WAYS {
                let scene = || Scene::new(seed, behind_next, |_| ());
                let turns = at_every_turn(&scene, way, &|scene, request| {
                    scene.world.executor.end(request.client);
                });
                assert!(turns > 10, "{way:?}: there were {turns} turns only");
            }
        }
    }
}

#[test]
fn a_probe_that_is_dropped_wherever_it_waits_does_not_hold_up_the_next_one() {
    for turns in 0.. {
        let scene = Scene::new(0, false, |_| ());
        let replies = |status| {
            for origin in &scene.origins {
                origin.always(Reply::status(status).after(Duration::from_millis(7)));
            }
        };
        replies(503);
        for number in 0..120 {
            scene.status_of(scene.sent("GET", "/key").of_client(number));
        }
        replies(200);
        assert_eq!(scene.status("/key"), 503, "nobody is asked");
        scene.world.executor.run_for(Duration::from_secs(120));
        let probe = scene.begin(scene.sent("GET", "/key"));
        scene.world.executor.turns(turns);
        if probe.has_ended() {
            assert!(turns > 10, "there were {turns} turns only");
            break;
        }
        scene.world.executor.end(probe.client);
        assert_eq!(scene.status("/key"), 200, "after a probe of {turns} turns");
    }
}

#[test]
fn an_instance_that_ends_wherever_it_is_leaves_the_store_as_others_can_use_it() {
    for outlives in [false, true] {
        for way in WAYS {
            let scene = || {
                let scene = Scene::new(1, false, |_| ());
                scene.world.store("default").outlives.set(outlives);
                scene
            };
            let turns = at_every_turn(&scene, way, &|scene, request| {
                let is_there = !scene.gate.instances().is_empty();
                scene.gate.kill_instances();
                scene.world.executor.run_for(Duration::from_secs(1));
                let answer = request.answer.borrow_mut().take();
                let answer = answer.expect("who waits for it is told");
                // What has left before that may arrive.
                let status = answer.map(|answer| answer.status);
                let is_told = status == Ok(200) || status == Err(Failure::ConnectionTerminated);
                assert!(is_told && (is_there || status.is_ok()), "{status:?}");
            });
            assert!(turns > 10, "{way:?}: there were {turns} turns only");
        }
    }
}

#[test]
fn work_after_an_answer_that_is_lost_wherever_it_is_is_done_by_the_next_instance() {
    // Old keys are used, and renewed afterwards.
    for turns in 0.. {
        let scene = Scene::new(0, false, |_| ());
        scene.is_served("GET", "/signed", "the first request");
        scene.world.set_clock(601);
        let asked = scene.issuer.origin.count();
        let request = scene.begin(scene.sent("GET", "/signed"));
        let goes_on = scene.world.executor.turns(turns);
        let renewed = scene.issuer.origin.count() - asked;
        scene.gate.kill_instances();
        let what = format!("work that is lost after {turns} turns");
        scene.is_served("GET", "/signed", &what);
        let asked = scene.issuer.origin.count() - asked;
        assert!(
            (1..=renewed + 1).contains(&asked),
            "{what}: {asked} fetches"
        );
        if request.has_ended() && !goes_on {
            assert_eq!(asked, 1, "nothing was lost, and nothing is done twice");
            break;
        }
    }
}

#[test]
fn a_body_that_fails_halfway_is_nowhere_whole_and_the_next_one_is() {
    for manner in Manner::ALL {
        for with_length in [false, true] {
            for pieces in 0..4 {
                let scene = Scene::new(1, false, |component| component.manner = manner);
                let sent = vec![b"piece ".to_vec(); pieces];
                let upload = scene
                    .sent("GET", "/mirrored")
                    .with_method("PUT")
                    .pieces(sent, Duration::from_millis(5));
                let upload = match with_length {
                    true => upload.field("content-length", "24").cut(),
                    false => upload.cut(),
                };
                let request = scene.begin(upload);
                scene.world.executor.run_for(SETTLES);
                let answer = request.answer.borrow_mut().take();
                let status = answer.and_then(Result::ok).map(|answer| answer.status);
                let what = format!("{manner:?}, {with_length}, {pieces} pieces: {status:?}");
                assert_eq!(status, Some(400), "{what}");
                for origin in &scene.origins {
                    let seen = origin.seen();
                    assert!(
                        seen.iter().all(|seen| seen.trailers.is_err()),
                        "{what}: {seen:?}"
                    );
                }
                scene.is_served("PUT", "/mirrored", &what);
            }
        }
    }
}

#[test]
fn an_answer_that_fails_halfway_is_not_whole_and_the_next_one_is() {
    for manner in Manner::ALL {
        for chunked in [false, true] {
            for pieces in 0..3 {
                let scene = Scene::new(1, false, |component| component.manner = manner);
                let mut reply = Reply::default().cut();
                reply.is_chunked = chunked;
                for _ in 0..pieces {
                    reply = reply.piece_after(Duration::from_millis(5), "piece");
                }
                for origin in &scene.origins {
                    origin.always(reply.clone());
                }
                let request = scene.begin(scene.sent("GET", "/signed"));
                scene.world.executor.run_for(SETTLES);
                let answer = request.answer.borrow_mut().take();
                let answer = answer.expect("there is an answer").expect("it is one");
                assert!(!answer.is_whole(), "{manner:?}, {chunked}: {answer:?}");
                for origin in &scene.origins {
                    origin.always(Reply::default());
                }
                scene.is_served("GET", "/signed", "the next answer");
            }
        }
    }
}

#[test]
fn a_key_set_that_fails_halfway_is_none() {
    let scene = Scene::new(1, false, |_| ());
    let keys = [SigningKey::ed25519("first").jwk()];
    let whole = json!({ "keys": keys }).to_string();
    scene.issuer.origin.next(Reply::default().body(whole).cut());
    assert_eq!(scene.status("/signed"), 503);
    scene.world.executor.run_for(SETTLES);
    scene.is_served("GET", "/signed", "when it is whole");
}

#[test]
fn of_a_thousand_instances_nothing_is_left() {
    let scene = Scene::new(1, false, |component| {
        component.requests_max = 2;
        component.idle_max = Some(Duration::from_secs(1));
    });
    for round in 0..500 {
        let (method, target) = WAYS[round % WAYS.len()];
        let requests: Vec<_> = (0..4)
            .map(|_| scene.begin(scene.sent(method, target)))
            .collect();
        // A quarter of them is dropped halfway.
        scene.world.executor.turns(round % 60);
        scene.world.executor.end(requests[round % 4].client);
        scene.world.executor.run_for(Duration::from_secs(2));
    }
    scene.world.executor.run_for(SETTLES);
    assert!(
        scene.gate.made_so_far() >= 1000,
        "there were {} instances",
        scene.gate.made_so_far()
    );
    assert_eq!(
        scene.gate.instances(),
        [] as [Owner; 0],
        "instances that stay"
    );
    assert_eq!(scene.world.platforms(), 0, "what is left of instances");
    assert_eq!(scene.world.executor.tasks(), 0, "tasks that go on");
    assert_eq!(
        scene.world.store("default").all_names().len(),
        3,
        "names in the store"
    );
}
