//! The stores of a component and of its instances, whatever the interface through which they are reached.

use std::collections::BTreeSet;
use std::sync::Arc;

use wasmtime::component::Resource;

use super::file::{StoreError, StoreFile};
use crate::interfaces::interface::View;

/// Stores that one instance has open at the same time, values to be swapped among them.
const OPEN_STORES_MAX: usize = 256;

/// The key-value stores.
pub struct KeyValue;

/// The stores that one component may open.
#[derive(Debug, Default)]
pub struct Stores {
    file: Option<Arc<StoreFile>>,
    labels: BTreeSet<Arc<str>>,
}

impl Stores {
    /// The stores with these labels in `file`.
    pub fn new<'a>(file: Arc<StoreFile>, labels: impl IntoIterator<Item = &'a str>) -> Self {
        Self {
            file: Some(file),
            labels: labels.into_iter().map(Arc::from).collect(),
        }
    }

    fn open(&self, label: &str) -> StoreResult<OpenStore> {
        match (&self.file, self.labels.get(label)) {
            (Some(file), Some(label)) => Ok(OpenStore {
                file: Arc::clone(file),
                label: Arc::clone(label),
            }),
            _ => Err(KeyValueError::AccessDenied),
        }
    }
}

/// A store that an instance has open.
#[derive(Clone, Debug)]
pub struct OpenStore {
    file: Arc<StoreFile>,
    label: Arc<str>,
}

// A read takes microseconds, less than handing it to another thread. Only where it would have to wait
// for a writer is it handed over.
impl OpenStore {
    /// The value of a key.
    pub async fn get(self, key: String) -> StoreResult<Option<Vec<u8>>> {
        match self.file.get_now(&self.label, &key) {
            Err(StoreError::Busy) => blocking(move || self.file.get(&self.label, &key)).await,
            done => done.map_err(KeyValueError::from),
        }
    }

    /// Whether a key has a value.
    pub async fn exists(self, key: String) -> StoreResult<bool> {
        match self.file.exists_now(&self.label, &key) {
            Err(StoreError::Busy) => blocking(move || self.file.exists(&self.label, &key)).await,
            done => done.map_err(KeyValueError::from),
        }
    }

    /// Gives a key a value.
    pub async fn set(self, key: String, value: Vec<u8>) -> StoreResult<()> {
        blocking(move || self.file.set(&self.label, &key, &value)).await
    }

    /// Takes a key and its value away.
    pub async fn delete(self, key: String) -> StoreResult<()> {
        blocking(move || self.file.delete(&self.label, &key).map(drop)).await
    }

    /// Every key, in byte order.
    pub async fn keys(self) -> StoreResult<Vec<String>> {
        blocking(move || self.file.keys(&self.label)).await
    }

    /// Does something else with the store, on a thread that may wait.
    pub async fn with<T: Send + 'static>(
        self,
        work: impl FnOnce(&StoreFile, &str) -> Result<T, StoreError> + Send + 'static,
    ) -> StoreResult<T> {
        blocking(move || work(&self.file, &self.label)).await
    }
}

/// What is open of a component's stores in one instance.
#[derive(Debug)]
pub struct OpenStores {
    granted: Arc<Stores>,
    /// Handles of stores, and of values to be swapped.
    open: usize,
}

impl OpenStores {
    /// Nothing yet of what is granted.
    pub fn new(granted: Arc<Stores>) -> Self {
        Self { granted, open: 0 }
    }
}

/// A value that is to be swapped.
#[derive(Clone, Debug)]
pub struct Cas {
    /// Where it is.
    pub store: OpenStore,
    /// Its key.
    pub key: String,
    /// The value that was seen last; none where there was none, or nobody has looked.
    pub seen: Option<Vec<u8>>,
}

/// Why something could not be done. Each interface says it in its own words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyValueError {
    /// [`OPEN_STORES_MAX`] stores are open.
    TooManyOpen,
    /// The component may not open this store.
    AccessDenied,
    /// Something else, said in words.
    Other(String),
}

impl From<StoreError> for KeyValueError {
    fn from(error: StoreError) -> Self {
        Self::Other(error.to_string())
    }
}

/// What came of a call.
pub type StoreResult<T> = Result<T, KeyValueError>;

