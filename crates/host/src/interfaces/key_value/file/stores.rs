//! Key-value stores in one file: what `spin:key-value` reads and writes.
//!
//! The file is Spin's own: an SQLite database of the same name, with the same table. Any number of
//! processes may have it open at the same time: hosts, the command, and Spin itself.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context as _, Result};
use rusqlite::{Connection, ErrorCode, OpenFlags, OptionalExtension as _, Row, params};

use crate::interfaces::key_value::bounds::{
    LISTING_BYTES_MAX, StoreError, VALUE_BYTES_MAX, check_key, check_length, check_value,
};

/// How long a call waits while others write to the file.
pub const BUSY_TIME_MAX: Duration = Duration::from_secs(5);
/// Name of the file in the state folder, as Spin names it.
pub const FILE_NAME: &str = "sqlite_key_value.db";

// As Spin writes it: a file that either of them made serves the other.
const TABLE: &str = "CREATE TABLE IF NOT EXISTS spin_key_value (
    store TEXT NOT NULL,
    key   TEXT NOT NULL,
    value BLOB NOT NULL,
    PRIMARY KEY (store, key)
)";

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Self::Busy,
            _ => Self::Io(error.to_string()),
        }
    }
}

/// All the stores of an application, in one file.
///
/// Calls block: a read for microseconds, a write until the change is on the disk, and both for
/// [`BUSY_TIME_MAX`] at most while another process writes. Where a thread must not be kept,
/// [`Self::get_now`] and [`Self::exists_now`] do not wait for anybody.
#[derive(Debug)]
pub struct StoreFile {
    /// Gives up at once where it would have to wait. It is never held for longer than a read takes. There is none
    /// where there is no file: nobody else writes there.
    hasty: Option<Mutex<Connection>>,
    /// Waits for others.
    pub(super) patient: Mutex<Connection>,
    /// The file; none where all is in memory.
    file: Option<PathBuf>,
}

impl StoreFile {
    /// Where the file of `state_dir` is, or would be.
    #[must_use]
    pub fn path(state_dir: &Path) -> PathBuf {
        state_dir.join(FILE_NAME)
    }

    /// Opens the file in `state_dir`, creating both when they are missing.
    ///
    /// # Errors
    ///
    /// When the file cannot be opened, or is something else.
    pub fn open(state_dir: &Path) -> Result<Self> {
        std::fs::create_dir_all(state_dir)
            .with_context(|| format!("cannot create the folder {}", state_dir.display()))?;
        Self::open_at(&Self::path(state_dir))
    }

    /// Opens this file, creating it when it is missing.
    ///
    /// # Errors
    ///
    /// When it cannot be opened, or is something else.
    pub fn open_at(path: &Path) -> Result<Self> {
        let opened = || -> rusqlite::Result<Self> {
            let patient = connect(path, BUSY_TIME_MAX)?;
            patient.execute(TABLE, [])?;
            let hasty = connect(path, Duration::ZERO)?;
            Ok(Self {
                hasty: Some(Mutex::new(hasty)),
                patient: Mutex::new(patient),
                file: Some(path.to_owned()),
            })
        };
        opened().with_context(|| format!("cannot open the key-value stores in {}", path.display()))
    }

    /// Stores that are gone with this process.
    ///
    /// # Errors
    ///
    /// When there is no memory for them.
    pub fn in_memory() -> Result<Self> {
        let patient = Connection::open_in_memory()?;
        patient.execute(TABLE, [])?;
        Ok(Self {
            hasty: None,
            patient: Mutex::new(patient),
            file: None,
        })
    }

    /// Where it is; nowhere where all is in memory.
    #[must_use]
    pub fn file(&self) -> Option<&Path> {
        self.file.as_deref()
    }

    fn hasty(&self) -> &Mutex<Connection> {
        self.hasty.as_ref().unwrap_or(&self.patient)
    }

    /// The value of a key.
    ///
    /// # Errors
    ///
    /// When the key or the value is too long, somebody keeps the file locked, or the file fails.
    pub fn get(&self, store: &str, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        get(&self.patient, store, key)
    }

    /// The value of a key, without waiting for anybody.
    ///
    /// # Errors
    ///
    /// As [`Self::get`]; [`StoreError::Busy`] at once where another process is writing.
    pub fn get_now(&self, store: &str, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        get(self.hasty(), store, key)
    }

    /// Whether a key has a value.
    ///
    /// # Errors
    ///
    /// When the key is too long, somebody keeps the file locked, or the file fails.
    pub fn exists(&self, store: &str, key: &str) -> Result<bool, StoreError> {
        exists(&self.patient, store, key)
    }

    /// Whether a key has a value, without waiting for anybody.
    ///
    /// # Errors
    ///
    /// As [`Self::exists`]; [`StoreError::Busy`] at once where another process is writing.
    pub fn exists_now(&self, store: &str, key: &str) -> Result<bool, StoreError> {
        exists(self.hasty(), store, key)
    }

