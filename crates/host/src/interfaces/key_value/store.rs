//! One store, wherever it is.

use std::sync::Arc;

use super::bounds::StoreError;
use super::file::StoreFile;
use super::places::Place;

/// A store of a file or of a server.
#[derive(Clone, Debug)]
pub struct Store {
    place: Place,
    label: Arc<str>,
}

/// What came of a call.
type Told<T> = Result<T, StoreError>;

// A read of a file takes microseconds, less than handing it to another thread. Only where it would have to wait
// for a writer is it handed over.
impl Store {
    /// The store with this label there.
    #[must_use]
    pub fn new(place: Place, label: impl Into<Arc<str>>) -> Self {
        Self {
            place,
            label: label.into(),
        }
    }

    /// Whether it is gone with this process.
    #[must_use]
    pub fn is_in_memory(&self) -> bool {
        matches!(&self.place, Place::File(file) if file.file().is_none())
    }

    /// Makes sure that it can be asked, as far as that is known without asking. So does any other call.
    ///
    /// # Errors
    ///
    /// Says what stands in the way.
    pub async fn connect(&self) -> Told<()> {
        match &self.place {
            Place::File(_) => Ok(()),
            Place::Server(server) => server.connect().await,
        }
    }

    /// The value of a key.
    ///
    /// # Errors
    ///
    /// When the key or the value is too long, or the store fails.
    pub async fn get(&self, key: String) -> Told<Option<Vec<u8>>> {
        match &self.place {
            Place::File(file) => match file.get_now(&self.label, &key) {
                Err(StoreError::Busy) => {
                    self.blocking(file, move |file, label| file.get(label, &key))
                        .await
                }
                done => done,
            },
            Place::Server(server) => server.get(&key).await,
        }
    }

    /// Whether a key has a value.
    ///
    /// # Errors
    ///
    /// When the key is too long, or the store fails.
    pub async fn exists(&self, key: String) -> Told<bool> {
        match &self.place {
            Place::File(file) => match file.exists_now(&self.label, &key) {
                Err(StoreError::Busy) => {
                    self.blocking(file, move |file, label| file.exists(label, &key))
                        .await
                }
                done => done,
            },
            Place::Server(server) => server.exists(&key).await,
        }
    }

    /// Gives a key a value.
    ///
    /// # Errors
    ///
    /// When the key or the value is too long, or the store fails.
    pub async fn set(&self, key: String, value: Vec<u8>) -> Told<()> {
        match &self.place {
            Place::File(file) => {
                self.blocking(file, move |file, label| file.set(label, &key, &value))
                    .await
            }
            Place::Server(server) => server.set(&key, &value).await,
        }
    }

    /// Takes a key and its value away, and says whether it was there.
    ///
    /// # Errors
    ///
    /// When the key is too long, or the store fails.
    pub async fn delete(&self, key: String) -> Told<bool> {
        match &self.place {
            Place::File(file) => {
                self.blocking(file, move |file, label| file.delete(label, &key))
                    .await
            }
            Place::Server(server) => server.delete(&key).await,
        }
    }

    /// Every key, in byte order.
    ///
    /// # Errors
    ///
    /// When the keys are too long together, or the store fails.
    pub async fn keys(&self) -> Told<Vec<String>> {
        match &self.place {
            Place::File(file) => self.blocking(file, StoreFile::keys).await,
            Place::Server(server) => server.keys().await,
        }
    }

    /// The value of each key, in the order of the keys, with its key.
    ///
    /// # Errors
    ///
    /// When there are too many keys, one is too long, the values are too long together, or the store fails.
    pub async fn get_many(&self, keys: Vec<String>) -> Told<Vec<(String, Option<Vec<u8>>)>> {
        match &self.place {
            Place::File(file) => {
                self.blocking(file, move |file, label| {
                    let values = file.get_many(label, &keys)?;
                    Ok(keys.into_iter().zip(values).collect())
                })
                .await
            }
            Place::Server(server) => {
                let values = server.get_many(&keys).await?;
                Ok(keys.into_iter().zip(values).collect())
            }
        }
    }

