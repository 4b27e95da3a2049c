//! Folders that go away with what made them.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::{Context as _, Result};

/// Names that are tried before giving up.
const ATTEMPTS_MAX: u32 = 1000;

/// A folder that only this process uses and that is removed when this value is dropped.
#[derive(Debug)]
pub struct ScratchDir(PathBuf);

impl ScratchDir {
    /// Makes a new folder in `parent`, which is created when missing.
    ///
    /// # Errors
    ///
    /// When no folder can be made there.
    pub fn new(parent: &Path, purpose: &str) -> Result<Self> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        std::fs::create_dir_all(parent)
            .with_context(|| format!("cannot create the folder {}", parent.display()))?;
        for _ in 0..ATTEMPTS_MAX {
            let number = NEXT.fetch_add(1, Ordering::Relaxed);
            let path = parent.join(format!("{purpose}-{}-{number}", std::process::id()));
            match std::fs::create_dir(&path) {
                Ok(()) => return Ok(Self(path)),
                // Left by a process that had the same number and was killed.
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
                Err(error) => {
                    return Err(error)
                        .with_context(|| format!("cannot create the folder {}", path.display()));
                }
            }
        }
        anyhow::bail!(
            "cannot find a free name for a folder in {}",
            parent.display()
        )
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for ScratchDir {
    fn drop(&mut self) {
        // What cannot be removed is left; there is nobody to tell.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
