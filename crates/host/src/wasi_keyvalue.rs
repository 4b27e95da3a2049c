//! `wasi:keyvalue` 0.2.0-draft2 for components: the stores of `spin:key-value` under other names, with
//! functions that wait.

use wasmtime::Result;
use wasmtime::component::{ComponentType, Lift, Linker, Lower, Resource};

use crate::kv_link::{self, KeyValueError, OpenStore, StoreResult, define_handle, push_handle};
use crate::state::HostState;

/// `wasi:keyvalue/store.error`.
#[derive(Clone, ComponentType, Debug, Lift, Lower, PartialEq, Eq)]
#[component(variant)]
enum Error {
    /// Not used by this host: a store that is granted exists.
    #[component(name = "no-such-store")]
    NoSuchStore,
    /// The component may not open this store.
    #[component(name = "access-denied")]
    AccessDenied,
    /// Something else, said in words.
    #[component(name = "other")]
    Other(String),
}

impl From<KeyValueError> for Error {
    fn from(error: KeyValueError) -> Self {
        match error {
            KeyValueError::NoSuchStore => Self::NoSuchStore,
            KeyValueError::AccessDenied => Self::AccessDenied,
            KeyValueError::StoreTableFull => Self::Other("too many stores are open".to_owned()),
            KeyValueError::Other(reason) => Self::Other(reason),
        }
    }
}

/// `wasi:keyvalue/store.key-response`: here always all of the keys.
#[derive(Clone, ComponentType, Debug, Lift, Lower, PartialEq, Eq)]
#[component(record)]
struct KeyResponse {
    keys: Vec<String>,
    cursor: Option<String>,
}

/// `wasi:keyvalue/atomics.cas`: a value that is to be swapped.
#[derive(Clone, Debug)]
struct Cas {
    store: OpenStore,
    key: String,
    /// The value that was seen last; none where there was none, or nobody has looked.
    seen: Option<Vec<u8>>,
}

/// `wasi:keyvalue/atomics.cas-error`.
#[derive(ComponentType, Debug, Lift, Lower)]
#[component(variant)]
enum CasError {
    #[component(name = "store-error")]
    StoreError(Error),
    #[component(name = "cas-failed")]
    CasFailed(Resource<Cas>),
}

/// Defines `wasi:keyvalue/store` under `name`; `allowed` is false for its refusing twin, in which no
/// store can be opened.
pub(crate) fn add_store_to_linker(
    linker: &mut Linker<HostState>,
    name: &str,
    allowed: bool,
) -> Result<()> {
    let mut interface = linker.instance(name)?;
    define_handle::<OpenStore>(&mut interface, "bucket")?;
    interface.func_wrap("open", move |mut store, (label,): (String,)| {
        let opened = if allowed {
            kv_link::open(store.data_mut(), &label)?
        } else {
            Err(KeyValueError::AccessDenied)
        };
        Ok((opened.map_err(Error::from),))
    })?;
    interface.func_wrap_async(
        "[method]bucket.get",
        |store, (bucket, key): (Resource<OpenStore>, String)| {
            let bucket = kv_link::get(store.data(), &bucket);
            Box::new(async move { Ok((told(bucket?.get(key).await),)) })
        },
    )?;
    interface.func_wrap_async(
        "[method]bucket.set",
        |store, (bucket, key, value): (Resource<OpenStore>, String, Vec<u8>)| {
            let bucket = kv_link::get(store.data(), &bucket);
            Box::new(async move { Ok((told(bucket?.set(key, value).await),)) })
        },
    )?;
    interface.func_wrap_async(
        "[method]bucket.delete",
        |store, (bucket, key): (Resource<OpenStore>, String)| {
            let bucket = kv_link::get(store.data(), &bucket);
            Box::new(async move { Ok((told(bucket?.delete(key).await),)) })
        },
    )?;
    interface.func_wrap_async(
        "[method]bucket.exists",
        |store, (bucket, key): (Resource<OpenStore>, String)| {
            let bucket = kv_link::get(store.data(), &bucket);
            Box::new(async move { Ok((told(bucket?.exists(key).await),)) })
        },
    )?;
    interface.func_wrap_async(
        "[method]bucket.list-keys",
        |store, (bucket, cursor): (Resource<OpenStore>, Option<String>)| {
            let bucket = kv_link::get(store.data(), &bucket);
            Box::new(async move {
                let bucket = bucket?;
                // A listing has no next page, so no cursor was ever given.
                let listed = match cursor {
                    Some(_) => Err(Error::Other("there is no such cursor".to_owned())),
                    None => told(bucket.keys().await),
                };
                let cursor = None;
                Ok((listed.map(|keys| KeyResponse { keys, cursor }),))
            })
        },
    )
}

