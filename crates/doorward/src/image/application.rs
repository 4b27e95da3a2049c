//! The application in the image.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Component as PathPart, Path};

use anyhow::{Context as _, Result, bail};
use doorward_host::ahead::cpu::Cpu;
use doorward_host::manifest::{Application, Component, FileEntry, Label};
use doorward_host::precompile::precompile;
use doorward_toolchain::Progress;

use super::layer::{Entry, Files};
use super::place::APPLICATION;

/// The runtime configuration with which nothing is written.
const IN_MEMORY: &str = "in-memory.toml";

/// The manifest as it is, what it mounts at the same places, and the components, compiled for `cpu`.
///
/// # Errors
///
/// Names the component, or the file, that cannot be in an image.
pub(super) fn files(application: &Application, cpu: Cpu, progress: Progress<'_>) -> Result<Files> {
    let mut files = Files::new();
    let mut add = |path: &str, entry: Entry| {
        files.insert(format!("{APPLICATION}/{path}"), entry);
    };
    let manifest = &application.path;
    let text = fs::read(manifest);
    let text = text.with_context(|| format!("cannot read {}", manifest.display()))?;
    add("spin.toml", Entry::File(text));
    add(IN_MEMORY, Entry::File(in_memory(application).into_bytes()));
    for component in application.components.values() {
        for mount in component.file_mounts()? {
            let path = inside(application, &mount.source)?;
            let bytes = fs::read(&mount.source);
            let bytes = bytes.with_context(|| format!("cannot read {}", mount.source.display()))?;
            add(&path, Entry::File(bytes));
        }
        for folder in folders(component) {
            let path = inside(application, &application.dir.join(folder))?;
            add(&path, Entry::Folder);
        }
    }
    for (path, bytes) in precompile(application, cpu, progress)? {
        let path = format!("{APPLICATION}/{path}");
        let made = Entry::File(bytes);
        if files.get(&path).is_some_and(|other| *other != made) {
            bail!(
                "`files` names {path}, where an image has something of its own; call it otherwise"
            );
        }
        files.insert(path, made);
    }
    Ok(files)
}

/// The folders that `files` names: they have to be there, whatever is in them.
fn folders(component: &Component) -> impl Iterator<Item = &str> {
    let names = component.files.iter().map(|entry| match entry {
        FileEntry::Pattern { pattern, .. } => pattern.as_str(),
        FileEntry::Placement { source, .. } => source.as_str(),
    });
    names.filter(|name| component.dir().join(name).is_dir())
}

/// A path as it is from the application's folder.
fn inside(application: &Application, path: &Path) -> Result<String> {
    let relative = path.strip_prefix(&application.dir).ok();
    let mut parts = Vec::new();
    for part in relative.into_iter().flat_map(Path::components) {
        match part {
            PathPart::Normal(name) => parts.push(name.to_string_lossy()),
            PathPart::CurDir => {}
            _ => parts.clear(),
        }
    }
    let leads_out = path.components().any(|part| part == PathPart::ParentDir);
    if parts.is_empty() || leads_out {
        bail!(
            "{} is not in the folder of {}\n  help: an image has what is there; move or copy it, and name it so in `files`",
            path.display(),
            application.path.display()
        );
    }
    Ok(parts.join("/"))
}

/// Every store and database that a component names, in memory.
fn in_memory(application: &Application) -> String {
    let labels = |of: fn(&Component) -> &[Label]| -> BTreeSet<&str> {
        let all = application.components.values().flat_map(of);
        all.map(|label| label.label.as_str()).collect()
    };
    let stores = labels(|component| &component.key_value_stores);
    let stores = stores.iter().map(|label| ("key_value_store", label));
    let databases = labels(|component| &component.sqlite_databases);
    let databases = databases.iter().map(|label| ("sqlite_database", label));
    let mut text =
        "# Stores and databases that end with the process. RUNTIME_CONFIG_FILE names another file for others.\n"
            .to_owned();
    for (kind, label) in stores.chain(databases) {
        text.push_str(&format!("\n[{kind}.{label}]\ntype = \"spin\"\n"));
    }
    text
}

/// What the host finds in its environment unless the runtime says otherwise.
pub(super) fn environment(port: u16) -> Vec<String> {
    vec![
        format!("SPIN_HTTP_LISTEN_ADDR=0.0.0.0:{port}"),
        format!("RUNTIME_CONFIG_FILE=/{APPLICATION}/{IN_MEMORY}"),
    ]
}
