//! What was worked out before there was an instance, from files that are embedded in the component. It is part of the
//! memory with which every instance begins (docs/decisions/0084).
//!
//! So nothing in here may differ between instances: there is no clock, no randomness and no host, and what an instance
//! keys with a random number (its hash maps, the names of its requests) it makes itself.

#[cfg(feature = "bundle")]
use doorward_policy::Mounted;
use doorward_policy::{Findings, KeySource, Policy};
use doorward_token::KeySet;

use crate::fault::Unreadable;

/// Where the policy is mounted (`files` in `spin.toml`).
pub const POLICY_PATH: &str = "/doorward.toml";

/// What the file of an instance's policy says.
#[cfg(not(feature = "bundle"))]
pub(crate) type Parsed = Policy;
/// What the file of an instance's policy says: the policy, or where one is fetched.
#[cfg(feature = "bundle")]
pub(crate) type Parsed = Mounted;

/// What was worked out before.
#[derive(Debug)]
pub struct Prepared {
    /// What the file of the policy says, until an instance takes it.
    policy: Option<Parsed>,
    /// For each issuer whose keys are in an embedded file the path of that and its keys, until they are taken.
    keys: Vec<(String, KeySet)>,
}

impl Prepared {
    /// Reads the policy and the key sets that it names, as an instance would. `file` gives an embedded file by its path.
    /// A key set that is not embedded is read by each instance where it is mounted.
    ///
    /// # Errors
    /// The reason that an instance would write into its log: nothing is embedded, or what is cannot be used. In words, for
    /// `prepare` gives words: a type of its own would be 700 bytes of every gate, and is only ever printed.
    pub fn of<'a>(
        file: impl Fn(&str) -> Result<Option<&'a [u8]>, Unreadable>,
    ) -> Result<Self, String> {
        let embedded = file(POLICY_PATH).and_then(|file| file.ok_or(Unreadable::not_embedded()));
        let policy = match embedded.and_then(text).map(parse) {
            Ok(Ok(policy)) => policy,
            Ok(Err(findings)) => return Err(findings.to_string()),
            Err(reason) => return Err(reason.to_string()),
        };
        let mut keys = Vec::new();
        for path in policy_of(&policy).map_or_else(Vec::new, key_files) {
            // What is embedded can be read: the policy was.
            if let Some(bytes) = file(path).ok().flatten() {
                let set = KeySet::parse(bytes).map_err(|why| format!("{path}: {why}"))?;
                if let Some(why) = set.unusable() {
                    return Err(format!("{path}: {why}"));
                }
                keys.push((path.to_owned(), set));
            }
        }
        Ok(Self {
            policy: Some(policy),
            keys,
        })
    }

    /// What the file of the policy says. It is given once.
    pub(crate) fn take_policy(&mut self) -> Option<Parsed> {
        self.policy.take()
    }

    /// The keys in this file. Each issuer gets them once: when it looks again, the file is read as it always is.
    pub(crate) fn take_keys(&mut self, path: &str) -> Option<KeySet> {
        let at = self.keys.iter().position(|(of, _)| of == path)?;
        Some(self.keys.swap_remove(at).1)
    }
}

/// Reads the file of an instance's policy.
///
/// # Errors
/// What is wrong with it.
pub(crate) fn parse(text: &str) -> Result<Parsed, Findings> {
    Parsed::parse(text)
}

/// A policy as text.
///
/// # Errors
/// It is none.
pub(crate) fn text(bytes: &[u8]) -> Result<&str, Unreadable> {
    let text = std::str::from_utf8(bytes);
    text.map_err(|_| Unreadable::because("stream did not contain valid UTF-8"))
}

/// The policy in the file of an instance's policy; `None`: it is fetched.
fn policy_of(parsed: &Parsed) -> Option<&Policy> {
    #[cfg(not(feature = "bundle"))]
    return Some(parsed);
    #[cfg(feature = "bundle")]
    match parsed {
        Mounted::Policy(policy) => Some(policy),
        Mounted::Fetched(_) => None,
    }
}

/// The files of the issuers' keys, one for each of those issuers.
fn key_files(policy: &Policy) -> Vec<&str> {
    let issuers = policy.issuers().iter();
    issuers
        .filter_map(|issuer| match &issuer.keys {
            KeySource::JwksFile(path) => Some(path.as_str()),
            KeySource::Discovery | KeySource::JwksUrl(_) | KeySource::Secret { .. } => None,
        })
        .collect()
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests;
