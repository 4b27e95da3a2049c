//! `spin:key-value/key-value@3.0.0`.

use wasmtime::Result;
use wasmtime::component::{Accessor, FutureReader, Resource, StreamReader};

use super::bindings::spin::key_value::key_value::{Error, Host, HostStore, HostStoreWithStore};
use crate::interfaces::interface::{Linked, View};
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

fn find<T>(accessor: &Accessor<T, Linked<KeyValue>>, store: &Resource<Store>) -> Result<Store> {
    accessor.with(|mut access| access.get().store(store))
}

impl Host for View<'_, KeyValue> {}

impl HostStore for View<'_, KeyValue> {
    fn drop(&mut self, store: Resource<Store>) -> Result<()> {
        self.close(store).map(drop)
    }
}

impl<T> HostStoreWithStore<T> for Linked<KeyValue> {
    async fn open(accessor: &Accessor<T, Self>, label: String) -> Result<Told<Resource<Store>>> {
        let store = match accessor.with(|mut access| access.get().prepare(&label)) {
            Ok(store) => store,
            Err(error) => return Ok(Err(error.into())),
        };
        if let Err(error) = store.connect().await {
            return Ok(Err(error.into()));
        }
        let opened = accessor.with(|mut access| access.get().push(store))?;
        Ok(opened.map_err(Error::from))
    }

    async fn get(
        accessor: &Accessor<T, Self>,
        store: Resource<Store>,
        key: String,
    ) -> Result<Told<Option<Vec<u8>>>> {
        let value = find(accessor, &store)?.get(key).await;
        Ok(value.map_err(Error::from))
    }

    async fn set(
        accessor: &Accessor<T, Self>,
        store: Resource<Store>,
        key: String,
        value: Vec<u8>,
    ) -> Result<Told<()>> {
        let done = find(accessor, &store)?.set(key, value).await;
        Ok(done.map_err(Error::from))
    }

    async fn delete(
        accessor: &Accessor<T, Self>,
        store: Resource<Store>,
        key: String,
    ) -> Result<Told<()>> {
        let done = find(accessor, &store)?.delete(key).await;
        Ok(done.map(drop).map_err(Error::from))
    }

    async fn exists(
        accessor: &Accessor<T, Self>,
        store: Resource<Store>,
        key: String,
    ) -> Result<Told<bool>> {
        let found = find(accessor, &store)?.exists(key).await;
        Ok(found.map_err(Error::from))
    }

    async fn get_keys(
        accessor: &Accessor<T, Self>,
        store: Resource<Store>,
    ) -> Result<(StreamReader<String>, FutureReader<Told<()>>)> {
        let (keys, end) = match find(accessor, &store)?.keys().await {
            Ok(keys) => (keys, Ok(())),
            Err(error) => (Vec::new(), Err(Error::from(error))),
        };
        accessor.with(|mut access| {
            let keys = StreamReader::new(&mut access, keys)?;
            let end = FutureReader::new(&mut access, async move { wasmtime::error::Ok(end) })?;
            Ok((keys, end))
        })
    }
}
