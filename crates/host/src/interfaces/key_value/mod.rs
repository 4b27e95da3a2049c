//! `spin:key-value`, `fermyon:spin/key-value` and `wasi:keyvalue`: the same stores under three names, those that
//! `key_value_stores` grants.

mod denial;
pub mod file;
mod grant;
mod link;
mod service;

use std::sync::Arc;

use anyhow::Result;
use wasmtime::component::Linker;

use self::file::StoreFile;
pub use self::service::KeyValue;
use self::service::{OpenStores, Stores};
use crate::interfaces::interface::{Getter, HostInterface, HostView, NewInstance, Start};
use crate::manifest::{Component, ConfigurationSet};

impl HostInterface for KeyValue {
    const GRANT: ConfigurationSet = ConfigurationSet::KeyValueStores;
    const IMPORTS: &'static [(&'static str, &'static str)] = &[
        ("spin:key-value/key-value", "3"),
        ("fermyon:spin/key-value", "2"),
        // Spin lists `store` alone. Its neighbours give access to nothing but what `store` opened; here they
        // are denied with it all the same.
        ("wasi:keyvalue/store", "0.2.0-draft2"),
        ("wasi:keyvalue/atomics", "0.2.0-draft2"),
        ("wasi:keyvalue/batch", "0.2.0-draft2"),
    ];
    /// The file of all stores; none where nobody has one.
    type Service = Option<Arc<StoreFile>>;
    type Granted = Stores;
    type Instance = OpenStores;

    fn service(start: &Start<'_>) -> Result<Self::Service> {
        grant::open_file(start)
    }

    fn grant(file: &Self::Service, _: &Start<'_>, component: &Component) -> Result<Stores> {
        Ok(grant::stores(file.as_ref(), component))
    }

    fn instance(granted: &Arc<Stores>, _: &mut NewInstance<'_>) -> wasmtime::Result<OpenStores> {
        Ok(OpenStores::new(Arc::clone(granted)))
    }

    fn link<T: HostView>(linker: &mut Linker<T>, own: Getter<T, Self>) -> wasmtime::Result<()> {
        link::define(linker, str::to_owned, own)
    }

    fn deny<T: HostView>(linker: &mut Linker<T>) -> wasmtime::Result<()> {
        denial::define(linker)
    }
}
