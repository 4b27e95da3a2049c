#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::PathBuf;
use std::process::Command;
use std::sync::Mutex;
use std::time::Duration;

use super::*;
use crate::process;

/// A folder of its own, gone when dropped.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path =
            std::env::temp_dir().join(format!("doorward-toolchain-{}-{name}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn toolchain(sysroot: &Path) -> Toolchain {
    let target_libdir = sysroot.join("lib/rustlib").join(TARGET).join("lib");
    fs::create_dir_all(&target_libdir).unwrap();
    Toolchain {
        rustc: "rustc".into(),
        cargo: "cargo".into(),
        sysroot: sysroot.to_owned(),
        version: "1.2.3".to_owned(),
        target_libdir,
    }
}

#[test]
fn the_target_is_there_only_with_its_standard_library() {
    let folder = Folder::new("present");
    let toolchain = toolchain(&folder.0);
    for (file, present) in [
        ("libcore-1.rlib", false),
        ("libstd-1.rmeta", false),
        ("libstd-1.rlib", true),
    ] {
        fs::write(toolchain.target_libdir.join(file), "").unwrap();
        assert_eq!(toolchain.has_target(), present, "with {file} added");
    }
}

#[test]
fn nothing_is_said_or_done_where_the_target_is_there() {
    let folder = Folder::new("quiet");
    let toolchain = toolchain(&folder.0);
    fs::write(toolchain.target_libdir.join("libstd-1.rlib"), "").unwrap();
    let said = Mutex::new(Vec::new());
    let ready = toolchain.ensure(&|line| said.lock().unwrap().push(line.to_owned()));
    assert_eq!(ready, Ok(Readiness::Present));
    assert_eq!(said.into_inner().unwrap(), Vec::<String>::new());
}

#[test]
fn a_folder_of_sources_without_the_compilers_version_says_which_file_it_lacks() {
    let folder = Folder::new("sources");
    let toolchain = toolchain(&folder.0);
    fs::write(folder.0.join("rust-1.2.4-library-src.tar.xz"), "").unwrap();
    let refused = |message: &str| {
        let error = sources::unpack(&toolchain, &folder.0, &folder.0, &|_| {})
            .unwrap_err()
            .to_string();
        assert!(error.contains(message), "{error:?} lacks {message:?}");
    };
    refused("no rust-1.2.3-library-src.tar.xz");
    fs::write(folder.0.join("rust-1.2.3-library-src.tar.xz"), "").unwrap();
    refused("no wasi-libc-DATE-wasm32-wasip2.tar.xz");
}

#[test]
fn the_error_lists_what_was_tried_and_what_helps() {
    let error = ToolchainError {
        attempts: vec![Attempt::new("one way", "it is closed")],
    }
    .to_string();
    for expected in [
        "one way: it is closed",
        "rustup target add wasm32-wasip2",
        SOURCES_VARIABLE,
    ] {
        assert!(error.contains(expected), "{error:?} lacks {expected:?}");
    }
}

#[cfg(unix)]
#[test]
fn a_program_that_takes_too_long_is_stopped() {
    let started = Instant::now();
    let error = process::answer(Command::new("sleep").arg("600"), Duration::from_millis(50))
        .unwrap_err()
        .to_string();
    assert!(error.contains("was stopped"), "{error}");
    assert!(started.elapsed() < Duration::from_secs(60));
}

#[cfg(unix)]
#[test]
fn a_program_that_fails_has_the_last_words() {
    let error = process::run(
        Command::new("sh").args(["-c", "seq 1 100 >&2; exit 1"]),
        Duration::from_secs(60),
        |_| {},
    )
    .unwrap_err()
    .to_string();
    assert!(error.contains("failed (exit status: 1)"), "{error}");
    assert!(error.contains("\n      100"), "{error}");
    assert!(
        !error.contains("\n      50\n"),
        "more than the end: {error}"
    );
}

#[test]
fn a_program_that_does_not_exist_is_known_as_missing() {
    let error = process::answer(
        &mut Command::new("doorward-no-such-program"),
        Duration::from_secs(1),
    )
    .unwrap_err();
    assert!(error.is_missing(), "{error}");
}
