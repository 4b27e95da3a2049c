//! A whole manifest without middlewares: what stands before a component is made one with it.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, bail};
use doorward_host::embed::{Room, room};
use doorward_host::manifest::{self, Application, FileMount};
use doorward_host::past_middlewares;
use toml::{Table, Value};

use super::chains::{Chain, is_same_file};
use super::contents::Given;
use super::output;
use super::part::Read;

/// The manifest's file name.
const MANIFEST: &str = "spin.toml";

/// A component of the new manifest.
struct Made<'a> {
    /// Its name there.
    id: String,
    chain: Chain<'a>,
}

/// Writes the application to a folder: its manifest, and each component that it needs. `compose` makes one component of a
/// chain. Gives how many were made of several.
///
/// # Errors
///
/// What stands in the way of one of them.
pub(super) fn rewrite(
    application: &Application,
    folder: &Path,
    given: Option<&Given>,
    compose: &dyn Fn(Vec<Read>) -> Result<Vec<u8>>,
) -> Result<usize> {
    fs::create_dir_all(folder)
        .with_context(|| format!("the folder {} cannot be made", folder.display()))?;
    if is_same_file(folder, &application.dir) {
        bail!(
            "{} is the folder of the manifest itself, which would be overwritten; name another one",
            folder.display()
        );
    }
    let name = application.path.display().to_string();
    let text =
        fs::read_to_string(&application.path).with_context(|| format!("{name} cannot be read"))?;
    let mut table: Table = toml::from_str(&text).with_context(|| name.clone())?;
    refuse_others(&name, &table)?;
    let made = made(application)?;
    let mut components = Table::new();
    for one in &made {
        let component = component(one, &table, folder, given, compose)?;
        components.insert(one.id.clone(), Value::Table(component));
    }
    rename(application, &mut table, &made);
    table.insert("component".to_owned(), Value::Table(components));
    let written = folder.join(MANIFEST);
    let text = toml::to_string(&table).context("the new manifest cannot be written")?;
    output::write(&written, text.as_bytes())?;
    manifest::load(&written)
        .context("the new manifest is wrong, which is a mistake of this command")?;
    note_calls(application, &made);
    Ok(made
        .iter()
        .filter(|one| !one.chain.middlewares.is_empty())
        .count())
}

/// The components of the new manifest. One keeps its name where it has one chain; else the one without middlewares does.
fn made(application: &Application) -> Result<Vec<Made<'_>>> {
    let mut made = Vec::new();
    for id in application.components.keys() {
        let chains = Chain::all_of(application, id)?;
        let is_only = chains.len() == 1;
        let mut number = 0;
        for chain in chains {
            let id = if is_only || chain.middlewares.is_empty() {
                id.clone()
            } else {
                number += 1;
                free(application, id, number)
            };
            made.push(Made { id, chain });
        }
    }
    Ok(made)
}

/// A name that no component has.
fn free(application: &Application, id: &str, number: usize) -> String {
    let mut name = match number {
        1 => format!("{id}-gated"),
        _ => format!("{id}-gated-{number}"),
    };
    while application.components.contains_key(&name) {
        name.push_str("-too");
    }
    name
}

/// Makes a component and its part of the manifest.
fn component(
    made: &Made<'_>,
    table: &Table,
    folder: &Path,
    given: Option<&Given>,
    compose: &dyn Fn(Vec<Read>) -> Result<Vec<u8>>,
) -> Result<Table> {
    let Made { id, chain } = made;
    let old = chain.component;
    let mut component = written(table, &old.id).cloned().unwrap_or_default();
    let parts = chain.read()?;
    let (bytes, mounts) = if has_gate(&parts)? {
        (compose(parts)?, chain.mounts(given)?)
    } else if chain.middlewares.is_empty() {
        let alone = parts.into_iter().next().map(|part| part.bytes);
        (alone.unwrap_or_default(), old.file_mounts()?)
    } else {
        bail!(
            "there is no gate before `{}`, and nothing else is composed here",
            old.id
        );
    };
    let file = format!("{id}.wasm");
    output::write(&folder.join(&file), &bytes)?;
    component.insert("source".to_owned(), Value::String(file));
    for key in ["build", "files", "exclude_files"] {
        component.remove(key);
    }
    if !mounts.is_empty() {
        let files = format!("{id}.files");
        copy(&mounts, &folder.join(&files))?;
        let mut placement = Table::new();
        placement.insert("source".to_owned(), Value::String(files));
        placement.insert("destination".to_owned(), Value::String("/".to_owned()));
        component.insert(
            "files".to_owned(),
            Value::Array(vec![Value::Table(placement)]),
        );
    }
    // What is asked at times is asked of the component without a gate.
    if id != &old.id {
        component.remove("tool");
    }
    Ok(component)
}

