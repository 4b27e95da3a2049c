//! The gateway between clients and an origin: what of a request reaches the origin, and what comes back. On hosts
//! of both manners.

#![expect(clippy::expect_used, clippy::indexing_slicing, reason = "tests")]

mod arriving;
mod credentials;
mod places;
mod rewriting;
mod spoofing;

use doorward_tests::sim::client::{Answer, Sent};
use doorward_tests::sim::component::Component;
use doorward_tests::sim::gate::Behind;
use doorward_tests::sim::issuer::Issuer;
use doorward_tests::sim::message::Manner;
use doorward_tests::sim::origin::{Origin, Reply, Seen};
use doorward_tests::sim::stage::Stage;
use doorward_tests::sim::world::World;
use serde_json::json;
use std::rc::Rc;
use std::time::Duration;

/// Where the upstream `orders` is.
const ORDERS: &str = "orders.example";
/// Nothing.
const NONE: [&str; 0] = [];

/// The issuer's table.
const TRUST: &str = r#"
    [issuer.test]
    url = "https://issuer.example"
    audience = "api"
    jwks_url = "https://issuer.example/keys"
"#;

/// A route of each kind, all to the upstream `orders`.
const ROUTES: &str = r#"
    [identity]
    "x-auth-subject" = "sub"
    "x-auth-issuer" = "iss"

    [defaults]
    upstream = "orders"

    [[route]]
    path = "/public/**"
    public = true

    [[route]]
    path = "/read/**"
    issuer = ["test"]
    scope = ["read"]

    [[route]]
    path = "/keep/**"
    issuer = ["test"]
    credential = "forward"
"#;

/// A policy where the upstream `orders` is asked once, and has these lines more.
fn policy(lines: &str) -> String {
    let upstream = format!("[upstream.orders]\nurl = \"https://{ORDERS}\"\nattempts_max = 1\n");
    format!("{TRUST}\n{upstream}{lines}\n{ROUTES}")
}

/// The same, where no route hands the client's credential on, which contradicts a credential of ours.
fn policy_with_our_credential(lines: &str) -> String {
    policy(lines).replace("credential = \"forward\"", "")
}

/// The gateway between an issuer and an origin.
struct Scene {
    stage: Stage,
    issuer: Rc<Issuer>,
    origin: Rc<Origin>,
}

/// Such a gateway with this policy, on hosts of each manner.
fn scenes(policy: &str) -> impl Iterator<Item = Scene> + use<> {
    of(Component::new(policy))
}

/// This component, on hosts of each manner.
fn of(component: Component) -> impl Iterator<Item = Scene> {
    Manner::ALL.into_iter().map(move |manner| {
        let world = World::new(1, false);
        let component = component.clone().on(manner);
        Scene {
            issuer: Issuer::at(&world, "issuer.example", "first"),
            origin: Origin::at(&world, ORDERS),
            stage: Stage::new(&world, component, Behind::Upstreams),
        }
    })
}

impl Scene {
    /// A token with this scope.
    fn token(&self, scope: &str) -> String {
        let claims = json!({ "scope": scope });
        self.issuer.token_by("first", &self.stage.world, claims)
    }

    fn send(&self, sent: Sent) -> Answer {
        self.stage.send(sent)
    }

    /// Sends it, which has to succeed, and gives what the origin has of it.
    fn passes(&self, sent: Sent, what: &str) -> Seen {
        self.origin.forget();
        status(&self.send(sent), 200, what);
        let mut seen = self.origin.seen();
        assert_eq!(seen.len(), 1, "{what}: the origin is asked once");
        seen.remove(0)
    }
}

/// An answer 200 with this body.
fn ok(body: &str) -> Reply {
    Reply::default().body(body)
}

/// A request in chunks with these fields and these trailers, which are announced: hosts send on no others.
fn chunked(target: &str, fields: &[(&str, &str)], trailers: &[(&str, &str)]) -> Sent {
    let names: Vec<_> = trailers.iter().map(|(name, _)| *name).collect();
    let sent = Sent::new("POST", target).field("trailer", names.join(", "));
    let sent = fields
        .iter()
        .fold(sent, |sent, (name, value)| sent.field(name, value));
    let pieces = vec![b"hel".to_vec(), b"lo".to_vec()];
    let sent = sent.pieces(pieces, Duration::ZERO);
    trailers
        .iter()
        .fold(sent, |sent, (name, value)| sent.trailer(name, value))
}

/// The trailers that a request came with.
fn trailers(seen: &Seen) -> Vec<(String, String)> {
    let trailers = seen.trailers.clone().expect("the body is whole");
    let text = |value: Vec<u8>| String::from_utf8_lossy(&value).into_owned();
    let entries = trailers.into_iter();
    entries.map(|(name, value)| (name, text(value))).collect()
}

/// All fields and trailers that a request came with, as text.
fn all_of(seen: &Seen) -> String {
    let fields: Vec<_> = seen
        .fields
        .iter()
        .map(|(name, value)| format!("{name}: {}", String::from_utf8_lossy(value)))
        .collect();
    format!("{} {fields:?} {:?}", seen.target, trailers(seen))
}

/// Fails unless the answer has this status.
fn status(answer: &Answer, expected: u16, what: &str) {
    assert_eq!(answer.status, expected, "{what}: {:?}", answer.text());
}
