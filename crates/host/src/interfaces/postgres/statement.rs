//! A statement, and how it is run on a session.

use std::future::Future;
use std::pin::pin;
use std::time::Duration;

use futures::{FutureExt as _, TryStreamExt as _};
use tokio::time::{sleep, timeout};
use tokio_postgres::Row;
use tokio_postgres::types::private::BytesMut;
use tokio_postgres::types::{FromSql, IsNull, ToSql, Type};

use super::error::{PostgresError, PostgresResult};
use super::session::Session;
use super::values::{DataType, Refused, Value, data_type, decode, to_wire};

/// Bytes of the text of a statement: 1 MiB.
pub const STATEMENT_BYTES_MAX: usize = 1 << 20;
/// Parameters of a statement: as many as the protocol can count.
pub const PARAMETERS_MAX: usize = 65_535;
/// Bytes of all parameters, of a row, and of all that `query` gives: 16 MiB.
pub const VALUE_BYTES_MAX: usize = 16 << 20;
/// How long a statement may take, whoever waits.
pub const STATEMENT_TIME_MAX: Duration = Duration::from_secs(600);
/// How long a statement goes on that may change something and for which nobody waits any more. Spin lets it run to its
/// end, and who reads nothing of what it did would have lost it otherwise.
pub const UNWATCHED_TIME_MAX: Duration = Duration::from_secs(5);
/// The same for one that only reads, as far as its first word says: it may call a function that writes, but that is
/// seldom slow.
pub const UNWATCHED_READING_TIME_MAX: Duration = Duration::from_millis(250);
/// First words of statements that only read.
const READING: [&str; 5] = ["EXPLAIN", "SELECT", "SHOW", "TABLE", "VALUES"];

/// A statement with the values of its parameters.
#[derive(Debug)]
pub struct Statement {
    sql: String,
    parameters: Vec<Value>,
}

/// A column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// Its type.
    pub data_type: DataType,
}

/// Where the rows of a statement go.
pub trait Rows: Send {
    /// The columns, before the first row.
    fn columns(&mut self, columns: Vec<Column>);

    /// One row.
    ///
    /// # Errors
    ///
    /// When it cannot be taken.
    fn row(&mut self, row: &Row) -> impl Future<Output = PostgresResult<()>> + Send;

    /// There is none for a while, or no more.
    ///
    /// # Errors
    ///
    /// When nobody takes those that there are.
    fn flush(&mut self) -> impl Future<Output = PostgresResult<()>> + Send;
}

/// Why a statement has not come to its end.
enum Stopped {
    /// The server or the line says so.
    Failed(tokio_postgres::Error),
    /// It was not begun.
    NotBegun(PostgresError),
    /// It goes on, and nobody wants it any more.
    Unwanted(PostgresError),
}

impl From<tokio_postgres::Error> for Stopped {
    fn from(error: tokio_postgres::Error) -> Self {
        Self::Failed(error)
    }
}

impl Statement {
    /// A statement within bounds.
    ///
    /// # Errors
    ///
    /// Says what is too long, or too many.
    pub fn new(sql: String, parameters: Vec<Value>) -> PostgresResult<Self> {
        let bytes = parameters.iter().map(Value::bytes);
        for (what, found, max) in [
            ("bytes of a statement", sql.len(), STATEMENT_BYTES_MAX),
            ("parameters", parameters.len(), PARAMETERS_MAX),
            ("bytes of parameters", bytes.sum(), VALUE_BYTES_MAX),
        ] {
            if found > max {
                return Err(PostgresError::query(format!(
                    "{found} {what} are over the limit of {max}"
                )));
            }
        }
        Ok(Self { sql, parameters })
    }

    /// How long it goes on when nobody waits for it any more.
    fn unwatched_time_max(&self) -> Duration {
        let word = self.sql.trim_start();
        let end = word.find(|letter: char| !letter.is_ascii_alphabetic());
        let word = word.get(..end.unwrap_or(word.len())).unwrap_or_default();
        match READING.iter().any(|known| known.eq_ignore_ascii_case(word)) {
            true => UNWATCHED_READING_TIME_MAX,
            false => UNWATCHED_TIME_MAX,
        }
    }
}

