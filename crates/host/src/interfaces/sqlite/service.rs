//! The databases of a component and the connections of its instances, whatever the interface through which they
//! are reached.

use std::collections::BTreeMap;
use std::sync::Arc;

use wasmtime::component::Resource;

use super::connection::Connection;
use super::database::Database;
use super::error::{SqliteError, SqliteResult};
use crate::interfaces::interface::View;

/// Connections that one instance has open at the same time; as in Spin.
pub const OPEN_CONNECTIONS_MAX: usize = 256;

/// The SQLite databases.
pub struct Sqlite;

/// The databases that one component may open.
#[derive(Debug, Default)]
pub struct Databases(BTreeMap<Box<str>, Arc<Database>>);

impl Databases {
    /// Grants one more.
    pub fn add(&mut self, label: &str, database: Database) {
        self.0.insert(label.into(), Arc::new(database));
    }
}

/// What is open of a component's databases in one instance.
#[derive(Debug)]
pub struct Connections {
    granted: Arc<Databases>,
    open: usize,
}

impl Connections {
    /// Nothing yet of what is granted.
    pub fn new(granted: Arc<Databases>) -> Self {
        Self { granted, open: 0 }
    }
}

impl View<'_, Sqlite> {
    /// A database that the component may open.
    ///
    /// # Errors
    ///
    /// When it may not.
    pub fn database(&self, label: &str) -> SqliteResult<Arc<Database>> {
        let granted = self
            .instance
            .as_ref()
            .and_then(|own| own.granted.0.get(label));
        granted.cloned().ok_or(SqliteError::AccessDenied)
    }

    /// A handle for a connection, which counts against [`OPEN_CONNECTIONS_MAX`].
    ///
    /// # Errors
    ///
    /// When the table of resources is full.
    pub fn push(
        &mut self,
        connection: Connection,
    ) -> wasmtime::Result<SqliteResult<Resource<Connection>>> {
        match &mut self.instance {
            Some(own) if own.open < OPEN_CONNECTIONS_MAX => {
                let handle = self.table.push(connection)?;
                own.open += 1;
                Ok(Ok(handle))
            }
            _ => Ok(Err(SqliteError::Io(format!(
                "too many connections opened: {OPEN_CONNECTIONS_MAX} are"
            )))),
        }
    }

    /// Takes a handle back.
    ///
    /// # Errors
    ///
    /// When there is no such handle.
    pub fn close(&mut self, connection: Resource<Connection>) -> wasmtime::Result<()> {
        self.table.delete(connection)?;
        if let Some(own) = &mut self.instance {
            own.open = own.open.saturating_sub(1);
        }
        Ok(())
    }

    /// The connection of a handle.
    ///
    /// # Errors
    ///
    /// When there is no such handle.
    pub fn connection(&self, connection: &Resource<Connection>) -> wasmtime::Result<Connection> {
        Ok(self.table.get(connection)?.clone())
    }
}
