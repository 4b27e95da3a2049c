//! The `wasm32-wasip2` target of the Rust toolchain: found, or set up.
//!
//! Run, test and continuous integration all come here. In this order:
//!
//! 1. The target is installed: nothing is done.
//! 2. `rustup`, where it manages the compiler in use, installs it.
//! 3. On Debian, the standard library is built from Debian's source: the `rust-src` package of the
//!    compiler's own version and a `wasi-libc` recent enough, downloaded and verified by apt with
//!    a configuration of its own. Or from a folder that holds both, see [`SOURCES_VARIABLE`].
//! 4. An error says what was tried and what to install.
//!
//! Processes that come here at the same time wait for one another, and whoever comes second finds
//! the work done. The target folder appears in one rename, never half filled.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use crate::attempt::Attempt;
use crate::compiler::{TARGET, Toolchain};
use crate::process::Progress;
use crate::sources::{self, SOURCES_VARIABLE};
use crate::{debian, rustup, standard_library};

/// How the target came to be there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Readiness {
    /// It was there.
    Present,
    /// `rustup target add` installed it.
    Rustup,
    /// Its standard library was built from source.
    Built,
}

/// Why the target is not there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ToolchainError {
    attempts: Vec<Attempt>,
}

impl fmt::Display for ToolchainError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "the Rust target {TARGET} is not installed and could not be set up:"
        )?;
        for attempt in &self.attempts {
            write!(f, "\n  - {attempt}")?;
        }
        write!(
            f,
            "\nWhat helps, whichever suits the machine:\n  - with a network: `rustup target add \
             {TARGET}` (rustup comes from https://rustup.rs)\n  - a distribution's package of the \
             target's standard library, where it has one\n  - without a network: {SOURCES_VARIABLE} \
             naming a folder with the library's source and wasi-libc"
        )
    }
}

impl std::error::Error for ToolchainError {}

/// Makes sure that the compiler in use (`RUSTC`, else `rustc`) can build for [`TARGET`].
///
/// # Errors
/// [`ToolchainError`] lists what was tried.
pub fn ensure_wasm_target(progress: Progress<'_>) -> Result<Readiness, ToolchainError> {
    let toolchain = Toolchain::in_use().map_err(|attempt| ToolchainError {
        attempts: vec![attempt],
    })?;
    toolchain.ensure(progress)
}

impl Toolchain {
    fn ensure(&self, progress: Progress<'_>) -> Result<Readiness, ToolchainError> {
        if self.has_target() {
            return Ok(Readiness::Present);
        }
        // The sysroot is what is changed, so it is what is locked: other checkouts that share it
        // wait too. Locking the folder itself leaves no file behind. A system that cannot lock a
        // folder goes on without: the rename at the end still keeps the target whole.
        let rustlib = self.rustlib();
        let lock = fs::File::open(&rustlib).ok();
        if let Some(folder) = &lock
            && folder.try_lock().is_err()
        {
            progress("Waiting for another process that sets up the wasm32-wasip2 target");
            let _ = folder.lock();
        }
        if self.has_target() {
            return Ok(Readiness::Present);
        }
        let started = Instant::now();
        let done = |how: Readiness| {
            progress(&format!(
                "The {TARGET} target is ready ({} s)",
                started.elapsed().as_secs()
            ));
            Ok(how)
        };
        let mut attempts = Vec::new();
        match rustup::add_target(self, progress) {
            Ok(()) => return done(Readiness::Rustup),
            Err(attempt) => {
                progress(&format!("{attempt}; looking for another way"));
                attempts.push(attempt);
            }
        }
        match self.build_from_source(progress) {
            Ok(()) => return done(Readiness::Built),
            Err(attempt) => attempts.push(attempt),
        }
        Err(ToolchainError { attempts })
    }

    fn build_from_source(&self, progress: Progress<'_>) -> Result<(), Attempt> {
        let what = "building its standard library from source";
        let rustlib = self.rustlib();
        let work = WorkFolder::create(&rustlib).map_err(|error| {
            Attempt::new(
                what,
                format!(
                    "{} is not writable ({error}); it belongs to the system, so run this once \
                     with the rights to write there, or install a toolchain of your own",
                    rustlib.display()
                ),
            )
        })?;
        let given = std::env::var_os(SOURCES_VARIABLE).map(PathBuf::from);
        let sources = match given {
            Some(folder) => sources::unpack(self, &folder, &work.path, progress)?,
            None => debian::download(self, &work.path, progress)?,
        };
        standard_library::build(self, &sources, &work.path, progress)
    }
}

/// A folder inside the sysroot (so that a rename can move its content), gone when dropped.
struct WorkFolder {
    path: PathBuf,
}

impl WorkFolder {
    fn create(rustlib: &Path) -> std::io::Result<Self> {
        let path = rustlib.join(format!(".{TARGET}-setup"));
        // What an earlier run left when it was killed. The lock is held, so nobody uses it.
        if path.exists() {
            fs::remove_dir_all(&path)?;
        }
        fs::create_dir(&path)?;
        Ok(Self { path })
    }
}

impl Drop for WorkFolder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.path);
    }
}

#[cfg(test)]
mod tests;
