//! `fermyon:spin/key-value@2.0.0`: the same as 3.0.0 with functions that wait.

use wasmtime::Result;
use wasmtime::component::Resource;

use super::bindings::fermyon::spin::key_value::{Error, Host, HostStore};
use crate::interfaces::interface::View;
use crate::interfaces::key_value::bounds::StoreError;
use crate::interfaces::key_value::service::{KeyValue, KeyValueError};
use crate::interfaces::key_value::store::Store;

impl From<StoreError> for Error {
    fn from(error: StoreError) -> Self {
        KeyValueError::from(error).into()
    }
}

impl From<KeyValueError> for Error {
    fn from(error: KeyValueError) -> Self {
        match error {
            KeyValueError::TooManyOpen => Self::StoreTableFull,
            KeyValueError::AccessDenied => Self::AccessDenied,
            KeyValueError::Other(reason) => Self::Other(reason),
        }
    }
}

type Told<T> = Result<T, Error>;

impl Host for View<'_, KeyValue> {}

impl HostStore for View<'_, KeyValue> {
    async fn open(&mut self, label: String) -> Result<Told<Resource<Store>>> {
        Ok(View::open(self, &label).await?.map_err(Error::from))
    }

    async fn get(&mut self, store: Resource<Store>, key: String) -> Result<Told<Option<Vec<u8>>>> {
        let value = self.store(&store)?.get(key).await;
        Ok(value.map_err(Error::from))
    }

    async fn set(
        &mut self,
        store: Resource<Store>,
        key: String,
        value: Vec<u8>,
    ) -> Result<Told<()>> {
        let done = self.store(&store)?.set(key, value).await;
        Ok(done.map_err(Error::from))
    }

    async fn delete(&mut self, store: Resource<Store>, key: String) -> Result<Told<()>> {
        let done = self.store(&store)?.delete(key).await;
        Ok(done.map(drop).map_err(Error::from))
    }

    async fn exists(&mut self, store: Resource<Store>, key: String) -> Result<Told<bool>> {
        let found = self.store(&store)?.exists(key).await;
        Ok(found.map_err(Error::from))
    }

    async fn get_keys(&mut self, store: Resource<Store>) -> Result<Told<Vec<String>>> {
        let keys = self.store(&store)?.keys().await;
        Ok(keys.map_err(Error::from))
    }

    fn drop(&mut self, store: Resource<Store>) -> Result<()> {
        self.close(store).map(drop)
    }
}
