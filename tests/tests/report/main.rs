//! Report mode in the engine: what would be refused is told, and passes as nobody's; what is always enforced still is.
//!
//! What may only be reported of which request is data: `data/decisions/report-route.toml`, `report-policy.toml`.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests"
)]

mod drawn;
mod enforced;
mod limits;
mod passing;
mod told;

use doorward_tests::sim::client::{Answer, Sent};
use doorward_tests::sim::component::Component;
use doorward_tests::sim::gate::Behind;
use doorward_tests::sim::issuer::Issuer;
use doorward_tests::sim::message::Manner;
use doorward_tests::sim::origin::{Origin, Seen};
use doorward_tests::sim::stage::Stage;
use doorward_tests::sim::world::World;
use doorward_token::api_key;
use serde_json::{Map, Value, json};
use std::rc::Rc;
use std::time::Duration;

/// The mode that is over in an hour; the world begins with the year.
const HOUR: &str = "mode = \"report\"\nreport_until = \"2026-01-01T01:00:00Z\"\n";

const OURS: &str = "our-credential-for-the-upstream";

const POLICY: &str = r#"
{policy}

[issuer.acme]
url = "https://acme.example"
audience = "api"
jwks_url = "https://acme.example/keys"

[issuer.new]
url = "https://new.example"
audience = "api"
jwks_url = "https://new.example/keys"
{issuer}

[api_keys]
header = "x-api-key"

[[api_keys.key]]
name = "ci"
id = "{id}"
hash = "{hash}"
scope = ["read"]

[identity]
x-auth-subject = "sub"
x-auth-scope = "scope"

[limits.small]
header_count_max = 24
target_bytes_max = 1000
body_bytes_max = 10
content_types = ["text/plain"]

[rate_limit.each]
requests = 2
per_s = 3600
key = "client"
{limit}

[rate_limit.person]
requests = 2
per_s = 3600
key = "subject"
{limit}

[rate_limit.guessing]
requests = 2
per_s = 3600
counts = "failed-authentication"
{limit}

[upstream.app]
url = "http://app.example"
attempts_max = 1

[upstream.app.credential]
secret = "app_token"
header = "x-app-token"

[upstream.copy]
url = "http://copy.example"
[upstream.copy.credential]
secret = "app_token"
header = "x-app-token"

[defaults]
upstream = "app"
limits = "small"

[[route]]
path = "/items/{id}"
issuer = "acme"
accept = ["jwt", "api-key"]
scope = ["read"]
token_from = ["authorization", "cookie:session", "query:token"]
mirror = "copy"
{route}

[[route]]
path = "/both"
issuer = ["acme", "new"]
accept = "jwt"

[[route]]
path = "/each"
issuer = "acme"
accept = "jwt"
rate_limit = "each"

[[route]]
path = "/person"
issuer = "acme"
accept = "jwt"
rate_limit = "person"

[[route]]
path = "/guessing"
issuer = "acme"
accept = ["jwt", "api-key"]
rate_limit = "guessing"

[[route]]
path = "/public"
public = true
rate_limit = "each"

[[route]]
path = "/free"
public = true

[[route]]
path = "/strict"
public = true
rate_limit = "each"
mode = "enforce"
"#;

/// Where the mode stands.
#[derive(Clone, Copy, Default)]
struct Modes<'a> {
    policy: &'a str,
    issuer: &'a str,
    limit: &'a str,
    route: &'a str,
}

struct Scene {
    stage: Stage,
    acme: Rc<Issuer>,
    new: Rc<Issuer>,
    app: Rc<Origin>,
    copy: Rc<Origin>,
    key: String,
    is_gateway: bool,
}

impl Scene {
    fn new(modes: Modes<'_>) -> Self {
        Self::on(modes, Manner::default(), true)
    }

    fn on(modes: Modes<'_>, manner: Manner, is_gateway: bool) -> Self {
        let key = api_key::generate(&[7; api_key::KEY_RANDOM_BYTES]);
        let policy = POLICY
            .replace("{policy}", modes.policy)
            .replace("{issuer}", modes.issuer)
            .replace("{limit}", modes.limit)
            .replace("{route}", modes.route)
            .replace("/items/{id}", "/items/{number}")
            .replace("{id}", &key.id)
            .replace("{hash}", &key.digest.text());
        let world = World::new(1, false);
        let acme = Issuer::at(&world, "acme.example", "first");
        let new = Issuer::at(&world, "new.example", "second");
        let app = Origin::at(&world, "app.example");
        let copy = Origin::at(&world, "copy.example");
        let component = Component::new(&policy).on(manner).secret("app_token", OURS);
        let behind = match is_gateway {
            true => Behind::Upstreams,
            false => Behind::Next(app.peer()),
        };
        let stage = Stage::new(&world, component, behind);
        Self {
            stage,
            acme,
            new,
            app,
            copy,
            key: key.text,
            is_gateway,
        }
    }

    /// The gate and the gateway, on each kind of host.
    fn all(modes: Modes<'_>) -> impl Iterator<Item = Self> {
        let kinds = Manner::ALL.into_iter();
        kinds.flat_map(move |manner| [true, false].map(|kind| Self::on(modes, manner, kind)))
    }

    fn token(&self, claims: Value) -> String {
        let mut all = json!({ "scope": "read" });
        for (name, value) in claims.as_object().expect("claims") {
            all[name] = value.clone();
        }
        self.acme.token_by("first", &self.stage.world, all)
    }

    /// One that names this issuer, and that somebody else has signed.
    fn forged(&self, issuer: &Issuer) -> String {
        issuer.token_by(
            "of a stranger",
            &self.stage.world,
            json!({ "scope": "read" }),
        )
    }

    fn send(&self, sent: Sent) -> Answer {
        self.stage.send(sent)
    }

    /// What became of a request behind the gate.
    fn seen(&self, sent: Sent) -> (u16, Option<Seen>) {
        self.app.forget();
        let answer = self.send(sent);
        (answer.status, self.app.seen().pop())
    }

    fn told(&self, event: &str) -> Vec<Map<String, Value>> {
        let lines = self.stage.world.told(event);
        lines
            .iter()
            .map(doorward_tests::sim::world::Line::fields)
            .collect()
    }

    /// The class as which the last request would have been refused.
    fn would(&self) -> Option<&'static str> {
        let refusal = self.stage.world.last_observed()?.would_refuse?;
        Some(refusal.class().name())
    }

    /// Lets this time pass.
    fn passes(&self, time: Duration) {
        self.stage
            .world
            .set_clock(i64::try_from(time.as_secs()).expect("a short time"));
    }
}

/// Fails unless nothing says who sent it, and no credential is there: neither the client's nor ours. Which header ours is
/// in, the gate does not know.
fn is_of_nobody(scene: &Scene, seen: &Seen, what: &str) {
    let ours = scene.is_gateway.then_some("x-app-token");
    for name in [
        "x-auth-subject",
        "x_auth_subject",
        "x-auth-scope",
        "authorization",
        "x-api-key",
        "x-forwarded-user",
    ]
    .into_iter()
    .chain(ours)
    {
        assert_eq!(seen.values(name), [""; 0], "{what}: {name}");
    }
    assert!(!seen.field("cookie").contains("session"), "{what}");
    assert!(!seen.target.contains("token"), "{what}: {}", seen.target);
}
