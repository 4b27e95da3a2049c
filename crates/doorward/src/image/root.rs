//! The host in the image: its executable, the libraries it needs, and what a C library looks up.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};

use super::elf;
use super::layer::{Entry, Files};
use super::place::USER;

/// Names of hosts come from the file that the runtime writes, and from its servers.
const NSSWITCH: &str = "hosts: files dns\n";
/// For where no runtime mounts another one.
const HOSTS: &str = "127.0.0.1 localhost\n::1 localhost\n";

/// Everything but the application.
///
/// # Errors
///
/// Names the library that is not there.
pub(super) fn files(executable: &Path) -> Result<Files> {
    let bytes = fs::read(executable);
    let bytes = bytes.with_context(|| format!("cannot read {}", executable.display()))?;
    let libraries = elf::libraries(executable, &bytes)?;
    let loaded = elf::loaded_part(bytes).with_context(|| executable.display().to_string())?;
    let mut files = Files::new();
    files.insert("doorward".to_owned(), Entry::Program(loaded));
    for (path, bytes) in libraries {
        let path = path.to_string_lossy();
        let path = path.trim_start_matches('/').to_owned();
        files.insert(path, Entry::Program(bytes));
    }
    for (path, text) in [
        ("etc/nsswitch.conf", NSSWITCH.to_owned()),
        ("etc/hosts", HOSTS.to_owned()),
        (
            "etc/passwd",
            format!("nonroot:x:{USER}:{USER}::/:/sbin/nologin\n"),
        ),
        ("etc/group", format!("nonroot:x:{USER}:\n")),
    ] {
        files.insert(path.to_owned(), Entry::File(text.into_bytes()));
    }
    // What runtimes mount, for those that cannot make a folder on a read-only root.
    for mounted in ["dev", "proc", "sys"] {
        files.insert(mounted.to_owned(), Entry::Folder);
    }
    // Where a volume can be mounted for what outlives a run.
    files.insert("state".to_owned(), Entry::Own);
    Ok(files)
}
