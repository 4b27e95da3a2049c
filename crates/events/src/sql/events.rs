//! A connection to events.

use doorward_service::database::{Database, Dialect};

/// Events in a database, whose tables are as [`EVENTS`](super::migrations::EVENTS) has them.
pub struct SqlEvents {
    pub(super) database: Box<dyn Database>,
    pub(super) dialect: Dialect,
}

impl SqlEvents {
    /// Those in a database that was migrated before.
    #[must_use]
    pub fn migrated(database: Box<dyn Database>, dialect: Dialect) -> Self {
        Self { database, dialect }
    }
}
