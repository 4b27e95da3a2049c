//! What `sqlite_databases` says.

use std::sync::Arc;

use anyhow::{Result, bail};

use super::database::{Database, Limits};
use super::service::Databases;
use crate::interfaces::interface::Start;
use crate::manifest::Component;
use crate::manifest::runtime_config::SqliteDatabase;
use crate::nearest::nearest;

/// The database that is there without a runtime configuration.
const DEFAULT: &str = "default";
/// Name of its file in the state folder, as Spin names it.
const FILE_NAME: &str = "sqlite_db.db";

/// The databases that a component may open.
///
/// # Errors
///
/// Names the place of a label for which there is no database, and the folder of one that cannot be made.
pub fn databases(
    limits: &Arc<Limits>,
    start: &Start<'_>,
    component: &Component,
) -> Result<Databases> {
    let configured = &start.options.sqlite_databases;
    let default = SqliteDatabase {
        path: Some(start.options.state_dir.join(FILE_NAME)),
        allow_attach_file: false,
    };
    let mut granted = Databases::default();
    let mut unknown = Vec::new();
    for named in &component.sqlite_databases {
        let label = named.label.as_str();
        let database = match configured.get(label) {
            None if label == DEFAULT => Some(&default),
            configured => configured,
        };
        let Some(database) = database else {
            let known = configured.keys().map(String::as_str).chain([DEFAULT]);
            let help = match nearest(label, known) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!(
                    "say where it is, in a file that `--runtime-config-file` names: \
                     [sqlite_database.{label}] with type = \"spin\" and path = \"…\""
                ),
            };
            unknown.push(format!(
                "{}:{}: `sqlite_databases` names `{label}`, and there is no such database\n  help: {help}",
                component.manifest.display(),
                named.line,
            ));
            continue;
        };
        let database = Database::new(database, Arc::clone(limits));
        database.make_folder()?;
        granted.add(label, database);
    }
    if !unknown.is_empty() {
        bail!(unknown.join("\n"));
    }
    Ok(granted)
}
