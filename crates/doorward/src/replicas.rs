//! What does not hold across several replicas of a host: stores that are files, and what is counted by each alone.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, Result};
use doorward_host::manifest::Application;
use doorward_host::manifest::runtime_config::{KeyValueStore, RuntimeConfig};
use doorward_policy::Policy;

use crate::policy_file;

/// What is said of an application, or of a policy, with several replicas.
pub(crate) struct Finding {
    /// Whether something that the policy says does not hold.
    pub(crate) is_error: bool,
    pub(crate) message: String,
}

impl Finding {
    fn error(message: String) -> Self {
        Self {
            is_error: true,
            message,
        }
    }

    fn warning(message: String) -> Self {
        Self {
            is_error: false,
            message,
        }
    }

    /// `error` or `warning`.
    pub(crate) fn severity(&self) -> &'static str {
        match self.is_error {
            true => "error",
            false => "warning",
        }
    }
}

/// What a policy alone says: which limits each replica counts by itself, and that it needs a store which all have.
pub(crate) fn of_policy(policy: &Policy, replicas: usize) -> Vec<Finding> {
    if replicas < 2 {
        return Vec::new();
    }
    let mut found = limits(policy, replicas);
    let promised = promised(policy);
    if !promised.is_empty() {
        found.push(Finding::warning(format!(
            "{} are in the store `{}`, which has to be the same for all {replicas} replicas\n  help: `doorward check \
             spin.toml --replicas {replicas} --runtime-config-file FILE` says whether it is",
            promised.join(", "),
            policy.store().name
        )));
    }
    found
}

/// What an application says, with the policies that it mounts and where its stores are.
///
/// # Errors
/// A policy cannot be read, or is not valid.
pub(crate) fn of_application(
    application: &Application,
    configured: &RuntimeConfig,
    replicas: usize,
) -> Result<Vec<Finding>> {
    if replicas < 2 {
        return Ok(Vec::new());
    }
    let mut found = Vec::new();
    // What is in a store, by its label, for which all replicas need the same one.
    let mut needed: BTreeMap<String, BTreeSet<&'static str>> = BTreeMap::new();
    let mut read = BTreeSet::new();
    for component in application.components.values() {
        for mount in component.file_mounts()? {
            if mount.destination != policy_file::POLICY || !read.insert(mount.source.clone()) {
                continue;
            }
            let (_, policy) = policy_file::policy(&mount.source)
                .with_context(|| format!("the component {} mounts it", component.id))?;
            found.extend(limits(&policy, replicas));
            let label = policy.store().name.clone();
            needed.entry(label).or_default().extend(promised(&policy));
        }
        for timer in &component.timers {
            found.push(Finding::warning(format!(
                "each of {replicas} replicas asks `{}` for {} at its times: what is asked has to be good for being asked \
                 {replicas} times",
                component.id, timer.path
            )));
        }
    }
    found.extend(stores(application, configured, replicas, &needed));
    found.extend(databases(application, replicas));
    Ok(found)
}

/// Which of its stores are files, each replica's own.
fn stores(
    application: &Application,
    configured: &RuntimeConfig,
    replicas: usize,
    needed: &BTreeMap<String, BTreeSet<&'static str>>,
) -> Vec<Finding> {
    let components = application.components.values();
    let labels = components.flat_map(|component| &component.key_value_stores);
    let labels: BTreeSet<&str> = labels.map(|store| store.label.as_str()).collect();
    let is_own = |label: &&str| {
        let configured = configured.key_value_stores.get(*label);
        !matches!(configured, Some(KeyValueStore::Redis { .. }))
    };
    let finding = |label: &str| {
        let help = format!(
            "  help: put it on a Redis with `[key_value_store.{label}]`, `type = \"redis\"` in a runtime configuration, and \
             name that with `--runtime-config-file FILE`, here and for `doorward up`"
        );
        match needed.get(label).filter(|needed| !needed.is_empty()) {
            Some(needed) => {
                let needed: Vec<_> = needed.iter().copied().collect();
                Finding::error(format!(
                    "the store `{label}` is a file, of which each of {replicas} replicas has its own: what one knows of {}, the \
                     others do not\n{help}",
                    needed.join(", ")
                ))
            }
            None => Finding::warning(format!(
                "the store `{label}` is a file, of which each of {replicas} replicas has its own\n{help}"
            )),
        }
    };
    labels.into_iter().filter(is_own).map(finding).collect()
}

/// Its SQLite databases, which are each replica's own. A service may have its data elsewhere, so it is no error.
fn databases(application: &Application, replicas: usize) -> Vec<Finding> {
    let mut users: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for component in application.components.values() {
        for database in &component.sqlite_databases {
            users
                .entry(&database.label)
                .or_default()
                .push(&component.id);
        }
    }
    let finding = |(label, components): (&str, Vec<&str>)| {
        Finding::warning(format!(
            "the SQLite database `{label}` is a file, of which each of {replicas} replicas has its own: what one writes, the \
             others do not read ({})\n  help: have the data in a PostgreSQL, and take the label out of `sqlite_databases`",
            components.join(", ")
        ))
    };
    users.into_iter().map(finding).collect()
}

/// Limits that each replica counts alone.
fn limits(policy: &Policy, replicas: usize) -> Vec<Finding> {
    let alone = policy.rate_limits().iter().filter(|limit| !limit.shared);
    let finding = |name: &str| {
        Finding::warning(format!(
            "`[rate_limit.{name}]` is counted by each of {replicas} replicas alone, which together admit more\n  help: \
             `shared = true` counts it in the store"
        ))
    };
    alone.map(|limit| finding(&limit.name)).collect()
}

/// What a policy keeps in its store that every replica has to know.
fn promised(policy: &Policy) -> Vec<&'static str> {
    let keys = policy.api_keys().is_some_and(|keys| keys.store);
    let limits = policy.rate_limits().iter().any(|limit| limit.shared);
    let all = [
        (policy.revocation().is_some(), "revocations"),
        (keys, "API keys"),
        (limits, "counts of shared limits"),
    ];
    let promised = all.into_iter().filter(|(is_promised, _)| *is_promised);
    promised.map(|(_, what)| what).collect()
}
