//! The rules of traffic that are about fields: which pages may ask, what is added to the answer, whose address
//! counts. Every case is shown of the gate, of the gateway and of a service with the gate linked in, on hosts of
//! both manners.

#![expect(clippy::expect_used, clippy::indexing_slicing, reason = "tests")]

mod addresses;
mod caching;
mod cookies;
mod cors;
mod grpc;
mod heads;
mod options;
mod preflights;
mod reading_on;
mod request_ids;
mod security;
mod slow_bodies;
mod upgrades;

use doorward_tests::sim::client::{Answer, Sent};
use doorward_tests::sim::component::Component;
use doorward_tests::sim::gate::{self, Behind};
use doorward_tests::sim::issuer::Issuer;
use doorward_tests::sim::message::Manner;
use doorward_tests::sim::origin::{Origin, Reply};
use doorward_tests::sim::stage::Stage;
use doorward_tests::sim::world::World;
use serde_json::json;
use std::rc::Rc;

/// How the fields begin that what is behind is asked to answer with.
const ANSWER: &str = "x-answer-";
/// Where the issuer is.
const ISSUER: &str = "issuer.example";

/// Who stands in front of what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// The gate, in front of a service.
    Gate,
    /// The gateway, in front of an origin.
    Gateway,
    /// A service with the gate linked in, which has the request made anew.
    LinkedRequest,
    /// The same, which takes the values.
    LinkedValues,
}

/// The gate in one of its forms, and what is behind it.
struct Front {
    what: String,
    kind: Kind,
    stage: Stage,
    issuer: Rc<Issuer>,
    behind: Rc<Origin>,
}

/// `policy` in front of something that answers as it is told: as each of them, on hosts of each manner.
fn fronts(policy: &str) -> impl Iterator<Item = Front> {
    fronts_where(policy, |component| component)
}

/// The same, on hosts that are otherwise as `change` says.
fn fronts_where(
    policy: &str,
    change: impl Fn(Component) -> Component,
) -> impl Iterator<Item = Front> {
    let kinds = [
        Kind::Gate,
        Kind::Gateway,
        Kind::LinkedRequest,
        Kind::LinkedValues,
    ];
    kinds
        .into_iter()
        .flat_map(|kind| Manner::ALL.map(|manner| (kind, manner)))
        .map(move |(kind, manner)| Front::new(kind, manner, policy, &change))
}

impl Front {
    fn new(
        kind: Kind,
        manner: Manner,
        policy: &str,
        change: &dyn Fn(Component) -> Component,
    ) -> Self {
        let world = World::new(1, false);
        let issuer = Issuer::at(&world, ISSUER, "first");
        let behind = Origin::at(&world, "origin.example");
        behind.answers(|seen, _| {
            let answer = seen.fields.iter().filter_map(|(name, value)| {
                let name = name.to_ascii_lowercase();
                let value = String::from_utf8_lossy(value).into_owned();
                Some((name.strip_prefix(ANSWER)?.to_owned(), value))
            });
            answer.fold(Reply::default(), |reply, (name, value)| {
                reply.field(&name, &value)
            })
        });
        let (policy, next) = match kind {
            Kind::Gate => (policy.to_owned(), Behind::Next(behind.peer())),
            Kind::Gateway => (with_upstream(policy), Behind::Upstreams),
            Kind::LinkedRequest => (policy.to_owned(), gate::by_request(behind.peer())),
            Kind::LinkedValues => (policy.to_owned(), gate::by_values(&world, behind.peer())),
        };
        let component = change(Component::new(&policy).on(manner));
        Self {
            what: format!("{kind:?}, {manner:?}"),
            kind,
            stage: Stage::new(&world, component, next),
            issuer,
            behind,
        }
    }

    /// What the client gets. A refusal is a problem document that nothing keeps.
    fn send(&self, sent: Sent) -> Answer {
        let answer = self.stage.send(sent);
        if answer.status >= 400 && answer.field("content-type") == "application/problem+json" {
            let problem = answer.json();
            assert_eq!(problem["status"], answer.status, "{}: {problem}", self.what);
            assert_eq!(answer.field("cache-control"), "no-store", "{problem}");
        }
        answer
    }

    /// How many requests have come through to what is behind.
    fn reached(&self) -> usize {
        self.behind.count()
    }

    /// A token of alice with this scope.
    fn token(&self, scope: &str) -> String {
        let claims = json!({ "scope": scope });
        self.issuer.token_by("first", &self.stage.world, claims)
    }
}

/// The policy, where all routes have an upstream.
fn with_upstream(policy: &str) -> String {
    let upstream = "[defaults]\nupstream = \"origin\"\n";
    let policy = if policy.contains("[defaults]\n") {
        policy.replace("[defaults]\n", upstream)
    } else {
        format!("{upstream}{policy}")
    };
    format!("[upstream.origin]\nurl = \"https://origin.example\"\n{policy}")
}

/// The class of a refusal.
fn class(answer: &Answer) -> String {
    let problem = answer.json();
    let class = problem["type"].as_str().unwrap_or_default();
    class.rsplit(':').next().unwrap_or_default().to_owned()
}

/// All values of a field of the answer.
fn values(answer: &Answer, name: &str) -> Vec<String> {
    let text = |value| String::from_utf8_lossy(value).into_owned();
    answer.fields.named(name).map(text).collect()
}

/// Fails unless the answer has this status.
fn status(answer: &Answer, expected: u16, what: &str) {
    assert_eq!(answer.status, expected, "{what}: {:?}", answer.text());
}
