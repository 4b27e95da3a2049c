//! `[key_value_store.LABEL]`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::super::reader::{Document, Table, Value};
use crate::redis_client::address::Address;

/// Stores of one file.
const STORES_MAX: usize = 100;
/// Types that Spin has, and this host does not.
const NOT_SERVED: [&str; 2] = ["azure_cosmos", "aws_dynamo"];

/// A key-value store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyValueStore {
    /// `type = "spin"`: an SQLite file.
    Spin {
        /// `path`, from the folder of the file; without one it is in memory.
        path: Option<PathBuf>,
    },
    /// `type = "redis"`.
    Redis {
        /// `url`.
        url: Address,
    },
}

pub(super) fn read(
    document: &Document<'_>,
    root: &Table<'_, '_, '_, '_>,
    folder: &Path,
) -> BTreeMap<String, KeyValueStore> {
    let Some(value) = root.get("key_value_store") else {
        return BTreeMap::new();
    };
    let Some(table) = document.table(value, "[key_value_store]") else {
        return BTreeMap::new();
    };
    let mut stores = BTreeMap::new();
    for (_, label, value) in table.entries() {
        if let Some(store) = read_one(document, label, value, folder) {
            stores.insert(label.to_owned(), store);
        }
    }
    if stores.len() > STORES_MAX {
        let message = format!("there are more than {STORES_MAX} stores");
        document.problem(&value.span(), message);
    }
    stores
}

fn read_one(
    document: &Document<'_>,
    label: &str,
    value: &Value<'_>,
    folder: &Path,
) -> Option<KeyValueStore> {
    let place = format!("[key_value_store.{label}]");
    let table = document.table(value, &place)?;
    let kind = table.required_string("type")?;
    let store = match kind.as_str() {
        "spin" => KeyValueStore::Spin {
            path: table.string("path").map(|path| folder.join(path)),
        },
        "redis" => {
            let text = table.required_string("url");
            // A problem that is told already.
            let Some(text) = text else {
                table.finish();
                return None;
            };
            let Some(url) = Address::parse(&text) else {
                let span = table.get("url").map_or(value.span(), |value| value.span());
                // Not what is written there: it may have a password in it.
                document.problem_with_help(
                    &span,
                    format!("{place}: `url` is no address of a Redis"),
                    "write redis://[[USER]:PASSWORD@]HOST[:PORT][/DATABASE], or rediss:// for TLS; what is special \
                     in a password is written as in URLs (`@` is `%40`)",
                );
                return None;
            };
            KeyValueStore::Redis { url }
        }
        _ => {
            let span = table.get("type").map_or(value.span(), |value| value.span());
            let message = match NOT_SERVED.contains(&kind.as_str()) {
                true => {
                    format!("{place}: stores of `type = {kind:?}` are not served by this host")
                }
                false => format!("{place}: there is no `type = {kind:?}`"),
            };
            let help = "write type = \"redis\" and url = \"redis://…\", or type = \"spin\" and path = \"…\", a file \
                        on this machine";
            document.problem_with_help(&span, message, help);
            return None;
        }
    };
    table.finish();
    Some(store)
}
