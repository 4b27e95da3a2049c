//! `spin:sqlite` and `fermyon:spin/sqlite`: the same databases under two names, those that `sqlite_databases`
//! grants.

mod connection;
mod database;
mod denial;
mod error;
mod grant;
mod link;
mod service;
mod statement;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use anyhow::Result;
use wasmtime::component::Linker;

use self::database::Limits;
pub use self::service::Sqlite;
use self::service::{Connections, Databases};
use crate::interfaces::interface::{Getter, HostInterface, HostView, NewInstance, Start};
use crate::manifest::{Component, ConfigurationSet};

impl HostInterface for Sqlite {
    const GRANT: ConfigurationSet = ConfigurationSet::SqliteDatabases;
    const IMPORTS: &'static [(&'static str, &'static str)] =
        &[("spin:sqlite/sqlite", "3"), ("fermyon:spin/sqlite", "2")];
    /// What all the databases share.
    type Service = Arc<Limits>;
    type Granted = Databases;
    type Instance = Connections;

    fn service(_: &Start<'_>, before: Option<&Self::Service>) -> Result<Self::Service> {
        Ok(before.map(Arc::clone).unwrap_or_default())
    }

    fn grant(
        limits: &Self::Service,
        start: &Start<'_>,
        component: &Component,
    ) -> Result<Databases> {
        grant::databases(limits, start, component)
    }

    fn instance(
        granted: &Arc<Databases>,
        _: &mut NewInstance<'_>,
    ) -> wasmtime::Result<Connections> {
        Ok(Connections::new(Arc::clone(granted)))
    }

    fn link<T: HostView>(linker: &mut Linker<T>, own: Getter<T, Self>) -> wasmtime::Result<()> {
        link::define(linker, str::to_owned, own)
    }

    fn deny<T: HostView>(linker: &mut Linker<T>) -> wasmtime::Result<()> {
        denial::define(linker)
    }
}