    /// Every key, in byte order.
    ///
    /// # Errors
    ///
    /// When the keys are longer than [`LISTING_BYTES_MAX`] together, somebody keeps the file locked,
    /// or the file fails.
    pub fn keys(&self, store: &str) -> Result<Vec<String>, StoreError> {
        with(&self.patient, |connection| {
            let mut listing = connection
                .prepare_cached("SELECT key FROM spin_key_value WHERE store = ?1 ORDER BY key")?;
            let mut rows = listing.query([store])?;
            let mut keys = Vec::new();
            let mut bytes = 0_usize;
            while let Some(row) = rows.next()? {
                let key = row.get_ref(0)?.as_str().map_err(rusqlite::Error::from)?;
                bytes = bytes.saturating_add(key.len());
                check_length("a listing of keys", bytes, LISTING_BYTES_MAX)?;
                keys.push(key.to_owned());
            }
            Ok(keys)
        })
    }

    /// Gives a key a value.
    ///
    /// # Errors
    ///
    /// When the key or the value is too long, somebody keeps the file locked, or the file fails.
    pub fn set(&self, store: &str, key: &str, value: &[u8]) -> Result<(), StoreError> {
        check_key(key)?;
        check_value(value)?;
        with(&self.patient, |connection| {
            connection
                .prepare_cached(
                    "INSERT INTO spin_key_value (store, key, value) VALUES (?1, ?2, ?3) \
                     ON CONFLICT (store, key) DO UPDATE SET value = ?3",
                )?
                .execute(params![store, key, value])?;
            Ok(())
        })
    }

    /// Takes a key and its value away, and says whether it was there.
    ///
    /// # Errors
    ///
    /// When the key is too long, somebody keeps the file locked, or the file fails.
    pub fn delete(&self, store: &str, key: &str) -> Result<bool, StoreError> {
        check_key(key)?;
        with(&self.patient, |connection| {
            let deleted = connection
                .prepare_cached("DELETE FROM spin_key_value WHERE store = ?1 AND key = ?2")?
                .execute([store, key])?;
            Ok(deleted > 0)
        })
    }
}

fn connect(path: &Path, busy_time_max: Duration) -> rusqlite::Result<Connection> {
    // The mutex around the connection is the lock that SQLite need not take.
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
        | OpenFlags::SQLITE_OPEN_CREATE
        | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(busy_time_max)?;
    Ok(connection)
}

pub(super) fn with<T>(
    connection: &Mutex<Connection>,
    work: impl FnOnce(&Connection) -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    work(&connection.lock().unwrap_or_else(PoisonError::into_inner))
}

fn get(
    connection: &Mutex<Connection>,
    store: &str,
    key: &str,
) -> Result<Option<Vec<u8>>, StoreError> {
    let value = |row: &Row<'_>| {
        // Its length before its bytes are copied: others may write longer ones.
        let value = row.get_ref(0)?.as_bytes().map_err(rusqlite::Error::from)?;
        Ok(check_length("a value", value.len(), VALUE_BYTES_MAX).map(|()| value.to_vec()))
    };
    check_key(key)?;
    with(connection, |connection| {
        connection
            .prepare_cached("SELECT value FROM spin_key_value WHERE store = ?1 AND key = ?2")?
            .query_row([store, key], value)
            .optional()?
            .transpose()
    })
}

