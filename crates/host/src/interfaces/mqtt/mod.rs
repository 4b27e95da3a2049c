//! `spin:mqtt`: messages for the brokers that `allowed_outbound_hosts` names.

mod address;
mod connect;
mod denial;
mod error;
mod grant;
mod link;
mod message;
mod pool;
mod service;

use std::sync::Arc;

use anyhow::Result;
use wasmtime::component::Linker;

use self::pool::Pool;
pub use self::service::Mqtt;
use self::service::{Granted, Open};
use crate::interfaces::interface::{Getter, HostInterface, HostView, NewInstance, Start};
use crate::manifest::{Component, ConfigurationSet};

impl HostInterface for Mqtt {
    const GRANT: ConfigurationSet = ConfigurationSet::AllowedOutboundHosts;
    const IMPORTS: &'static [(&'static str, &'static str)] =
        &[("spin:mqtt/mqtt", "3"), ("fermyon:spin/mqtt", "2")];
    /// The connections of all components.
    type Service = Arc<Pool>;
    type Granted = Granted;
    type Instance = Open;

    fn service(start: &Start<'_>, before: Option<&Arc<Pool>>) -> Result<Arc<Pool>> {
        if let Some(before) = before {
            return Ok(Arc::clone(before));
        }
        Ok(Arc::new(Pool::new(&start.options.outbound)))
    }

    fn grant(pool: &Arc<Pool>, start: &Start<'_>, component: &Component) -> Result<Granted> {
        grant::granted(pool, start, component)
    }

    fn instance(granted: &Arc<Granted>, _: &mut NewInstance<'_>) -> wasmtime::Result<Open> {
        Ok(Open::new(Arc::clone(granted)))
    }

    fn link<T: HostView>(linker: &mut Linker<T>, own: Getter<T, Self>) -> wasmtime::Result<()> {
        link::define(linker, str::to_owned, own)
    }

    fn deny<T: HostView>(linker: &mut Linker<T>) -> wasmtime::Result<()> {
        denial::define(linker)
    }
}
