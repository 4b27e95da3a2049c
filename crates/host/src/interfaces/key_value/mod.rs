//! `spin:key-value`, `fermyon:spin/key-value` and `wasi:keyvalue`: the same stores under three names, those that
//! `key_value_stores` grants.

pub mod bounds;
mod denial;
pub mod file;
mod grant;
mod link;
pub mod places;
pub mod server;
mod service;
pub mod store;

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::Result;
use wasmtime::component::Linker;

use self::places::Place;
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
    /// The stores that some component has, by label.
    type Service = BTreeMap<String, Place>;
    type Granted = Stores;
    type Instance = OpenStores;

    fn service(start: &Start<'_>, before: Option<&Self::Service>) -> Result<Self::Service> {
        grant::open(start, before)
    }

    fn grant(opened: &Self::Service, start: &Start<'_>, component: &Component) -> Result<Stores> {
        grant::stores(opened, start, component)
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
