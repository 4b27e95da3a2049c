//! A statement and how it is run, on a thread that may wait.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use rusqlite::params_from_iter;
use rusqlite::types::{Value, ValueRef};

use super::database::VALUE_BYTES_MAX;
use super::error::{SqliteError, SqliteResult};

/// Bytes of the text of a statement: 1 MiB.
pub const STATEMENT_BYTES_MAX: usize = 1 << 20;
/// Parameters of a statement: what SQLite is built for.
pub const PARAMETERS_MAX: usize = 32_766;
/// How long a statement goes on that changes something and whose end nobody waits for any more. Spin lets it run
/// to its end, and who reads nothing of what it did would have lost it otherwise.
pub const UNWATCHED_TIME_MAX: Duration = Duration::from_secs(5);
/// Steps of SQLite's machine between two looks at whether somebody still waits: some 100 µs.
const STEPS: i32 = 1000;

/// The values of one row.
pub type Row = Vec<Value>;

/// A statement with the values of its parameters.
#[derive(Debug)]
pub struct Statement {
    sql: String,
    parameters: Vec<Value>,
}

impl Statement {
    /// A statement within bounds.
    ///
    /// # Errors
    ///
    /// Says what is too long, or too many.
    pub fn new(sql: String, parameters: Vec<Value>) -> SqliteResult<Self> {
        let bytes = parameters.iter().map(bytes_of);
        for (what, found, max) in [
            ("bytes of a statement", sql.len(), STATEMENT_BYTES_MAX),
            ("parameters", parameters.len(), PARAMETERS_MAX),
            ("bytes of parameters", bytes.sum(), VALUE_BYTES_MAX),
        ] {
            if found > max {
                return Err(SqliteError::Io(format!(
                    "{found} {what} are over the limit of {max}"
                )));
            }
        }
        Ok(Self { sql, parameters })
    }
}

/// Where the rows of a statement go.
pub trait Rows {
    /// The names of the columns, before the first row.
    fn columns(&mut self, names: Vec<String>);

    /// One row, which has so many bytes. False: nobody takes one any more.
    ///
    /// # Errors
    ///
    /// When it cannot be taken.
    fn row(&mut self, row: Row, bytes: usize) -> SqliteResult<bool>;
}

/// Runs a statement to its end, or for as long as `watched` is held by somebody. When nobody waits any more, what
/// only reads ends at once, and what changes something after `unwatched_time_max`.
///
/// # Errors
///
/// Those of SQLite, and those of `rows`.
pub fn run(
    connection: &mut rusqlite::Connection,
    statement: Statement,
    watched: Weak<()>,
    unwatched_time_max: Duration,
    rows: &mut impl Rows,
) -> SqliteResult<()> {
    if watched.strong_count() == 0 {
        // Given up while it was waiting for its turn.
        return Ok(());
    }
    let only_reads = Arc::new(AtomicBool::new(false));
    let reads = Arc::clone(&only_reads);
    let mut since = None;
    connection.progress_handler(
        STEPS,
        Some(move || {
            let mut unwatched = || since.get_or_insert_with(Instant::now).elapsed();
            watched.strong_count() == 0 && (reads.load(Relaxed) || unwatched() > unwatched_time_max)
        }),
    )?;
    let done = step(connection, statement, &only_reads, rows);
    connection.progress_handler(0, None::<fn() -> bool>)?;
    done
}

fn step(
    connection: &rusqlite::Connection,
    Statement { sql, parameters }: Statement,
    only_reads: &AtomicBool,
    rows: &mut impl Rows,
) -> SqliteResult<()> {
    let mut prepared = connection.prepare_cached(&sql)?;
    let columns = prepared.column_count();
    // What SQLite calls reading is COMMIT as well, which gives no columns.
    only_reads.store(prepared.readonly() && columns > 0, Relaxed);
    let names = prepared.column_names();
    rows.columns(names.into_iter().map(str::to_owned).collect());
    let mut found = prepared.query(params_from_iter(parameters))?;
    while let Some(row) = found.next()? {
        let (row, bytes) = read(row, columns)?;
        if !rows.row(row, bytes)? {
            break;
        }
    }
    Ok(())
}

/// The values of a row, and their bytes.
fn read(row: &rusqlite::Row<'_>, columns: usize) -> SqliteResult<(Row, usize)> {
    let mut bytes = 0_usize;
    let mut values = Vec::with_capacity(columns);
    for column in 0..columns {
        let value = row.get_ref(column)?;
        // Its length before its bytes are copied.
        let more = match value {
            ValueRef::Text(bytes) | ValueRef::Blob(bytes) => bytes.len(),
            ValueRef::Null | ValueRef::Integer(_) | ValueRef::Real(_) => 0,
        };
        bytes = bytes
            .saturating_add(more)
            .saturating_add(size_of::<Value>());
        if bytes > VALUE_BYTES_MAX {
            return Err(SqliteError::Io(format!(
                "a row exceeds the limit of {VALUE_BYTES_MAX} bytes"
            )));
        }
        values.push(match value {
            ValueRef::Null => Value::Null,
            ValueRef::Integer(number) => Value::Integer(number),
            ValueRef::Real(number) => Value::Real(number),
            ValueRef::Blob(bytes) => Value::Blob(bytes.to_vec()),
            ValueRef::Text(text) => match str::from_utf8(text) {
                Ok(text) => Value::Text(text.to_owned()),
                Err(_) => {
                    return Err(SqliteError::Io(format!(
                        "column {} has a text that is no UTF-8: CAST(… AS BLOB) gives its bytes",
                        column.saturating_add(1)
                    )));
                }
            },
        });
    }
    Ok((values, bytes))
}

fn bytes_of(value: &Value) -> usize {
    match value {
        Value::Text(text) => text.len(),
        Value::Blob(bytes) => bytes.len(),
        Value::Null | Value::Integer(_) | Value::Real(_) => 0,
    }
}