/// Whether there is a gate among these.
fn has_gate(parts: &[Read]) -> Result<bool> {
    for part in parts {
        if room(&part.bytes)? != Room::None {
            return Ok(true);
        }
    }
    Ok(false)
}

/// What the manifest says of a component.
fn written<'t>(table: &'t Table, id: &str) -> Option<&'t Table> {
    table.get("component")?.get(id)?.as_table()
}

/// Copies what is mounted to where it is mounted from now on.
fn copy(mounts: &[FileMount], folder: &Path) -> Result<()> {
    for mount in mounts {
        let to = folder.join(mount.destination.trim_start_matches('/'));
        let cannot = || {
            format!(
                "{} cannot be copied to {}",
                mount.source.display(),
                to.display()
            )
        };
        if let Some(parent) = to.parent() {
            fs::create_dir_all(parent).with_context(cannot)?;
        }
        fs::copy(&mount.source, &to).with_context(cannot)?;
    }
    Ok(())
}

/// Refuses triggers of another kind: what they ask of a component, the gate does not have.
fn refuse_others(name: &str, table: &Table) -> Result<()> {
    let triggers = table.get("trigger").and_then(Value::as_table);
    let mut kinds = triggers.into_iter().flatten().map(|(kind, _)| kind);
    match kinds.find(|kind| *kind != "http") {
        Some(kind) => bail!(
            "{name} has triggers `{kind}`, and only those of HTTP are rewritten here\n  help: put them into a manifest of \
             their own, or make single components with `--component ID`"
        ),
        None => Ok(()),
    }
}

/// Names the new components in the triggers.
fn rename(application: &Application, table: &mut Table, made: &[Made<'_>]) {
    let triggers = table
        .get_mut("trigger")
        .and_then(|trigger| trigger.get_mut("http"))
        .and_then(Value::as_array_mut);
    for (value, trigger) in triggers.into_iter().flatten().zip(&application.triggers) {
        let Some(value) = value.as_table_mut() else {
            continue;
        };
        let one = made.iter().find(|one| {
            let is_its = one.chain.component.id == trigger.component;
            is_its && one.chain.is_of(&trigger.middleware)
        });
        if let Some(one) = one {
            value.insert("component".to_owned(), Value::String(one.id.clone()));
        }
        if let Some(dependencies) = value.get_mut("dependencies").and_then(Value::as_table_mut) {
            dependencies.remove("middleware");
            if dependencies.is_empty() {
                value.remove("dependencies");
            }
        }
    }
}

/// Says who meets a gate from now on that he has not met before.
fn note_calls(application: &Application, made: &[Made<'_>]) {
    let kept: BTreeSet<&str> = made
        .iter()
        .filter(|one| !one.chain.middlewares.is_empty() && one.id == one.chain.component.id)
        .map(|one| one.id.as_str())
        .collect();
    for bypass in past_middlewares(application) {
        if kept.contains(bypass.to.as_str()) {
            eprintln!(
                "note: `{}` asks `{to}` past its middlewares, by http://{to}.spin.internal, and meets them from now on; a \
                 trigger with `route = {{ private = true }}` keeps a `{to}` without them",
                bypass.from,
                to = bypass.to
            );
        }
    }
    for one in made {
        if kept.contains(one.id.as_str()) && !one.chain.component.timers.is_empty() {
            eprintln!(
                "note: the timers of `{id}` meet its middlewares from now on; a trigger with `route = {{ private = true }}` \
                 keeps a `{id}` without them",
                id = one.id
            );
        }
    }
}
