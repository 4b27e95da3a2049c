//! The stores of a component and of its instances, whatever the interface through which they are reached.

use std::collections::BTreeMap;
use std::sync::Arc;

use wasmtime::component::Resource;

use super::bounds::StoreError;
use super::places::Place;
use super::store::Store;
use crate::interfaces::interface::View;

/// Stores that one instance has open at the same time, values to be swapped among them.
const OPEN_STORES_MAX: usize = 256;

/// The key-value stores.
pub struct KeyValue;

/// The stores that one component may open, by label.
#[derive(Debug, Default)]
pub struct Stores {
    stores: BTreeMap<String, Store>,
}

impl Stores {
    /// Those with these labels, where they are.
    pub fn new(stores: impl IntoIterator<Item = (String, Place)>) -> Self {
        let store = |(label, place): (String, Place)| {
            let store = Store::new(place, label.as_str());
            (label, store)
        };
        Self {
            stores: stores.into_iter().map(store).collect(),
        }
    }

    fn open(&self, label: &str) -> StoreResult<Store> {
        let store = self.stores.get(label);
        store.cloned().ok_or(KeyValueError::AccessDenied)
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
    pub store: Store,
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
    /// A store that the component may open, not connected yet.
    ///
    /// # Errors
    ///
    /// When it may not.
    pub fn prepare(&self, label: &str) -> StoreResult<Store> {
        match &self.instance {
            Some(stores) => stores.granted.open(label),
            None => Err(KeyValueError::AccessDenied),
        }
    }

    /// Opens a store that the component may open.
    ///
    /// # Errors
    ///
    /// When the table of resources is full.
    pub async fn open(&mut self, label: &str) -> wasmtime::Result<StoreResult<Resource<Store>>> {
        let store = match self.prepare(label) {
            Ok(store) => store,
            Err(error) => return Ok(Err(error)),
        };
        match store.connect().await {
            Ok(()) => self.push(store),
            Err(error) => Ok(Err(error.into())),
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
    pub fn store(&self, store: &Resource<Store>) -> wasmtime::Result<Store> {
        Ok(self.table.get(store)?.clone())
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use wasmtime::component::ResourceTable;

    use super::*;
    use crate::interfaces::key_value::file::StoreFile;
    use crate::scratch::ScratchDir;

    #[test]
    fn only_granted_stores_open() {
        let dir = ScratchDir::new(&std::env::temp_dir(), "kv-link-test").unwrap();
        let file = Arc::new(StoreFile::open(dir.path()).unwrap());
        let stores = Stores::new([("default".to_owned(), Place::File(file))]);
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

    #[tokio::test]
    async fn a_refusing_twin_opens_no_store() {
        let mut table = ResourceTable::new();
        let mut twin = View::<KeyValue> {
            table: &mut table,
            instance: None,
        };
        let opened = twin.open("default").await.unwrap();
        assert_eq!(opened.unwrap_err(), KeyValueError::AccessDenied);
    }

    #[tokio::test]
    async fn an_instance_opens_no_more_stores_than_it_may_and_one_again_for_each_that_it_closes() {
        let dir = ScratchDir::new(&std::env::temp_dir(), "kv-link-test").unwrap();
        let file = Arc::new(StoreFile::open(dir.path()).unwrap());
        let mut open = OpenStores::new(Arc::new(Stores::new([(
            "default".to_owned(),
            Place::File(file),
        )])));
        let mut table = ResourceTable::new();
        let mut view = View::<KeyValue> {
            table: &mut table,
            instance: Some(&mut open),
        };
        let first = view.open("default").await.unwrap().unwrap();
        for _ in 1..OPEN_STORES_MAX {
            view.open("default").await.unwrap().unwrap();
        }
        let one_more = view.open("default").await.unwrap();
        assert_eq!(one_more.unwrap_err(), KeyValueError::TooManyOpen);
        view.close(first).unwrap();
        assert!(view.open("default").await.unwrap().is_ok());
    }
}
