//! The issuer of the tokens that are measured: its keys are in a file, so that nothing is fetched.

use std::path::Path;

use anyhow::{Context as _, Result};
use serde_json::{Map, Value, json};

use super::cases::Credential;
use crate::files::{self, Readers};
use crate::keys::{Algorithm, Keys, SigningKey};
use crate::sign::{self, Content};
use crate::state;

/// The issuer, which nobody asks.
pub(super) const ISSUER: &str = "https://issuer.bench.example";
pub(super) const AUDIENCE: &str = "https://bench.example";
/// What the tokens allow: what each of the routes asks for.
const SCOPE: &str = "bench read:users write:users write:events";
/// Longer than any measurement, in seconds.
const LIFETIME_S: i64 = 7 * 24 * 3600;
/// The algorithms that are measured: the issuer has a key for each.
const ALGORITHMS: [Algorithm; 3] = [Algorithm::Rs256, Algorithm::Es256, Algorithm::EdDsa];

/// The issuer.
pub(super) struct Tokens {
    keys: Keys,
    /// How many different tokens stand for some that were never seen.
    different: usize,
}

impl Tokens {
    /// With the keys in this folder, which are made where there are none.
    pub(super) fn of(state_dir: &Path, different: usize) -> Result<Self> {
        Ok(Self {
            keys: Keys::load_or_create(state_dir)?,
            different,
        })
    }

    /// Its public keys (RFC 7517 §5).
    pub(super) fn key_set(&self) -> Result<Value> {
        let keys = ALGORITHMS.into_iter().map(|algorithm| {
            let key = self.keys.get(algorithm)?;
            Ok(key.public_jwk())
        });
        let keys: Vec<Value> = keys.collect::<Result<_>>()?;
        Ok(json!({ "keys": keys }))
    }

    /// The tokens that are sent in turn for this credential.
    pub(super) fn made(&self, credential: Credential) -> Result<Vec<String>> {
        let (algorithm, count) = match credential {
            Credential::Repeated(algorithm) => (algorithm, 1),
            Credential::NeverSeen(algorithm) => (algorithm, self.different),
        };
        let key = self.keys.get(algorithm)?;
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        let share = count.div_ceil(threads).max(1);
        let numbers: Vec<usize> = (0..count).collect();
        std::thread::scope(|scope| {
            let signing: Vec<_> = numbers
                .chunks(share)
                .map(|chunk| scope.spawn(move || some(key, chunk)))
                .collect();
            let mut tokens = Vec::with_capacity(count);
            for part in signing {
                tokens.extend(part.join().ok().context("signing tokens failed")??);
            }
            Ok(tokens)
        })
    }
}

/// Writes `keys.json`, and a file with a token on each line for each algorithm: `RS256.txt`, and so on.
pub(super) fn export(folder: &Path, tokens: &Tokens) -> Result<()> {
    let file = |name: &str, text: &str| {
        let path = folder.join(name);
        files::write(&path, text.as_bytes(), Readers::Owner)
            .with_context(|| format!("{} cannot be written", path.display()))
    };
    state::create(folder)?;
    file("keys.json", &tokens.key_set()?.to_string())?;
    for algorithm in ALGORITHMS {
        let mut lines = tokens.made(Credential::NeverSeen(algorithm))?.join("\n");
        lines.push('\n');
        file(&format!("{}.txt", algorithm.name()), &lines)?;
    }
    Ok(())
}

/// A token for each of these callers.
fn some(key: &SigningKey, callers: &[usize]) -> Result<Vec<String>> {
    let token = |number: &usize| {
        let content = Content {
            issuer: ISSUER,
            subject: &format!("caller-{number}"),
            client: Some("bench"),
            audience: &[AUDIENCE.to_owned()],
            scope: SCOPE,
            lifetime_s: LIFETIME_S,
            claims: Map::new(),
        };
        sign::token(key, content)
    };
    callers.iter().map(token).collect()
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn tokens_that_were_never_seen_are_all_different() {
        let folder = tempfile::tempdir().unwrap();
        let tokens = Tokens::of(folder.path(), 7).unwrap();
        let seven = tokens
            .made(Credential::NeverSeen(Algorithm::EdDsa))
            .unwrap();
        assert_eq!(seven.iter().collect::<BTreeSet<_>>().len(), 7);
        let one = tokens.made(Credential::Repeated(Algorithm::Es256)).unwrap();
        assert_eq!(one.len(), 1);
        let exported = folder.path().join("exported");
        export(&exported, &tokens).unwrap();
        let lines = std::fs::read_to_string(exported.join("ES256.txt")).unwrap();
        assert_eq!(lines.lines().count(), 7);
        assert!(exported.join("keys.json").is_file());
        let keys = tokens.key_set().unwrap();
        assert_eq!(keys.pointer("/keys").unwrap().as_array().unwrap().len(), 3);
    }
}
