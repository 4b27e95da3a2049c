//! The linker: everything that a component can import, and the refusing twin of everything that
//! needs a grant.

#[cfg(feature = "test-manners")]
mod forbid_setting;

use anyhow::{Context as _, Result};
use wasmtime::Engine;
use wasmtime::component::Linker;

use crate::interfaces;
use crate::manner::Manner;
use crate::state::HostState;

/// A linker with every interface of [`crate::interfaces`].
///
/// # Errors
///
/// When two definitions collide, which is a mistake in this crate.
pub fn linker(engine: &Engine, manner: Manner) -> Result<Linker<HostState>> {
    let mut linker = Linker::new(engine);
    define(&mut linker, manner)
        .map_err(anyhow::Error::from)
        .context("cannot define the host's interfaces")?;
    Ok(linker)
}

fn define(linker: &mut Linker<HostState>, manner: Manner) -> wasmtime::Result<()> {
    wasmtime_wasi::p2::add_to_linker_async(linker)?;
    wasmtime_wasi::p3::add_to_linker(linker)?;
    interfaces::link(linker)?;
    match manner {
        Manner::Removes => Ok(()),
        #[cfg(feature = "test-manners")]
        Manner::Shows => forbid_setting::define(linker),
    }
}
