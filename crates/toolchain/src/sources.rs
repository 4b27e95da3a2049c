//! The source of the standard library: the two archives that [`SOURCES_VARIABLE`] can name.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::attempt::Attempt;
use crate::compiler::{TARGET, Toolchain};
use crate::process::{self, Progress};

/// The environment variable that may name a folder with two archives to build the standard library
/// from, for a machine without a network: `rust-VERSION-library-src.tar.xz` (its top folder is
/// `library`) and `wasi-libc-DATE-wasm32-wasip2.tar.xz` (its top folder is `wasm32-wasip2`).
pub const SOURCES_VARIABLE: &str = "DOORWARD_WASM_SOURCES";

const UNPACK_TIMEOUT: Duration = Duration::from_secs(300);

/// Both halves of the standard library, unpacked.
#[derive(Clone, Debug)]
pub(crate) struct Sources {
    /// The folder that holds `library/`.
    pub(crate) rust: PathBuf,
    /// The folder of the C library's objects and archives for the target.
    pub(crate) wasi_libc: PathBuf,
}

pub(super) fn unpack(
    toolchain: &Toolchain,
    folder: &Path,
    work: &Path,
    progress: Progress<'_>,
) -> Result<Sources, Attempt> {
    let what = format!("{SOURCES_VARIABLE}={}", folder.display());
    let rust = find(
        folder,
        &format!("rust-{}-library-src.", toolchain.version),
        "",
    )
    .ok_or_else(|| {
        Attempt::new(
            &what,
            format!(
                "the folder has no rust-{}-library-src.tar.xz, the source of the compiler's \
                     own version",
                toolchain.version
            ),
        )
    })?;
    let libc = find(folder, "wasi-libc-", &format!("-{TARGET}.")).ok_or_else(|| {
        Attempt::new(
            &what,
            format!("the folder has no wasi-libc-DATE-{TARGET}.tar.xz"),
        )
    })?;
    progress(&format!("Unpacking the sources in {}", folder.display()));
    for archive in [&rust, &libc] {
        process::run(
            Command::new("tar")
                .arg("-xf")
                .arg(archive)
                .arg("-C")
                .arg(work),
            UNPACK_TIMEOUT,
            |_| {},
        )
        .map_err(|error| Attempt::new(&what, error.to_string()))?;
    }
    Ok(Sources {
        rust: work.to_owned(),
        wasi_libc: work.join(TARGET),
    })
}

/// The last file of `folder`, by name, that starts with `start` and holds `middle`.
fn find(folder: &Path, start: &str, middle: &str) -> Option<PathBuf> {
    fs::read_dir(folder)
        .ok()?
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| {
            path.file_name().is_some_and(|name| {
                let name = name.to_string_lossy();
                name.starts_with(start) && name.contains(middle) && name.contains(".tar")
            })
        })
        .max()
}
