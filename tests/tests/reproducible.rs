//! What is released can be built again by anybody, to the byte: by the script that releases it, in another folder, with
//! another home of cargo and another place of the compiler.

#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "tests")]

use doorward_tests::tree::{files, root, shown};
use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// The script, within the repository.
const SCRIPT: &str = "deploy/release/components";
/// The component that is built: one with few dependencies, since all of them are compiled for it.
const COMPONENT: &str = "adapter-variables-environment";

/// One place to build it.
struct Place {
    sources: PathBuf,
    home: PathBuf,
    sysroot: PathBuf,
    built: PathBuf,
}

impl Place {
    fn here(folder: &Path) -> Self {
        Self {
            sources: root(),
            home: cargo_home(),
            sysroot: sysroot(),
            built: folder.join("here"),
        }
    }

    /// A copy of everything that may be somewhere else.
    fn elsewhere(folder: &Path) -> Self {
        let sources = folder.join("another folder");
        let config = root().join(".cargo/config.toml");
        for file in files().into_iter().chain([config]) {
            let copy = sources.join(shown(&file));
            fs::create_dir_all(copy.parent().unwrap()).unwrap();
            fs::copy(&file, &copy).unwrap();
        }
        let home = folder.join("home");
        fs::create_dir(&home).unwrap();
        for name in ["config", "config.toml", "registry"] {
            if cargo_home().join(name).exists() {
                symlink(cargo_home().join(name), home.join(name)).unwrap();
            }
        }
        let sysroot = copied_compiler(&sysroot(), &folder.join("compiler"));
        let built = folder.join("elsewhere");
        Self {
            sources,
            home,
            sysroot,
            built,
        }
    }

    fn build(&self) -> Child {
        let mut command = Command::new(self.sources.join(SCRIPT));
        for (name, _) in std::env::vars_os().filter(|(name, _)| is_of_this_test(name)) {
            command.env_remove(name);
        }
        command
            .arg(&self.built)
            .arg(COMPONENT)
            .env("CARGO_HOME", &self.home)
            .env("RUSTC", self.sysroot.join("bin/rustc"))
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    }

    fn component(&self) -> Vec<u8> {
        let file = format!("{}.wasm", COMPONENT.replace('-', "_"));
        fs::read(self.built.join(file)).unwrap()
    }
}

/// What cargo tells a test and would tell the build as well, whose compiler is another one.
fn is_of_this_test(name: &OsString) -> bool {
    let settings = [
        "CARGO_HTTP_",
        "CARGO_NET_",
        "CARGO_REGISTR",
        "CARGO_SOURCE_",
    ];
    let name = name.to_string_lossy();
    name == "LD_LIBRARY_PATH"
        || name == "DYLD_FALLBACK_LIBRARY_PATH"
        || name.starts_with("CARGO") && !settings.iter().any(|one| name.starts_with(one))
}

fn cargo_home() -> PathBuf {
    std::env::var_os("CARGO_HOME").map_or_else(
        || Path::new(&std::env::var_os("HOME").unwrap()).join(".cargo"),
        PathBuf::from,
    )
}

fn sysroot() -> PathBuf {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let output = Command::new(rustc)
        .args(["--print", "sysroot"])
        .output()
        .unwrap();
    PathBuf::from(String::from_utf8(output.stdout).unwrap().trim())
}

/// The compiler with its libraries and those that it links. One that is spread over the system's folders cannot be
/// copied, and is used where it is.
fn copied_compiler(from: &Path, to: &Path) -> PathBuf {
    let libraries = from.join("lib");
    let copied = to.join("lib");
    fs::create_dir_all(to.join("bin")).unwrap();
    fs::create_dir_all(copied.join("rustlib")).unwrap();
    fs::copy(from.join("bin/rustc"), to.join("bin/rustc")).unwrap();
    if from != Path::new("/usr") {
        for entry in fs::read_dir(&libraries).unwrap() {
            let path = entry.unwrap().path();
            if path.is_file() {
                fs::copy(&path, copied.join(path.file_name().unwrap())).unwrap();
            }
        }
        for target in [host_target(), "wasm32-wasip2".to_owned()] {
            let within = Path::new("rustlib").join(target);
            copy_folder(&libraries.join(&within), &copied.join(&within));
        }
        let version = Command::new(to.join("bin/rustc"))
            .arg("-vV")
            .env_remove("LD_LIBRARY_PATH")
            .output();
        if version.unwrap().status.success() {
            return to.to_owned();
        }
    }
    eprintln!(
        "SKIPPED: the compiler of {} cannot be copied, so both builds use it there",
        from.display()
    );
    from.to_owned()
}

fn host_target() -> String {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let output = Command::new(rustc).arg("-vV").output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let host = text.lines().find_map(|line| line.strip_prefix("host: "));
    host.unwrap().to_owned()
}

fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let copy = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy_folder(&path, &copy);
        } else {
            fs::copy(&path, &copy).unwrap();
        }
    }
}

fn contains(bytes: &[u8], path: &Path) -> bool {
    let path = path.as_os_str().as_encoded_bytes();
    bytes.windows(path.len()).any(|window| window == path)
}

#[test]
fn two_builds_in_other_folders_with_other_homes_and_compilers_are_the_same_to_the_byte() {
    // Not within the repository, whose settings for cargo would count for the copy as well.
    let folder = tempfile::tempdir().unwrap();
    let places = [Place::here(folder.path()), Place::elsewhere(folder.path())];
    // At the same time: each waits for one thing after the other.
    let builds: Vec<Child> = places.iter().map(Place::build).collect();
    for build in builds {
        let output = build.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{said}");
    }
    let [here, elsewhere] = places.each_ref().map(Place::component);
    for (place, bytes) in places.iter().zip([&here, &elsewhere]) {
        assert!(bytes.starts_with(b"\0asm"));
        for path in [&place.sources, &place.home, &place.sysroot] {
            assert!(
                !contains(bytes, path),
                "{} is in the component of {}",
                path.display(),
                place.built.display()
            );
        }
    }
    assert!(
        here == elsewhere,
        "{} and {} bytes, which are not the same",
        here.len(),
        elsewhere.len()
    );
}