/// Runs a statement to its end, and gives how many rows it has given or changed. When `unwatched` is ready nobody waits
/// for it any more, and it is cancelled unless it ends soon. The session is quiet afterwards, or over.
///
/// # Errors
///
/// Those of PostgreSQL, and those of `rows`.
pub async fn run(
    session: &Session,
    statement: Statement,
    rows: &mut impl Rows,
    unwatched: impl Future<Output = ()>,
) -> PostgresResult<u64> {
    let unwatched_time_max = statement.unwatched_time_max();
    let ended = {
        let mut working = pin!(perform(session, statement, rows));
        tokio::select! {
            biased;
            ended = &mut working => ended,
            () = unwatched => {
                let ended = timeout(unwatched_time_max, working).await;
                let given_up = PostgresError::query("nobody waits for the statement any more");
                ended.unwrap_or(Err(Stopped::Unwanted(given_up)))
            }
            () = sleep(STATEMENT_TIME_MAX) => Err(Stopped::Unwanted(PostgresError::query(format!(
                "the statement has taken more than {} s",
                STATEMENT_TIME_MAX.as_secs()
            )))),
        }
    };
    let stopped = match ended {
        Ok(count) => return Ok(count),
        Err(stopped) => stopped,
    };
    Err(match stopped {
        Stopped::NotBegun(error) => error,
        Stopped::Unwanted(error) => {
            session.stop().await;
            error
        }
        Stopped::Failed(error) if error.as_db_error().is_some() => PostgresError::from(&error),
        Stopped::Failed(error) => {
            // Whatever it is, the two ends may not be at the same place any more.
            session.break_off();
            session.lost(&error)
        }
    })
}

async fn perform(
    session: &Session,
    statement: Statement,
    rows: &mut impl Rows,
) -> Result<u64, Stopped> {
    let prepared = session.client.prepare(&statement.sql).await?;
    let parameters = encoded(&statement.parameters, prepared.params());
    let parameters = parameters.map_err(Stopped::NotBegun)?;
    let found = session.client.query_raw(&prepared, parameters).await?;
    let mut found = pin!(found);
    let columns = prepared.columns().iter().map(|column| Column {
        name: column.name().to_owned(),
        data_type: data_type(column.type_()),
    });
    rows.columns(columns.collect());
    loop {
        let next = match found.try_next().now_or_never() {
            Some(next) => next?,
            None => {
                rows.flush().await.map_err(Stopped::Unwanted)?;
                found.try_next().await?
            }
        };
        let Some(row) = next else {
            break;
        };
        rows.row(&row).await.map_err(Stopped::Unwanted)?;
    }
    // It has ended, whoever takes the rest.
    rows.flush().await.map_err(Stopped::NotBegun)?;
    Ok(found.rows_affected().unwrap_or(0))
}

/// A parameter as it is on the wire.
#[derive(Debug)]
struct Encoded(Option<Vec<u8>>);

impl ToSql for Encoded {
    fn to_sql(
        &self,
        _: &Type,
        out: &mut BytesMut,
    ) -> Result<IsNull, Box<dyn std::error::Error + Sync + Send>> {
        Ok(match &self.0 {
            Some(bytes) => {
                out.extend_from_slice(bytes);
                IsNull::No
            }
            None => IsNull::Yes,
        })
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    fn to_sql_checked(
        &self,
        ty: &Type,
        out: &mut BytesMut,
    ) -> Result<IsNull, Box<dyn std::error::Error + Sync + Send>> {
        self.to_sql(ty, out)
    }
}

fn encoded(values: &[Value], types: &[Type]) -> PostgresResult<Vec<Encoded>> {
    if values.len() != types.len() {
        return Err(PostgresError::query(format!(
            "expected {} parameters but got {}",
            types.len(),
            values.len()
        )));
    }
    let each = |(index, (value, ty)): (usize, (&Value, &Type))| {
        to_wire(value, ty)
            .map(Encoded)
            .map_err(|refused| match refused {
                Refused::Value(why) => PostgresError::BadParameter(why),
                Refused::Type => PostgresError::query(format!(
                    "parameter ${} is of type {}, for which another kind of value was given",
                    index.saturating_add(1),
                    ty.name()
                )),
            })
    };
    values.iter().zip(types).enumerate().map(each).collect()
}

/// A value as it is on the wire.
struct Raw<'a>(&'a [u8]);