/// Defines `wasi:keyvalue/batch` under `name`. It needs a bucket, which the refusing twin of the store
/// gives nobody, so its own refusing twin is the same.
pub(crate) fn add_batch_to_linker(
    linker: &mut Linker<HostState>,
    name: &str,
    _allowed: bool,
) -> Result<()> {
    let mut interface = linker.instance(name)?;
    define_handle::<OpenStore>(&mut interface, "bucket")?;
    interface.func_wrap_async(
        "get-many",
        |store, (bucket, keys): (Resource<OpenStore>, Vec<String>)| {
            let bucket = kv_link::get(store.data(), &bucket);
            Box::new(async move {
                let read = bucket?.with(move |file, label| {
                    let values = file.get_many(label, &keys)?;
                    Ok(keys.into_iter().zip(values).collect::<Vec<_>>())
                });
                Ok((told(read.await),))
            })
        },
    )?;
    interface.func_wrap_async(
        "set-many",
        |store, (bucket, entries): (Resource<OpenStore>, Vec<(String, Vec<u8>)>)| {
            let bucket = kv_link::get(store.data(), &bucket);
            Box::new(async move {
                let set = bucket?.with(move |file, label| file.set_many(label, &entries));
                Ok((told(set.await),))
            })
        },
    )?;
    interface.func_wrap_async(
        "delete-many",
        |store, (bucket, keys): (Resource<OpenStore>, Vec<String>)| {
            let bucket = kv_link::get(store.data(), &bucket);
            Box::new(async move {
                let deleted = bucket?.with(move |file, label| file.delete_many(label, &keys));
                Ok((told(deleted.await),))
            })
        },
    )
}

/// Defines `wasi:keyvalue/atomics` under `name`. Like [`add_batch_to_linker`] it needs a bucket.
pub(crate) fn add_atomics_to_linker(
    linker: &mut Linker<HostState>,
    name: &str,
    _allowed: bool,
) -> Result<()> {
    let mut interface = linker.instance(name)?;
    define_handle::<OpenStore>(&mut interface, "bucket")?;
    define_handle::<Cas>(&mut interface, "cas")?;
    interface.func_wrap_async(
        "increment",
        |store, (bucket, key, delta): (Resource<OpenStore>, String, i64)| {
            let bucket = kv_link::get(store.data(), &bucket);
            Box::new(async move {
                let sum = bucket?.with(move |file, label| file.increment(label, &key, delta));
                Ok((told(sum.await),))
            })
        },
    )?;
    interface.func_wrap(
        "[static]cas.new",
        |mut store, (bucket, key): (Resource<OpenStore>, String)| {
            let state = store.data_mut();
            let store = kv_link::get(state, &bucket)?;
            let seen = None;
            let cas = push_handle(state, Cas { store, key, seen })?;
            Ok((cas.ok_or_else(|| Error::from(KeyValueError::StoreTableFull)),))
        },
    )?;
    interface.func_wrap_async(
        "[method]cas.current",
        |mut store, (handle,): (Resource<Cas>,)| {
            Box::new(async move {
                let Cas {
                    store: bucket, key, ..
                } = store.data().table.get(&handle)?.clone();
                let value = told(bucket.get(key).await);
                if let Ok(value) = &value {
                    store.data_mut().table.get_mut(&handle)?.seen = value.clone();
                }
                Ok((value,))
            })
        },
    )?;
    interface.func_wrap_async(
        "swap",
        |mut store, (handle, value): (Resource<Cas>, Vec<u8>)| {
            Box::new(async move {
                let state = store.data_mut();
                let mut cas = state.table.delete(handle)?;
                state.open_stores = state.open_stores.saturating_sub(1);
                let (seen, key) = (cas.seen.clone(), cas.key.clone());
                let swapped = cas.store.clone().with(move |file, label| {
                    if file.swap(label, &key, seen.as_deref(), &value)? {
                        return Ok(None);
                    }
                    // What it is instead, for another try.
                    file.get(label, &key).map(Some)
                });
                let failed = match told(swapped.await) {
                    Ok(None) => return Ok((Ok(()),)),
                    Ok(Some(current)) => {
                        cas.seen = current;
                        // Its place has just become free.
                        push_handle(state, cas)?.map_or_else(
                            || CasError::StoreError(KeyValueError::StoreTableFull.into()),
                            CasError::CasFailed,
                        )
                    }
                    Err(error) => CasError::StoreError(error),
                };
                Ok((Err(failed),))
            })
        },
    )
}

/// The result as the interface has it.
fn told<T>(result: StoreResult<T>) -> Result<T, Error> {
    result.map_err(Error::from)
}
