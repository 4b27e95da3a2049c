//! Bundles that are refused while another one is in force: it goes on.

use super::common::{
    ENTRY, LOOK, REFRESH, SECOND, Scene, bundle, bundle_but, payload, policy, signed_with,
};
use doorward_tests::sim::message::Failure;
use doorward_tests::sim::origin::Reply;
use doorward_tests::sim::world::BEGIN_S;
use serde_json::json;

#[test]
fn what_is_refused_changes_nothing_and_is_told_once() {
    let a = policy("a", &["acme"]);
    let b = policy("b", &["acme"]);
    let in_force = |text: &str| bundle_but(7, text, &json!({"exp": BEGIN_S + 86_400}));
    for (what, text, why, sequence) in [
        ("a lower number", bundle(6, &b), "lower-sequence", "6"),
        ("the same number", in_force(&b), "same-sequence", "7"),
        (
            "the same policy, signed again",
            bundle(7, &a),
            "same-sequence",
            "7",
        ),
        (
            "another application",
            bundle_but(8, &b, &json!({"app": "other"})),
            "application",
            "",
        ),
        (
            "an end that has come",
            bundle_but(8, &b, &json!({"exp": BEGIN_S + 1})),
            "expired",
            "8",
        ),
        (
            "a begin that is far away",
            bundle_but(8, &b, &json!({"iat": BEGIN_S + 900, "exp": BEGIN_S + 901})),
            "future",
            "8",
        ),
        (
            "another key",
            signed_with("evil", json!({}), &payload(8, &b)),
            "signature",
            "",
        ),
        (
            "a token's type",
            signed_with("one", json!({"typ": "JWT"}), &payload(8, &b)),
            "type",
            "",
        ),
        (
            "no algorithm",
            signed_with("one", json!({"alg": "none"}), &payload(8, &b)),
            "algorithm",
            "",
        ),
        (
            "no bundle",
            "<html>not found</html>".to_owned(),
            "malformed",
            "",
        ),
        ("nothing", String::new(), "malformed", ""),
        (
            "a policy that is wrong",
            bundle(8, "[[route]]\npath = \"/\"\npubic = true"),
            "policy",
            "8",
        ),
        ("an empty policy", bundle(8, ""), "policy", "8"),
        (
            "a policy that is elsewhere",
            bundle(8, &super::common::bootstrap(&["one"], "")),
            "policy",
            "8",
        ),
    ] {
        let scene = Scene::new();
        scene.publish(&in_force(&a));
        assert_eq!(scene.open("a"), 200);
        scene.publish(&text);
        for _ in 0..3 {
            scene.refresh();
            assert_eq!((scene.open("a"), scene.open("b")), (200, 403), "{what}");
            // Also in instances that begin now.
            scene.stage.gate.end_instances();
        }
        assert!(
            scene.server.count() >= 4,
            "{what}: {}",
            scene.server.count()
        );
        assert_eq!(scene.refused(), [why], "{what}: it is told once");
        let told = &scene.stage.world.told("bundle-refused")[0];
        for (name, value) in [
            ("level", "error"),
            ("application", "shop"),
            ("sequence", sequence),
            ("sequence_in_force", "7"),
            ("source", "server"),
        ] {
            assert_eq!(told.field(name), value, "{what}: {}", told.text);
        }
        assert_ne!(told.field("reason"), "");
        assert_eq!(scene.told("bundle-adopted"), scene.stage.gate.made_so_far());

        scene.publish(&bundle_but(9, &b, &json!({"exp": BEGIN_S + 86_400})));
        scene.refresh();
        scene.pass(LOOK);
        assert_eq!((scene.open("a"), scene.open("b")), (403, 200), "{what}");
    }
}

#[test]
fn the_findings_of_a_policy_that_is_wrong_are_told() {
    let scene = Scene::new();
    scene.publish(&bundle(7, "[[route]]\npath = \"/\"\npubic = true"));
    assert_eq!(scene.open("a"), 503);
    let told = &scene.stage.world.told("bundle-refused")[0];
    let reason = told.field("reason");
    assert!(reason.contains("a route has no key `pubic`"), "{reason}");
    assert!(reason.contains("line 3:1"), "{reason}");
    // Mended, with the same number: the one that was wrong was never in force.
    scene.publish(&bundle(7, &policy("a", &["acme"])));
    scene.pass(LOOK);
    assert_eq!(scene.open("a"), 200);
}

#[test]
fn a_lower_number_is_refused_also_by_who_begins_now_and_after_the_last_one_has_expired() {
    let scene = Scene::new();
    scene.publish(&bundle(7, &policy("a", &["acme"])));
    assert_eq!(scene.open("a"), 200);
    let lower = bundle_but(
        6,
        &policy("old", &["acme"]),
        &json!({"exp": BEGIN_S + 86_400}),
    );
    scene.publish(&lower);
    scene.pass(REFRESH);
    scene.stage.gate.end_instances();
    scene.open("old");
    scene.pass(SECOND);
    assert_eq!((scene.open("a"), scene.open("old")), (200, 403));
    assert_eq!(scene.refused(), ["lower-sequence"]);
    // The last one is over, and still says which number was the last.
    scene.pass(SECOND * 3600);
    assert_eq!(scene.open("old"), 503);
    scene.stage.gate.end_instances();
    scene.pass(LOOK);
    assert_eq!(scene.open("old"), 503);
    assert!(scene.store.newest(ENTRY).is_some());
    assert_eq!(scene.app.seen().len(), 2, "nothing passed since");
}

#[test]
fn what_is_no_answer_or_none_that_is_taken_is_told_as_such() {
    for (what, reply, says) in [
        (
            "a refused connection",
            Reply::failure(Failure::ConnectionRefused),
            "no connection came about",
        ),
        ("an error", Reply::status(500), "status 500"),
        (
            "a redirect elsewhere",
            Reply::status(302).field("location", "https://evil.example/"),
            "redirects",
        ),
        (
            "a coding",
            Reply::default().field("content-encoding", "gzip"),
            "content coding",
        ),
        (
            "a flood",
            Reply::default().body(vec![b'a'; 600 * 1024]),
            "more than 524288 bytes",
        ),
        (
            "a body that ends early",
            Reply::default().cut(),
            "ended early",
        ),
        ("no end", Reply::default().silent(), "within 5 s"),
    ] {
        let scene = Scene::new();
        scene.publish(&bundle(7, &policy("a", &["acme"])));
        assert_eq!(scene.open("a"), 200);
        scene.server.always(reply);
        for _ in 0..3 {
            scene.refresh();
            scene.pass(LOOK);
            assert_eq!(scene.open("a"), 200, "{what}");
        }
        let told = scene.stage.world.told("bundle-unavailable");
        assert_eq!(told.len(), 1, "{what}: it is told once");
        let reason = told[0].field("reason");
        assert!(reason.contains(says), "{what}: {reason}");
        assert!(
            reason.contains("https://policies.example/shop.jws"),
            "{reason}"
        );
        assert_eq!(told[0].field("sequence_in_force"), "7");
    }
}
