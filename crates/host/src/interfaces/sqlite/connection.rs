//! A connection to a database: one statement at a time, each on a thread that may wait.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::{Mutex, OwnedMutexGuard, OwnedSemaphorePermit, mpsc, oneshot};
use tokio::task::spawn_blocking;
use tokio::time::{Instant, timeout, timeout_at};

use super::database::{Database, VALUE_BYTES_MAX};
use super::error::{SqliteError, SqliteResult};
use super::statement::{Row, Rows, Statement, UNWATCHED_TIME_MAX, run};

/// How long a statement waits for its turn: for the one before it on its connection, and for what all share.
pub const TURN_TIME_MAX: Duration = Duration::from_secs(10);
/// Batches of rows that are ready before they are taken; as many as Spin has rows.
const BATCHES_AHEAD: usize = 4;
/// Rows of a batch, where they are taken more slowly than they come.
const BATCH_ROWS_MAX: usize = 64;
/// Bytes of a batch that takes further rows: 64 KiB.
const BATCH_BYTES_MAX: usize = 64 << 10;

/// A connection. It is closed, and what of a transaction is not committed is rolled back, when nobody has it any
/// more: not its handle, and not a statement.
#[derive(Clone, Debug)]
pub struct Connection(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    database: Arc<Database>,
    opened: Arc<Mutex<Option<Opened>>>,
    /// After the last statement.
    changes: AtomicU64,
    /// After the last statement.
    last_insert_rowid: AtomicI64,
}

/// A connection with its file. It is made by its first statement, so one that fails is made anew by the next.
#[derive(Debug)]
struct Opened {
    connection: Option<rusqlite::Connection>,
    _file: OwnedSemaphorePermit,
}

impl Drop for Opened {
    /// Closing may write to the disk, and is done where that holds up nobody.
    fn drop(&mut self) {
        let connection = self.connection.take();
        if let Ok(runtime) = Handle::try_current() {
            runtime.spawn_blocking(move || drop(connection));
        }
    }
}

/// What a statement gave.
#[derive(Debug, Default, PartialEq)]
pub struct QueryResult {
    /// The names of the columns.
    pub columns: Vec<String>,
    /// The rows.
    pub rows: Vec<Row>,
}

/// A statement under way.
#[derive(Debug)]
pub struct Streamed {
    /// The names of the columns.
    pub columns: Vec<String>,
    /// Its rows, in batches as they come.
    pub rows: mpsc::Receiver<Vec<Row>>,
    /// How it ended, when all rows are taken.
    pub end: oneshot::Receiver<SqliteResult<()>>,
    /// To be held by who waits for either of them.
    pub watched: Arc<()>,
}

/// What a statement has while it is run.
struct Turn {
    opened: OwnedMutexGuard<Option<Opened>>,
    /// For the connection that is yet to be made.
    file: Option<OwnedSemaphorePermit>,
    connection: Connection,
    statement: OwnedSemaphorePermit,
}

impl Connection {
    /// A connection to this database. Its file is opened by the first statement, as in Spin.
    ///
    /// # Errors
    ///
    /// When the folder of the file is missing and cannot be made.
    pub async fn open(database: Arc<Database>) -> SqliteResult<Self> {
        let made = spawn_blocking(move || database.make_folder().map(|()| database)).await;
        match made {
            Ok(Ok(database)) => Ok(Self(Arc::new(Shared {
                database,
                opened: Arc::default(),
                changes: AtomicU64::new(0),
                last_insert_rowid: AtomicI64::new(0),
            }))),
            _ => Err(SqliteError::InvalidConnection),
        }
    }

    /// Runs a statement, and gives all of its rows.
    ///
    /// # Errors
    ///
    /// When it is over a limit, fails, or does not get its turn in [`TURN_TIME_MAX`].
    pub async fn execute(self, statement: Statement) -> SqliteResult<QueryResult> {
        let mut turn = self.turn().await?;
        let watched = Arc::new(());
        let watcher = Arc::downgrade(&watched);
        let done = spawn_blocking(move || {
            let mut gathered = Gathered::default();
            turn.run(statement, watcher, &mut gathered)?;
            Ok(gathered.result)
        });
        done.await.unwrap_or_else(|_| Err(SqliteError::lost()))
    }

    /// Begins a statement. As in Spin, what is wrong with it is said at its end, when it has no rows.
    ///
    /// # Errors
    ///
    /// When the file cannot be opened, or the statement does not get its turn in [`TURN_TIME_MAX`].
    pub async fn stream(self, statement: Statement) -> SqliteResult<Streamed> {
        let row_time_max = self.0.database.limits.row_time_max;
        let mut turn = self.turn().await?;
        let watched = Arc::new(());
        let watcher = Arc::downgrade(&watched);
        let (tell_columns, columns) = oneshot::channel();
        let (sender, rows) = mpsc::channel(BATCHES_AHEAD);
        let (tell_end, end) = oneshot::channel();
        spawn_blocking(move || {
            if let Err(error) = turn.connect() {
                let _ = tell_columns.send(Err(error));
                return;
            }
            let mut batches = Batches {
                tell_columns: Some(tell_columns),
                batch: Vec::new(),
                bytes: 0,
                row_time_max,
                sender,
            };
            let done = turn.run(statement, watcher, &mut batches);
            // The last rows keep the thread, but not the connection.
            let _statement = turn.free();
            let ended = done.and_then(|()| batches.flush().map(drop));
            if let Some(tell) = batches.tell_columns.take() {
                let _ = tell.send(Ok(Vec::new()));
            }
            // The rows end before the statement does.
            drop(batches);
            let _ = tell_end.send(ended);
        });
        Ok(Streamed {
            columns: columns.await.unwrap_or_else(|_| Err(SqliteError::lost()))?,
            rows,
            end,
            watched,
        })
    }

