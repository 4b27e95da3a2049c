//! `[[client_tls]]` of a runtime configuration: what some components show, and believe, where they ask some hosts
//! over TLS.

use std::fmt;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use rustls::ClientConfig;

use crate::manifest::runtime_config::ClientTlsEntry;
use crate::nearest::nearest;
use crate::trust::{Roots, certificates, client_config, private_key, roots_of};

/// One entry, its files read.
#[derive(Clone)]
pub struct ClientTls {
    /// The components that it is for, by their name in the manifest.
    pub components: Vec<String>,
    /// The hosts, without a port, in lower case.
    pub hosts: Vec<String>,
    /// How TLS is spoken to them.
    pub(crate) config: ClientConfig,
}

// By hand: the configuration holds a key.
impl fmt::Debug for ClientTls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientTls")
            .field("components", &self.components)
            .field("hosts", &self.hosts)
            .finish_non_exhaustive()
    }
}

/// Reads the files that entries of the runtime configuration at `path` name; `roots` are those of the machine.
///
/// # Errors
///
/// Names the file, and what of it cannot be used.
pub fn load(entries: Vec<ClientTlsEntry>, path: &Path, roots: &Roots) -> Result<Vec<ClientTls>> {
    entries
        .into_iter()
        .map(|entry| {
            let line = entry.line;
            read(entry, roots)
                .with_context(|| format!("{}:{line}: `[[client_tls]]`", path.display()))
        })
        .collect()
}

fn read(entry: ClientTlsEntry, roots: &Roots) -> Result<ClientTls> {
    let own = |file: &Option<PathBuf>| match file {
        Some(file) => roots_of(file).context("`ca_roots_file`"),
        None => Ok(Vec::new()),
    };
    let (machine, mozilla) = entry.usual_roots();
    let store = roots.store(machine, mozilla, &own(&entry.ca_roots_file)?)?;
    let config = match (&entry.client_cert_file, &entry.client_private_key_file) {
        (None, None) => client_config(store, None)?,
        (Some(chain), Some(key)) => {
            let identity = (
                certificates(chain).context("`client_cert_file`")?,
                private_key(key).context("`client_private_key_file`")?,
            );
            client_config(store, Some(identity)).with_context(|| {
                format!(
                    "the key in {} is not that of the first certificate in {}",
                    key.display(),
                    chain.display()
                )
            })?
        }
        (Some(_), None) => bail!("it has `client_cert_file` and no `client_private_key_file`"),
        (None, Some(_)) => bail!("it has `client_private_key_file` and no `client_cert_file`"),
    };
    Ok(ClientTls {
        components: entry.component_ids,
        hosts: entry.hosts,
        config,
    })
}

/// What to say about entries for components that are none of `known`: they may be another application's, or
/// misspelt.
#[must_use]
pub fn notices<'k>(
    entries: &[ClientTls],
    known: impl Iterator<Item = &'k str> + Clone,
) -> Vec<String> {
    let named = entries.iter().flat_map(|entry| &entry.components);
    named
        .filter(|id| known.clone().all(|known| known != id.as_str()))
        .map(|id| {
            let near = nearest(id, known.clone()).map(|near| format!("; did you mean `{near}`?"));
            format!(
                "`[[client_tls]]` is for a component `{id}`, which this application does not have{}",
                near.unwrap_or_default()
            )
        })
        .collect()
}

#[cfg(test)]
mod tests;
