//! Why PostgreSQL was not asked, or what it says against it.

use tokio_postgres::error::DbError;

/// Why something could not be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PostgresError {
    /// There is no connection: it is no address, the component may not connect there, nobody answers, or all
    /// connections are in use.
    ConnectionFailed(String),
    /// A parameter is not what it says it is.
    BadParameter(String),
    /// The statement was not carried out.
    QueryFailed(QueryError),
    /// A parameter of a statement without rows is not what it says it is.
    ValueConversionFailed(String),
    /// Something else.
    Other(String),
}

/// Why a statement was not carried out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum QueryError {
    /// In words of our own.
    Text(String),
    /// In PostgreSQL's.
    Database(Box<DatabaseError>),
}

/// What PostgreSQL says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DatabaseError {
    /// All of it, for people.
    pub as_text: String,
    /// `ERROR`, `FATAL`, …
    pub severity: String,
    /// SQLSTATE.
    pub code: String,
    /// What went wrong.
    pub message: String,
    /// More about it.
    pub detail: Option<String>,
    /// What else is known, by name.
    pub extras: Vec<(String, String)>,
}

/// What came of a call.
pub type PostgresResult<T> = Result<T, PostgresError>;

impl PostgresError {
    /// A statement that was not carried out, in words of our own.
    pub fn query(why: impl Into<String>) -> Self {
        Self::QueryFailed(QueryError::Text(why.into()))
    }
}

impl From<&tokio_postgres::Error> for PostgresError {
    fn from(error: &tokio_postgres::Error) -> Self {
        match error.as_db_error() {
            Some(said) => Self::QueryFailed(QueryError::Database(Box::new(DatabaseError {
                // As in Spin, with the names of the crate that both use.
                as_text: format!("{error:?}"),
                severity: said.severity().to_owned(),
                code: said.code().code().to_owned(),
                message: said.message().to_owned(),
                detail: said.detail().map(str::to_owned),
                extras: extras(said),
            }))),
            None => Self::query(words(error)),
        }
    }
}

/// An error with its causes, as one line.
pub fn words(error: &dyn std::error::Error) -> String {
    let mut words = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        let inner_words = inner.to_string();
        if !words.contains(&inner_words) {
            words = format!("{words}: {inner_words}");
        }
        cause = inner.source();
    }
    words
}

/// The rest of what PostgreSQL says, under the names that Spin has for it.
fn extras(said: &DbError) -> Vec<(String, String)> {
    let line = said.line().map(|line| line.to_string());
    let extras = [
        ("column", said.column()),
        ("constraint", said.constraint()),
        ("routine", said.routine()),
        ("hint", said.hint()),
        ("table", said.table()),
        ("datatype", said.datatype()),
        ("schema", said.schema()),
        ("file", said.file()),
        ("line", line.as_deref()),
        ("where_", said.where_()),
    ];
    let given = |(name, value): (&str, Option<&str>)| Some((name.to_owned(), value?.to_owned()));
    extras.into_iter().filter_map(given).collect()
}