fn exists(connection: &Mutex<Connection>, store: &str, key: &str) -> Result<bool, StoreError> {
    check_key(key)?;
    with(connection, |connection| {
        let found = connection
            .prepare_cached("SELECT 1 FROM spin_key_value WHERE store = ?1 AND key = ?2")?
            .exists([store, key])?;
        Ok(found)
    })
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;
    use crate::interfaces::key_value::bounds::KEY_BYTES_MAX;
    use crate::scratch::ScratchDir;

    fn scratch() -> ScratchDir {
        ScratchDir::new(&std::env::temp_dir(), "kv-test").unwrap()
    }

    #[test]
    fn a_value_survives_a_restart() {
        let dir = scratch();
        let file = StoreFile::open(dir.path()).unwrap();
        file.set("default", "key", b"value").unwrap();
        drop(file);
        let file = StoreFile::open(dir.path()).unwrap();
        assert_eq!(file.get("default", "key").unwrap(), Some(b"value".to_vec()));
    }

    #[test]
    fn stores_do_not_see_each_other() {
        let dir = scratch();
        let file = StoreFile::open(dir.path()).unwrap();
        file.set("a", "key", b"1").unwrap();
        assert_eq!(file.get("b", "key").unwrap(), None);
        assert!(!file.exists("b", "key").unwrap());
        file.set("b", "key", b"2").unwrap();
        assert_eq!(file.get("a", "key").unwrap(), Some(b"1".to_vec()));
    }

    #[test]
    fn keys_are_listed_and_deleted() {
        let dir = scratch();
        let file = StoreFile::open(dir.path()).unwrap();
        assert_eq!(file.keys("default").unwrap(), Vec::<String>::new());
        for key in ["b", "a", ""] {
            file.set("default", key, b"").unwrap();
        }
        assert_eq!(file.keys("default").unwrap(), ["", "a", "b"]);
        assert!(file.exists("default", "a").unwrap());
        assert!(file.delete("default", "a").unwrap());
        assert!(!file.delete("default", "never set").unwrap());
        assert_eq!(file.keys("default").unwrap(), ["", "b"]);
    }

    #[test]
    fn keys_and_values_over_the_limit_are_refused() {
        let dir = scratch();
        let file = StoreFile::open(dir.path()).unwrap();
        let long_key = "k".repeat(KEY_BYTES_MAX + 1);
        let long_value = vec![0; VALUE_BYTES_MAX + 1];
        assert!(matches!(
            file.get("default", &long_key),
            Err(StoreError::TooLong { what: "a key", .. })
        ));
        assert!(matches!(
            file.set("default", "key", &long_value),
            Err(StoreError::TooLong {
                what: "a value",
                ..
            })
        ));
        let longest = vec![0; VALUE_BYTES_MAX];
        file.set("default", &long_key[1..], &longest).unwrap();
        assert_eq!(file.get("default", &long_key[1..]).unwrap(), Some(longest));
    }

    #[test]
    fn the_file_is_the_one_that_spin_reads_and_writes() {
        let dir = scratch();
        let file = StoreFile::open(dir.path()).unwrap();
        let spin = Connection::open(dir.path().join("sqlite_key_value.db")).unwrap();
        file.set("default", "ours", b"1").unwrap();
        let ours = "SELECT value FROM spin_key_value WHERE store=$1 AND key=$2";
        let ours: Vec<u8> = spin
            .query_row(ours, ["default", "ours"], |row| row.get(0))
            .unwrap();
        assert_eq!(ours, b"1", "what Spin reads of ours");
        let theirs = "INSERT INTO spin_key_value (store, key, value) VALUES ($1, $2, $3)
                      ON CONFLICT(store, key) DO UPDATE SET value=$3";
        let value: &[u8] = b"2";
        spin.execute(theirs, params!["default", "theirs", value])
            .unwrap();
        assert_eq!(file.get_now("default", "theirs").unwrap().unwrap(), value);
        assert_eq!(file.keys("default").unwrap(), ["ours", "theirs"]);
        let mode: String = spin
            .query_row("PRAGMA journal_mode", [], |row| row.get(0))
            .unwrap();
        assert_eq!(mode, "delete", "the journal mode, which the file keeps");
    }

    #[test]
    fn a_file_that_spin_made_is_served_as_it_is() {
        let dir = scratch();
        let spin = Connection::open(dir.path().join("sqlite_key_value.db")).unwrap();
        spin.execute_batch(TABLE).unwrap();
        let long = vec![0_u8; VALUE_BYTES_MAX + 1];
        for (key, value) in [("short", &b"1"[..]), ("long", &long)] {
            let insert = "INSERT INTO spin_key_value VALUES ('default', ?1, ?2)";
            spin.execute(insert, params![key, value]).unwrap();
        }
        let file = StoreFile::open(dir.path()).unwrap();
        assert_eq!(file.get("default", "short").unwrap().unwrap(), b"1");
        let refused = file.get("default", "long").unwrap_err();
        assert!(
            refused.to_string().contains("over the limit"),
            "a value that is over our limit: {refused}"
        );
    }

    #[test]
    fn who_opens_it_at_the_same_time_finds_the_same_stores() {
        let dir = scratch();
        std::thread::scope(|scope| {
            for writer in 0..8 {
                let dir = dir.path();
                scope.spawn(move || {
                    let file = StoreFile::open(dir).unwrap();
                    for round in 0..4 {
                        file.set("default", &format!("{writer}-{round}"), b"x")
                            .unwrap();
                    }
                });
            }
        });
        let file = StoreFile::open(dir.path()).unwrap();
        assert_eq!(file.keys("default").unwrap().len(), 8 * 4);
    }

    #[test]
    fn reading_without_waiting_says_so_while_somebody_writes() {
        let dir = scratch();
        let file = StoreFile::open(dir.path()).unwrap();
        file.set("default", "key", b"value").unwrap();
        let other = Connection::open(StoreFile::path(dir.path())).unwrap();
        other.execute_batch("BEGIN EXCLUSIVE").unwrap();
        assert_eq!(file.get_now("default", "key"), Err(StoreError::Busy));
        assert_eq!(file.exists_now("default", "key"), Err(StoreError::Busy));
        std::thread::scope(|scope| {
            let reading = scope.spawn(|| file.get("default", "key"));
            other.execute_batch("COMMIT").unwrap();
            assert_eq!(reading.join().unwrap(), Ok(Some(b"value".to_vec())));
        });
        assert_eq!(file.exists_now("default", "key"), Ok(true));
    }

    #[test]
    fn a_file_that_is_no_database_is_named() {
        let dir = scratch();
        std::fs::write(StoreFile::path(dir.path()), "not a database at all").unwrap();
        let error = format!("{:#}", StoreFile::open(dir.path()).unwrap_err());
        assert!(
            error.contains(FILE_NAME) && error.contains("not a database"),
            "the error should name the file and the reason: {error}"
        );
    }
}
