//! The sources of the standard library as Debian packages.
//!
//! apt itself downloads and verifies them, with a configuration of its own: its lists and its
//! cache are in the work folder, the system's are not touched, and no rights are needed. The
//! mirror is the one that the machine already uses.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::attempt::Attempt;
use crate::compiler::{QUESTION_TIMEOUT, TARGET, Toolchain};
use crate::process::{self, Progress};
use crate::sources::Sources;

/// Suites that carry recent compilers, the most conservative first.
const SUITES: [&str; 3] = ["trixie-backports", "forky", "sid"];
/// The archive's keys, which Debian installs.
const KEYRING: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";
/// The first wasi-libc that holds a folder for the target.
const WASI_LIBC_VERSION_MIN: &str = "0.0~git2026";
/// Time that a download of lists or of a package has.
const DOWNLOAD_TIMEOUT: Duration = Duration::from_secs(300);
const UNPACK_TIMEOUT: Duration = Duration::from_secs(300);

pub(super) fn download(
    toolchain: &Toolchain,
    work: &Path,
    progress: Progress<'_>,
) -> Result<Sources, Attempt> {
    let what = "building its standard library from Debian's source";
    try_download(toolchain, work, progress).map_err(|why| Attempt::new(what, why))
}

fn try_download(
    toolchain: &Toolchain,
    work: &Path,
    progress: Progress<'_>,
) -> Result<Sources, String> {
    let mirror = mirror()?;
    if !Path::new(KEYRING).is_file() {
        return Err(format!(
            "the archive's keys are not at {KEYRING}; install debian-archive-keyring"
        ));
    }
    // Debian's version of a package starts with the compiler's: 1.95.0+dfsg1-2.
    let fits = |package: Package, version: &str| match package {
        Package::RustSource => version
            .strip_prefix(toolchain.version.as_str())
            .is_some_and(|rest| rest.starts_with(['+', '-', '~'])),
        Package::WasiLibc => version >= WASI_LIBC_VERSION_MIN,
    };
    let mut wanted = vec![Package::RustSource, Package::WasiLibc];
    let downloads = work.join("packages");
    fs::create_dir(&downloads).map_err(|error| error.to_string())?;
    for suite in SUITES {
        if wanted.is_empty() {
            break;
        }
        let apt = Apt::new(&work.join(suite), &mirror, suite)?;
        progress(&format!("Reading what Debian's {suite} carries (10 MB)"));
        apt.run(&["update"], work)?;
        let mut still_wanted = Vec::new();
        for package in wanted {
            let versions = apt.versions(package.name())?;
            match versions.iter().find(|version| fits(package, version)) {
                Some(version) => {
                    progress(&format!("Downloading {} {version}", package.name()));
                    apt.run(
                        &["download", &format!("{}={version}", package.name())],
                        &downloads,
                    )?;
                }
                None => still_wanted.push(package),
            }
        }
        wanted = still_wanted;
    }
    if let Some(package) = wanted.first() {
        return Err(format!(
            "none of {} carries {} {}",
            SUITES.join(", "),
            package.name(),
            match package {
                Package::RustSource => toolchain.version.as_str(),
                Package::WasiLibc => "of 2026 or later",
            }
        ));
    }
    progress("Unpacking both packages");
    let root = work.join("root");
    unpack(&downloads, &root)?;
    let rust = find_folder(&root.join("usr/src"), "library")
        .ok_or("the rust-src package holds no folder `library` in /usr/src")?;
    let wasi_libc = root.join("usr/lib").join(TARGET);
    if !wasi_libc.is_dir() {
        return Err(format!("the wasi-libc package holds no /usr/lib/{TARGET}"));
    }
    Ok(Sources { rust, wasi_libc })
}

#[derive(Clone, Copy)]
enum Package {
    RustSource,
    WasiLibc,
}

impl Package {
    const fn name(self) -> &'static str {
        match self {
            Self::RustSource => "rust-src",
            Self::WasiLibc => "wasi-libc",
        }
    }
}

