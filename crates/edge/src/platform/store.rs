//! Spin's key-value stores.

mod atomics;

use doorward_gate::platform::{Store, StoreError};
use spin_sdk::key_value::{self, Error};
use wasip3::wit_bindgen::StreamResult;

/// Names that are read from the host at a time.
const NAMES_AT_A_TIME: usize = 1024;

/// A store that is open.
pub struct SpinStore<const INCREMENTS: bool> {
    store: key_value::Store,
    name: String,
}

impl<const INCREMENTS: bool> SpinStore<INCREMENTS> {
    /// The store of this name.
    ///
    /// # Errors
    /// What Spin says.
    pub async fn open(name: &str) -> Result<Self, StoreError> {
        let store = key_value::Store::open(name).await.map_err(error)?;
        let name = match INCREMENTS {
            true => name.to_owned(),
            false => String::new(),
        };
        Ok(Self { store, name })
    }
}

impl<const INCREMENTS: bool> Store for SpinStore<INCREMENTS> {
    async fn get(&self, name: &str) -> Result<Option<Vec<u8>>, StoreError> {
        self.store.get(name).await.map_err(error)
    }

    async fn set(&self, name: &str, value: &[u8]) -> Result<(), StoreError> {
        self.store.set(name, value).await.map_err(error)
    }

    async fn delete(&self, name: &str) -> Result<(), StoreError> {
        self.store.delete(name).await.map_err(error)
    }

    async fn exists(&self, name: &str) -> Result<bool, StoreError> {
        self.store.exists(name).await.map_err(error)
    }

    fn increment(&self, name: &str, by: i64) -> Result<i64, StoreError> {
        match INCREMENTS {
            true => atomics::increment(&self.name, name, by),
            false => Err(StoreError::Other(String::new())),
        }
    }

    async fn names(
        &self,
        take: &mut dyn FnMut(Vec<String>) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let (mut stream, result) = self.store.get_keys().await.into_inner();
        loop {
            let (status, names) = stream.read(Vec::with_capacity(NAMES_AT_A_TIME)).await;
            take(names)?;
            match status {
                StreamResult::Complete(_) => {}
                StreamResult::Dropped | StreamResult::Cancelled => break,
            }
        }
        result.await.map_err(error)
    }
}

/// What Spin says.
fn error(error: Error) -> StoreError {
    match error {
        Error::StoreTableFull => StoreError::StoreTableFull,
        Error::NoSuchStore => StoreError::NoSuchStore,
        Error::AccessDenied => StoreError::AccessDenied,
        Error::Other(text) => StoreError::Other(text),
    }
}
