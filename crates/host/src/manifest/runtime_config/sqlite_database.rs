//! `[sqlite_database.LABEL]`.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::super::reader::{Document, Table, Value};

/// Databases of one file.
const DATABASES_MAX: usize = 100;

/// A database. Its path is that of the file, as for Spin from the folder where the host was started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SqliteDatabase {
    /// `path`; without one it is in memory, and each connection has its own.
    pub path: Option<PathBuf>,
    /// `allow_attach_file`: whether `ATTACH` may open other files.
    pub allow_attach_file: bool,
}

pub(super) fn read(
    document: &Document<'_>,
    root: &Table<'_, '_, '_, '_>,
) -> BTreeMap<String, SqliteDatabase> {
    let Some(value) = root.get("sqlite_database") else {
        return BTreeMap::new();
    };
    let Some(table) = document.table(value, "[sqlite_database]") else {
        return BTreeMap::new();
    };
    let mut databases = BTreeMap::new();
    for (_, label, value) in table.entries() {
        if let Some(database) = read_one(document, label, value) {
            databases.insert(label.to_owned(), database);
        }
    }
    if databases.len() > DATABASES_MAX {
        let message = format!("there are more than {DATABASES_MAX} databases");
        document.problem(&value.span(), message);
    }
    databases
}

fn read_one(document: &Document<'_>, label: &str, value: &Value<'_>) -> Option<SqliteDatabase> {
    let place = format!("[sqlite_database.{label}]");
    let table = document.table(value, &place)?;
    let kind = table.required_string("type")?;
    if kind != "spin" {
        let span = table
            .get("type")
            .map_or_else(|| value.span(), |value| value.span());
        let message = match kind.as_str() {
            "libsql" => {
                format!("{place}: databases of `type = \"libsql\"` are not served by this host")
            }
            _ => format!("{place}: there is no `type = {kind:?}`"),
        };
        let help = "write type = \"spin\" and path = \"…\", a file on this machine";
        document.problem_with_help(&span, message, help);
        return None;
    }
    let database = SqliteDatabase {
        path: table.string("path").map(PathBuf::from),
        allow_attach_file: table.boolean("allow_attach_file").unwrap_or(false),
    };
    table.finish();
    Some(database)
}