impl View<'_, KeyValue> {
    /// Opens a store that the component may open.
    ///
    /// # Errors
    ///
    /// When the table of resources is full.
    pub fn open(&mut self, label: &str) -> wasmtime::Result<StoreResult<Resource<OpenStore>>> {
        let opened = match &self.instance {
            Some(stores) => stores.granted.open(label),
            None => Err(KeyValueError::AccessDenied),
        };
        match opened {
            Ok(store) => self.push(store),
            Err(error) => Ok(Err(error)),
        }
    }

    /// A handle that counts against [`OPEN_STORES_MAX`].
    ///
    /// # Errors
    ///
    /// When the table of resources is full.
    pub fn push<H: Send + 'static>(
        &mut self,
        handle: H,
    ) -> wasmtime::Result<StoreResult<Resource<H>>> {
        match &mut self.instance {
            Some(stores) if stores.open < OPEN_STORES_MAX => {
                let handle = self.table.push(handle)?;
                stores.open += 1;
                Ok(Ok(handle))
            }
            _ => Ok(Err(KeyValueError::TooManyOpen)),
        }
    }

    /// Takes a handle back.
    ///
    /// # Errors
    ///
    /// When there is no such handle.
    pub fn close<H: Send + 'static>(&mut self, handle: Resource<H>) -> wasmtime::Result<H> {
        let handle = self.table.delete(handle)?;
        if let Some(stores) = &mut self.instance {
            stores.open = stores.open.saturating_sub(1);
        }
        Ok(handle)
    }

    /// The store of a handle.
    ///
    /// # Errors
    ///
    /// When there is no such handle.
    pub fn store(&self, store: &Resource<OpenStore>) -> wasmtime::Result<OpenStore> {
        Ok(self.table.get(store)?.clone())
    }
}

/// Does what waits for the disk on a thread that may wait.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
) -> StoreResult<T> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done.map_err(KeyValueError::from),
        Err(_) => Err(KeyValueError::Other("the store failed".to_owned())),
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use wasmtime::component::ResourceTable;

    use super::*;
    use crate::scratch::ScratchDir;

    #[tokio::test(flavor = "current_thread")]
    async fn a_reader_that_has_to_wait_for_a_writer_holds_up_nobody_else() {
        let dir = ScratchDir::new(&std::env::temp_dir(), "kv-link-test").unwrap();
        let file = Arc::new(StoreFile::open(dir.path()).unwrap());
        file.set("default", "key", b"value").unwrap();
        let store = Stores::new(file, ["default"]).open("default").unwrap();
        let writer = rusqlite::Connection::open(StoreFile::path(dir.path())).unwrap();
        writer.execute_batch("BEGIN EXCLUSIVE").unwrap();
        // The writer goes on only when the readers have given way to it on the only thread.
        let writing = async { writer.execute_batch("COMMIT").unwrap() };
        let (value, found, ()) = tokio::join!(
            store.clone().get("key".to_owned()),
            store.exists("key".to_owned()),
            writing
        );
        assert_eq!(value, Ok(Some(b"value".to_vec())));
        assert_eq!(found, Ok(true));
    }

    #[test]
    fn only_granted_stores_open() {
        let dir = ScratchDir::new(&std::env::temp_dir(), "kv-link-test").unwrap();
        let file = Arc::new(StoreFile::open(dir.path()).unwrap());
        let stores = Stores::new(file, ["default"]);
        assert!(stores.open("default").is_ok());
        assert_eq!(
            stores.open("other").unwrap_err(),
            KeyValueError::AccessDenied
        );
        assert_eq!(
            Stores::default().open("default").unwrap_err(),
            KeyValueError::AccessDenied
        );
    }

    #[test]
    fn a_refusing_twin_opens_no_store() {
        let mut table = ResourceTable::new();
        let mut twin = View::<KeyValue> {
            table: &mut table,
            instance: None,
        };
        let opened = twin.open("default").unwrap();
        assert_eq!(opened.unwrap_err(), KeyValueError::AccessDenied);
    }

    #[test]
    fn an_instance_opens_no_more_stores_than_it_may_and_one_again_for_each_that_it_closes() {
        let dir = ScratchDir::new(&std::env::temp_dir(), "kv-link-test").unwrap();
        let file = Arc::new(StoreFile::open(dir.path()).unwrap());
        let mut open = OpenStores::new(Arc::new(Stores::new(file, ["default"])));
        let mut table = ResourceTable::new();
        let mut view = View::<KeyValue> {
            table: &mut table,
            instance: Some(&mut open),
        };
        let first = view.open("default").unwrap().unwrap();
        for _ in 1..OPEN_STORES_MAX {
            view.open("default").unwrap().unwrap();
        }
        let one_more = view.open("default").unwrap();
        assert_eq!(one_more.unwrap_err(), KeyValueError::TooManyOpen);
        view.close(first).unwrap();
        assert!(view.open("default").unwrap().is_ok());
    }
}
