//! The standard library for the target, built from its source.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::attempt::Attempt;
use crate::compiler::{TARGET, Toolchain};
use crate::process::{self, Progress};
use crate::sources::Sources;

/// Time that the build has; it takes 20 s on two cores.
const BUILD_TIMEOUT: Duration = Duration::from_secs(900);

/// Builds the library and puts it, together with the C library, where the compiler looks for it.
pub(super) fn build(
    toolchain: &Toolchain,
    sources: &Sources,
    work: &Path,
    progress: Progress<'_>,
) -> Result<(), Attempt> {
    let what = "building its standard library";
    let failed = |why: String| Attempt::new(what, why);
    let io_failed = |error: io::Error| Attempt::new(what, error.to_string());

    let krate = work.join("crate");
    write_empty_crate(&krate).map_err(io_failed)?;
    let source = SourceLink::create(&toolchain.rustlib(), &sources.rust).map_err(io_failed)?;
    progress("Building the standard library for wasm32-wasip2 (20 s on two cores)");
    compile(toolchain, &krate).map_err(|error| failed(error.to_string()))?;
    drop(source);

    // Everything is put together beside its place and then moved there in one step.
    let ready = work.join("ready");
    let lib = ready.join("lib");
    let c_library = lib.join("self-contained");
    fs::create_dir_all(&c_library).map_err(io_failed)?;
    copy_files(&sources.wasi_libc, &c_library, |_| true).map_err(io_failed)?;
    let built = krate
        .join("target")
        .join(TARGET)
        .join("release")
        .join("deps");
    let count = copy_files(&built, &lib, |name| {
        name.ends_with(".rlib") && !name.starts_with("libdoorward_empty-")
    })
    .map_err(io_failed)?;
    if count == 0 {
        return Err(failed("cargo built no library".to_owned()));
    }
    let place = toolchain.rustlib().join(TARGET);
    // An empty or broken folder of the target is in the way; a whole one was found before.
    if place.exists() {
        fs::remove_dir_all(&place).map_err(io_failed)?;
    }
    fs::rename(&ready, &place).map_err(io_failed)?;
    if toolchain.has_target() {
        Ok(())
    } else {
        Err(failed(format!(
            "{} is not where the compiler looks for it, {}",
            place.display(),
            toolchain.target_libdir.display()
        )))
    }
}

fn write_empty_crate(folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder.join("src"))?;
    fs::write(folder.join("src/lib.rs"), "")?;
    fs::write(
        folder.join("Cargo.toml"),
        "[package]\nname = \"doorward-empty\"\nversion = \"0.0.0\"\nedition = \"2024\"\n[workspace]\n",
    )
}

/// Cargo builds the standard library with the unstable `-Zbuild-std`, which a stable compiler
/// permits under `RUSTC_BOOTSTRAP`, the way distributions build it. The bitcode has to be in the
/// libraries, or nothing that links with LTO could use them.
fn compile(toolchain: &Toolchain, krate: &Path) -> Result<(), process::ProcessError> {
    let mut command = Command::new(&toolchain.cargo);
    process::without_outer_cargo(&mut command)
        .current_dir(krate)
        .env("RUSTC", &toolchain.rustc)
        .env("RUSTC_BOOTSTRAP", "1")
        .env(
            "RUSTFLAGS",
            "-Cembed-bitcode=yes -Zforce-unstable-if-unmarked",
        )
        .env("CARGO_PROFILE_RELEASE_DEBUG", "0")
        .env("CARGO_TARGET_DIR", krate.join("target"))
        .env_remove("RUSTC_WRAPPER")
        .env_remove("RUSTC_WORKSPACE_WRAPPER")
        .args(["build", "--release", "-Zbuild-std=std,panic_abort"])
        .args(["--target", TARGET]);
    process::run(&mut command, BUILD_TIMEOUT, |_| {})
}

/// Copies the files of a folder whose names are `wanted`; returns how many.
fn copy_files(from: &Path, to: &Path, wanted: impl Fn(&str) -> bool) -> io::Result<usize> {
    let mut count = 0;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let name = entry.file_name();
        if entry.path().is_file() && wanted(&name.to_string_lossy()) {
            fs::copy(entry.path(), to.join(&name))?;
            count += 1;
        }
    }
    Ok(count)
}

/// `<sysroot>/lib/rustlib/src/rust`, where cargo looks for the library's source, for as long as
/// the build takes. A source that is there already (rustup's `rust-src`) is left alone and used.
struct SourceLink {
    created: Option<PathBuf>,
}

impl SourceLink {
    fn create(rustlib: &Path, source: &Path) -> io::Result<Self> {
        let link = rustlib.join("src").join("rust");
        if link.join("library").is_dir() {
            return Ok(Self { created: None });
        }
        if link.symlink_metadata().is_ok() {
            // A link that leads nowhere: what an interrupted run left.
            fs::remove_file(&link)?;
        }
        fs::create_dir_all(rustlib.join("src"))?;
        link_folder(source, &link)?;
        Ok(Self {
            created: Some(link),
        })
    }
}

impl Drop for SourceLink {
    fn drop(&mut self) {
        if let Some(link) = &self.created {
            let _ = fs::remove_file(link);
            // Only if nothing else is in it.
            let _ = link.parent().map(fs::remove_dir);
        }
    }
}

#[cfg(unix)]
fn link_folder(source: &Path, link: &Path) -> io::Result<()> {
    std::os::unix::fs::symlink(source, link)
}

#[cfg(windows)]
fn link_folder(source: &Path, link: &Path) -> io::Result<()> {
    std::os::windows::fs::symlink_dir(source, link)
}
