//! What is done to several keys, or to one in several steps, at once: nobody else sees a part of it.

use rusqlite::{Connection, OptionalExtension as _, Transaction, TransactionBehavior, params};

use super::stores::{StoreFile, with};
use crate::interfaces::key_value::bounds::{
    LISTING_BYTES_MAX, StoreError, VALUE_BYTES_MAX, check_entries, check_key, check_keys,
    check_length, check_value,
};

/// Bytes of a number: a signed one of 64 bits, the lowest byte first, as Spin writes it.
const NUMBER_BYTES: usize = 8;

const SET: &str = "INSERT INTO spin_key_value (store, key, value) VALUES (?1, ?2, ?3) \
                   ON CONFLICT (store, key) DO UPDATE SET value = ?3";

impl StoreFile {
    /// The value of each key, in the order of the keys.
    ///
    /// # Errors
    ///
    /// When there are too many keys, one is too long, the values are longer than [`LISTING_BYTES_MAX`]
    /// together, somebody keeps the file locked, or the file fails.
    pub fn get_many(
        &self,
        store: &str,
        keys: &[String],
    ) -> Result<Vec<Option<Vec<u8>>>, StoreError> {
        check_keys(keys)?;
        with(&self.patient, |connection| {
            let transaction =
                Transaction::new_unchecked(connection, TransactionBehavior::Deferred)?;
            let mut bytes = 0_usize;
            let mut values = Vec::with_capacity(keys.len());
            for key in keys {
                let value = read(&transaction, store, key)?;
                bytes = bytes.saturating_add(value.as_ref().map_or(0, Vec::len));
                check_length("values", bytes, LISTING_BYTES_MAX)?;
                values.push(value);
            }
            Ok(values)
        })
    }

    /// Gives each key a value; all of them, or none where there is an error.
    ///
    /// # Errors
    ///
    /// When there are too many keys, a key or a value is too long, somebody keeps the file locked, or
    /// the file fails.
    pub fn set_many(&self, store: &str, entries: &[(String, Vec<u8>)]) -> Result<(), StoreError> {
        check_entries(entries)?;
        self.writing(|transaction| {
            for (key, value) in entries {
                transaction
                    .prepare_cached(SET)?
                    .execute(params![store, key, value])?;
            }
            Ok(())
        })
    }

    /// Takes the keys and their values away; all of them, or none where there is an error.
    ///
    /// # Errors
    ///
    /// When there are too many keys, one is too long, somebody keeps the file locked, or the file fails.
    pub fn delete_many(&self, store: &str, keys: &[String]) -> Result<(), StoreError> {
        check_keys(keys)?;
        self.writing(|transaction| {
            for key in keys {
                transaction
                    .prepare_cached("DELETE FROM spin_key_value WHERE store = ?1 AND key = ?2")?
                    .execute([store, key])?;
            }
            Ok(())
        })
    }

    /// Adds to the number that a key has as its value, and gives the sum. A key without a value has zero.
    ///
    /// # Errors
    ///
    /// When the key is too long, its value is no number, the sum is none of 64 bits, somebody keeps the
    /// file locked, or the file fails.
    pub fn increment(&self, store: &str, key: &str, delta: i64) -> Result<i64, StoreError> {
        check_key(key)?;
        self.writing(|transaction| {
            let number = match read(transaction, store, key)? {
                None => 0,
                Some(value) => <[u8; NUMBER_BYTES]>::try_from(value.as_slice())
                    .map(i64::from_le_bytes)
                    .map_err(|_| StoreError::NotANumber)?,
            };
            let sum = number.checked_add(delta).ok_or(StoreError::NotANumber)?;
            transaction
                .prepare_cached(SET)?
                .execute(params![store, key, sum.to_le_bytes()])?;
            Ok(sum)
        })
    }

    /// Gives a key a value if the one that it has is still `seen`; says whether it did.
    ///
    /// # Errors
    ///
    /// When the key or the value is too long, somebody keeps the file locked, or the file fails.
    pub fn swap(
        &self,
        store: &str,
        key: &str,
        seen: Option<&[u8]>,
        value: &[u8],
    ) -> Result<bool, StoreError> {
        check_key(key)?;
        check_value(value)?;
        self.writing(|transaction| {
            if read(transaction, store, key)?.as_deref() != seen {
                return Ok(false);
            }
            transaction
                .prepare_cached(SET)?
                .execute(params![store, key, value])?;
            Ok(true)
        })
    }

    /// Reads and writes with the file locked for others that write.
    fn writing<T>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        with(&self.patient, |connection| {
            let transaction =
                Transaction::new_unchecked(connection, TransactionBehavior::Immediate)?;
            let done = work(&transaction)?;
            transaction.commit()?;
            Ok(done)
        })
    }
}

