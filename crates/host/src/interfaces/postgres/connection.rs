//! A connection as a component has it: its own from `open` until it is dropped, one statement at a time.

use std::sync::Arc;
use std::time::Duration;

use deadpool::managed::Object;
use tokio::runtime::Handle;
use tokio::sync::{Mutex, OwnedMutexGuard, mpsc, oneshot};
use tokio::time::timeout;
use tokio_postgres::Row;

use super::error::{PostgresError, PostgresResult};
use super::pool::Pooled;
use super::statement::{Column, Rows, Statement, VALUE_BYTES_MAX, run, values};
use super::values::Value;

/// How long a statement waits for the one before it on its connection.
pub const TURN_TIME_MAX: Duration = Duration::from_secs(10);
/// How long a statement waits for somebody to take its rows.
pub const ROW_TIME_MAX: Duration = Duration::from_secs(60);
/// Batches of rows that are ready before they are taken; as many as Spin has rows.
pub const BATCHES_AHEAD: usize = 4;
/// Rows of a batch, where they come faster than they are taken.
const BATCH_ROWS_MAX: usize = 64;
/// Bytes of a batch that takes further rows: 64 KiB.
const BATCH_BYTES_MAX: usize = 64 << 10;

/// A connection. When nobody has it any more, not its handle and not a statement, it becomes as it was at first and
/// goes back to its pool; if it cannot, it is closed.
#[derive(Clone)]
pub struct Connection(Arc<Shared>);

struct Shared {
    pooled: Arc<Mutex<Option<Pooled>>>,
}

impl Drop for Shared {
    fn drop(&mut self) {
        let taken = Arc::clone(&self.pooled).try_lock_owned();
        let Some(pooled) = taken.ok().and_then(|mut pooled| pooled.take()) else {
            return;
        };
        // Its place is free when it can be used again, or is gone.
        let returning = async move {
            if !pooled.reset().await {
                let session = Object::take(pooled);
                session.break_off();
            }
        };
        if let Ok(runtime) = Handle::try_current() {
            runtime.spawn(returning);
        }
    }
}

/// What a statement gave.
#[derive(Debug, Default, PartialEq)]
pub struct RowSet {
    /// The columns.
    pub columns: Vec<Column>,
    /// The rows.
    pub rows: Vec<Vec<Value>>,
}

/// A statement under way.
pub struct Streamed {
    /// The columns.
    pub columns: Vec<Column>,
    /// Its rows, in batches as they come. Whoever drops this ends the statement.
    pub rows: mpsc::Receiver<Vec<Vec<Value>>>,
    /// How it ended, when all rows are taken.
    pub end: oneshot::Receiver<PostgresResult<()>>,
}

/// What a statement has while it is run.
struct Turn {
    pooled: OwnedMutexGuard<Option<Pooled>>,
    // Behind what it is the owner of: the last one to go finds nobody else.
    _connection: Connection,
}

impl Connection {
    /// The one that a pool gave.
    pub fn new(pooled: Pooled) -> Self {
        Self(Arc::new(Shared {
            pooled: Arc::new(Mutex::new(Some(pooled))),
        }))
    }

    /// Runs a statement, and gives how many rows it changed.
    ///
    /// # Errors
    ///
    /// When it fails, or does not get its turn in [`TURN_TIME_MAX`].
    pub async fn execute(self, statement: Statement) -> PostgresResult<u64> {
        match self.finish(statement, Nothing).await {
            Ok((count, Nothing)) => Ok(count),
            // As in Spin.
            Err(PostgresError::BadParameter(why)) => Err(PostgresError::ValueConversionFailed(why)),
            Err(error) => Err(error),
        }
    }

    /// Runs a statement, and gives all of its rows.
    ///
    /// # Errors
    ///
    /// When it fails, gives too much, or does not get its turn in [`TURN_TIME_MAX`].
    pub async fn query(self, statement: Statement) -> PostgresResult<RowSet> {
        let (_, gathered) = self.finish(statement, Gathered::default()).await?;
        Ok(gathered.result)
    }

