//! The components of a manifest, each with its middlewares.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, bail};
use doorward_host::chain::set_of;
use doorward_host::manifest::{
    self, Application, Component, ConfigurationSet, FileMount, Middleware,
};
use doorward_host::{HostOptions, build, download, names};

use super::contents::Given;
use super::part::{self, Read};
use crate::state;

/// A component of the application and what stands before it.
#[derive(Clone, Copy)]
pub(super) struct Chain<'a> {
    application: &'a Application,
    /// The component.
    pub(super) component: &'a Component,
    /// Outermost first.
    pub(super) middlewares: &'a [Middleware],
}

/// Reads a manifest, and fetches what it names by its address.
pub(super) fn load(manifest: &Path) -> Result<Application> {
    let mut application = manifest::load(manifest)?;
    for notice in &application.notices {
        eprintln!("{}: {notice}", manifest.display());
    }
    build::check_sources(&application)?;
    if application
        .components
        .values()
        .any(|component| component.download.is_some())
    {
        let state = state::state_dir_of(&application.dir, None)?;
        state::create(&state)?;
        let options = HostOptions::new(([127, 0, 0, 1], 0).into(), &state);
        let runtime = tokio::runtime::Runtime::new().context("the runtime cannot be started")?;
        let progress = |line: &str| eprintln!("{line}");
        runtime.block_on(download::fetch_all(&mut application, &options, &progress))?;
    }
    Ok(application)
}

impl<'a> Chain<'a> {
    /// The middlewares before each trigger with this component, every one once.
    pub(super) fn all_of(application: &'a Application, id: &str) -> Result<Vec<Self>> {
        let component = application.components.get(id).with_context(|| {
            format!(
                "there is no component `{id}` in {}",
                application.path.display()
            )
        })?;
        let mut chains: Vec<Self> = Vec::new();
        for trigger in &application.triggers {
            let chain = Self {
                application,
                component,
                middlewares: &trigger.middleware,
            };
            if trigger.component == id && !chains.iter().any(|other| other.is_of(chain.middlewares))
            {
                chains.push(chain);
            }
        }
        Ok(chains)
    }

    /// The one that a component has: where it has triggers with and without middlewares, that with them.
    pub(super) fn of_component(application: &'a Application, id: &str) -> Result<Self> {
        let chains = Self::all_of(application, id)?;
        let name = application.path.display();
        let mut gated = chains.iter().filter(|chain| !chain.middlewares.is_empty());
        match (gated.next(), gated.next(), chains.first()) {
            (Some(_), Some(other), _) => bail!(
                "{name}:{}: the triggers of `{id}` have different middlewares, and which of them are meant is not \
                 known\n  help: give them the same ones",
                other.middlewares.first().map_or(0, |first| first.line)
            ),
            (Some(only), None, _) | (None, _, Some(only)) => Ok(*only),
            (None, _, None) => bail!(
                "{name}: no trigger has the component `{id}`\n  help: name one that has: {}",
                with_triggers(application).join(", ")
            ),
        }
    }

    /// Whether these are its middlewares.
    pub(super) fn is_of(self, middlewares: &[Middleware]) -> bool {
        let names = |middlewares: &[Middleware]| {
            let named = middlewares
                .iter()
                .map(|one| (one.component.clone(), one.inherit.clone()));
            named.collect::<Vec<_>>()
        };
        names(self.middlewares) == names(middlewares)
    }

    /// Its components, outermost first.
    ///
    /// # Errors
    ///
    /// One cannot be read, or would have more than it has now.
    pub(super) fn read(self) -> Result<Vec<Read>> {
        let mut parts = Vec::with_capacity(self.middlewares.len() + 1);
        for middleware in self.middlewares {
            let id = &middleware.component;
            let component = self.application.components.get(id);
            let component = component.with_context(|| format!("there is no component `{id}`"))?;
            let part = read(component)?;
            self.refuse_gain(middleware, &part)?;
            parts.push(part);
        }
        parts.push(read(self.component)?);
        Ok(parts)
    }

    /// In one component there is no telling who imports something, so a middleware has there whatever the component has
    /// behind it.
    fn refuse_gain(self, middleware: &Middleware, part: &Read) -> Result<()> {
        for import in names::imports(&part.bytes)? {
            let Some(set) = set_of(&import) else {
                continue;
            };
            if middleware.inherit.contains(&set) || !has(self.component, set) {
                continue;
            }
            bail!(
                "{}:{}: the middleware `{}` imports `{import}` and does not inherit `{set}`, which `{}` has: made one \
                 component they would both have it\n  help: add \"{set}\" to its `inherit_configuration` where it may, or \
                 let a host compose them that tells them apart",
                self.application.path.display(),
                middleware.line,
                middleware.component,
                self.component.id,
                set = set.name(),
            );
        }
        Ok(())
    }

    /// What is mounted and not embedded as well.
    ///
    /// # Errors
    ///
    /// Something is, and it is another file: then nobody could say which one counts.
    pub(super) fn mounts(self, given: Option<&Given>) -> Result<Vec<FileMount>> {
        let mut mounts = self.component.file_mounts()?;
        let Some(given) = given else {
            return Ok(mounts);
        };
        for mount in &mounts {
            let source = given.source(&mount.destination);
            if source.is_some_and(|source| !is_same_file(source, &mount.source)) {
                bail!(
                    "{}:{}: `{}` mounts {} at {}, and another file is embedded for that path: nobody could say which one \
                     counts\n  help: take it out of `files`, or embed that one",
                    self.application.path.display(),
                    self.component.line,
                    self.component.id,
                    mount.source.display(),
                    mount.destination
                );
            }
        }
        mounts.retain(|mount| given.source(&mount.destination).is_none());
        Ok(mounts)
    }
}

/// The components that have triggers.
fn with_triggers(application: &Application) -> Vec<&str> {
    let triggers = application.triggers.iter();
    let mut ids: Vec<&str> = triggers
        .map(|trigger| trigger.component.as_str())
        .filter(|id| !id.is_empty())
        .collect();
    ids.sort_unstable();
    ids.dedup();
    ids
}

/// The component of a file.
pub(super) fn read(component: &Component) -> Result<Read> {
    let id = &component.id;
    let file = &component.source;
    let bytes = part::bytes(file)
        .with_context(|| format!("component `{id}` cannot be read from {}", file.display()))?;
    if let Some(download) = &component.download {
        download::check_bytes(&bytes, download)
            .with_context(|| format!("component `{id}` from {}", file.display()))?;
    }
    Ok(Read {
        id: id.clone(),
        bytes,
    })
}

/// Whether a component is granted anything of a set.
fn has(component: &Component, set: ConfigurationSet) -> bool {
    match set {
        // No component of ours may name one.
        ConfigurationSet::AiModels => false,
        ConfigurationSet::AllowedOutboundHosts => !component.allowed_outbound_hosts.is_empty(),
        ConfigurationSet::Environment => !component.environment.is_empty(),
        ConfigurationSet::Files => !component.files.is_empty(),
        ConfigurationSet::KeyValueStores => !component.key_value_stores.is_empty(),
        ConfigurationSet::SqliteDatabases => !component.sqlite_databases.is_empty(),
        ConfigurationSet::Variables => !component.variables.is_empty(),
    }
}

/// Whether two paths are one file.
pub(super) fn is_same_file(one: &Path, other: &Path) -> bool {
    matches!(
        (fs::canonicalize(one), fs::canonicalize(other)),
        (Ok(one), Ok(other)) if one == other
    )
}
