//! The gateway with something of everything, and requests that something may happen to.

use doorward_tests::sim::client::{Answer, Sent};
use doorward_tests::sim::component::Component;
use doorward_tests::sim::executor::Owner;
use doorward_tests::sim::gate::{Behind, Gate};
use doorward_tests::sim::issuer::Issuer;
use doorward_tests::sim::message::Failure;
use doorward_tests::sim::origin::{Origin, Reply};
use doorward_tests::sim::world::World;
use doorward_token::api_key::generate;
use serde_json::json;
use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

const POLICY: &str = r#"
[issuer.acme]
url = "https://acme.example"
audience = "api"
jwks_url = "https://acme.example/keys"

[issuer.opaque]
url = "https://opaque.example"
audience = "api"

[issuer.opaque.introspection]
client_id = "gate"
authentication = "client_secret_basic"
secret = "client_secret"
endpoint = "https://opaque.example/introspect"

[revocation]

[api_keys]
header = "x-api-key"

[rate_limit.all]
requests = 1000
per_s = 60
key = "subject"
shared = true

[identity]
x-auth-subject = "sub"

[upstream.one]
url = ["http://one.example", "http://two.example"]

[upstream.other]
url = ["http://other.example"]

[defaults]
upstream = "one"

[[route]]
path = "/signed"
issuer = ["acme"]
rate_limit = ["all"]

[[route]]
path = "/opaque"
issuer = ["opaque"]

[[route]]
path = "/key"
accept = ["api-key"]

[[route]]
path = "/mirrored"
issuer = ["acme"]
mirror = "other"
"#;

/// How long everything that is under way may take to end.
pub const SETTLES: Duration = Duration::from_secs(120);
const OPAQUE: &str = "an-opaque-token";

/// What is asked for, and with which credential.
pub const WAYS: [(&str, &str); 4] = [
    ("GET", "/signed"),
    ("GET", "/opaque"),
    ("GET", "/key"),
    ("PUT", "/mirrored"),
];

pub struct Scene {
    pub world: Rc<World>,
    pub issuer: Rc<Issuer>,
    pub opaque: Rc<Origin>,
    pub origins: Vec<Rc<Origin>>,
    pub gate: Rc<Gate>,
    pub api_key: String,
}

/// A request that somebody waits for.
pub struct UnderWay {
    pub client: Owner,
    pub answer: Rc<RefCell<Option<Result<Answer, Failure>>>>,
}

impl UnderWay {
    pub fn has_ended(&self) -> bool {
        self.answer.borrow().is_some()
    }
}

impl Scene {
    pub fn new(seed: u64, behind_next: bool, adjust: impl FnOnce(&mut Component)) -> Self {
        let world = World::new(seed, seed > 0);
        let issuer = Issuer::at(&world, "acme.example", "first");
        let slow = Duration::from_millis(7);
        let opaque = Origin::at(&world, "opaque.example");
        let now = world.wall_s();
        let hosts = ["one.example", "two.example", "other.example"];
        let origins: Vec<_> = hosts.iter().map(|host| Origin::at(&world, host)).collect();
        for origin in &origins {
            let reply = Reply::default().after(slow);
            origin.always(reply.piece_after(slow, "and more"));
        }
        let generated = generate(&[7; 48]);
        let store = world.store("default");
        let record = json!({
            "version": 1, "id": generated.id, "name": "ci", "digest": generated.digest.text(),
            "scopes": [], "created_at": now, "expires_at": null,
        });
        store.put(
            &format!("doorward/api-keys/{}", generated.id),
            record.to_string(),
        );
        store.latency.set(Duration::from_millis(3));
        let mut component = Component::new(POLICY).secret("client_secret", "s3cret");
        adjust(&mut component);
        let behind = match behind_next {
            true => Behind::Next(origins[0].peer()),
            false => Behind::Upstreams,
        };
        let scene = Self {
            gate: Gate::new(&world, component, behind),
            world,
            issuer,
            opaque,
            origins,
            api_key: generated.text,
        };
        scene.says_active();
        scene
    }

    /// The opaque token is active, as one that was issued just now.
    pub fn says_active(&self) {
        let now = self.world.wall_s();
        let says = json!({
            "active": true, "iss": "https://opaque.example", "aud": "api", "sub": "bob",
            "iat": now, "exp": now + 3600,
        });
        let says = Reply::default()
            .field("content-type", "application/json")
            .body(says.to_string());
        self.opaque.always(says.after(Duration::from_millis(7)));
    }

    pub fn sent(&self, method: &str, target: &str) -> Sent {
        let sent = Sent::new(method, target);
        let sent = match target {
            "/opaque" => sent.bearer(OPAQUE),
            "/key" => sent.field("x-api-key", &self.api_key),
            _ => sent.bearer(&self.issuer.token_by("first", &self.world, json!({}))),
        };
        match method {
            "GET" => sent,
            _ => sent.pieces(
                vec![b"one ".to_vec(), b"two ".to_vec()],
                Duration::from_millis(4),
            ),
        }
    }

    pub fn begin(&self, sent: Sent) -> UnderWay {
        let (gate, answer) = (Rc::clone(&self.gate), Rc::default());
        let told: Rc<RefCell<_>> = Rc::clone(&answer);
        let client = self.world.owner();
        self.world.executor.spawn(client, async move {
            let answer = gate.send(sent).await;
            *told.borrow_mut() = Some(answer);
        });
        UnderWay { client, answer }
    }

    /// The status with which a GET is answered.
    pub fn status(&self, target: &str) -> u16 {
        self.status_of(self.sent("GET", target))
    }

    pub fn status_of(&self, sent: Sent) -> u16 {
        let under_way = self.begin(sent);
        self.world.executor.run_for(Duration::from_millis(500));
        let answer = under_way.answer.borrow_mut().take();
        let answer = answer.expect("there is an answer").expect("it is one");
        answer.status
    }

    /// Sends a request that has to be served, whole, and nothing of it may go on.
    pub fn is_served(&self, method: &str, target: &str, what: &str) {
        self.is_served_within(SETTLES, method, target, what);
        let nothing_more = self.world.executor.tasks();
        assert_eq!(nothing_more, 0, "{what}: tasks go on");
    }

    /// Sends a request that has to be served without waiting for anything but the origin and the store.
    pub fn is_served_now(&self, method: &str, target: &str, what: &str) {
        self.is_served_within(Duration::from_millis(500), method, target, what);
    }

    pub fn is_served_within(&self, time: Duration, method: &str, target: &str, what: &str) {
        let under_way = self.begin(self.sent(method, target));
        self.world.executor.run_for(time);
        let answer = under_way.answer.borrow_mut().take();
        assert!(answer.is_some(), "{what}: the next request is stuck");
        let answer = answer.and_then(Result::ok).expect("the gate answers");
        assert_eq!(answer.status, 200, "{what}: {}", answer.text());
        assert!(answer.is_whole(), "{what}: the answer is whole");
    }
}

/// Begins a request anew for each turn at which something may happen to it, lets that happen, and asks whether
/// the next one is served. Returns at how many turns it did.
pub fn at_every_turn(
    scene: &dyn Fn() -> Scene,
    (method, target): (&str, &str),
    happens: &dyn Fn(&Scene, &UnderWay),
) -> usize {
    for turns in 0.. {
        let scene = scene();
        let under_way = scene.begin(scene.sent(method, target));
        scene.world.executor.turns(turns);
        if under_way.has_ended() {
            return turns;
        }
        happens(&scene, &under_way);
        let what = format!("{method} {target}, after {turns} turns");
        scene.is_served(method, target, &what);
    }
    0
}
