//! Folders that go away with what made them.

use std::path::Path;

use anyhow::{Context as _, Result};
use tempfile::{Builder, TempDir};

/// A folder that only this process uses and that is removed when this value is dropped.
#[derive(Debug)]
pub struct ScratchDir(TempDir);

impl ScratchDir {
    /// Makes a new folder in `parent`, which is created when missing.
    ///
    /// # Errors
    ///
    /// When no folder can be made there.
    pub fn new(parent: &Path, purpose: &str) -> Result<Self> {
        std::fs::create_dir_all(parent)
            .with_context(|| format!("cannot create the folder {}", parent.display()))?;
        // Whose it is, for `sweep`.
        let prefix = format!("{purpose}-{}-", std::process::id());
        Builder::new()
            .prefix(&prefix)
            .tempdir_in(parent)
            .map(Self)
            .with_context(|| format!("cannot create a folder in {}", parent.display()))
    }

    /// Removes the folders in `parent` that processes left which were killed. Only Linux says which
    /// processes exist; elsewhere nothing is removed.
    pub fn sweep(parent: &Path, purpose: &str) {
        let processes = Path::new("/proc");
        let (Ok(entries), true) = (std::fs::read_dir(parent), processes.join("self").exists())
        else {
            return;
        };
        for entry in entries.flatten() {
            let name = entry.file_name();
            let owner = name
                .to_str()
                .and_then(|name| {
                    name.strip_prefix(purpose)?
                        .strip_prefix('-')?
                        .split_once('-')
                })
                .and_then(|(process, _)| process.parse::<u32>().ok());
            if owner.is_some_and(|process| !processes.join(process.to_string()).exists()) {
                // What cannot be removed is left; there is nobody to tell.
                let _ = std::fs::remove_dir_all(entry.path());
            }
        }
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.0.path()
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn a_folder_goes_away_with_its_owner() {
        let dir = ScratchDir::new(&std::env::temp_dir(), "scratch-test").unwrap();
        std::fs::write(dir.path().join("file"), "x").unwrap();
        let path = dir.path().to_owned();
        drop(dir);
        assert!(!path.exists(), "{} should be gone", path.display());
    }

    #[test]
    fn only_the_folders_of_processes_that_are_gone_are_swept() {
        let parent = ScratchDir::new(&std::env::temp_dir(), "scratch-test").unwrap();
        let ours = ScratchDir::new(parent.path(), "files").unwrap();
        // No process has this number: it is above what Linux allows.
        let left = parent.path().join("files-4294967295-0");
        let foreign = parent.path().join("other-4294967295-0");
        std::fs::create_dir(&left).unwrap();
        std::fs::create_dir(&foreign).unwrap();
        ScratchDir::sweep(parent.path(), "files");
        assert!(ours.path().exists() && foreign.exists());
        assert_eq!(left.exists(), !Path::new("/proc/self").exists());
    }
}
