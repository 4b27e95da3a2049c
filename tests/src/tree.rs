//! The repository as its checks see it: its crates and its files.

#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// With this variable a committed file is written anew where it is not the one that is made now.
pub const BLESS: &str = "DOORWARD_BLESS";

/// Fails unless the committed file with this name is the one that is made now.
///
/// # Panics
/// When it is another one.
pub fn assert_committed(name: &str, made: &str) {
    let path = root().join(name);
    if std::env::var_os(BLESS).is_some() {
        std::fs::write(&path, made).unwrap();
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        committed == made,
        "{name} is another one. If that is meant, {BLESS}=1 writes it anew."
    );
}

/// One crate of the workspace.
pub struct Package {
    /// Its folder.
    pub room: String,
    /// Its name.
    pub name: String,
    /// Its manifest.
    pub manifest: toml::Value,
    /// The names of all dependencies, for building, for tests and for one target only as well.
    pub dependencies: BTreeSet<String>,
}

/// All crates of the workspace.
#[must_use]
pub fn packages() -> Vec<Package> {
    let mut packages = Vec::new();
    for file in files() {
        let folder = file.parent().unwrap();
        if file.file_name().is_none_or(|name| name != "Cargo.toml") || folder == root() {
            continue;
        }
        let room = shown(folder);
        let manifest = toml_file(&format!("{room}/Cargo.toml"));
        let name = manifest
            .get("package")
            .and_then(|package| package.get("name"));
        packages.push(Package {
            name: name.and_then(toml::Value::as_str).unwrap().to_owned(),
            dependencies: dependencies(&manifest),
            room,
            manifest,
        });
    }
    assert!(
        packages.len() >= 8,
        "only {} crates were found",
        packages.len()
    );
    packages
}

/// The names of all dependencies.
fn dependencies(manifest: &toml::Value) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    let Some(table) = manifest.as_table() else {
        return names;
    };
    for (key, value) in table {
        if key.ends_with("dependencies") {
            names.extend(
                value
                    .as_table()
                    .into_iter()
                    .flat_map(|list| list.keys().cloned()),
            );
        } else if key == "target" {
            for target in value
                .as_table()
                .into_iter()
                .flat_map(|targets| targets.values())
            {
                names.extend(dependencies(target));
            }
        }
    }
    names
}

/// Whether a crate is one of the workspace.
#[must_use]
pub fn is_ours(name: &str) -> bool {
    packages().iter().any(|package| package.name == name)
}

/// The folder of the repository.
#[must_use]
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .unwrap()
        .to_owned()
}

/// Every file of the repository: without what is built or installed, and without hidden folders but `.ci`.
#[must_use]
pub fn files() -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut folders = vec![root()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            if path.is_dir() {
                let built = name == "target" && folder == root() || name == "node_modules";
                if !built && (!name.starts_with('.') || name == ".ci") {
                    folders.push(path);
                }
            } else {
                files.push(path);
            }
        }
    }
    files.sort();
    files
}

/// A TOML file, by its path within the repository.
#[must_use]
pub fn toml_file(path: &str) -> toml::Value {
    let text = text_of(&root().join(path));
    toml::from_str(&text).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The text of a file.
#[must_use]
pub fn text_of(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", shown(path)))
}

/// A path within the repository.
#[must_use]
pub fn shown(path: &Path) -> String {
    let within = path.strip_prefix(root()).unwrap_or(path);
    within.to_string_lossy().replace('\\', "/")
}

/// Whether a file is below a folder of the repository.
#[must_use]
pub fn in_folder(path: &Path, folder: &str) -> bool {
    path.starts_with(root().join(folder))
}

/// Whether a file has this extension.
#[must_use]
pub fn has_extension(path: &Path, extension: &str) -> bool {
    path.extension().is_some_and(|found| found == extension)
}
