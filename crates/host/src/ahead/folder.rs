//! A folder as it lies in an image, read.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, anyhow, bail, ensure};
use wasmtime::Engine;
use wasmtime::component::Component;

use super::file::RECORD;
use super::record::{Record, chain_name};
use super::{code, cpu, writable};
use crate::manifest::{Application, FileMount, Middleware};
use crate::sha256;

/// A folder with an application and its components compiled ahead.
#[derive(Debug)]
pub struct Ahead {
    folder: PathBuf,
    record: Record,
}

impl Ahead {
    /// Reads what `folder` has, and checks that nothing in it that would be run as machine code can be changed by this
    /// process, and that it was made with the settings of this very host.
    ///
    /// # Errors
    ///
    /// Says which of these does not hold, or which file cannot be read.
    pub fn read(folder: &Path) -> Result<Self> {
        let ahead = Self::described_in(folder)?;
        let code = ahead.record.chains.values().map(|chain| &chain.file.name);
        writable::refuse(&ahead.folder, code.map(String::as_str))?;
        ahead.check()?;
        Ok(ahead)
    }

    /// What the record of `folder` says, of which nothing is believed yet.
    pub(super) fn described_in(folder: &Path) -> Result<Self> {
        let record = Record::read(&folder.join(RECORD))?;
        let folder = folder.to_owned();
        Ok(Self { folder, record })
    }

    /// Checks that the code is what this very host has written.
    pub(super) fn check(&self) -> Result<()> {
        let settings = cpu::settings_digest(&cpu::engine_for(self.record.cpu)?);
        ensure!(
            settings == self.record.settings,
            "{} was compiled by another version of the host, or with other settings\n  help: make the image again with \
             this one (`doorward image`)",
            self.folder.display()
        );
        self.check_code()
    }

    /// Checks that all code is as it was written: at the same time, as one file takes some milliseconds.
    fn check_code(&self) -> Result<()> {
        std::thread::scope(|scope| {
            let files = self.record.chains.values().map(|chain| &chain.file);
            let checks: Vec<_> = files
                .map(|file| {
                    scope.spawn(|| {
                        let path = self.folder.join(&file.name);
                        let found = sha256::of_file(&path)?;
                        ensure!(
                            found == file.digest,
                            "{} is not the file that `doorward image` wrote: it has the digest {found}",
                            path.display()
                        );
                        Ok(())
                    })
                })
                .collect();
            for check in checks {
                let checked = check.join();
                checked.map_err(|_| anyhow!("code cannot be checked"))??;
            }
            Ok(())
        })
    }

    /// Makes the sources of `application` the files of the folder, each of which has to be what was compiled.
    ///
    /// # Errors
    ///
    /// Names the component that is not there or has other bytes.
    pub fn place(&self, application: &mut Application) -> Result<()> {
        for (id, component) in &mut application.components {
            // One that no trigger uses is not in the image.
            let Some(file) = self.record.components.get(id) else {
                continue;
            };
            let path = self.folder.join(&file.name);
            ensure!(
                file.digest == sha256::of_file(&path)?,
                "component `{id}`: {} is not the file that was compiled\n  help: a component in an image is not \
                 replaced by another file; make the image again with it (`doorward image`)",
                path.display()
            );
            component.source = path;
            component.download = None;
        }
        Ok(())
    }

    /// A component behind its middlewares, ready to be linked, and what of its imports the host lacks.
    pub(crate) fn component(
        &self,
        engine: &Engine,
        id: &str,
        middlewares: &[Middleware],
    ) -> Result<(Component, &[String])> {
        let name = chain_name(id, middlewares);
        let Some(chain) = self.record.chains.get(&name) else {
            bail!(
                "{} has no compiled `{name}`\n  help: spin.toml was changed after the image was made; make it again \
                 (`doorward image`)",
                self.folder.display()
            );
        };
        let path = self.folder.join(&chain.file.name);
        let component = code::load(engine, &path).with_context(|| {
            format!(
                "the code of `{name}` was compiled for {} and cannot be run here\n  help: `doorward image --cpu` names \
                 the processors that it is for",
                self.record.cpu
            )
        })?;
        Ok((component, &chain.absent))
    }

    /// The folder that `id` sees as its files, where that has what `mounts` are now: nothing has to be copied then.
    pub(crate) fn files(&self, id: &str, mounts: &[FileMount]) -> Option<PathBuf> {
        let folder = self.folder.join(self.record.files.get(id)?);
        let same = |mount: &FileMount| {
            let prepared = folder.join(mount.destination.trim_start_matches('/'));
            let (now, then) = (fs::read(&mount.source), fs::read(prepared));
            now.is_ok_and(|now| then.is_ok_and(|then| now == then))
        };
        mounts.iter().all(same).then_some(folder)
    }
}