    /// Gives each key a value; all of them, or none where there is an error.
    ///
    /// # Errors
    ///
    /// When there are too many keys, a key or a value is too long, or the store fails.
    pub async fn set_many(&self, entries: Vec<(String, Vec<u8>)>) -> Told<()> {
        match &self.place {
            Place::File(file) => {
                self.blocking(file, move |file, label| file.set_many(label, &entries))
                    .await
            }
            Place::Server(server) => server.set_many(&entries).await,
        }
    }

    /// Takes the keys and their values away; all of them, or none where there is an error.
    ///
    /// # Errors
    ///
    /// When there are too many keys, one is too long, or the store fails.
    pub async fn delete_many(&self, keys: Vec<String>) -> Told<()> {
        match &self.place {
            Place::File(file) => {
                self.blocking(file, move |file, label| file.delete_many(label, &keys))
                    .await
            }
            Place::Server(server) => server.delete_many(&keys).await,
        }
    }

    /// Adds to the number that a key has as its value, and gives the sum. A key without a value has zero.
    ///
    /// # Errors
    ///
    /// When the key is too long, its value is no number, the sum is none of 64 bits, or the store fails.
    pub async fn increment(&self, key: String, delta: i64) -> Told<i64> {
        match &self.place {
            Place::File(file) => {
                self.blocking(file, move |file, label| file.increment(label, &key, delta))
                    .await
            }
            Place::Server(server) => server.increment(&key, delta).await,
        }
    }

    /// Gives a key a value if the one that it has is still `seen`. If not, the one that it has is the error within.
    ///
    /// # Errors
    ///
    /// When the key or a value is too long, or the store fails.
    pub async fn swap(
        &self,
        key: String,
        seen: Option<Vec<u8>>,
        value: Vec<u8>,
    ) -> Told<Result<(), Option<Vec<u8>>>> {
        match &self.place {
            Place::File(file) => {
                self.blocking(file, move |file, label| {
                    if file.swap(label, &key, seen.as_deref(), &value)? {
                        return Ok(Ok(()));
                    }
                    // What it is instead, for another try.
                    file.get(label, &key).map(Err)
                })
                .await
            }
            Place::Server(server) => server.swap(&key, seen.as_deref(), &value).await,
        }
    }

    /// Does what waits for the disk on a thread that may wait.
    async fn blocking<T: Send + 'static>(
        &self,
        file: &Arc<StoreFile>,
        work: impl FnOnce(&StoreFile, &str) -> Told<T> + Send + 'static,
    ) -> Told<T> {
        let (file, label) = (Arc::clone(file), Arc::clone(&self.label));
        let done = tokio::task::spawn_blocking(move || work(&file, &label)).await;
        done.unwrap_or_else(|error| Err(StoreError::Io(error.to_string())))
    }
}

impl std::fmt::Display for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "the store `{}` in {}", self.label, self.place)
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;
    use crate::scratch::ScratchDir;

    #[tokio::test(flavor = "current_thread")]
    async fn a_reader_that_has_to_wait_for_a_writer_holds_up_nobody_else() {
        let dir = ScratchDir::new(&std::env::temp_dir(), "kv-link-test").unwrap();
        let file = Arc::new(StoreFile::open(dir.path()).unwrap());
        file.set("default", "key", b"value").unwrap();
        let store = Store::new(Place::File(file), "default");
        let writer = rusqlite::Connection::open(StoreFile::path(dir.path())).unwrap();
        writer.execute_batch("BEGIN EXCLUSIVE").unwrap();
        // The writer goes on only when the readers have given way to it on the only thread.
        let writing = async { writer.execute_batch("COMMIT").unwrap() };
        let (value, found, ()) = tokio::join!(
            store.get("key".to_owned()),
            store.exists("key".to_owned()),
            writing
        );
        assert_eq!(value, Ok(Some(b"value".to_vec())));
        assert_eq!(found, Ok(true));
    }
}
