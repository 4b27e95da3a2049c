//! The keys of issuers, as far as they are at hand: nothing is fetched.

use std::collections::BTreeMap;
use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use doorward_host::manifest::{self, Application};
use doorward_host::variables::environment_name;
use doorward_policy::explain::{KeysAtHand, KeysOf};
use doorward_policy::{Issuer, KeySource, Policy};
use doorward_token::{KEY_SET_BYTES_MAX, KeySet};

use crate::state;
use crate::up::{VariableSource, dot_env, read_variables};

/// The keys of each issuer, or why there are none.
pub(super) struct Keys(BTreeMap<usize, Result<Known, String>>);

struct Known {
    keys: KeySet,
    from: String,
}

impl KeysOf for Keys {
    fn of(&self, issuer: &Issuer) -> KeysAtHand<'_> {
        match self.0.get(&issuer.number()) {
            Some(Ok(known)) => KeysAtHand::Given {
                keys: &known.keys,
                from: known.from.clone(),
            },
            Some(Err(why)) => KeysAtHand::NotGiven(why.clone()),
            None => KeysAtHand::NotGiven("no keys".to_owned()),
        }
    }
}

impl Keys {
    /// `file`: a key set for every issuer that publishes one.
    ///
    /// # Errors
    ///
    /// What was given cannot be used. What was not given is no error: the explanation says so.
    pub(super) fn of(
        policy: &Policy,
        policy_file: &Path,
        file: Option<&Path>,
        variables: &[VariableSource],
    ) -> Result<Self> {
        let variables = Variables::of(variables)?;
        if let Some(file) = file {
            // Before anything is explained.
            given(file)?;
        }
        let application = state::find_manifest(None)
            .ok()
            .and_then(|manifest| manifest::load(&manifest).ok());
        let around = Around {
            policy_file,
            file,
            variables: &variables,
            application: application.as_ref(),
        };
        let known = policy.issuers().iter().map(|issuer| {
            let keys = around.keys_of(issuer)?;
            Ok((issuer.number(), keys))
        });
        known.collect::<Result<_>>().map(Self)
    }
}

/// Where keys are looked for.
struct Around<'a> {
    policy_file: &'a Path,
    file: Option<&'a Path>,
    variables: &'a Variables,
    application: Option<&'a Application>,
}

impl Around<'_> {
    fn keys_of(&self, issuer: &Issuer) -> Result<Result<Known, String>> {
        if let KeySource::Secret { variable } = &issuer.keys {
            return self.secret(issuer, variable);
        }
        if let Some(file) = self.file {
            return given(file).map(Ok);
        }
        Ok(match &issuer.keys {
            KeySource::JwksFile(path) => self.mounted(path),
            _ => Err("no keys (give --keys FILE)".to_owned()),
        })
    }

    fn secret(&self, issuer: &Issuer, variable: &str) -> Result<Result<Known, String>> {
        let Some(secret) = self.variables.get(variable) else {
            return Ok(Err(format!(
                "no secret (give --variable {variable}=@FILE or {})",
                environment_name(variable)
            )));
        };
        let keys = KeySet::from_secret(secret.as_bytes(), issuer.algorithms)
            .with_context(|| format!("the secret in the variable `{variable}` cannot be used"))?;
        let from = format!("the variable `{variable}`");
        Ok(Ok(Known { keys, from }))
    }

    /// A key set that is mounted into the gate: where the manifest says, or beside the policy.
    fn mounted(&self, path: &str) -> Result<Known, String> {
        let mut candidates: Vec<PathBuf> = Vec::new();
        for component in self
            .application
            .iter()
            .flat_map(|one| one.components.values())
        {
            let mounts = component.file_mounts().unwrap_or_default();
            let here = mounts.into_iter().filter(|mount| mount.destination == path);
            candidates.extend(here.map(|mount| mount.source));
        }
        let folder = self.policy_file.parent().unwrap_or(Path::new(""));
        candidates.push(folder.join(path.trim_start_matches('/')));
        let Some(file) = candidates.iter().find(|file| file.is_file()) else {
            return Err(format!("no keys: {path} is not here (give --keys FILE)"));
        };
        given(file).map_err(|error| format!("no keys: {error:#} (give --keys FILE)"))
    }
}

/// The key set in a file.
fn given(file: &Path) -> Result<Known> {
    let name = file.display();
    let mut text = Vec::new();
    let read = fs::File::open(file).and_then(|file| {
        file.take(KEY_SET_BYTES_MAX as u64 + 1)
            .read_to_end(&mut text)
    });
    read.with_context(|| format!("the keys in {name} cannot be read"))?;
    match KeySet::parse(&text) {
        Ok(keys) => Ok(Known {
            keys,
            from: name.to_string(),
        }),
        Err(error) => bail!(
            "{name} is no key set: {error}\n  help: it is what the issuer's `jwks_uri` answers with"
        ),
    }
}

/// The values of variables: of the command line, of the environment, of `.env`.
struct Variables {
    given: Vec<(String, String)>,
    in_file: BTreeMap<String, String>,
}

impl Variables {
    fn of(given: &[VariableSource]) -> Result<Self> {
        Ok(Self {
            given: read_variables(given)?,
            in_file: dot_env()?,
        })
    }

    fn get(&self, name: &str) -> Option<String> {
        let mut given = self.given.iter().rev();
        if let Some((_, value)) = given.find(|(given, _)| given == name) {
            return Some(value.clone());
        }
        let environment = environment_name(name);
        let there = std::env::var(&environment).ok();
        there.or_else(|| self.in_file.get(&environment).cloned())
    }
}
