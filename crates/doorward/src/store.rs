//! Which key-value store a command is about: the one that the gates of a policy share.

use std::fmt;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use clap::Args;
use doorward_host::kv::StoreFile;
use doorward_policy::{Policy, STORE_NAME_DEFAULT};

use crate::{check, state};

/// The policy, unless told otherwise.
const POLICY: &str = "doorward.toml";
/// The folder in which Spin keeps its state, beside the manifest.
const SPIN_STATE: &str = ".spin";

#[derive(Args)]
pub(crate) struct Arguments {
    /// The policy of the gates [default: doorward.toml]
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
    /// The key-value store that the gates share [default: as the policy says]
    #[arg(long, value_name = "LABEL")]
    store: Option<String>,
    /// The folder that holds the stores; `.spin` for `spin up` [default: .doorward beside the nearest
    /// spin.toml]
    #[arg(long, value_name = "FOLDER")]
    state_dir: Option<PathBuf>,
}

impl Arguments {
    /// The policy.
    pub(crate) fn policy(&self) -> Result<Policy> {
        let path = self.policy_path();
        let name = path.display();
        let text = check::read(path).with_context(|| {
            format!("the policy {name} cannot be read; name another one with `--policy FILE`")
        })?;
        match Policy::parse(&text) {
            Ok(policy) => Ok(policy),
            Err(findings) => bail!(
                "the policy {name} is not valid\n  help: `doorward check {name}` says why\n{}",
                findings.render(&name.to_string(), Some(&text))
            ),
        }
    }

    /// The policy, unless none was named and there is none here.
    pub(crate) fn policy_if_any(&self) -> Result<Option<Policy>> {
        if self.policy.is_none() && !Path::new(POLICY).exists() {
            return Ok(None);
        }
        self.policy().map(Some)
    }

    pub(crate) fn policy_path(&self) -> &Path {
        self.policy.as_deref().unwrap_or(Path::new(POLICY))
    }

    /// The store, where gates have made one.
    pub(crate) fn open(&self, policy: Option<&Policy>) -> Result<Store> {
        let state_dir = state::state_dir(self.state_dir.as_deref())?;
        let path = StoreFile::path(&state_dir);
        if !path.is_file() {
            bail!(
                "there is no key-value store in {}: no application has run with this folder\n  \
                 help: {}",
                state_dir.display(),
                elsewhere(&state_dir)
            );
        }
        self.open_in(&state_dir, policy)
    }

    /// The store, made where there is none yet.
    pub(crate) fn open_or_create(&self, policy: Option<&Policy>) -> Result<Store> {
        let state_dir = state::state_dir(self.state_dir.as_deref())?;
        if !StoreFile::path(&state_dir).is_file() {
            state::create(&state_dir)?;
            eprintln!(
                "There was no key-value store in {}, and now there is one.",
                state_dir.display()
            );
            eprintln!("  {}", elsewhere(&state_dir));
        }
        self.open_in(&state_dir, policy)
    }

    fn open_in(&self, state_dir: &Path, policy: Option<&Policy>) -> Result<Store> {
        let named = self.store.as_deref();
        let label = named.or(policy.map(|policy| policy.store().name.as_str()));
        Ok(Store {
            file: StoreFile::open(state_dir)?,
            path: StoreFile::path(state_dir),
            label: label.unwrap_or(STORE_NAME_DEFAULT).to_owned(),
        })
    }
}

/// Where else the store may be.
fn elsewhere(state_dir: &Path) -> String {
    let spin = state_dir.with_file_name(SPIN_STATE);
    if StoreFile::path(&spin).is_file() {
        format!("Spin has one here: `--state-dir {}`", spin.display())
    } else {
        "`--state-dir FOLDER` names the folder of another host; `--print` is for stores elsewhere"
            .to_owned()
    }
}

/// A store that hosts may have open as well.
pub(crate) struct Store {
    file: StoreFile,
    path: PathBuf,
    label: String,
}

impl Store {
    pub(crate) fn names(&self) -> Result<Vec<String>> {
        self.file.keys(&self.label).with_context(|| self.failed())
    }

    pub(crate) fn get(&self, name: &str) -> Result<Option<Vec<u8>>> {
        self.file
            .get(&self.label, name)
            .with_context(|| self.failed())
    }

    pub(crate) fn set(&self, name: &str, value: &[u8]) -> Result<()> {
        self.file
            .set(&self.label, name, value)
            .with_context(|| self.failed())
    }

    pub(crate) fn delete(&self, name: &str) -> Result<bool> {
        self.file
            .delete(&self.label, name)
            .with_context(|| self.failed())
    }

    fn failed(&self) -> String {
        format!("{self} cannot be used")
    }
}

impl fmt::Display for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the store `{}` in {}", self.label, self.path.display())
    }
}

/// Prints an entry for a store that this command cannot write to.
pub(crate) fn print_entry(name: &str, value: &[u8]) -> String {
    format!("{name}={}", String::from_utf8_lossy(value))
}
