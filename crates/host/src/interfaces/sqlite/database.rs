//! Where a database is, and how a connection to it is made.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use rusqlite::config::DbConfig;
use rusqlite::hooks::{AuthAction, AuthContext, Authorization};
use rusqlite::limits::Limit;
use rusqlite::{OpenFlags, ffi};
use tokio::sync::Semaphore;

use crate::manifest::runtime_config::SqliteDatabase;

/// How long a statement waits while others have the file locked; as in Spin.
pub const BUSY_TIME_MAX: Duration = Duration::from_secs(5);
/// Bytes of a text or a blob, and of all that a statement is given or `execute` gives: 16 MiB.
pub const VALUE_BYTES_MAX: usize = 16 << 20;
/// Statements of all components under way at the same time. Each keeps one of the 512 threads that may wait.
const STATEMENTS_MAX: usize = 256;
/// Connections of all components with an open file. Each has two or three.
const FILES_MAX: usize = 256;
/// How long a statement waits for somebody to take its rows.
pub const ROW_TIME_MAX: Duration = Duration::from_secs(60);

/// Settings of SQLite that hold for the whole process, the key-value stores and other components included.
const OF_THE_PROCESS: [&str; 4] = [
    "data_store_directory",
    "hard_heap_limit",
    "soft_heap_limit",
    "temp_store_directory",
];

/// What all databases share.
#[derive(Debug)]
pub struct Limits {
    /// A permit for each statement under way.
    pub statements: Arc<Semaphore>,
    /// A permit for each connection with an open file.
    pub files: Arc<Semaphore>,
    /// As [`ROW_TIME_MAX`].
    pub row_time_max: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            statements: Arc::new(Semaphore::new(STATEMENTS_MAX)),
            files: Arc::new(Semaphore::new(FILES_MAX)),
            row_time_max: ROW_TIME_MAX,
        }
    }
}

/// A database of the application.
#[derive(Debug)]
pub struct Database {
    /// Its file; none for one in memory, which each connection has for itself.
    path: Option<PathBuf>,
    allow_attach_file: bool,
    pub(super) limits: Arc<Limits>,
}

impl Database {
    /// The database that the configuration describes.
    pub fn new(configured: &SqliteDatabase, limits: Arc<Limits>) -> Self {
        Self {
            path: configured.path.clone(),
            allow_attach_file: configured.allow_attach_file,
            limits,
        }
    }

    /// Makes the folder of the file, where it is missing.
    ///
    /// # Errors
    ///
    /// Names the folder.
    pub fn make_folder(&self) -> Result<()> {
        match self.path.as_ref().and_then(|path| path.parent()) {
            Some(folder) => std::fs::create_dir_all(folder)
                .with_context(|| format!("cannot create the folder {}", folder.display())),
            None => Ok(()),
        }
    }

    /// A new connection.
    ///
    /// # Errors
    ///
    /// When the file cannot be opened. What else is wrong with it, the first statement finds out.
    pub fn connect(&self) -> rusqlite::Result<rusqlite::Connection> {
        // Whoever uses the connection has it alone, so SQLite need not lock it. Names are no URIs.
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
            | OpenFlags::SQLITE_OPEN_CREATE
            | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let mut connection = match &self.path {
            Some(path) => rusqlite::Connection::open_with_flags(path, flags)?,
            None => rusqlite::Connection::open_in_memory_with_flags(flags)?,
        };
        let bytes_max = i32::try_from(VALUE_BYTES_MAX).unwrap_or(i32::MAX);
        connection.set_limit(Limit::SQLITE_LIMIT_LENGTH, bytes_max)?;
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
        // It stays in the file. Where it cannot be set now, for somebody else uses the file, it is served as it
        // is; any other fault shows with the first statement.
        connection.busy_timeout(Duration::ZERO)?;
        let _ = connection.pragma_update(None, "journal_mode", "wal");
        connection.busy_timeout(BUSY_TIME_MAX)?;
        let allow_attach_file = self.allow_attach_file;
        connection.authorizer(Some(move |context: AuthContext<'_>| {
            match is_allowed(&context.action, allow_attach_file) {
                true => Authorization::Allow,
                false => Authorization::Deny,
            }
        }))?;
        Ok(connection)
    }
}

fn is_allowed(action: &AuthAction<'_>, allow_attach_file: bool) -> bool {
    match *action {
        AuthAction::Attach { filename } => allow_attach_file || matches!(filename, "" | ":memory:"),
        // A name that is not a literal is not known beforehand, so nor is what it would attach.
        AuthAction::Unknown {
            code: ffi::SQLITE_ATTACH,
            ..
        } => allow_attach_file,
        AuthAction::Pragma {
            pragma_name,
            pragma_value: Some(value),
        } => {
            let is = |name: &str| pragma_name.eq_ignore_ascii_case(name);
            let is_longer = || {
                let time: Result<u64, _> = value.parse();
                time.map_or(true, |time| Duration::from_millis(time) > BUSY_TIME_MAX)
            };
            !(OF_THE_PROCESS.into_iter().any(is) || is("busy_timeout") && is_longer())
        }
        _ => true,
    }
}
