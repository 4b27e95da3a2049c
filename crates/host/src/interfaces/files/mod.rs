//! `wasi:filesystem/preopens`: the files that `files` gives, read-only. WASI has the functions.

mod denial;
mod grant;

use std::sync::Arc;

use anyhow::Result;
use wasmtime::component::Linker;
use wasmtime_wasi::FsPerms;

use crate::interfaces::interface::{Getter, HostInterface, HostView, NewInstance, Start};
use crate::manifest::{Component, ConfigurationSet};
use crate::scratch::ScratchDir;

/// `wasi:filesystem/preopens`.
pub struct Files;

impl HostInterface for Files {
    const GRANT: ConfigurationSet = ConfigurationSet::Files;
    const IMPORTS: &'static [(&'static str, &'static str)] = &[
        ("wasi:filesystem/preopens", "0.2"),
        ("wasi:filesystem/preopens", "0.3"),
    ];
    type Service = ();
    /// The folder with the files.
    type Granted = Option<ScratchDir>;
    type Instance = ();

    fn service(_: &Start<'_>) -> Result<()> {
        Ok(())
    }

    fn grant((): &(), start: &Start<'_>, component: &Component) -> Result<Self::Granted> {
        let folder = start.options.state_dir.join("mounts");
        grant::mount(&folder, &component.file_mounts()?)
    }

    fn instance(granted: &Arc<Self::Granted>, new: &mut NewInstance<'_>) -> wasmtime::Result<()> {
        if let Some(files) = &**granted {
            new.wasi
                .preopened_dir(files.path(), "/", FsPerms::ReadOnly)?;
        }
        Ok(())
    }

    fn link<T: HostView>(_: &mut Linker<T>, _: Getter<T, Self>) -> wasmtime::Result<()> {
        Ok(())
    }

    fn deny<T: HostView>(linker: &mut Linker<T>) -> wasmtime::Result<()> {
        denial::define(linker)
    }
}
