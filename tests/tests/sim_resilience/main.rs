//! The gateway while origins fail, come back, are slow or move: retries, balancing, circuit breakers,
//! migrations. In virtual time.

#![expect(clippy::indexing_slicing, reason = "tests")]

mod balance;
mod breaker;
mod budget;
mod clients;
mod fallback;
mod killing;
mod load;
mod mirror;
mod mirror_trouble;
mod retries;
mod retry_bodies;
mod retry_times;
mod split;

use doorward_tests::sim::client::{Answer, Sent};
use doorward_tests::sim::component::Component;
use doorward_tests::sim::gate::Behind;
use doorward_tests::sim::issuer::Issuer;
use doorward_tests::sim::message::Failure;
use doorward_tests::sim::origin::{Origin, Reply};
use doorward_tests::sim::stage::Stage;
use doorward_tests::sim::world::World;
use std::rc::Rc;

/// A route's requests may be done twice, whatever their method.
const REPEATABLE: &str = "retry_on = [\"timeout\", \"reset\", \"gateway-error\"]";
/// A pause between two attempts that is next to none.
const QUICK: &str = "backoff_ms = 1\nbackoff_ms_max = 1";
/// What is held of a body (`crates/gate/src/body.rs`).
const HELD_BYTES_MAX: usize = 64 * 1024;

/// Origins, each at a host of its name.
struct Origins {
    world: Rc<World>,
}

impl Origins {
    fn new() -> Self {
        Self {
            world: World::new(1, false),
        }
    }

    /// In a world in which what could happen at the same time happens in an order that follows from the seed.
    fn shuffled(seed: u64) -> Self {
        Self {
            world: World::new(seed, true),
        }
    }

    /// One that answers everything with `reply`.
    fn origin(&self, name: &str, reply: Reply) -> Rc<Origin> {
        let origin = Origin::at(&self.world, &host(name));
        origin.always(reply);
        origin
    }

    /// The gateway with this policy, whose one instance sees every request.
    fn one(&self, policy: &str) -> Stage {
        self.gateway(policy, usize::MAX)
    }

    /// The gateway with this policy, and a new instance for each request, which knows nothing of what was before.
    fn forgetful(&self, policy: &str) -> Stage {
        self.gateway(policy, 1)
    }

    /// The gateway with this policy, and instances as Spin has them.
    fn many(&self, policy: &str) -> Stage {
        self.served(Component::new(policy))
    }

    fn gateway(&self, policy: &str, requests_max: usize) -> Stage {
        self.served(Component {
            requests_max,
            at_once_max: usize::MAX,
            ..Component::new(policy)
        })
    }

    fn served(&self, component: Component) -> Stage {
        Stage::new(&self.world, component, Behind::Upstreams)
    }
}

/// Where the origin of this name is.
fn host(name: &str) -> String {
    format!("{name}.example")
}

/// The table of the upstream of this name, with targets of these names and these lines.
fn upstream(name: &str, targets: &[&str], lines: &str) -> String {
    let urls: Vec<String> = targets
        .iter()
        .map(|target| format!("\"https://{}\"", host(target)))
        .collect();
    format!(
        "[upstream.{name}]\nurl = [{}]\n{lines}\n\n",
        urls.join(", ")
    )
}

/// A public route for all paths below `/<name>`, to the upstream of this name.
fn route(name: &str) -> String {
    route_with(name, &format!("upstream = \"{name}\""))
}

/// A public route for all paths below `/<path>`, with these lines.
fn route_with(path: &str, lines: &str) -> String {
    format!("[[route]]\npath = \"/{path}/**\"\npublic = true\n{lines}\n\n")
}

/// A policy with one public upstream `u`.
fn one_upstream(targets: &[&str], lines: &str) -> String {
    format!("{}{}", upstream("u", targets, lines), route("u"))
}

/// A policy with one public upstream `u`, whose requests may be done twice.
fn one_repeatable(targets: &[&str], lines: &str) -> String {
    let route = route_with("u", &format!("upstream = \"u\"\n{REPEATABLE}"));
    format!("{}{route}", upstream("u", targets, lines))
}

/// What an issuer needs to be trusted.
fn trust(issuer: &Issuer) -> String {
    format!(
        "[issuer.test]\nurl = \"{}\"\naudience = \"api\"\njwks_url = \"{}\"\n\n",
        issuer.url,
        issuer.keys_url()
    )
}

/// An answer 200 with this body.
fn ok(body: &str) -> Reply {
    Reply::default().body(body)
}

/// Each way to fail after a request was sent, and what a client gets that is not to be asked again.
fn failures() -> [(&'static str, Reply, u16); 6] {
    let status = |status| Reply::status(status).body("of the origin");
    let failure = |failure| Reply::failure(failure).reading();
    [
        ("reset", failure(Failure::ConnectionTerminated), 502),
        ("close", failure(Failure::Incomplete), 502),
        ("garbage", failure(Failure::Protocol), 502),
        ("s502", status(502), 502),
        ("s503", status(503), 503),
        ("s504", status(504), 504),
    ]
}

/// Bytes in which each place is told from its neighbours.
fn bytes(count: usize) -> Vec<u8> {
    let all: Vec<u8> = (0..251).collect();
    all.iter().copied().cycle().take(count).collect()
}

/// A request with this body; without one where it is empty.
fn with_body(method: &str, target: &str, body: impl Into<Vec<u8>>) -> Sent {
    let body = body.into();
    let sent = Sent::new(method, target);
    if body.is_empty() {
        return sent;
    }
    sent.pieces(vec![body], std::time::Duration::ZERO)
        .with_length()
}

/// Whether the gateway answered by itself.
fn is_ours(answer: &Answer) -> bool {
    answer.field("content-type") == "application/problem+json"
}

/// Fails unless the answer has this status.
fn status(answer: &Answer, expected: u16, what: &str) {
    assert_eq!(answer.status, expected, "{what}: {:?}", answer.text());
}