    /// The rows that the last statement changed which changes some.
    pub async fn changes(self) -> u64 {
        self.quiet().await;
        self.0.changes.load(Relaxed)
    }

    /// The row id of the last row that was inserted; 0 before the first one.
    pub async fn last_insert_rowid(self) -> i64 {
        self.quiet().await;
        self.0.last_insert_rowid.load(Relaxed)
    }

    /// Waits for the end of a statement under way. One that goes on for [`TURN_TIME_MAX`] is left aside.
    async fn quiet(&self) {
        let _ = timeout(TURN_TIME_MAX, self.0.opened.lock()).await;
    }

    /// Waits until nobody else uses the connection, and for what all connections share.
    async fn turn(self) -> SqliteResult<Turn> {
        let late = Instant::now() + TURN_TIME_MAX;
        let limits = Arc::clone(&self.0.database.limits);
        let too_late = |what: &str| {
            let time = TURN_TIME_MAX.as_secs();
            SqliteError::Io(format!("no turn within {time} s: {what}"))
        };
        let opened = timeout_at(late, Arc::clone(&self.0.opened).lock_owned());
        let opened = opened.await.map_err(|_| {
            too_late(
                "a statement before it on this connection has rows that nobody reads, or goes on",
            )
        })?;
        let statement = timeout_at(late, Arc::clone(&limits.statements).acquire_owned()).await;
        let Ok(Ok(statement)) = statement else {
            return Err(too_late("too many statements are under way"));
        };
        let file = match &*opened {
            Some(_) => None,
            None => match timeout_at(late, Arc::clone(&limits.files).acquire_owned()).await {
                Ok(Ok(file)) => Some(file),
                _ => return Err(too_late("too many connections are open")),
            },
        };
        Ok(Turn {
            opened,
            file,
            connection: self,
            statement,
        })
    }
}

impl Turn {
    /// Opens the file, where it is not open yet.
    fn connect(&mut self) -> SqliteResult<()> {
        if let Some(file) = self.file.take() {
            let connection = self.connection.0.database.connect()?;
            *self.opened = Some(Opened {
                connection: Some(connection),
                _file: file,
            });
        }
        Ok(())
    }

    fn run(
        &mut self,
        statement: Statement,
        watched: Weak<()>,
        rows: &mut impl Rows,
    ) -> SqliteResult<()> {
        self.connect()?;
        let opened = self.opened.as_mut();
        let connection = opened.and_then(|opened| opened.connection.as_mut());
        let connection = connection.ok_or(SqliteError::InvalidConnection)?;
        let done = run(connection, statement, watched, UNWATCHED_TIME_MAX, rows);
        let shared = &self.connection.0;
        shared.changes.store(connection.changes(), Relaxed);
        let rowid = connection.last_insert_rowid();
        shared.last_insert_rowid.store(rowid, Relaxed);
        done
    }

    /// Gives the connection back, and keeps the thread's permit.
    fn free(self) -> OwnedSemaphorePermit {
        self.statement
    }
}

/// All rows of a statement.
#[derive(Default)]
struct Gathered {
    result: QueryResult,
    bytes: usize,
}

impl Rows for Gathered {
    fn columns(&mut self, names: Vec<String>) {
        self.result.columns = names;
    }

    fn row(&mut self, row: Row, bytes: usize) -> SqliteResult<bool> {
        self.bytes = self.bytes.saturating_add(bytes);
        if self.bytes > VALUE_BYTES_MAX {
            return Err(SqliteError::Io(format!(
                "query result exceeds limit of {VALUE_BYTES_MAX} bytes"
            )));
        }
        self.result.rows.push(row);
        Ok(true)
    }
}

/// Rows that are handed over as they come; several at once only where they are taken more slowly.
struct Batches {
    tell_columns: Option<oneshot::Sender<SqliteResult<Vec<String>>>>,
    batch: Vec<Row>,
    bytes: usize,
    row_time_max: Duration,
    sender: mpsc::Sender<Vec<Row>>,
}

impl Batches {
    /// Waits until what is ready is taken. False: nobody takes any more.
    fn flush(&mut self) -> SqliteResult<bool> {
        if self.batch.is_empty() {
            return Ok(true);
        }
        let batch = std::mem::take(&mut self.batch);
        self.bytes = 0;
        let sent = Handle::current().block_on(timeout(self.row_time_max, self.sender.send(batch)));
        match sent {
            Ok(sent) => Ok(sent.is_ok()),
            Err(_) => Err(SqliteError::Io(format!(
                "nobody took a row for {} s",
                self.row_time_max.as_secs()
            ))),
        }
    }
}

impl Rows for Batches {
    fn columns(&mut self, names: Vec<String>) {
        if let Some(tell) = self.tell_columns.take() {
            let _ = tell.send(Ok(names));
        }
    }

    fn row(&mut self, row: Row, bytes: usize) -> SqliteResult<bool> {
        self.batch.push(row);
        self.bytes = self.bytes.saturating_add(bytes);
        let grows = self.batch.len() < BATCH_ROWS_MAX && self.bytes < BATCH_BYTES_MAX;
        // Whether there is a place: nobody else sends.
        if grows && self.sender.capacity() == 0 && !self.sender.is_closed() {
            return Ok(true);
        }
        self.flush()
    }
}
