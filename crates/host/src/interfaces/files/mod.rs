//! `wasi:filesystem/preopens`: the files that `files` gives, read-only. WASI has the functions.

mod denial;
mod grant;

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Result;
use wasmtime::component::Linker;
use wasmtime_wasi::FsPerms;

use crate::interfaces::interface::{Getter, HostInterface, HostView, NewInstance, Start};
use crate::manifest::{Component, ConfigurationSet};
use crate::scratch::ScratchDir;

/// `wasi:filesystem/preopens`.
pub struct Files;

/// Where the files are that a component sees.
pub enum Folder {
    /// Made for it, and gone with it.
    Copies(ScratchDir),
    /// In the image, where nobody changes them.
    Prepared(PathBuf),
}

impl HostInterface for Files {
    const GRANT: ConfigurationSet = ConfigurationSet::Files;
    const IMPORTS: &'static [(&'static str, &'static str)] = &[
        ("wasi:filesystem/preopens", "0.2"),
        ("wasi:filesystem/preopens", "0.3"),
    ];
    type Service = ();
    /// The folder with the files.
    type Granted = Option<Folder>;
    type Instance = ();

    fn service(_: &Start<'_>, _: Option<&()>) -> Result<()> {
        Ok(())
    }

    fn grant((): &(), start: &Start<'_>, component: &Component) -> Result<Self::Granted> {
        let mounts = component.file_mounts()?;
        let ahead = start.options.ahead.as_ref();
        if let Some(folder) = ahead.and_then(|ahead| ahead.files(&component.id, &mounts)) {
            return Ok(Some(Folder::Prepared(folder)));
        }
        let folder = start.options.state_dir.join("mounts");
        Ok(grant::mount(&folder, &mounts)?.map(Folder::Copies))
    }

    fn instance(granted: &Arc<Self::Granted>, new: &mut NewInstance<'_>) -> wasmtime::Result<()> {
        if let Some(files) = &**granted {
            let path = match files {
                Folder::Copies(copies) => copies.path(),
                Folder::Prepared(path) => path,
            };
            new.wasi.preopened_dir(path, "/", FsPerms::ReadOnly)?;
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