/// The Debian mirror in the machine's own apt configuration.
fn mirror() -> Result<String, String> {
    let targets = |filters: &[&str]| -> Result<Vec<String>, String> {
        let mut command = Command::new("apt-get");
        command
            .args([
                "indextargets",
                "--format",
                "$(REPO_URI)",
                "Created-By: Packages",
            ])
            .args(filters);
        let answer = process::answer(&mut command, QUESTION_TIMEOUT).map_err(|error| {
            if error.is_missing() {
                "this machine has no apt".to_owned()
            } else {
                error.to_string()
            }
        })?;
        Ok(answer.lines().map(str::to_owned).collect())
    };
    // The origin is known once the lists were read; on a fresh image they were not.
    let known = targets(&["Origin: Debian", "Label: Debian"])?;
    if let Some(mirror) = known.into_iter().next() {
        return Ok(mirror);
    }
    let system = fs::read_to_string("/etc/os-release").unwrap_or_default();
    if !system.lines().any(|line| line == "ID=debian") {
        return Err("this machine is not Debian".to_owned());
    }
    targets(&[])?
        .into_iter()
        .find(|uri| !uri.contains("security"))
        .ok_or_else(|| "apt knows no Debian mirror".to_owned())
}

/// apt with lists and cache of its own, for one suite.
struct Apt {
    options: Vec<String>,
}

impl Apt {
    fn new(folder: &Path, mirror: &str, suite: &str) -> Result<Self, String> {
        let list = folder.join("sources.list");
        let lists = folder.join("lists");
        let cache = folder.join("cache");
        let make = || -> std::io::Result<()> {
            fs::create_dir_all(lists.join("partial"))?;
            fs::create_dir_all(cache.join("archives").join("partial"))?;
            fs::write(folder.join("status"), "")?;
            fs::write(
                &list,
                format!("deb [signed-by={KEYRING}] {mirror} {suite} main\n"),
            )
        };
        make().map_err(|error| format!("{}: {error}", folder.display()))?;
        let path = |path: &Path| path.display().to_string();
        let options = [
            ("Dir::Etc::SourceList", path(&list)),
            ("Dir::Etc::SourceParts", "/dev/null".to_owned()),
            ("Dir::Etc::Preferences", "/dev/null".to_owned()),
            ("Dir::Etc::PreferencesParts", "/dev/null".to_owned()),
            ("Dir::State", path(folder)),
            ("Dir::State::Lists", path(&lists)),
            ("Dir::State::Status", path(&folder.join("status"))),
            ("Dir::Cache", path(&cache)),
            ("Acquire::Languages", "none".to_owned()),
            ("Acquire::Retries", "2".to_owned()),
            // The unprivileged user that apt downloads as under root cannot write to our folder.
            ("APT::Sandbox::User", "root".to_owned()),
        ];
        Ok(Self {
            options: options
                .into_iter()
                .flat_map(|(name, value)| ["-o".to_owned(), format!("{name}={value}")])
                .collect(),
        })
    }

    fn run(&self, arguments: &[&str], folder: &Path) -> Result<(), String> {
        let mut command = Command::new("apt-get");
        command
            .current_dir(folder)
            .arg("-q")
            .args(&self.options)
            .args(arguments);
        process::run(&mut command, DOWNLOAD_TIMEOUT, |_| {}).map_err(|error| error.to_string())
    }

    /// The versions of a package that the suite carries.
    fn versions(&self, package: &str) -> Result<Vec<String>, String> {
        let mut command = Command::new("apt-cache");
        command.args(&self.options).args(["madison", package]);
        let answer =
            process::answer(&mut command, QUESTION_TIMEOUT).map_err(|error| error.to_string())?;
        Ok(answer
            .lines()
            .filter_map(|line| Some(line.split('|').nth(1)?.trim().to_owned()))
            .collect())
    }
}

fn unpack(packages: &Path, root: &Path) -> Result<(), String> {
    for entry in fs::read_dir(packages)
        .map_err(|error| error.to_string())?
        .flatten()
    {
        let mut command = Command::new("dpkg");
        command.arg("-x").arg(entry.path()).arg(root);
        process::run(&mut command, UNPACK_TIMEOUT, |_| {}).map_err(|error| error.to_string())?;
    }
    Ok(())
}

/// The folder directly in `parent` that holds a folder `name`.
fn find_folder(parent: &Path, name: &str) -> Option<PathBuf> {
    fs::read_dir(parent)
        .ok()?
        .flatten()
        .map(|entry| entry.path())
        .find(|path| path.join(name).is_dir())
}
