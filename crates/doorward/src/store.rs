//! Which key-value store a command is about: the one that the gates of a policy share.

use std::fmt;
use std::future::Future;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use clap::Args;
use doorward_host::kv::{self, Places, StoreError, StoreFile};
use doorward_host::manifest::runtime_config::{self, RuntimeConfig};
use doorward_host::outbound_options::OutboundOptions;
use doorward_policy::{Policy, STORE_NAME_DEFAULT};
use tokio::runtime::Runtime;

use crate::{policy_file, roots, state};

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
    /// The runtime configuration with which `doorward up` or `spin up` runs: it may say that the store is elsewhere
    /// (key_value_store), on a Redis for one.
    #[arg(long, env = "RUNTIME_CONFIG_FILE", value_name = "FILE.toml")]
    runtime_config_file: Option<PathBuf>,
    /// A file of certificates (PEM) that vouch for a Redis at `rediss://`; may be repeated.
    #[arg(long, value_name = "FILE.pem")]
    ca_file: Vec<PathBuf>,
}

impl Arguments {
    /// The policy.
    pub(crate) fn policy(&self) -> Result<Policy> {
        let (_, policy) = policy_file::policy(self.policy_path())?;
        Ok(policy)
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
        let sought = self.seek(policy)?;
        if let Some(file) = sought.missing_file() {
            bail!(
                "there is no key-value store in {}: no application has run with this {}\n  help: {}",
                sought.where_to_look(file).display(),
                sought.what_to_look_at(),
                sought.elsewhere(),
            );
        }
        sought.open()
    }

    /// The store, made where there is none yet.
    pub(crate) fn open_or_create(&self, policy: Option<&Policy>) -> Result<Store> {
        let sought = self.seek(policy)?;
        if let Some(file) = sought.missing_file() {
            state::create(file.parent().unwrap_or(&sought.state_dir))?;
            eprintln!(
                "There was no key-value store in {}, and now there is one.",
                sought.where_to_look(file).display()
            );
            eprintln!("  {}", sought.elsewhere());
        }
        sought.open()
    }

    fn seek(&self, policy: Option<&Policy>) -> Result<Sought> {
        let named = self.store.as_deref();
        let label = named.or(policy.map(|policy| policy.store().name.as_str()));
        let label = label.unwrap_or(STORE_NAME_DEFAULT).to_owned();
        let configured = match &self.runtime_config_file {
            Some(file) => runtime_config::load(file)?.key_value_stores,
            None => RuntimeConfig::default().key_value_stores,
        };
        let is_configured = configured.contains_key(&label);
        let state_dir = state::state_dir(self.state_dir.as_deref())?;
        let outbound = OutboundOptions {
            roots: roots::sources(&self.ca_file),
            ..OutboundOptions::default()
        };
        let places = Places::new(&state_dir, &configured, &outbound);
        if !places.has(&label) {
            let known: Vec<&str> = places.labels().collect();
            bail!(
                "the runtime configuration has no store `{label}`; it has {}",
                known.join(", ")
            );
        }
        Ok(Sought {
            label,
            state_dir,
            is_configured,
            places,
        })
    }
}

/// A store before it is opened.
struct Sought {
    label: String,
    state_dir: PathBuf,
    /// Whether the runtime configuration says where it is.
    is_configured: bool,
    places: Places,
}

impl Sought {
    /// The file that it is in, where that is not there.
    fn missing_file(&self) -> Option<PathBuf> {
        self.places.file(&self.label).filter(|file| !file.is_file())
    }

    fn where_to_look(&self, file: PathBuf) -> PathBuf {
        match self.is_configured {
            true => file,
            false => self.state_dir.clone(),
        }
    }

    fn what_to_look_at(&self) -> &'static str {
        match self.is_configured {
            true => "runtime configuration",
            false => "folder",
        }
    }

    fn elsewhere(&self) -> String {
        match self.is_configured {
            true => {
                "`--runtime-config-file FILE` names the configuration of another host".to_owned()
            }
            false => elsewhere(&self.state_dir),
        }
    }

    fn open(self) -> Result<Store> {
        let place = self.places.open(&self.label)?;
        let store = kv::Store::new(place, self.label);
        if store.is_in_memory() {
            bail!(
                "{store}, which nobody else can write to\n  help: give it a `path` in the runtime configuration"
            );
        }
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .context("the runtime cannot be started")?;
        let connected = runtime.block_on(store.connect());
        connected.with_context(|| format!("{store} cannot be used"))?;
        Ok(Store { store, runtime })
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
    store: kv::Store,
    runtime: Runtime,
}

impl Store {
    pub(crate) fn names(&self) -> Result<Vec<String>> {
        self.done(self.store.keys())
    }

    pub(crate) fn get(&self, name: &str) -> Result<Option<Vec<u8>>> {
        self.done(self.store.get(name.to_owned()))
    }

    pub(crate) fn set(&self, name: &str, value: &[u8]) -> Result<()> {
        self.done(self.store.set(name.to_owned(), value.to_vec()))
    }

    pub(crate) fn delete(&self, name: &str) -> Result<bool> {
        self.done(self.store.delete(name.to_owned()))
    }

    fn done<T>(&self, call: impl Future<Output = Result<T, StoreError>>) -> Result<T> {
        let done = self.runtime.block_on(call);
        done.with_context(|| format!("{self} cannot be used"))
    }
}

impl fmt::Display for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.store.fmt(f)
    }
}

/// Prints an entry for a store that this command cannot write to.
pub(crate) fn print_entry(name: &str, value: &[u8]) -> String {
    format!("{name}={}", String::from_utf8_lossy(value))
}
