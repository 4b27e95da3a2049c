//! What worlds drawn from seeds have shown, each as a case of its own.

#![expect(clippy::expect_used, reason = "tests")]

use doorward_tests::sim::client::{Answer, Sent};
use doorward_tests::sim::component::Component;
use doorward_tests::sim::gate::{Behind, Gate};
use doorward_tests::sim::issuer::Issuer;
use doorward_tests::sim::origin::Origin;
use doorward_tests::sim::store;
use doorward_tests::sim::world::World;
use doorward_token::UnixTime;
use doorward_token::revocation::RevocationEntry;
use serde_json::json;
use std::rc::Rc;
use std::time::Duration;

/// A gate for what one issuer signs.
struct Scene {
    world: Rc<World>,
    issuer: Rc<Issuer>,
    store: Rc<store::Shared>,
    gate: Rc<Gate>,
}

impl Scene {
    /// One whose policy has these lines as well.
    fn with(lines: &str) -> Self {
        let policy = format!(
            "[issuer.acme]\nurl = \"https://acme.example\"\naudience = \"api\"\n\
             jwks_url = \"https://acme.example/keys\"\n{lines}\n\
             [[route]]\npath = \"/**\"\nmethods = [\"GET\"]\n"
        );
        let world = World::new(1, false);
        let app = Origin::new(&world);
        Self {
            issuer: Issuer::at(&world, "acme.example", "first"),
            store: world.store("default"),
            gate: Gate::new(&world, Component::new(&policy), Behind::Next(app.peer())),
            world,
        }
    }

    fn token(&self, key: &str) -> String {
        let claims = json!({ "jti": "t" });
        self.issuer.token_by(key, &self.world, claims)
    }

    fn get(&self, token: &str) -> Answer {
        let (gate, sent) = (Rc::clone(&self.gate), Sent::get("/").bearer(token));
        let answer = self
            .world
            .executor
            .run(async move { gate.send(sent).await });
        answer.expect("the gate answers")
    }
}

#[test]
fn a_store_that_takes_longer_than_its_names_may_be_old_is_waited_for() {
    let scene = Scene::with("[revocation]\n[store]\nrefresh_s = 1\nstale_if_error_s = 0");
    scene.store.latency.set(Duration::from_millis(1400));
    let token = scene.token("first");
    for _ in 0..3 {
        assert_eq!(scene.get(&token).status, 200);
    }
    let until = UnixTime(scene.world.wall_s() + 3600);
    let revoked = RevocationEntry::token("https://acme.example", "t", until);
    scene.store.put(&revoked.name(), "");
    assert_eq!(scene.get(&token).status, 401);
}
