//! What a store needs from a database: to run one statement.

use core::fmt;
use core::pin::Pin;

use uuid::Uuid;

/// A connection to a database.
pub trait Database {
    /// Runs one statement with these parameters, and gives its rows.
    fn run<'a>(&'a self, statement: &'a str, parameters: Vec<Value>) -> Running<'a>;
}

/// Which database it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// SQLite.
    Sqlite,
    /// PostgreSQL.
    Postgres,
}

impl Dialect {
    /// The time in milliseconds since 1970, by the clock of the database: those of the hosts may differ.
    pub fn now_ms(self) -> &'static str {
        match self {
            // Days since the beginning of the Julian calendar.
            Self::Sqlite => "CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER)",
            Self::Postgres => "CAST(extract(epoch FROM clock_timestamp()) * 1000 AS bigint)",
        }
    }

    /// Runs a statement, whose parameters are `$1` and so on in both.
    ///
    /// # Errors
    /// As [`Database::run`].
    pub async fn run(
        self,
        database: &dyn Database,
        statement: &str,
        parameters: Vec<Value>,
    ) -> Result<Vec<Row>, DatabaseError> {
        match self {
            Self::Sqlite => {
                let statement = statement.replace('$', "?");
                database.run(&statement, parameters).await
            }
            Self::Postgres => database.run(statement, parameters).await,
        }
    }
}

/// A statement under way. It has a place of its own: many statements are run, and each of those who wait for one would
/// have all of a connection's state in theirs.
pub type Running<'a> = Pin<Box<dyn Future<Output = Result<Vec<Row>, DatabaseError>> + 'a>>;

/// A row of a result.
pub type Row = Vec<Value>;

/// A parameter, or a value in a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// `NULL`.
    Null,
    /// A whole number of 64 bits.
    Integer(i64),
    /// A text.
    Text(String),
    /// A UUID. SQLite has it as a text.
    Uuid(Uuid),
}

/// Why a statement was not run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DatabaseError {
    /// What kind of error it is.
    pub kind: ErrorKind,
    /// What the database says, without anything of a parameter.
    pub reason: String,
}

/// The errors that are told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// What is to be unique would be there twice. Nothing was changed.
    Conflict,
    /// Anything else.
    Failed,
}

impl fmt::Display for DatabaseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.reason)
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<Option<&str>> for Value {
    fn from(text: Option<&str>) -> Self {
        text.map_or(Self::Null, Self::from)
    }
}

impl From<Uuid> for Value {
    fn from(id: Uuid) -> Self {
        Self::Uuid(id)
    }
}

/// Numbers of ours are times and counts, and none of them is larger than what a database has.
impl From<u64> for Value {
    fn from(number: u64) -> Self {
        Self::Integer(i64::try_from(number).unwrap_or(i64::MAX))
    }
}