    /// Runs a statement to its end in a task of its own, which knows when nobody waits for it any more.
    async fn finish<R: Rows + 'static>(
        self,
        statement: Statement,
        mut rows: R,
    ) -> PostgresResult<(u64, R)> {
        let turn = self.turn().await?;
        let (mut tell, told) = oneshot::channel();
        tokio::spawn(async move {
            let ended = turn.run(statement, &mut rows, tell.closed()).await;
            drop(turn);
            let _ = tell.send(ended.map(|count| (count, rows)));
        });
        told.await.unwrap_or_else(|_| Err(failed()))
    }

    /// Begins a statement. As in Spin, what goes wrong once it has begun is said at its end.
    ///
    /// # Errors
    ///
    /// When it cannot begin, or does not get its turn in [`TURN_TIME_MAX`].
    pub async fn stream(self, statement: Statement) -> PostgresResult<Streamed> {
        let turn = self.turn().await?;
        let (tell_columns, columns) = oneshot::channel();
        let (sender, rows) = mpsc::channel(BATCHES_AHEAD);
        let (tell_end, end) = oneshot::channel();
        tokio::spawn(async move {
            let watched = sender.clone();
            let mut batches = Batches {
                tell_columns: Some(tell_columns),
                batch: Vec::new(),
                bytes: 0,
                sender,
            };
            let ended = turn.run(statement, &mut batches, watched.closed()).await;
            drop(turn);
            let is_unwanted = watched.is_closed();
            match (ended, batches.tell_columns.take()) {
                (Err(error), Some(tell)) => {
                    let _ = tell.send(Err(error));
                }
                (ended, _) => {
                    // The rows end before the statement does.
                    drop((batches, watched));
                    let ended = if is_unwanted { Ok(()) } else { ended.map(drop) };
                    let _ = tell_end.send(ended);
                }
            }
        });
        Ok(Streamed {
            columns: columns.await.unwrap_or_else(|_| Err(failed()))?,
            rows,
            end,
        })
    }

    /// Waits until nobody else uses the connection.
    async fn turn(self) -> PostgresResult<Turn> {
        let pooled = timeout(TURN_TIME_MAX, Arc::clone(&self.0.pooled).lock_owned());
        let pooled = pooled.await.map_err(|_| {
            let time = TURN_TIME_MAX.as_secs();
            PostgresError::query(format!(
                "no turn within {time} s: a statement before it on this connection has rows that nobody reads, or \
                 goes on"
            ))
        })?;
        Ok(Turn {
            pooled,
            _connection: self,
        })
    }
}

impl Turn {
    async fn run(
        &self,
        statement: Statement,
        rows: &mut impl Rows,
        unwatched: impl Future<Output = ()>,
    ) -> PostgresResult<u64> {
        let lost = || PostgresError::query("the connection is lost; open another one");
        let pooled = self.pooled.as_ref().ok_or_else(lost)?;
        match pooled.is_good() {
            true => run(pooled, statement, rows, unwatched).await,
            false => Err(lost()),
        }
    }
}

/// Rows that nobody wants.
struct Nothing;

impl Rows for Nothing {
    fn columns(&mut self, _: Vec<Column>) {}

    async fn row(&mut self, _: &Row) -> PostgresResult<()> {
        Ok(())
    }

    async fn flush(&mut self) -> PostgresResult<()> {
        Ok(())
    }
}

/// All rows of a statement.
#[derive(Default)]
struct Gathered {
    result: RowSet,
    bytes: usize,
}

impl Rows for Gathered {
    fn columns(&mut self, columns: Vec<Column>) {
        self.result.columns = columns;
    }

    async fn row(&mut self, row: &Row) -> PostgresResult<()> {
        let (row, bytes) = values(row)?;
        self.bytes = self.bytes.saturating_add(bytes);
        if self.bytes > VALUE_BYTES_MAX {
            return Err(PostgresError::query(format!(
                "query result exceeds limit of {VALUE_BYTES_MAX} bytes"
            )));
        }
        self.result.rows.push(row);
        Ok(())
    }

    async fn flush(&mut self) -> PostgresResult<()> {
        Ok(())
    }
}

/// Rows that are handed over as they come; several at once only where they come faster than they are taken.
struct Batches {
    tell_columns: Option<oneshot::Sender<PostgresResult<Vec<Column>>>>,
    batch: Vec<Vec<Value>>,
    bytes: usize,
    sender: mpsc::Sender<Vec<Vec<Value>>>,
}

impl Rows for Batches {
    fn columns(&mut self, columns: Vec<Column>) {
        if let Some(tell) = self.tell_columns.take() {
            let _ = tell.send(Ok(columns));
        }
    }

    async fn row(&mut self, row: &Row) -> PostgresResult<()> {
        if self.sender.is_closed() {
            return Ok(());
        }
        let (row, bytes) = values(row)?;
        self.batch.push(row);
        self.bytes = self.bytes.saturating_add(bytes);
        match self.batch.len() < BATCH_ROWS_MAX && self.bytes < BATCH_BYTES_MAX {
            true => Ok(()),
            false => self.flush().await,
        }
    }

    async fn flush(&mut self) -> PostgresResult<()> {
        if self.batch.is_empty() {
            return Ok(());
        }
        let batch = std::mem::take(&mut self.batch);
        self.bytes = 0;
        match timeout(ROW_TIME_MAX, self.sender.send(batch)).await {
            // Taken, or nobody takes any more: then the statement is told.
            Ok(_) => Ok(()),
            Err(_) => Err(PostgresError::query(format!(
                "nobody took a row for {} s",
                ROW_TIME_MAX.as_secs()
            ))),
        }
    }
}

fn failed() -> PostgresError {
    PostgresError::Other("the host failed".to_owned())
}
