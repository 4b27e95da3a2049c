//! `spin:key-value/key-value@3.0.0` for components.

use std::collections::BTreeSet;
use std::sync::Arc;

use wasmtime::Result;
use wasmtime::component::{
    Accessor, ComponentType, FutureReader, Lift, Linker, Lower, Resource, ResourceType,
    StreamReader,
};

use crate::kv::{StoreError, StoreFile};
use crate::state::HostState;

/// Stores that one instance has open at the same time.
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
    async fn get(self, key: String) -> StoreResult<Option<Vec<u8>>> {
        match self.file.get_now(&self.label, &key) {
            Err(StoreError::Busy) => blocking(move || self.file.get(&self.label, &key)).await,
            done => done.map_err(KeyValueError::from),
        }
    }

    async fn exists(self, key: String) -> StoreResult<bool> {
        match self.file.exists_now(&self.label, &key) {
            Err(StoreError::Busy) => blocking(move || self.file.exists(&self.label, &key)).await,
            done => done.map_err(KeyValueError::from),
        }
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

type StoreResult<T> = Result<T, KeyValueError>;

/// Defines the interface under `name`; `allowed` is false for its refusing twin, in which no store
/// can be opened.
pub(crate) fn add_to_linker(
    linker: &mut Linker<HostState>,
    name: &str,
    allowed: bool,
) -> Result<()> {
    let mut interface = linker.instance(name)?;
    interface.resource(
        "store",
        ResourceType::host::<OpenStore>(),
        |mut store, rep| {
            let state: &mut HostState = store.data_mut();
            state.table.delete(Resource::<OpenStore>::new_own(rep))?;
            state.open_stores = state.open_stores.saturating_sub(1);
            Ok(())
        },
    )?;
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
                let done = blocking(move || store.file.set(&store.label, &key, &value)).await;
                Ok((done,))
            })
        },
    )?;
    interface.func_wrap_concurrent(
        "[method]store.delete",
        |accessor, (store, key): (Resource<OpenStore>, String)| {
            Box::pin(async move {
                let store = find(accessor, &store)?;
                let done = blocking(move || store.file.delete(&store.label, &key)).await;
                Ok((done.map(drop),))
            })
        },
    )?;
    interface.func_wrap_concurrent(
        "[method]store.get-keys",
        |accessor, (store,): (Resource<OpenStore>,)| {
            Box::pin(async move {
                let store = find(accessor, &store)?;
                let listed = blocking(move || store.file.keys(&store.label)).await;
                let (keys, end) = match listed {
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

fn open(state: &mut HostState, label: &str) -> Result<StoreResult<Resource<OpenStore>>> {
    if state.open_stores >= OPEN_STORES_MAX {
        return Ok(Err(KeyValueError::StoreTableFull));
    }
    match state.stores.open(label) {
        Ok(store) => {
            let handle = state.table.push(store)?;
            state.open_stores += 1;
            Ok(Ok(handle))
        }
        Err(error) => Ok(Err(error)),
    }
}

fn find(accessor: &Accessor<HostState>, store: &Resource<OpenStore>) -> Result<OpenStore> {
    accessor.with(|mut access| Ok(access.data_mut().table.get(store)?.clone()))
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
