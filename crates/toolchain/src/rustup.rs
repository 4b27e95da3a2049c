//! `rustup target add`, where rustup manages the compiler in use.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use crate::attempt::Attempt;
use crate::compiler::{QUESTION_TIMEOUT, TARGET, Toolchain};
use crate::process::{self, Progress};

/// Time that the download has. It is some 30 MB; where it does not arrive in this time, there is
/// another way.
const DOWNLOAD_TIMEOUT: Duration = Duration::from_secs(180);

pub(super) fn add_target(toolchain: &Toolchain, progress: Progress<'_>) -> Result<(), Attempt> {
    let what = format!("`rustup target add {TARGET}`");
    let name = toolchain_name(toolchain).map_err(|why| Attempt::new(&what, why))?;
    progress(&format!(
        "Installing the {TARGET} target with rustup (30 MB, at most {} s)",
        DOWNLOAD_TIMEOUT.as_secs()
    ));
    process::run(
        Command::new("rustup").args(["target", "add", TARGET, "--toolchain", &name]),
        DOWNLOAD_TIMEOUT,
        |_| {},
    )
    .map_err(|error| Attempt::new(&what, error.to_string()))?;
    if toolchain.has_target() {
        Ok(())
    } else {
        Err(Attempt::new(
            &what,
            format!(
                "it succeeded, and {} is not there",
                toolchain.target_libdir.display()
            ),
        ))
    }
}

/// The name under which rustup knows the toolchain in use: its folder's name, if rustup keeps it.
fn toolchain_name(toolchain: &Toolchain) -> Result<String, String> {
    let home = process::answer(
        Command::new("rustup").args(["show", "home"]),
        QUESTION_TIMEOUT,
    )
    .map_err(|error| {
        if error.is_missing() {
            "there is no rustup on this machine".to_owned()
        } else {
            error.to_string()
        }
    })?;
    let toolchains = PathBuf::from(home).join("toolchains");
    let folder = fs::canonicalize(&toolchain.sysroot).ok();
    let managed = folder
        .as_deref()
        .filter(|folder| folder.parent() == fs::canonicalize(&toolchains).ok().as_deref());
    match managed.and_then(|folder| folder.file_name()) {
        Some(name) => Ok(name.to_string_lossy().into_owned()),
        None => Err(format!(
            "rustup does not manage the compiler in use, which is in {}",
            toolchain.sysroot.display()
        )),
    }
}
