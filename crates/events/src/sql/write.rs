//! A batch as one statement.
//!
//! Statements have few parameters, whatever a batch has: each of them would cost an allocation on either side of the host,
//! and the text of the statement would grow with them. SQLite takes a batch as one JSON array. PostgreSQL takes it as one
//! text for each column, with a character between two values that none of them has. With its function for JSON a batch of
//! 1,000 took 35 to 40 ms; so it takes 20 ms, which is what the same rows need that are in another table already. In SQLite
//! the array, a parameter for each value, and reading the attributes out of the events took the same time.

use std::fmt::Write as _;

use doorward_service::database::{Dialect, Value};
use doorward_service::json::push_string;
use doorward_service::rows::first_number;
use doorward_service::store::StoreError;

use super::events::SqlEvents;
use crate::record::{Batch, Record};
use crate::sink::{Sink, SinkError, Written};

/// Between two values (the "unit separator" of ASCII). JSON has no control character outside its strings but white space,
/// and none at all in them (RFC 8259 §2 and §7); CloudEvents allow none in attributes (1.0.2, "Type System").
const SEPARATOR: char = '\u{1f}';

/// The lock that batches take of PostgreSQL, one after the other. Any number will do that no other application takes.
const POSTGRES_LOCK: i64 = 0x6576_656e_7473_0001;

impl Sink for SqlEvents {
    async fn write(&self, batch: &Batch) -> Result<Written, SinkError> {
        if batch.is_empty() {
            return Ok(Written::default());
        }
        if !batch.records().all(|record| is_kept_as_it_is(&record)) {
            let why = "an event has a control character in its id, source or type, which the intake refuses";
            return Err(SinkError::Never(why.to_owned()));
        }
        let written = match self.dialect {
            Dialect::Sqlite => self.write_sqlite(batch).await,
            Dialect::Postgres => self.write_postgres(batch).await,
        };
        let written = written.map_err(|failure| SinkError::NotNow(failure.to_string()))?;
        let records = u64::try_from(batch.len()).unwrap_or(u64::MAX);
        Ok(Written {
            duplicates: records.saturating_sub(written),
        })
    }
}

/// Whether no attribute has a character that PostgreSQL does not keep (U+0000), or that stands between two of them.
fn is_kept_as_it_is(record: &Record<'_>) -> bool {
    let attributes = [record.id, record.source, record.kind];
    attributes
        .iter()
        .all(|text| text.bytes().all(|byte| byte >= b' '))
}

impl SqlEvents {
    /// How many of them were not there.
    async fn write_sqlite(&self, batch: &Batch) -> Result<u64, StoreError> {
        let now = self.dialect.now_ms();
        // `WHERE true`: without it `ON CONFLICT` would be read as the condition of a join.
        let sql = format!(
            "INSERT INTO events (source, id, type, time, recorded_at, event)
             SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, {now}, value ->> 4
             FROM json_each(?1) WHERE true ON CONFLICT DO NOTHING"
        );
        self.database
            .run(&sql, vec![Value::Text(rows_of(batch))])
            .await?;
        // Of the statement before it on this connection, which is ours.
        let changes = self.database.run("SELECT changes()", vec![]).await?;
        first_number(changes)
    }

    /// How many of them were not there.
    async fn write_postgres(&self, batch: &Batch) -> Result<u64, StoreError> {
        let now = self.dialect.now_ms();
        let values = |number| format!("string_to_array(${number}::text, E'\\x1f')");
        // No number is handed out before the lock is taken: there is no row to have one before `turn` has its own.
        let sql = format!(
            "WITH turn AS MATERIALIZED (
                SELECT pg_advisory_xact_lock({POSTGRES_LOCK}) IS NOT NULL AS is_ours, {now} AS now),
             written AS (
                INSERT INTO events (source, id, type, time, recorded_at, event)
                SELECT given.source, given.id, given.type, nullif(given.time, '')::bigint, turn.now, given.event
                FROM turn, unnest({}, {}, {}, {}, {}) AS given (source, id, type, time, event)
                WHERE turn.is_ours
                ON CONFLICT DO NOTHING RETURNING position)
             SELECT count(*) FROM written",
            values(1), values(2), values(3), values(4), values(5)
        );
        let given = columns_of(batch).map(Value::Text).into();
        first_number(self.database.run(&sql, given).await?)
    }
}

/// A batch as a JSON array of rows: source, id, type, time or `null`, and the event as a string, which is not read.
fn rows_of(batch: &Batch) -> String {
    // Half of the quotes and backslashes are those of an event of short members.
    let mut rows = String::with_capacity(batch.json_members().len() * 3 / 2);
    rows.push('[');
    for record in batch.records() {
        if rows.len() > 1 {
            rows.push(',');
        }
        let Record {
            id,
            source,
            kind,
            time_ms,
            json,
        } = record;
        rows.push('[');
        for text in [source, id, kind] {
            push_string(&mut rows, text);
            rows.push(',');
        }
        match time_ms {
            Some(time_ms) => {
                let _ = write!(rows, "{time_ms},");
            }
            None => rows.push_str("null,"),
        }
        push_string(&mut rows, json);
        rows.push(']');
    }
    rows.push(']');
    rows
}

/// The columns of a batch, each as one text: source, id, type, time or nothing, and event.
fn columns_of(batch: &Batch) -> [String; 5] {
    let mut columns = [const { String::new() }; 5];
    let [sources, ids, kinds, times, events] = &mut columns;
    events.reserve(batch.json_members().len());
    let mut is_first = true;
    for record in batch.records() {
        let Record {
            id,
            source,
            kind,
            time_ms,
            json,
        } = record;
        let texts = [
            (&mut *sources, source),
            (&mut *ids, id),
            (&mut *kinds, kind),
            (&mut *events, json),
        ];
        for (column, text) in texts {
            if !is_first {
                column.push(SEPARATOR);
            }
            column.push_str(text);
        }
        if !is_first {
            times.push(SEPARATOR);
        }
        if let Some(time_ms) = time_ms {
            let _ = write!(times, "{time_ms}");
        }
        is_first = false;
    }
    columns
}
