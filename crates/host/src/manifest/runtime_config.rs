//! A runtime configuration as `spin up --runtime-config-file` takes one, of which this host serves
//! `[[client_tls]]`, `[key_value_store.LABEL]` and `[sqlite_database.LABEL]`.

mod key_value_store;
mod sqlite_database;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use http::uri::Authority;
use toml::de::DeTable;

use super::error::ManifestError;
use super::reader::{Document, Table};
pub use key_value_store::KeyValueStore;
pub use sqlite_database::SqliteDatabase;

/// Bytes of the file: 1 MiB.
const BYTES_MAX: u64 = 1 << 20;
/// Entries of `[[client_tls]]`.
const ENTRIES_MAX: usize = 100;
/// Other tables that Spin reads there.
const NOT_SERVED: [(&str, &str); 12] = [
    ("state_dir", "use `--state-dir`"),
    ("max_instance_memory", "use `--max-instance-memory`"),
    (
        "log_dir",
        "the log is on standard output and standard error",
    ),
    ("llm_compute", "this host has no models"),
    (
        "variables_provider",
        "use `--variable`, `SPIN_VARIABLE_NAME` or a file .env",
    ),
    (
        "config_provider",
        "use `--variable`, `SPIN_VARIABLE_NAME` or a file .env",
    ),
    (
        "outbound_networking",
        "`allowed_outbound_hosts` in spin.toml says where requests may go",
    ),
    (
        "outbound_http",
        "see the flags of `doorward up` that begin with `--outbound-`",
    ),
    ("outbound_redis", "the bounds of connections are fixed"),
    ("outbound_pg", "the bounds of connections are fixed"),
    ("outbound_mysql", "this host has no MySQL"),
    (
        "outbound_mqtt",
        "the bounds of MQTT are those of docs/host.md, and no others",
    ),
];

/// What a runtime configuration says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RuntimeConfig {
    /// `[[client_tls]]`, in the order of the file.
    pub client_tls: Vec<ClientTlsEntry>,
    /// `[key_value_store.LABEL]`, by label.
    pub key_value_stores: BTreeMap<String, KeyValueStore>,
    /// `[sqlite_database.LABEL]`, by label.
    pub sqlite_databases: BTreeMap<String, SqliteDatabase>,
}

/// One entry of `[[client_tls]]`. Paths are those of the file, from its folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientTlsEntry {
    /// The line that it begins on.
    pub line: usize,
    /// The components that it is for; never empty.
    pub component_ids: Vec<String>,
    /// The hosts, without a port, in lower case; never empty.
    pub hosts: Vec<String>,
    /// `ca_use_platform_roots`.
    pub ca_use_platform_roots: Option<bool>,
    /// `ca_use_webpki_roots`.
    pub ca_use_webpki_roots: Option<bool>,
    /// `ca_roots_file`.
    pub ca_roots_file: Option<PathBuf>,
    /// `client_cert_file`.
    pub client_cert_file: Option<PathBuf>,
    /// `client_private_key_file`.
    pub client_private_key_file: Option<PathBuf>,
}

impl ClientTlsEntry {
    /// Whether the machine's roots count and whether Mozilla's do: as Spin reads what is not said.
    #[must_use]
    pub fn usual_roots(&self) -> (bool, bool) {
        match (self.ca_use_platform_roots, self.ca_use_webpki_roots) {
            (None, None) => (self.ca_roots_file.is_none(), false),
            (platform, mozilla) => (platform.unwrap_or(false), mozilla.unwrap_or(false)),
        }
    }
}

/// Reads the file at `path`.
///
/// # Errors
///
/// Everything that is wrong with it; what this host does not serve among it.
pub fn load(path: &Path) -> Result<RuntimeConfig, ManifestError> {
    let cannot = |error: std::io::Error| {
        let message = format!("the runtime configuration cannot be read: {error}");
        ManifestError::of_file(path, message, None)
    };
    if std::fs::metadata(path).map_err(cannot)?.len() > BYTES_MAX {
        let message = format!("it has more than {BYTES_MAX} bytes");
        return Err(ManifestError::of_file(path, message, None));
    }
    let text = std::fs::read_to_string(path).map_err(cannot)?;
    parse(&text, path)
}

fn parse(text: &str, path: &Path) -> Result<RuntimeConfig, ManifestError> {
    let document = Document::new(text);
    let root = match DeTable::parse(text) {
        Ok(root) => root,
        Err(error) => {
            let span = error.span().unwrap_or(0..0);
            document.problem(&span, format!("not valid TOML: {}", error.message()));
            return Err(ManifestError::new(path, document.into_problems()));
        }
    };
    let folder = path.parent().unwrap_or(Path::new(""));
    let place = "the runtime configuration".to_owned();
    let table = Table::new(&document, root.span(), place, root.get_ref());
    let mut entries = Vec::new();
    if let Some(value) = table.get("client_tls")
        && let Some(items) = document.array(value, "`client_tls`")
    {
        for item in items {
            if let Some(table) = document.table(item, "`client_tls`") {
                entries.extend(entry(&document, table, folder));
            }
        }
        if entries.len() > ENTRIES_MAX {
            document.problem(
                &value.span(),
                format!("there are more than {ENTRIES_MAX} entries"),
            );
        }
    }
    let key_value_stores = key_value_store::read(&document, &table, folder);
    let sqlite_databases = sqlite_database::read(&document, &table);
    for (key, instead) in NOT_SERVED {
        table.refuse(key, "is not served by this host", instead);
    }
    table.finish();
    let problems = document.into_problems();
    if problems.is_empty() {
        Ok(RuntimeConfig {
            client_tls: entries,
            key_value_stores,
            sqlite_databases,
        })
    } else {
        Err(ManifestError::new(path, problems))
    }
}

fn entry(
    document: &Document<'_>,
    table: Table<'_, '_, '_, '_>,
    folder: &Path,
) -> Option<ClientTlsEntry> {
    let file = |name| table.string(name).map(|file| folder.join(file));
    let component_ids = table.strings("component_ids");
    let mut hosts = Vec::new();
    for (span, host) in table.spanned_strings("hosts") {
        match host.parse::<Authority>() {
            Ok(authority) if authority.as_str() == authority.host() => {
                hosts.push(host.to_ascii_lowercase());
            }
            _ => document.problem(
                &span,
                format!(
                    "{host:?} in `hosts` has to be a host without a port, as it is written in URLs"
                ),
            ),
        }
    }
    let entry = ClientTlsEntry {
        line: document.line(table.span()),
        ca_use_platform_roots: table.boolean("ca_use_platform_roots"),
        ca_use_webpki_roots: table.boolean("ca_use_webpki_roots"),
        ca_roots_file: file("ca_roots_file"),
        client_cert_file: file("client_cert_file"),
        client_private_key_file: file("client_private_key_file"),
        component_ids,
        hosts,
    };
    // Of Spin before 3.
    for (old, new) in [
        ("ca_webpki_roots", "it is `ca_use_webpki_roots` now"),
        ("cert_chain_file", "it is `client_cert_file` now"),
        ("private_key_file", "it is `client_private_key_file` now"),
    ] {
        table.refuse(old, "is of an older Spin", new);
    }
    for (key, is_empty) in [
        ("component_ids", entry.component_ids.is_empty()),
        ("hosts", entry.hosts.is_empty()),
    ] {
        if is_empty {
            table.missing(key);
        }
    }
    table.finish();
    Some(entry)
}

#[cfg(test)]
mod tests;