impl<'a> FromSql<'a> for Raw<'a> {
    fn from_sql(_: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn std::error::Error + Sync + Send>> {
        Ok(Self(raw))
    }

    fn accepts(_: &Type) -> bool {
        true
    }
}

/// The values of a row, and their bytes.
///
/// # Errors
///
/// Names the column that cannot be read.
pub fn values(row: &Row) -> PostgresResult<(Vec<Value>, usize)> {
    let mut bytes = 0_usize;
    let mut values = Vec::with_capacity(row.len());
    for (index, column) in row.columns().iter().enumerate() {
        let raw = row.try_get::<_, Option<Raw<'_>>>(index);
        let raw = raw.map_err(|error| PostgresError::from(&error))?;
        let value = match raw {
            None => Ok(Value::Null),
            Some(Raw(raw)) => decode(column.type_(), raw),
        };
        let value = value.map_err(|why| {
            let (name, ty) = (column.name(), column.type_().name());
            PostgresError::query(format!(
                "column `{name}` of type {ty} has a value that cannot be given: {why}"
            ))
        })?;
        bytes = bytes
            .saturating_add(value.bytes())
            .saturating_add(size_of::<Value>());
        values.push(value);
    }
    match bytes > VALUE_BYTES_MAX {
        true => Err(PostgresError::query(format!(
            "a row exceeds the limit of {VALUE_BYTES_MAX} bytes"
        ))),
        false => Ok((values, bytes)),
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn a_statement_goes_on_for_longer_where_it_may_change_something() {
        for (sql, is_reading) in [
            ("SELECT 1", true),
            ("  \n select(1)", true),
            ("Table t", true),
            ("VALUES (1)", true),
            ("SHOW ALL", true),
            ("selects", false),
            ("INSERT INTO t SELECT 1", false),
            (
                "WITH a AS (DELETE FROM t RETURNING *) SELECT * FROM a",
                false,
            ),
            ("COMMIT", false),
            ("-- SELECT\nUPDATE t SET i = 1", false),
            ("/* */ SELECT 1", false),
            ("(SELECT 1)", false),
            ("ä", false),
            ("", false),
        ] {
            let statement = Statement::new(sql.to_owned(), Vec::new()).unwrap();
            let expected = match is_reading {
                true => UNWATCHED_READING_TIME_MAX,
                false => UNWATCHED_TIME_MAX,
            };
            assert_eq!(statement.unwatched_time_max(), expected, "{sql}");
        }
    }

    #[test]
    fn a_statement_has_its_bounds() {
        let large =
            |value: fn(usize) -> Value, count: usize| vec![value(VALUE_BYTES_MAX), value(count)];
        let binary = |bytes: usize| Value::Binary(vec![0; bytes]);
        let texts = |bytes: usize| Value::ArrayStr(vec![Some("a".repeat(bytes))]);
        for (sql, parameters, is_within) in [
            (STATEMENT_BYTES_MAX, vec![], true),
            (STATEMENT_BYTES_MAX + 1, vec![], false),
            (1, vec![Value::Null; PARAMETERS_MAX], true),
            (1, vec![Value::Null; PARAMETERS_MAX + 1], false),
            (1, large(binary, 0), true),
            (1, large(binary, 1), false),
            (1, vec![texts(VALUE_BYTES_MAX)], false),
        ] {
            let said = format!("{sql} {}", parameters.len());
            let statement = Statement::new(" ".repeat(sql), parameters);
            assert_eq!(statement.is_ok(), is_within, "{said}");
        }
    }
}
