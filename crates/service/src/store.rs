//! Why a store cannot say what it is asked.

use core::fmt;

use crate::database::DatabaseError;

/// Why a store cannot say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoreError {
    /// The database cannot be had, or does not do what it is told.
    Database(DatabaseError),
    /// The database was migrated by a later version of this service.
    Newer {
        /// The version of the database's tables.
        version: u64,
        /// The latest one that is known here.
        known: u64,
    },
    /// The database gives something that was never written.
    Unreadable(&'static str),
    /// What the operator says cannot be read, or is wrong.
    Settings(String),
}

impl From<DatabaseError> for StoreError {
    fn from(error: DatabaseError) -> Self {
        Self::Database(error)
    }
}

/// For the log. A client learns nothing of it.
impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Database(error) => error.fmt(f),
            Self::Newer { version, known } => write!(
                f,
                "the tables of the database have version {version} and this component knows {known} at most: a later \
                 release was here before; deploy that one, or restore the database from before it"
            ),
            Self::Settings(why) => write!(f, "{why}"),
            Self::Unreadable(what) => write!(f, "the database has {what} that was never written"),
        }
    }
}
