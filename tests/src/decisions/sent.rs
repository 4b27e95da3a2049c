//! A case as it is sent: with its token, and the address that it is sent to.

use std::collections::BTreeMap;

use super::{Case, Suite};

/// What is sent, and what the upstream has to see of it.
pub struct Sent {
    /// The request target.
    pub target: String,
    /// The target that the upstream has to see.
    pub forwarded_target: String,
    /// The values of the `Authorization` fields, in order.
    pub authorization: Vec<String>,
    /// All other fields, in order.
    pub headers: Vec<(String, String)>,
    /// All values that the upstream has to see of these fields, in order.
    pub forwarded_headers: BTreeMap<String, Vec<String>>,
}

impl Suite {
    /// A case with its token signed for this time, sent to this origin (`http://127.0.0.1:3000`).
    ///
    /// # Panics
    ///
    /// Where the case names a key that the suite does not have.
    #[must_use]
    pub fn sent(&self, case: &Case, now_s: u64, origin: &str) -> Sent {
        let token = case.token.as_ref().map(|spec| self.token(spec, now_s));
        let host = origin.split("://").last().unwrap_or_default();
        let resolve = |text: &String| {
            text.replace("{token}", token.as_deref().unwrap_or_default())
                .replace("{origin}", origin)
                .replace("{host}", host)
        };
        let pair = |(name, value): &(String, String)| (name.clone(), resolve(value));
        let all = |(name, values): (&String, &Vec<String>)| {
            (name.clone(), values.iter().map(resolve).collect())
        };
        Sent {
            target: resolve(&case.target),
            forwarded_target: resolve(&case.forwarded_target),
            authorization: case.authorization.iter().map(resolve).collect(),
            headers: case.headers.iter().map(pair).collect(),
            forwarded_headers: case.forwarded_headers.iter().map(all).collect(),
        }
    }
}
