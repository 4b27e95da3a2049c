//! The one place where a file becomes machine code.
#![expect(
    unsafe_code,
    reason = "wasmtime cannot know that a file is what it has written itself; `load` says why it is"
)]

use std::path::Path;

use anyhow::Result;
use wasmtime::component::Component;
use wasmtime::{Config, Engine};

/// Loads what [`Engine::precompile_component`] has given.
///
/// `wasmtime` checks version, settings and processor, and believes the rest. So who calls this has seen that this
/// process cannot write the file (`writable`), and that its bytes are those that `make` has put beside it with their
/// digest. Who can change both can change the host's executable, which lies in the same image.
///
/// # Errors
///
/// When the file was made by another `wasmtime`, with other settings, or for a processor that has more than this one.
pub fn load(engine: &Engine, path: &Path) -> Result<Component> {
    // SAFETY: as above: what this host has compiled, in a file that nobody changes while the process runs.
    unsafe { Component::deserialize_file(engine, path) }.map_err(anyhow::Error::from)
}

/// Lets Cranelift use what every processor of a family has.
pub fn allow(config: &mut Config, preset: &str) {
    // SAFETY: the presets of `cpu` name instructions only, and whether a processor has them is checked when code is
    // loaded. None of the settings by which code would be wrong is among them.
    unsafe { config.cranelift_flag_enable(preset) };
}
