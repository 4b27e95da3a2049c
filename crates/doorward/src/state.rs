//! Where things are: the manifest, and the folder of what outlives a run.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};

/// The manifest's file name.
const MANIFEST: &str = "spin.toml";
/// The name of the state folder, beside the manifest.
const STATE: &str = ".doorward";

/// The manifest that `from` names (a file, or a folder that holds a `spin.toml`), or else the
/// nearest `spin.toml` from the current folder upwards.
pub(crate) fn find_manifest(from: Option<&Path>) -> Result<PathBuf> {
    let current = std::env::current_dir()
        .context("the current folder cannot be read; change into one that is there")?;
    let Some(from) = from else {
        return match nearest_manifest(&current) {
            Some(manifest) => Ok(manifest),
            None => bail!(
                "there is no {MANIFEST} in {} or above\n  help: name one with `--from \
                 path/to/{MANIFEST}`",
                current.display()
            ),
        };
    };
    let path = current.join(from);
    if path.is_dir() {
        Ok(path.join(MANIFEST))
    } else {
        Ok(path)
    }
}

fn nearest_manifest(folder: &Path) -> Option<PathBuf> {
    folder
        .ancestors()
        .map(|folder| folder.join(MANIFEST))
        .find(|path| path.is_file())
}

/// The state folder: the one given, or the one beside the nearest manifest, or the one in the
/// current folder.
pub(crate) fn state_dir(given: Option<&Path>) -> Result<PathBuf> {
    let current = std::env::current_dir()
        .context("the current folder cannot be read; change into one that is there")?;
    if let Some(given) = given {
        return Ok(current.join(given));
    }
    let manifest = nearest_manifest(&current);
    let folder = manifest.as_deref().and_then(Path::parent);
    Ok(folder.unwrap_or(&current).join(STATE))
}

/// The state folder of the application in `dir`.
pub(crate) fn state_dir_of(dir: &Path, given: Option<&Path>) -> Result<PathBuf> {
    match given {
        Some(_) => state_dir(given),
        None => Ok(dir.join(STATE)),
    }
}

/// Creates the state folder, for its owner alone: it holds private keys.
pub(crate) fn create(dir: &Path) -> Result<()> {
    create_private(dir).with_context(|| format!("the folder {} cannot be created", dir.display()))
}

#[cfg(unix)]
fn create_private(dir: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt as _;
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(dir)
}

#[cfg(not(unix))]
fn create_private(dir: &Path) -> io::Result<()> {
    fs::create_dir_all(dir)
}
