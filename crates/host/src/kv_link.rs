//! `spin:key-value/key-value@3.0.0` for components, and `fermyon:spin/key-value@2.0.0`, which is the same
//! with functions that wait.

use std::collections::BTreeSet;
use std::sync::Arc;

use wasmtime::Result;
use wasmtime::component::{
    Accessor, ComponentType, FutureReader, Lift, Linker, LinkerInstance, Lower, Resource,
    ResourceType, StreamReader,
};

use crate::kv::{StoreError, StoreFile};
use crate::state::HostState;

/// Stores that one instance has open at the same time, values to be swapped among them.
const OPEN_STORES_MAX: usize = 256;

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

    fn open(&self, label: &str) -> Result<OpenStore, KeyValueError> {
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
    pub(crate) async fn get(self, key: String) -> StoreResult<Option<Vec<u8>>> {
        match self.file.get_now(&self.label, &key) {
            Err(StoreError::Busy) => blocking(move || self.file.get(&self.label, &key)).await,
            done => done.map_err(KeyValueError::from),
        }
    }

    pub(crate) async fn exists(self, key: String) -> StoreResult<bool> {
        match self.file.exists_now(&self.label, &key) {
            Err(StoreError::Busy) => blocking(move || self.file.exists(&self.label, &key)).await,
            done => done.map_err(KeyValueError::from),
        }
    }

    pub(crate) async fn set(self, key: String, value: Vec<u8>) -> StoreResult<()> {
        blocking(move || self.file.set(&self.label, &key, &value)).await
    }

    pub(crate) async fn delete(self, key: String) -> StoreResult<()> {
        blocking(move || self.file.delete(&self.label, &key).map(drop)).await
    }

    pub(crate) async fn keys(self) -> StoreResult<Vec<String>> {
        blocking(move || self.file.keys(&self.label)).await
    }

    /// Does something else with the store, on a thread that may wait.
    pub(crate) async fn with<T: Send + 'static>(
        self,
        work: impl FnOnce(&StoreFile, &str) -> Result<T, StoreError> + Send + 'static,
    ) -> StoreResult<T> {
        blocking(move || work(&self.file, &self.label)).await
    }
}

