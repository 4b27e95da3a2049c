//! Bundles, and a gate that fetches its policy.

use doorward_tests::mint::SigningKey;
use doorward_tests::sim::client::{Answer, Sent};
use doorward_tests::sim::component::Component;
use doorward_tests::sim::gate::Behind;
use doorward_tests::sim::issuer::Issuer;
use doorward_tests::sim::origin::{Origin, Reply};
use doorward_tests::sim::stage::Stage;
use doorward_tests::sim::store::Shared;
use doorward_tests::sim::world::{BEGIN_S, World};
use doorward_token::bundle::BUNDLE_TYPE;
use serde_json::{Map, Value, json};
use std::rc::Rc;
use std::time::Duration;

pub const SECOND: Duration = Duration::from_secs(1);
/// How soon an instance sees what another one has fetched.
pub const LOOK: Duration = Duration::from_secs(5);
/// How often it is asked for.
pub const REFRESH: Duration = Duration::from_secs(60);
/// How long a bundle is valid here, in seconds.
pub const LIFETIME_S: u64 = 3600;
/// Where the bundle is in the store, and when it was asked for.
pub const ENTRY: &str = "doorward/bundle/shop";
pub const ASKED: &str = "doorward/bundle-asked/shop";

/// The public key of this name, as `[bundle]` has it.
pub fn public(key: &str) -> String {
    let jwk = SigningKey::ed25519(key).jwk().unwrap();
    jwk["x"].as_str().unwrap().to_owned()
}

/// What is signed with the key of this name.
pub fn signed_with(key: &str, header: Value, payload: &Value) -> String {
    let members = |value: &Value| value.as_object().cloned().unwrap_or_default();
    let mut all = Map::new();
    all.insert("typ".to_owned(), json!(BUNDLE_TYPE));
    all.extend(members(&header));
    SigningKey::ed25519(key).sign(&all, &members(payload))
}

/// The payload of a bundle that is signed when the simulation begins.
pub fn payload(sequence: u64, policy: &str) -> Value {
    json!({
        "app": "shop", "seq": sequence, "iat": BEGIN_S, "exp": BEGIN_S + LIFETIME_S, "policy": policy
    })
}

/// A bundle with this number and policy, signed with the key `one`.
pub fn bundle(sequence: u64, policy: &str) -> String {
    signed_with("one", json!({}), &payload(sequence, policy))
}

/// The same, with these members in place of others.
pub fn bundle_but(sequence: u64, policy: &str, but: &Value) -> String {
    let mut payload = payload(sequence, policy);
    let members = but.as_object().cloned().unwrap_or_default();
    payload.as_object_mut().unwrap().extend(members);
    signed_with("one", json!({}), &payload)
}

/// A policy that believes these issuers, and lets anybody read `/open/NAME`.
pub fn policy(name: &str, issuers: &[&str]) -> String {
    let mut text = "[health]\nready = \"/ready\"\nlive = \"/live\"\ndetails = \"all\"\n".to_owned();
    for issuer in issuers {
        text.push_str(&format!(
            "[issuer.{issuer}]\nurl = \"https://{issuer}.example\"\naudience = \"api\"\n\
             jwks_url = \"https://{issuer}.example/keys\"\n"
        ));
    }
    text.push_str(&format!(
        "[[route]]\npath = \"/orders\"\nissuer = {issuers:?}\n[[route]]\npath = \"/open/{name}\"\npublic = true\n"
    ));
    text
}

/// A file with this `[bundle]`, signed with the keys of these names.
pub fn bootstrap(keys: &[&str], more: &str) -> String {
    let keys: Vec<_> = keys.iter().map(|key| public(key)).collect();
    format!(
        "[bundle]\nurl = \"https://policies.example/shop.jws\"\napplication = \"shop\"\nkeys = {keys:?}\n{more}\n"
    )
}

/// A gate that fetches its policy.
pub struct Scene {
    pub stage: Stage,
    pub server: Rc<Origin>,
    pub acme: Rc<Issuer>,
    pub other: Rc<Issuer>,
    pub app: Rc<Origin>,
    pub store: Rc<Shared>,
}

impl Scene {
    /// One whose server has nothing yet.
    pub fn new() -> Self {
        Self::with(&bootstrap(&["one"], ""))
    }

    pub fn with(bootstrap: &str) -> Self {
        Self::of(Component::new(bootstrap))
    }

    pub fn of(component: Component) -> Self {
        let world = World::new(1, false);
        let server = Origin::at(&world, "policies.example");
        server.always(Reply::status(404));
        let acme = Issuer::at(&world, "acme.example", "first");
        let other = Issuer::at(&world, "other.example", "first");
        let app = Origin::new(&world);
        let store = world.store("default");
        Self {
            stage: Stage::new(&world, component, Behind::Next(app.peer())),
            server,
            acme,
            other,
            app,
            store,
        }
    }

    /// Another deployment of it in the same world, with another file.
    pub fn beside(&self, bootstrap: &str) -> Stage {
        let component = Component::new(bootstrap);
        Stage::new(&self.stage.world, component, Behind::Next(self.app.peer()))
    }

    /// The server has this bundle from now on.
    pub fn publish(&self, bundle: &str) {
        self.server.always(Reply::default().body(bundle));
    }

    pub fn get(&self, path: &str) -> Answer {
        self.stage.send(Sent::get(path))
    }

    pub fn pass(&self, time: Duration) {
        self.stage.world.executor.run_for(time);
    }

    /// The status of `/open/NAME`: 200 where the policy of this name is in force, 403 where another one is.
    pub fn open(&self, name: &str) -> u16 {
        self.get(&format!("/open/{name}")).status
    }

    /// Lets the time of a refresh pass, has it looked for something newer, and waits for that.
    pub fn refresh(&self) {
        self.pass(REFRESH + SECOND);
        self.get("/look");
        self.pass(SECOND);
    }

    /// Why bundles were refused, in order.
    pub fn refused(&self) -> Vec<String> {
        let lines = self.stage.world.told("bundle-refused");
        lines.iter().map(|line| line.field("why")).collect()
    }

    pub fn told(&self, event: &str) -> usize {
        self.stage.told(event)
    }
}
