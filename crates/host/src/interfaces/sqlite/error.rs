//! Why something could not be done.

/// Why something could not be done. Each interface says it in its own words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SqliteError {
    /// The component may not open this database.
    AccessDenied,
    /// There is no connection to be had.
    InvalidConnection,
    /// The disk is full, or the database as large as it may be.
    DatabaseFull,
    /// Something else, said in words.
    Io(String),
}

impl SqliteError {
    /// Whoever ran a statement is gone without a word.
    #[must_use]
    pub fn lost() -> Self {
        Self::Io("the database failed".to_owned())
    }
}

impl From<rusqlite::Error> for SqliteError {
    fn from(error: rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(rusqlite::ErrorCode::DiskFull) => Self::DatabaseFull,
            _ => Self::Io(error.to_string()),
        }
    }
}

/// What came of a call.
pub type SqliteResult<T> = Result<T, SqliteError>;
