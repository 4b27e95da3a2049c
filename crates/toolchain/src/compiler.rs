//! The compiler in use (`RUSTC`, else `rustc`) and what belongs to it.

use std::ffi::OsString;
use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use crate::attempt::Attempt;
use crate::process;

/// The target that components are built for.
pub const TARGET: &str = "wasm32-wasip2";

/// Time in which a question to the compiler has to be answered.
pub(crate) const QUESTION_TIMEOUT: Duration = Duration::from_secs(60);

/// A compiler with what belongs to it.
#[derive(Clone, Debug)]
pub(crate) struct Toolchain {
    pub(crate) rustc: OsString,
    pub(crate) cargo: OsString,
    pub(crate) sysroot: PathBuf,
    /// `1.95.0`.
    pub(crate) version: String,
    /// Where the target's libraries are or would be.
    pub(crate) target_libdir: PathBuf,
}

impl Toolchain {
    pub(crate) fn in_use() -> Result<Self, Attempt> {
        let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let asked = "asking the compiler";
        let answer = |arguments: &[&str]| -> Result<String, Attempt> {
            process::answer(Command::new(&rustc).args(arguments), QUESTION_TIMEOUT)
                .map_err(|error| Attempt::new(asked, error.to_string()))
        };
        let sysroot = PathBuf::from(answer(&["--print", "sysroot"])?);
        let target_libdir = answer(&["--print", "target-libdir", "--target", TARGET])?;
        let version = answer(&["--version"])?
            .split_whitespace()
            .nth(1)
            .unwrap_or_default()
            .to_owned();
        Ok(Self {
            rustc,
            cargo,
            sysroot,
            version,
            target_libdir: PathBuf::from(target_libdir),
        })
    }

    /// Whether the target's standard library is there.
    pub(crate) fn has_target(&self) -> bool {
        fs::read_dir(&self.target_libdir).is_ok_and(|entries| {
            entries.flatten().any(|entry| {
                let name = entry.file_name();
                let name = name.to_string_lossy();
                name.starts_with("libstd-") && name.ends_with(".rlib")
            })
        })
    }

    pub(crate) fn rustlib(&self) -> PathBuf {
        self.sysroot.join("lib").join("rustlib")
    }
}
