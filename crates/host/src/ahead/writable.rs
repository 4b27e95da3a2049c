//! Whether this process could change what it is about to run.

use std::fs::OpenOptions;
use std::path::Path;

use anyhow::{Result, bail};

use super::file::RECORD;

/// Refuses a folder in which this process could change, add or replace one of `files` or its record.
///
/// The system is asked and nothing is concluded from owners and modes, which say little on a read-only file system and
/// nothing to root. Opening a file for writing changes nothing of it.
///
/// # Errors
///
/// Names the file, and what to do.
pub fn refuse<'a>(folder: &Path, files: impl Iterator<Item = &'a str>) -> Result<()> {
    let writable = |path: &Path| OpenOptions::new().write(true).open(path).is_ok();
    for name in files.chain([RECORD]) {
        let path = folder.join(name);
        let parent = path.parent().unwrap_or(folder);
        if writable(&path) || can_add(parent) {
            bail!(
                "{} could be changed by this process, so it is not run as machine code\n  help: run the image as the \
                 user it names (65532), or with its file system read-only",
                path.display()
            );
        }
    }
    Ok(())
}

fn can_add(folder: &Path) -> bool {
    let name = folder.join(format!(".doorward-{}", std::process::id()));
    let made = OpenOptions::new().write(true).create_new(true).open(&name);
    if made.is_ok() {
        // Who cannot remove it has said enough already.
        let _ = std::fs::remove_file(&name);
    }
    made.is_ok()
}
