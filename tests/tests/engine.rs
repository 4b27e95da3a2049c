//! The engine in virtual time: what is admitted, what is refused, and what of a request goes on.

#![expect(clippy::expect_used, clippy::indexing_slicing, reason = "tests")]

use doorward_gate::platform::FieldList;
use doorward_tests::sim::client::Sent;
use doorward_tests::sim::component::Component;
use doorward_tests::sim::gate::{Behind, Gate};
use doorward_tests::sim::issuer::Issuer;
use doorward_tests::sim::message::Manner;
use doorward_tests::sim::origin::Origin;
use doorward_tests::sim::world::World;
use serde_json::json;
use std::rc::Rc;

const POLICY: &str = r#"
[issuer.acme]
url = "https://acme.example"
audience = "api"
jwks_url = "https://acme.example/keys"

[identity]
x-auth-subject = "sub"

[[route]]
path = "/orders/{id}"
methods = ["GET", "POST"]
scope = ["read"]

[[route]]
path = "/open"
methods = ["GET"]
public = true
"#;

struct Scene {
    world: Rc<World>,
    issuer: Rc<Issuer>,
    app: Rc<Origin>,
    gate: Rc<Gate>,
}

fn scene(manner: Manner) -> Scene {
    let world = World::new(1, false);
    let issuer = Issuer::at(&world, "acme.example", "first");
    let app = Origin::new(&world);
    let component = Component::new(POLICY).on(manner);
    let gate = Gate::new(&world, component, Behind::Next(app.peer()));
    Scene {
        world,
        issuer,
        app,
        gate,
    }
}

impl Scene {
    fn send(&self, sent: Sent) -> doorward_tests::sim::client::Answer {
        let gate = Rc::clone(&self.gate);
        let answer = self
            .world
            .executor
            .run(async move { gate.send(sent).await });
        answer.expect("the gate answers")
    }
}

#[test]
fn a_good_token_passes_and_everything_else_does_not() {
    for manner in Manner::ALL {
        let scene = scene(manner);
        let good = scene
            .issuer
            .token_by("first", &scene.world, json!({ "scope": "read write" }));
        let other = scene
            .issuer
            .token_by("second", &scene.world, json!({ "scope": "read" }));
        let narrow = scene
            .issuer
            .token_by("first", &scene.world, json!({ "scope": "write" }));
        let cases = [
            (Sent::get("/orders/7").bearer(&good), 200),
            (Sent::get("/orders/7"), 401),
            (Sent::get("/orders/7").bearer(&other), 401),
            (Sent::get("/orders/7").bearer(&narrow), 403),
            (Sent::get("/open"), 200),
            (Sent::get("/nowhere").bearer(&good), 403),
        ];
        for (sent, status) in cases {
            let asked = format!("{sent:?}");
            assert_eq!(scene.send(sent).status, status, "{asked}");
        }
        let seen = scene.app.seen();
        let passed: Vec<_> = seen.iter().map(|seen| seen.target.as_str()).collect();
        assert_eq!(passed, ["/orders/7", "/open"]);
        assert_eq!(seen[0].field("x-auth-subject"), "alice");
        assert_eq!(seen[0].values("authorization"), [] as [&str; 0]);
    }
}

#[test]
fn a_body_goes_through_in_pieces_and_its_trailers_without_what_is_reserved() {
    for manner in Manner::ALL {
        let scene = scene(manner);
        let token = scene
            .issuer
            .token_by("first", &scene.world, json!({ "scope": "read" }));
        let pieces = vec![b"one ".to_vec(), b"two ".to_vec(), b"three".to_vec()];
        let sent = Sent::new("POST", "/orders/7")
            .bearer(&token)
            .pieces(pieces, std::time::Duration::from_secs(1))
            .trailer("x-auth-subject", "mallory")
            .trailer("x-checksum", "7");
        let answer = scene.send(sent);
        assert_eq!(
            (answer.status, answer.text()),
            (200, "here you are\n".to_owned())
        );
        let seen = scene.app.seen();
        assert_eq!(seen[0].body, b"one two three");
        assert_eq!(seen[0].trailers, Ok(FieldList::of([("x-checksum", "7")])));
    }
}

#[test]
fn a_second_key_is_fetched_once_and_a_withdrawn_one_ends() {
    let scene = scene(Manner::Removes);
    let token = |key| {
        scene
            .issuer
            .token_by(key, &scene.world, json!({ "scope": "read" }))
    };
    assert_eq!(
        scene
            .send(Sent::get("/orders/1").bearer(&token("first")))
            .status,
        200
    );
    assert_eq!(scene.issuer.origin.count(), 1);
    scene.issuer.publish(&["second"]);
    assert_eq!(
        scene
            .send(Sent::get("/orders/1").bearer(&token("second")))
            .status,
        200
    );
    assert_eq!(scene.issuer.origin.count(), 2);
    assert_eq!(
        scene
            .send(Sent::get("/orders/1").bearer(&token("first")))
            .status,
        401
    );
    let told: Vec<_> = scene
        .world
        .told("refused")
        .iter()
        .map(|line| line.field("status"))
        .collect();
    assert_eq!(told, ["401"]);
}
