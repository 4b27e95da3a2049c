//! What a credential says of its principal.

use std::fmt;

use serde_json::{Map, Value};

use crate::claim_path::{ClaimPath, Nothing};

/// Subject, scopes and every other claim, whatever kind of credential they came with.
///
/// Only what verifies a credential makes them, in every component. `Debug` prints none.
pub struct Claims {
    subject: Option<String>,
    scopes: Vec<String>,
    members: Map<String, Value>,
}

impl Claims {
    pub(crate) fn new(
        subject: Option<String>,
        scopes: Vec<String>,
        members: Map<String, Value>,
    ) -> Self {
        Self {
            subject,
            scopes,
            members,
        }
    }

    /// What a record says of them, as far as it does. Whoever has verified nothing must not decide by them.
    #[cfg(feature = "recorded")]
    #[must_use]
    pub fn recorded(scopes: Vec<String>, members: Map<String, Value>) -> Self {
        Self::new(None, scopes, members)
    }

    /// `sub`.
    #[must_use]
    pub fn subject(&self) -> Option<&str> {
        self.subject.as_deref()
    }

    /// The scopes, whichever way they were written.
    #[must_use]
    pub fn scopes(&self) -> &[String] {
        &self.scopes
    }

    /// A claim as it was written.
    #[must_use]
    pub fn claim(&self, name: &str) -> Option<&Value> {
        self.members.get(name)
    }

    /// The value at a path, which is never `null`.
    ///
    /// # Errors
    ///
    /// Why there is none.
    pub fn at(&self, path: &ClaimPath) -> Result<&Value, Nothing> {
        path.find(&self.members)
    }

    /// About how many bytes of memory the claims take beside their own place.
    pub(crate) fn memory_bytes(&self) -> usize {
        self.subject.as_ref().map_or(0, String::len)
            + self
                .scopes
                .iter()
                .map(|text| size_of::<String>() + text.len())
                .sum::<usize>()
            + members_bytes(&self.members)
    }
}

impl fmt::Debug for Claims {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Claims").finish_non_exhaustive()
    }
}

/// A node of a B-tree map of JSON values has room for eleven entries and is at least five full.
const NODE_BYTES: usize =
    11 * (size_of::<String>() + size_of::<Value>()) + 12 * size_of::<usize>() + 32;
const NODE_ENTRIES_MIN: usize = 5;

fn members_bytes(members: &Map<String, Value>) -> usize {
    members.len().div_ceil(NODE_ENTRIES_MIN) * NODE_BYTES
        + members
            .iter()
            .map(|(name, value)| name.len() + value_bytes(value))
            .sum::<usize>()
}

/// What a value takes beside its place in what holds it. The depth is bounded by the parser.
fn value_bytes(value: &Value) -> usize {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => 0,
        Value::String(text) => text.len(),
        // A growing list may have taken twice the room that it needs.
        Value::Array(values) => {
            2 * values.len().max(2) * size_of::<Value>()
                + values.iter().map(value_bytes).sum::<usize>()
        }
        Value::Object(members) => members_bytes(members),
    }
}
