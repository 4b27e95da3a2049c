//! `decision_inputs` of `[log]`: what lines say of decisions, until when, and what another policy says by them.
//!
//! What the command makes of a log: `crates/doorward/tests/command/replay.rs`.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests"
)]

mod drawn;
mod recorded;

use doorward_policy::{Policy, Replayed, ReplayedLine};
use doorward_tests::sim::client::{Answer, Sent};
use doorward_tests::sim::component::Component;
use doorward_tests::sim::gate::Behind;
use doorward_tests::sim::issuer::Issuer;
use doorward_tests::sim::origin::Origin;
use doorward_tests::sim::stage::Stage;
use doorward_tests::sim::world::{Line, World};
use doorward_token::api_key::{self, GeneratedKey};
use serde_json::{Map, Value, json};
use std::rc::Rc;

/// What lines have for an hour; the world begins with the year.
const RECORDING: &str =
    "[log]\ndecision_inputs = true\ndecision_inputs_until = \"2026-01-01T01:00:00Z\"\n";

const ISSUERS: &str = r#"
[issuer.acme]
url = "https://acme.example"
audience = "api"
jwks_url = "https://acme.example/keys"
"#;

struct Scene {
    stage: Stage,
    acme: Rc<Issuer>,
    new: Rc<Issuer>,
    app: Rc<Origin>,
}

impl Scene {
    /// A gate with this policy.
    fn new(policy: &str) -> Self {
        let world = World::new(1, false);
        let acme = Issuer::at(&world, "acme.example", "first");
        let new = Issuer::at(&world, "new.example", "second");
        let app = Origin::new(&world);
        let stage = Stage::new(&world, Component::new(policy), Behind::Next(app.peer()));
        Self {
            stage,
            acme,
            new,
            app,
        }
    }

    fn token(&self, claims: Value) -> String {
        let mut all = json!({ "scope": "read" });
        for (name, value) in claims.as_object().expect("claims") {
            all[name] = value.clone();
        }
        self.acme.token_by("first", &self.stage.world, all)
    }

    /// What is decided of a request: `admitted`, or the class of its refusal.
    fn verdict(&self, sent: Sent) -> (String, Answer) {
        self.app.forget();
        let answer = self.stage.send(sent);
        if self.app.count() > 0 {
            return ("admitted".to_owned(), answer);
        }
        let document = answer.json();
        let class = document["type"].as_str().unwrap_or_default();
        let class = class.rsplit(':').next().unwrap_or_default().to_owned();
        (class, answer)
    }

    /// The last line about a request.
    fn line(&self) -> Map<String, Value> {
        let lines = self.stage.world.log();
        let mut lines = lines.iter().map(Line::fields);
        lines
            .rfind(|line| {
                ["decision", "labels.decision", "doorward.decision"]
                    .iter()
                    .any(|name| line.contains_key(*name))
            })
            .expect("a line")
    }
}

/// The key that every world here has.
fn key() -> GeneratedKey {
    api_key::generate(&[7; api_key::KEY_RANDOM_BYTES])
}

/// The verdict of a policy on a line, or why there is none.
fn replayed(policy: &Policy, line: Map<String, Value>) -> Result<String, &'static str> {
    let line = ReplayedLine::parse(&Value::Object(line)).expect("a line that can be read");
    let line = line.expect("a line about a decision");
    match policy.replay(&line) {
        Replayed::Admitted(_) => Ok("admitted".to_owned()),
        Replayed::Refused { refusal, .. } => Ok(refusal.class().name().to_owned()),
        Replayed::AsBefore => Ok(line.verdict),
        Replayed::Undecidable(why) => Err(why),
    }
}
