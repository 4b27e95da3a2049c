//! Components that are read from files.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

use anyhow::{Context as _, Result, bail};
use doorward_host::chain::{HANDLER, Part};
use doorward_host::download::COMPONENT_BYTES_MAX;
use doorward_host::names;

/// A component that was read.
pub(super) struct Read {
    /// What it is called.
    pub(super) id: String,
    pub(super) bytes: Vec<u8>,
}

impl Read {
    /// The component of a file, called by it.
    pub(super) fn of(file: &Path) -> io::Result<Self> {
        let name = file.file_stem().unwrap_or(file.as_os_str());
        Ok(Self {
            id: name.to_string_lossy().into_owned(),
            bytes: bytes(file)?,
        })
    }

    pub(super) fn part(&self) -> Part<'_> {
        Part {
            id: &self.id,
            bytes: &self.bytes,
        }
    }

    /// Refuses a component that answers no requests, or by another interface.
    ///
    /// # Errors
    ///
    /// Says by which one.
    pub(super) fn check_handler(&self) -> Result<()> {
        let id = &self.id;
        let exports = names::exports(&self.bytes)
            .with_context(|| format!("component `{id}` cannot be read"))?;
        if exports.iter().any(|name| name == HANDLER) {
            return Ok(());
        }
        let is_handler =
            |name: &&String| name.starts_with("wasi:http/") && name.contains("handler@");
        match exports.iter().find(is_handler) {
            Some(other) => bail!(
                "component `{id}` exports `{other}` and not `{HANDLER}`, so it cannot be made one with the gate\n  help: \
                 build it for WASI 0.3, or serve it by itself and put the gateway before it"
            ),
            None => bail!("component `{id}` answers no requests: it does not export `{HANDLER}`"),
        }
    }
}

/// What is in the file of a component.
pub(super) fn bytes(file: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(file)?
        .take(COMPONENT_BYTES_MAX + 1)
        .read_to_end(&mut bytes)?;
    if u64::try_from(bytes.len()).is_ok_and(|count| count > COMPONENT_BYTES_MAX) {
        return Err(io::Error::other(format!(
            "it has more bytes than the limit of {COMPONENT_BYTES_MAX}"
        )));
    }
    Ok(bytes)
}
