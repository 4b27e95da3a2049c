//! `spin:postgres`, in two versions: PostgreSQL at what `allowed_outbound_hosts` names.

mod address;
mod connection;
mod denial;
mod error;
mod grant;
mod line;
mod link;
mod messages;
mod pool;
mod service;
mod session;
mod statement;
#[cfg(test)]
mod tests;
mod trust;
mod values;

use std::sync::Arc;

use anyhow::Result;
use wasmtime::component::Linker;

pub use self::service::Postgres;
use self::service::{Granted, Open};
use self::trust::Trust;
use crate::interfaces::interface::{Getter, HostInterface, HostView, NewInstance, Start};
use crate::manifest::{Component, ConfigurationSet};

impl HostInterface for Postgres {
    const GRANT: ConfigurationSet = ConfigurationSet::AllowedOutboundHosts;
    const IMPORTS: &'static [(&'static str, &'static str)] = &[
        ("spin:postgres/postgres", "4"),
        ("spin:postgres/postgres", "3"),
    ];
    /// Who is believed to be a server. Each component has connections of its own.
    type Service = Arc<Trust>;
    type Granted = Granted;
    type Instance = Open;

    fn service(start: &Start<'_>, before: Option<&Arc<Trust>>) -> Result<Arc<Trust>> {
        if let Some(before) = before {
            return Ok(Arc::clone(before));
        }
        let roots = start.options.outbound.roots.clone();
        Ok(Arc::new(Trust::new(roots)))
    }

    fn grant(trust: &Arc<Trust>, start: &Start<'_>, component: &Component) -> Result<Granted> {
        grant::granted(trust, start, component)
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
