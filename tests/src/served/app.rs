//! An application for one test.

use super::run::world;
use crate::sim::store::Shared;
use std::cell::RefCell;
use std::rc::Rc;

/// The sets that a gate needs from the component it stands in front of.
pub const GATE_INHERITS: [&str; 4] = [
    "allowed_outbound_hosts",
    "files",
    "key_value_stores",
    "variables",
];

/// An application, not yet running.
#[derive(Debug, Clone)]
pub struct App {
    pub(super) spec: AppSpec,
    /// How the names of its stores begin in the world.
    pub(super) prefix: String,
}

/// What an [`App`] is made of. The fields are what tests change; [`AppSpec::gated`] is the usual one.
#[derive(Debug, Clone)]
pub struct AppSpec {
    /// Component that handles the requests: `echo` or `whoami`; `gateway` has none behind it.
    pub service: &'static str,
    /// `inherit_configuration` of the gate.
    pub inherit: Vec<&'static str>,
    /// The policy, mounted at `/doorward.toml`; not mounted when there is none.
    pub policy: Option<String>,
    /// More files to mount at the root, by name.
    pub files: Vec<(String, Vec<u8>)>,
    /// `allowed_outbound_hosts`.
    pub outbound: Vec<String>,
    /// `key_value_stores`.
    pub stores: Vec<String>,
    /// Variables of the component, with their values.
    pub variables: Vec<(String, String)>,
    /// What is in the store `default` before the application starts.
    pub key_values: Vec<(String, String)>,
}

impl AppSpec {
    /// `service` behind the gate with `policy`, and with all grants that the gate can use.
    pub fn gated(service: &'static str, policy: impl Into<String>) -> Self {
        Self {
            service,
            inherit: GATE_INHERITS.to_vec(),
            policy: Some(policy.into()),
            files: Vec::new(),
            outbound: vec!["http://127.0.0.1:*".to_owned()],
            stores: vec!["default".to_owned()],
            variables: Vec::new(),
            key_values: Vec::new(),
        }
    }

    /// The gateway with `policy`, and with all grants that it can use.
    pub fn gateway(policy: impl Into<String>) -> Self {
        Self::gated("gateway", policy)
    }

    /// Makes the application.
    #[must_use]
    pub fn write(&self) -> App {
        let app = App {
            spec: self.clone(),
            prefix: format!("{}/", world().owner()),
        };
        for (name, value) in &self.key_values {
            app.shared("default").put(name, value.as_bytes());
        }
        app
    }
}

impl App {
    /// Gives it another policy, for who serves it from now on.
    pub fn has_policy(&mut self, policy: impl Into<String>) {
        self.spec.policy = Some(policy.into());
    }

    /// The store that the application calls this.
    pub(super) fn shared(&self, name: &str) -> Rc<Shared> {
        world().store(&format!("{}{name}", self.prefix))
    }
}

/// The store of an application, which a host may have open as well.
pub struct StoreFile {
    app: App,
    /// Nobody else changes it while a test looks.
    _alone: RefCell<()>,
}

/// What a look into the store can fail with: nothing, here.
pub type Looked<T> = Result<T, std::convert::Infallible>;

impl StoreFile {
    pub(super) fn of(app: &App) -> Self {
        Self {
            app: app.clone(),
            _alone: RefCell::new(()),
        }
    }

    /// The value of a name.
    ///
    /// # Errors
    /// None.
    pub fn get(&self, store: &str, name: &str) -> Looked<Option<Vec<u8>>> {
        Ok(self.app.shared(store).newest(name))
    }

    /// Whether a name has a value.
    ///
    /// # Errors
    /// None.
    pub fn exists(&self, store: &str, name: &str) -> Looked<bool> {
        Ok(self.app.shared(store).newest(name).is_some())
    }

    /// Gives a name a value.
    ///
    /// # Errors
    /// None.
    pub fn set(&self, store: &str, name: &str, value: &[u8]) -> Looked<()> {
        self.app.shared(store).put(name, value);
        Ok(())
    }

    /// Takes a name out.
    ///
    /// # Errors
    /// None.
    pub fn delete(&self, store: &str, name: &str) -> Looked<()> {
        self.app.shared(store).take(name);
        Ok(())
    }

    /// All names.
    ///
    /// # Errors
    /// None.
    pub fn keys(&self, store: &str) -> Looked<Vec<String>> {
        Ok(self.app.shared(store).all_names())
    }
}