/// `spin:key-value/key-value.error`.
#[derive(Clone, ComponentType, Debug, Lift, Lower, PartialEq, Eq)]
#[component(variant)]
pub enum KeyValueError {
    /// Too many stores are open.
    #[component(name = "store-table-full")]
    StoreTableFull,
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

impl From<StoreError> for KeyValueError {
    fn from(error: StoreError) -> Self {
        Self::Other(error.to_string())
    }
}

pub(crate) type StoreResult<T> = Result<T, KeyValueError>;

/// Defines the interface under `name`; `allowed` is false for its refusing twin, in which no store
/// can be opened.
pub(crate) fn add_to_linker(
    linker: &mut Linker<HostState>,
    name: &str,
    allowed: bool,
) -> Result<()> {
    let mut interface = linker.instance(name)?;
    define_handle::<OpenStore>(&mut interface, "store")?;
    interface.func_wrap_concurrent(
        "[static]store.open",
        move |accessor, (label,): (String,)| {
            let opened = if allowed {
                accessor.with(|mut access| open(access.data_mut(), &label))
            } else {
                Ok(Err(KeyValueError::AccessDenied))
            };
            Box::pin(async move { Ok((opened?,)) })
        },
    )?;
    interface.func_wrap_concurrent(
        "[method]store.get",
        |accessor, (store, key): (Resource<OpenStore>, String)| {
            Box::pin(async move {
                let store = find(accessor, &store)?;
                Ok((store.get(key).await,))
            })
        },
    )?;
    interface.func_wrap_concurrent(
        "[method]store.exists",
        |accessor, (store, key): (Resource<OpenStore>, String)| {
            Box::pin(async move {
                let store = find(accessor, &store)?;
                Ok((store.exists(key).await,))
            })
        },
    )?;
    interface.func_wrap_concurrent(
        "[method]store.set",
        |accessor, (store, key, value): (Resource<OpenStore>, String, Vec<u8>)| {
            Box::pin(async move {
                let store = find(accessor, &store)?;
                Ok((store.set(key, value).await,))
            })
        },
    )?;
    interface.func_wrap_concurrent(
        "[method]store.delete",
        |accessor, (store, key): (Resource<OpenStore>, String)| {
            Box::pin(async move {
                let store = find(accessor, &store)?;
                Ok((store.delete(key).await,))
            })
        },
    )?;
    interface.func_wrap_concurrent(
        "[method]store.get-keys",
        |accessor, (store,): (Resource<OpenStore>,)| {
            Box::pin(async move {
                let store = find(accessor, &store)?;
                let (keys, end) = match store.keys().await {
                    Ok(keys) => (keys, Ok(())),
                    Err(error) => (Vec::new(), Err(error)),
                };
                let streams = accessor.with(|mut access| {
                    let keys = StreamReader::<String>::new(&mut access, keys)?;
                    let end = FutureReader::<StoreResult<()>>::new(&mut access, async move {
                        wasmtime::error::Ok(end)
                    })?;
                    wasmtime::error::Ok((keys, end))
                })?;
                Ok((streams,))
            })
        },
    )
}

/// Defines `fermyon:spin/key-value@2.0.0` under `name`; `allowed` as in [`add_to_linker`].
pub(crate) fn add_v2_to_linker(
    linker: &mut Linker<HostState>,
    name: &str,
    allowed: bool,
) -> Result<()> {
    let mut interface = linker.instance(name)?;
    define_handle::<OpenStore>(&mut interface, "store")?;
    interface.func_wrap(
        "[static]store.open",
        move |mut store, (label,): (String,)| {
            let opened = if allowed {
                open(store.data_mut(), &label)?
            } else {
                Err(KeyValueError::AccessDenied)
            };
            Ok((opened,))
        },
    )?;
    interface.func_wrap_async(
        "[method]store.get",
        |store, (handle, key): (Resource<OpenStore>, String)| {
            let store = get(store.data(), &handle);
            Box::new(async move { Ok((store?.get(key).await,)) })
        },
    )?;
    interface.func_wrap_async(
        "[method]store.exists",
        |store, (handle, key): (Resource<OpenStore>, String)| {
            let store = get(store.data(), &handle);
            Box::new(async move { Ok((store?.exists(key).await,)) })
        },
    )?;
    interface.func_wrap_async(
        "[method]store.set",
        |store, (handle, key, value): (Resource<OpenStore>, String, Vec<u8>)| {
            let store = get(store.data(), &handle);
            Box::new(async move { Ok((store?.set(key, value).await,)) })
        },
    )?;
    interface.func_wrap_async(
        "[method]store.delete",
        |store, (handle, key): (Resource<OpenStore>, String)| {
            let store = get(store.data(), &handle);
            Box::new(async move { Ok((store?.delete(key).await,)) })
        },
    )?;
    interface.func_wrap_async(
        "[method]store.get-keys",
        |store, (handle,): (Resource<OpenStore>,)| {
            let store = get(store.data(), &handle);
            Box::new(async move { Ok((store?.keys().await,)) })
        },
    )
}

/// Defines a resource of handles that count against [`OPEN_STORES_MAX`].
pub(crate) fn define_handle<T: Send + 'static>(
    interface: &mut LinkerInstance<'_, HostState>,
    name: &str,
) -> Result<()> {
    interface.resource(name, ResourceType::host::<T>(), |mut store, rep| {
        let state: &mut HostState = store.data_mut();
        state.table.delete(Resource::<T>::new_own(rep))?;
        state.open_stores = state.open_stores.saturating_sub(1);
        Ok(())
    })
}

/// A handle that counts against [`OPEN_STORES_MAX`]; none when there are that many.
pub(crate) fn push_handle<T: Send + 'static>(
    state: &mut HostState,
    handle: T,
) -> Result<Option<Resource<T>>> {
    if state.open_stores >= OPEN_STORES_MAX {
        return Ok(None);
    }
    let handle = state.table.push(handle)?;
    state.open_stores += 1;
    Ok(Some(handle))
}

/// Opens a store that the component may open.
pub(crate) fn open(state: &mut HostState, label: &str) -> Result<StoreResult<Resource<OpenStore>>> {
    let store = match state.stores.open(label) {
        Ok(store) => store,
        Err(error) => return Ok(Err(error)),
    };
    Ok(push_handle(state, store)?.ok_or(KeyValueError::StoreTableFull))
}

/// The store of a handle.
pub(crate) fn get(state: &HostState, store: &Resource<OpenStore>) -> Result<OpenStore> {
    Ok(state.table.get(store)?.clone())
}

fn find(accessor: &Accessor<HostState>, store: &Resource<OpenStore>) -> Result<OpenStore> {
    accessor.with(|mut access| get(access.data_mut(), store))
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
}
