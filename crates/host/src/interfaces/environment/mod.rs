//! `wasi:cli/environment`: the environment variables that `environment` gives. WASI has the functions.

mod denial;

use std::sync::Arc;

use anyhow::Result;
use wasmtime::component::Linker;

use crate::interfaces::interface::{Getter, HostInterface, HostView, NewInstance, Start};
use crate::manifest::{Component, ConfigurationSet};

/// `wasi:cli/environment`.
pub struct Environment;

impl HostInterface for Environment {
    const GRANT: ConfigurationSet = ConfigurationSet::Environment;
    const IMPORTS: &'static [(&'static str, &'static str)] = &[
        ("wasi:cli/environment", "0.2"),
        ("wasi:cli/environment", "0.3"),
    ];
    type Service = ();
    type Granted = Vec<(String, String)>;
    type Instance = ();

    fn service(_: &Start<'_>, _: Option<&()>) -> Result<()> {
        Ok(())
    }

    fn grant((): &(), _: &Start<'_>, component: &Component) -> Result<Self::Granted> {
        Ok(component.environment.clone().into_iter().collect())
    }

    fn instance(granted: &Arc<Self::Granted>, new: &mut NewInstance<'_>) -> wasmtime::Result<()> {
        new.wasi.envs(granted);
        Ok(())
    }

    fn link<T: HostView>(_: &mut Linker<T>, _: Getter<T, Self>) -> wasmtime::Result<()> {
        Ok(())
    }

    fn deny<T: HostView>(linker: &mut Linker<T>) -> wasmtime::Result<()> {
        denial::define(linker)
    }
}