fn read(connection: &Connection, store: &str, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
    connection
        .prepare_cached("SELECT value FROM spin_key_value WHERE store = ?1 AND key = ?2")?
        .query_row([store, key], |row| {
            let value = row.get_ref(0)?.as_bytes().map_err(rusqlite::Error::from)?;
            Ok(check_length("a value", value.len(), VALUE_BYTES_MAX).map(|()| value.to_vec()))
        })
        .optional()?
        .transpose()
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;
    use crate::interfaces::key_value::bounds::{BATCH_KEYS_MAX, KEY_BYTES_MAX};
    use crate::scratch::ScratchDir;

    fn open() -> (ScratchDir, StoreFile) {
        let dir = ScratchDir::new(&std::env::temp_dir(), "kv-batch-test").unwrap();
        let file = StoreFile::open(dir.path()).unwrap();
        (dir, file)
    }

    fn keys(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn many_keys_are_set_read_in_their_order_and_deleted() {
        let (_dir, file) = open();
        let entries = [("b", "2"), ("a", "1")].map(|(k, v)| (k.to_owned(), v.as_bytes().to_vec()));
        file.set_many("default", &entries).unwrap();
        file.set("other", "a", b"of another store").unwrap();
        assert_eq!(
            file.get_many("default", &keys(&["a", "none", "b", "a"]))
                .unwrap(),
            [
                Some(b"1".to_vec()),
                None,
                Some(b"2".to_vec()),
                Some(b"1".to_vec())
            ]
        );
        file.delete_many("default", &keys(&["a", "none"])).unwrap();
        assert_eq!(file.keys("default").unwrap(), ["b"]);
        assert_eq!(file.keys("other").unwrap(), ["a"]);
    }

    #[test]
    fn nothing_is_set_where_one_of_many_cannot_be() {
        let (_dir, file) = open();
        let long = "k".repeat(KEY_BYTES_MAX + 1);
        let entries = [("a".to_owned(), vec![1]), (long.clone(), vec![2])];
        assert!(file.set_many("default", &entries).is_err());
        assert!(file.delete_many("default", &[long]).is_err());
        assert_eq!(file.keys("default").unwrap(), Vec::<String>::new());
        let many = vec![String::new(); BATCH_KEYS_MAX + 1];
        assert!(matches!(
            file.get_many("default", &many),
            Err(StoreError::TooMany { .. })
        ));
    }

    #[test]
    fn what_many_keys_give_is_bounded() {
        let (_dir, file) = open();
        let value = vec![0; VALUE_BYTES_MAX];
        file.set("default", "a", &value).unwrap();
        let fits = vec!["a".to_owned(); LISTING_BYTES_MAX / VALUE_BYTES_MAX];
        assert!(file.get_many("default", &fits).is_ok());
        let too_many = [fits, keys(&["a"])].concat();
        assert!(matches!(
            file.get_many("default", &too_many),
            Err(StoreError::TooLong { what: "values", .. })
        ));
    }

    #[test]
    fn nobody_else_counts_between_reading_a_number_and_writing_it() {
        let (dir, file) = open();
        std::thread::scope(|scope| {
            for _ in 0..4 {
                let file = StoreFile::open(dir.path()).unwrap();
                // Where nobody waits for the disk they get in each other's way.
                let pragma = "PRAGMA synchronous = OFF";
                file.patient.lock().unwrap().execute_batch(pragma).unwrap();
                scope.spawn(move || {
                    for _ in 0..250 {
                        file.increment("default", "hits", 1).unwrap();
                    }
                });
            }
        });
        assert_eq!(file.increment("default", "hits", -1).unwrap(), 999);
        let stored = file.get("default", "hits").unwrap();
        assert_eq!(stored, Some(999_i64.to_le_bytes().to_vec()));
    }

    #[test]
    fn what_is_no_number_is_not_counted() {
        let (_dir, file) = open();
        file.set("default", "text", b"12").unwrap();
        assert_eq!(
            file.increment("default", "text", 1),
            Err(StoreError::NotANumber)
        );
        assert_eq!(file.get("default", "text").unwrap().unwrap(), b"12");
        file.increment("default", "most", i64::MAX).unwrap();
        assert_eq!(
            file.increment("default", "most", 1),
            Err(StoreError::NotANumber)
        );
        assert_eq!(file.increment("default", "most", 0).unwrap(), i64::MAX);
    }

    #[test]
    fn a_value_is_swapped_only_for_the_one_that_was_seen() {
        let (_dir, file) = open();
        let swap = |seen: Option<&[u8]>, value: &[u8]| file.swap("default", "key", seen, value);
        assert_eq!(swap(Some(b""), b"0"), Ok(false), "there is none yet");
        assert_eq!(swap(None, b"1"), Ok(true));
        assert_eq!(swap(None, b"2"), Ok(false), "there is one by now");
        assert_eq!(swap(Some(b"1"), b"3"), Ok(true));
        assert_eq!(swap(Some(b"1"), b"4"), Ok(false), "it is another one");
        assert_eq!(file.get("default", "key").unwrap().unwrap(), b"3");
    }
}
