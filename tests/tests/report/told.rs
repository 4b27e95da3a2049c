//! What the log says.

use crate::{HOUR, Modes, Scene};
use doorward_tests::sim::client::Sent;
use doorward_tests::sim::message::Failure;
use doorward_tests::sim::origin::Reply;
use serde_json::json;

#[test]
fn the_event_says_what_a_refusal_would_have_said() {
    let modes = Modes {
        route: HOUR,
        ..Modes::default()
    };
    let reporting = Scene::new(modes);
    let enforcing = Scene::new(Modes::default());
    for scene in [&reporting, &enforcing] {
        scene.send(Sent::get("/items/7?secret=1"));
    }
    let would = reporting.told("would-refuse").remove(0);
    let refused = enforcing.told("refused").remove(0);
    for name in ["level", "class", "status", "method", "path", "reason"] {
        assert_eq!(would[name], refused[name], "{name}");
    }
    assert_eq!(would["path"], "/items/7", "without the query");
    assert_eq!(would["status"], "401");
    for (would_name, refused_name) in would.keys().zip(refused.keys()) {
        assert_eq!(would_name, refused_name, "the same fields");
    }
    assert!(would["request_id"].is_string() && would["trace_id"].is_string());
}

#[test]
fn what_is_in_report_mode_is_said_once_by_each_instance() {
    let modes = Modes {
        policy: HOUR,
        issuer: HOUR,
        limit: HOUR,
        route: HOUR,
    };
    let scene = Scene::new(modes);
    for _ in 0..3 {
        scene.send(Sent::get("/free"));
    }
    let told = scene.told("report-mode");
    assert_eq!(told.len(), 1, "{told:#?}");
    let until = "2026-01-01T01:00:00.000Z";
    let told = &told[0];
    assert_eq!(told["level"], "warn");
    assert_eq!(told["policy_until"], until);
    assert_eq!(told["routes"], format!("/items/{{number}} until {until}"));
    assert_eq!(told["issuers"], format!("new until {until}"));
    let limits = ["each", "guessing", "person"].map(|name| format!("{name} until {until}"));
    assert_eq!(told["rate_limits"], limits.join(", "));

    let scene = Scene::new(Modes::default());
    scene.send(Sent::get("/free"));
    assert_eq!(scene.told("report-mode"), [], "nothing is");
}

#[test]
fn the_line_about_a_request_says_so_whatever_is_sampled() {
    let log = format!("{HOUR}[log]\nadmitted_percent = 0\n");
    let modes = Modes {
        policy: &log,
        ..Modes::default()
    };
    for scene in Scene::all(modes) {
        let token = scene.token(json!({}));
        scene.send(Sent::get("/items/7").bearer(&token));
        scene.app.next(Reply::status(404));
        scene.send(Sent::get("/items/7?secret=1"));
        scene.send(Sent::get("/nowhere"));
        let told = scene.told("would-refuse");
        let [listed, unlisted] = told.as_slice() else {
            panic!("{told:#?}");
        };
        assert_eq!(listed["decision"], "would_refuse");
        assert_eq!(listed["level"], "warn");
        assert_eq!(listed["class"], "no-credential");
        assert_eq!(listed["reason"], "no credential");
        assert_eq!(listed["path"], "/items/7", "without the query");
        assert_eq!(listed["status"], 404, "of the answer that it got");
        assert_eq!(listed["route"], "/items/{number}");
        assert_eq!(unlisted["class"], "forbidden");
        assert!(!unlisted.contains_key("route"), "{unlisted:?}");
        assert!(!unlisted.contains_key("rule"), "{unlisted:?}");
        let lines = scene.stage.log();
        assert!(!lines.contains("\"decision\":\"admitted\""), "{lines}");
    }
}

#[test]
fn an_upstream_that_fails_is_no_refusal_that_could_be_reported() {
    let modes = Modes {
        policy: HOUR,
        ..Modes::default()
    };
    let scene = Scene::new(modes);
    scene
        .app
        .always(Reply::failure(Failure::ConnectionTerminated));
    assert_eq!(scene.send(Sent::get("/items/7")).status, 502);
    assert_eq!(scene.told("refused").len(), 1);
    assert_eq!(scene.told("would-refuse").len(), 1, "both are told");
}
