//! `wasi:keyvalue` 0.2.0-draft2: the stores of `spin:key-value` under other names, with functions that wait.
//!
//! Batch and atomics need a bucket, which the refusing twin of `store` gives nobody; so their own twins refuse
//! nothing themselves.

use wasmtime::Result;
use wasmtime::component::Resource;

use super::bindings::wasi::keyvalue::atomics::{self, CasError, HostCas};
use super::bindings::wasi::keyvalue::batch;
use super::bindings::wasi::keyvalue::store::{self, Error, HostBucket, KeyResponse};
use crate::interfaces::interface::View;
use crate::interfaces::key_value::bounds::StoreError;
use crate::interfaces::key_value::service::{Cas, KeyValue, KeyValueError};
use crate::interfaces::key_value::store::Store;

impl From<StoreError> for Error {
    fn from(error: StoreError) -> Self {
        KeyValueError::from(error).into()
    }
}

impl From<KeyValueError> for Error {
    fn from(error: KeyValueError) -> Self {
        match error {
            KeyValueError::AccessDenied => Self::AccessDenied,
            KeyValueError::TooManyOpen => Self::Other("too many stores are open".to_owned()),
            KeyValueError::Other(reason) => Self::Other(reason),
        }
    }
}

type Told<T> = Result<T, Error>;
type Bucket = Resource<Store>;

impl store::Host for View<'_, KeyValue> {
    async fn open(&mut self, label: String) -> Result<Told<Bucket>> {
        Ok(View::open(self, &label).await?.map_err(Error::from))
    }
}

impl HostBucket for View<'_, KeyValue> {
    async fn get(&mut self, bucket: Bucket, key: String) -> Result<Told<Option<Vec<u8>>>> {
        let value = self.store(&bucket)?.get(key).await;
        Ok(value.map_err(Error::from))
    }

    async fn set(&mut self, bucket: Bucket, key: String, value: Vec<u8>) -> Result<Told<()>> {
        let done = self.store(&bucket)?.set(key, value).await;
        Ok(done.map_err(Error::from))
    }

    async fn delete(&mut self, bucket: Bucket, key: String) -> Result<Told<()>> {
        let done = self.store(&bucket)?.delete(key).await;
        Ok(done.map(drop).map_err(Error::from))
    }

    async fn exists(&mut self, bucket: Bucket, key: String) -> Result<Told<bool>> {
        let found = self.store(&bucket)?.exists(key).await;
        Ok(found.map_err(Error::from))
    }

    async fn list_keys(
        &mut self,
        bucket: Bucket,
        cursor: Option<String>,
    ) -> Result<Told<KeyResponse>> {
        let bucket = self.store(&bucket)?;
        // A listing has no next page, so no cursor was ever given.
        if cursor.is_some() {
            return Ok(Err(Error::Other("there is no such cursor".to_owned())));
        }
        let keys = bucket.keys().await;
        let listed = keys.map(|keys| KeyResponse { keys, cursor: None });
        Ok(listed.map_err(Error::from))
    }

    fn drop(&mut self, bucket: Bucket) -> Result<()> {
        self.close(bucket).map(drop)
    }
}

impl batch::Host for View<'_, KeyValue> {
    async fn get_many(
        &mut self,
        bucket: Bucket,
        keys: Vec<String>,
    ) -> Result<Told<Vec<(String, Option<Vec<u8>>)>>> {
        let read = self.store(&bucket)?.get_many(keys).await;
        Ok(read.map_err(Error::from))
    }

    async fn set_many(
        &mut self,
        bucket: Bucket,
        entries: Vec<(String, Vec<u8>)>,
    ) -> Result<Told<()>> {
        let set = self.store(&bucket)?.set_many(entries).await;
        Ok(set.map_err(Error::from))
    }

    async fn delete_many(&mut self, bucket: Bucket, keys: Vec<String>) -> Result<Told<()>> {
        let deleted = self.store(&bucket)?.delete_many(keys).await;
        Ok(deleted.map_err(Error::from))
    }
}

impl HostCas for View<'_, KeyValue> {
    fn new(&mut self, bucket: Bucket, key: String) -> Result<Told<Resource<Cas>>> {
        let store = self.store(&bucket)?;
        let seen = None;
        let cas = self.push(Cas { store, key, seen })?;
        Ok(cas.map_err(Error::from))
    }

    async fn current(&mut self, handle: Resource<Cas>) -> Result<Told<Option<Vec<u8>>>> {
        let Cas { store, key, .. } = self.table.get(&handle)?.clone();
        let value = store.get(key).await;
        if let Ok(value) = &value {
            self.table.get_mut(&handle)?.seen.clone_from(value);
        }
        Ok(value.map_err(Error::from))
    }

    fn drop(&mut self, handle: Resource<Cas>) -> Result<()> {
        self.close(handle).map(drop)
    }
}

impl atomics::Host for View<'_, KeyValue> {
    async fn increment(&mut self, bucket: Bucket, key: String, delta: i64) -> Result<Told<i64>> {
        let sum = self.store(&bucket)?.increment(key, delta).await;
        Ok(sum.map_err(Error::from))
    }

    async fn swap(
        &mut self,
        handle: Resource<Cas>,
        value: Vec<u8>,
    ) -> Result<Result<(), CasError>> {
        let mut cas = self.close(handle)?;
        let (seen, key) = (cas.seen.clone(), cas.key.clone());
        let failed = match cas.store.swap(key, seen, value).await {
            Ok(Ok(())) => return Ok(Ok(())),
            Ok(Err(current)) => {
                cas.seen = current;
                // Its place has just become free.
                match self.push(cas)? {
                    Ok(cas) => CasError::CasFailed(cas),
                    Err(error) => CasError::StoreError(error.into()),
                }
            }
            Err(error) => CasError::StoreError(error.into()),
        };
        Ok(Err(failed))
    }
}
