//! `spin:variables`, `fermyon:spin/variables` and `wasi:config`: the same variables under three names, those of
//! the component's own `[component.ID.variables]`.

mod denial;
mod link;
mod service;

use std::sync::Arc;

use anyhow::Result;
use wasmtime::component::Linker;

use self::service::ComponentVariables;
pub use self::service::SpinVariables;
use crate::interfaces::interface::{Getter, HostInterface, HostView, NewInstance, Start};
use crate::manifest::{Component, ConfigurationSet};

impl HostInterface for SpinVariables {
    const GRANT: ConfigurationSet = ConfigurationSet::Variables;
    const IMPORTS: &'static [(&'static str, &'static str)] = &[
        ("spin:variables/variables", "3"),
        ("fermyon:spin/variables", "2"),
        ("wasi:config/store", "0.2.0-draft-2024-09-27"),
    ];
    type Service = ();
    type Granted = ComponentVariables;
    type Instance = Arc<ComponentVariables>;

    fn service(_: &Start<'_>, _: Option<&()>) -> Result<()> {
        Ok(())
    }

    fn grant((): &(), start: &Start<'_>, component: &Component) -> Result<ComponentVariables> {
        let values = start.variables.of_component(component)?;
        Ok(ComponentVariables::new(values))
    }

    fn instance(
        granted: &Arc<ComponentVariables>,
        _: &mut NewInstance<'_>,
    ) -> wasmtime::Result<Arc<ComponentVariables>> {
        Ok(Arc::clone(granted))
    }

    fn link<T: HostView>(linker: &mut Linker<T>, own: Getter<T, Self>) -> wasmtime::Result<()> {
        link::define(linker, str::to_owned, own)
    }

    fn deny<T: HostView>(linker: &mut Linker<T>) -> wasmtime::Result<()> {
        denial::define(linker)
    }
}
