//! What the acts of a case share: the time, an issuer, and names for what changes.

use crate::names::Names;
use doorward_runtime_tests::clock::Clock;
use doorward_runtime_tests::host::Host;
use doorward_runtime_tests::issuer::{AUDIENCE, Issuer};
use doorward_runtime_tests::origin::{Origin, Script};
use serde_json::{Value, json};
use std::sync::Arc;

/// The scene of a case.
pub struct Scene<'h> {
    pub clock: Clock<'h>,
    pub issuer: Issuer,
    pub names: Names,
}

impl<'h> Scene<'h> {
    /// A clock of the case's own, and an issuer that goes by it.
    pub async fn set(host: &'h dyn Host) -> Self {
        let clock = Clock::of(host);
        assert!(clock.is_own(), "times would be different in each run");
        let issuer = Issuer::start_with_clock(&clock).await;
        let mut names = Names::default();
        names.url(&issuer.url(), "issuer");
        Self {
            clock,
            issuer,
            names,
        }
    }

    /// An origin that has a name.
    pub async fn origin(&mut self, name: &str, script: impl Into<Script>) -> Arc<Origin> {
        let origin = Arc::new(Origin::start(script).await);
        self.names.url(&origin.url(), name);
        origin
    }

    /// The table of the issuer `test`, with these lines more.
    pub fn trust(&self, lines: &str) -> String {
        format!(
            "[issuer.test]\nurl = \"{}\"\naudience = \"{AUDIENCE}\"\nleeway_s = 0\n{lines}\n\n",
            self.issuer.url()
        )
    }

    /// The claims of Alice, who may read, with these changed; `null` is left out.
    pub fn claims(&self, changes: Value) -> Value {
        changed(&self.issuer.claims("alice", "read"), changes)
    }

    /// A token with these claims.
    pub fn token(&self, changes: Value) -> String {
        self.issuer.key().sign(&self.claims(changes))
    }

    /// A token with which Alice may read.
    pub fn alice(&self) -> String {
        self.token(json!({}))
    }
}

/// The claims with these changed; `null` is left out.
pub fn changed(claims: &Value, changes: Value) -> Value {
    let mut claims = claims.clone();
    for (name, value) in changes.as_object().unwrap() {
        claims[name] = value.clone();
    }
    claims
        .as_object_mut()
        .unwrap()
        .retain(|_, value| !value.is_null());
    claims
}
