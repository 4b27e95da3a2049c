//! Spin's key-value stores.

use doorward_gate::platform::{Store, StoreError};
use spin_sdk::key_value::{self, Error};
use wasip3::wit_bindgen::StreamResult;

/// Names that are read from the host at a time.
const NAMES_AT_A_TIME: usize = 1024;

/// A store that is open.
pub struct SpinStore(key_value::Store);

impl From<key_value::Store> for SpinStore {
    fn from(store: key_value::Store) -> Self {
        Self(store)
    }
}

impl Store for SpinStore {
    async fn get(&self, name: &str) -> Result<Option<Vec<u8>>, StoreError> {
        self.0.get(name).await.map_err(error)
    }

    async fn set(&self, name: &str, value: &[u8]) -> Result<(), StoreError> {
        self.0.set(name, value).await.map_err(error)
    }

    async fn delete(&self, name: &str) -> Result<(), StoreError> {
        self.0.delete(name).await.map_err(error)
    }

    async fn exists(&self, name: &str) -> Result<bool, StoreError> {
        self.0.exists(name).await.map_err(error)
    }

    async fn names(
        &self,
        take: &mut dyn FnMut(Vec<String>) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let (mut stream, result) = self.0.get_keys().await.into_inner();
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
pub fn error(error: Error) -> StoreError {
    match error {
        Error::StoreTableFull => StoreError::StoreTableFull,
        Error::NoSuchStore => StoreError::NoSuchStore,
        Error::AccessDenied => StoreError::AccessDenied,
        Error::Other(text) => StoreError::Other(text),
    }
}
