//! Key-value stores in one file: what `spin:key-value` reads and writes.

use std::path::Path;

use anyhow::{Context as _, Result};
use redb::{
    Database, ReadOnlyTable, ReadableDatabase as _, ReadableTable as _, Table, TableDefinition,
    TableError,
};

/// Bytes of a key.
pub const KEY_BYTES_MAX: usize = 4096;
/// Bytes of a value: 1 MiB.
pub const VALUE_BYTES_MAX: usize = 1 << 20;
/// Bytes of all the keys that one listing gives: 4 MiB.
pub const LISTING_BYTES_MAX: usize = 4 << 20;
/// Memory for pages of the file that were read or are about to be written: 32 MiB.
const CACHE_BYTES_MAX: usize = 32 << 20;
/// Name of the file in the state folder.
const FILE_NAME: &str = "key-value.redb";

/// Why a store could not do what it was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoreError {
    /// A key or a value is longer than allowed.
    TooLong {
        /// What is too long.
        what: &'static str,
        /// Its bytes.
        bytes: usize,
        /// The bytes that are allowed.
        bytes_max: usize,
    },
    /// The file could not be read or written.
    Io(String),
}

impl std::fmt::Display for StoreError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::TooLong {
                what,
                bytes,
                bytes_max,
            } => write!(
                f,
                "{what} of {bytes} bytes is over the limit of {bytes_max}"
            ),
            Self::Io(reason) => write!(f, "the store's file failed: {reason}"),
        }
    }
}

impl std::error::Error for StoreError {}

/// All the stores of an application, in one file. Its calls block, reads for microseconds, writes
/// until the change is on the disk.
#[derive(Debug)]
pub struct StoreFile(Database);

impl StoreFile {
    /// Opens the file in `state_dir`, creating both when they are missing.
    ///
    /// # Errors
    ///
    /// When the file cannot be opened, above all because another host has it open.
    pub fn open(state_dir: &Path) -> Result<Self> {
        std::fs::create_dir_all(state_dir)
            .with_context(|| format!("cannot create the folder {}", state_dir.display()))?;
        let path = state_dir.join(FILE_NAME);
        let database = Database::builder()
            .set_cache_size(CACHE_BYTES_MAX)
            .create(&path)
            .with_context(|| {
                format!(
                    "cannot open the key-value stores in {} (is the application running already?)",
                    path.display()
                )
            })?;
        Ok(Self(database))
    }

    /// The value of a key.
    ///
    /// # Errors
    ///
    /// When the key is too long or the file fails.
    pub fn get(&self, store: &str, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        check_key(key)?;
        self.read(store, |table| {
            let value = table.get(key).map_err(io)?;
            Ok(value.map(|value| value.value().to_vec()))
        })
        .map(Option::flatten)
    }

    /// Whether a key has a value.
    ///
    /// # Errors
    ///
    /// When the key is too long or the file fails.
    pub fn exists(&self, store: &str, key: &str) -> Result<bool, StoreError> {
        check_key(key)?;
        self.read(store, |table| Ok(table.get(key).map_err(io)?.is_some()))
            .map(|found| found.unwrap_or(false))
    }

    /// Every key, in byte order.
    ///
    /// # Errors
    ///
    /// When the keys are longer than [`LISTING_BYTES_MAX`] together or the file fails.
    pub fn keys(&self, store: &str) -> Result<Vec<String>, StoreError> {
        self.read(store, |table| {
            let mut keys = Vec::new();
            let mut bytes = 0_usize;
            for entry in table.iter().map_err(io)? {
                let (key, _) = entry.map_err(io)?;
                let key = key.value();
                bytes = bytes.saturating_add(key.len());
                check_length("a listing of keys", bytes, LISTING_BYTES_MAX)?;
                keys.push(key.to_owned());
            }
            Ok(keys)
        })
        .map(Option::unwrap_or_default)
    }

    /// Gives a key a value.
    ///
    /// # Errors
    ///
    /// When the key or the value is too long or the file fails.
    pub fn set(&self, store: &str, key: &str, value: &[u8]) -> Result<(), StoreError> {
        check_key(key)?;
        check_length("a value", value.len(), VALUE_BYTES_MAX)?;
        self.write(store, |table| {
            table.insert(key, value).map_err(io)?;
            Ok(())
        })
    }

    /// Takes a key and its value away; not having it is no error.
    ///
    /// # Errors
    ///
    /// When the key is too long or the file fails.
    pub fn delete(&self, store: &str, key: &str) -> Result<(), StoreError> {
        check_key(key)?;
        self.write(store, |table| {
            table.remove(key).map_err(io)?;
            Ok(())
        })
    }

    /// Reads a store; gives nothing where it was never written to.
    fn read<T>(
        &self,
        store: &str,
        read: impl FnOnce(&ReadOnlyTable<&str, &[u8]>) -> Result<T, StoreError>,
    ) -> Result<Option<T>, StoreError> {
        let transaction = self.0.begin_read().map_err(io)?;
        match transaction.open_table(table(store)) {
            Ok(table) => read(&table).map(Some),
            Err(TableError::TableDoesNotExist(_)) => Ok(None),
            Err(error) => Err(io(error)),
        }
    }

    fn write(
        &self,
        store: &str,
        write: impl FnOnce(&mut Table<'_, &str, &[u8]>) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let transaction = self.0.begin_write().map_err(io)?;
        {
            let mut table = transaction.open_table(table(store)).map_err(io)?;
            write(&mut table)?;
        }
        transaction.commit().map_err(io)
    }
}

fn table<'a>(store: &'a str) -> TableDefinition<'a, &'static str, &'static [u8]> {
    TableDefinition::new(store)
}

fn io(error: impl std::fmt::Display) -> StoreError {
    StoreError::Io(error.to_string())
}

fn check_key(key: &str) -> Result<(), StoreError> {
    check_length("a key", key.len(), KEY_BYTES_MAX)
}

fn check_length(what: &'static str, bytes: usize, bytes_max: usize) -> Result<(), StoreError> {
    if bytes > bytes_max {
        return Err(StoreError::TooLong {
            what,
            bytes,
            bytes_max,
        });
    }
    Ok(())
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;
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
        file.delete("default", "a").unwrap();
        file.delete("default", "never set").unwrap();
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
    fn two_hosts_cannot_open_one_file_and_are_told_so() {
        let dir = scratch();
        let _first = StoreFile::open(dir.path()).unwrap();
        let error = StoreFile::open(dir.path()).unwrap_err();
        assert!(
            format!("{error:#}").contains("running already"),
            "the error should say what to look for: {error:#}"
        );
    }
}
