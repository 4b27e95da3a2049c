//! Compiles ahead: composes and compiles what the loader will ask for, and writes down what there is.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, Result};
use doorward_toolchain::Progress;
use wasmtime::Engine;

use crate::ahead::cpu::{Cpu, engine_for, settings_digest};
use crate::ahead::file::{RECORD, read};
use crate::ahead::record::{Chain, File, Record, chain_name};
use crate::build::{used_components, with_timers};
use crate::chain::Part;
use crate::chaining::host_of;
use crate::compose::{MiddlewarePart, compose};
use crate::exports;
use crate::manifest::{Application, Middleware, Route};
use crate::sha256;

/// A file of the folder: its name from there, and its bytes.
pub type Made = (String, Vec<u8>);

/// Everything that [`crate::ahead::Ahead`] needs beside the manifest and what `files` in it names: components, their code
/// for `cpu`, the folders that they see, and the record of these.
///
/// # Errors
///
/// Names the component that cannot be read, composed or compiled, and the file that is not there.
pub fn precompile(
    application: &Application,
    cpu: Cpu,
    progress: Progress<'_>,
) -> Result<Vec<Made>> {
    let engine = engine_for(cpu)?;
    let mut making = Making {
        application,
        sources: BTreeMap::new(),
        made: Vec::new(),
        record: Record {
            cpu,
            settings: settings_digest(&engine),
            components: BTreeMap::new(),
            chains: BTreeMap::new(),
            files: BTreeMap::new(),
        },
    };
    making.read_sources()?;
    for (id, middlewares) in chains(application) {
        making.chain(&engine, id, middlewares, progress)?;
    }
    making.files()?;
    let Making {
        mut made, record, ..
    } = making;
    made.push((RECORD.to_owned(), record.text().into_bytes()));
    Ok(made)
}

/// What the loader composes: for each trigger from outside; alone for each timer; and alone for what another component
/// may ask. Variables may have their values only later, so where a grant depends on one, it counts as given.
fn chains(application: &Application) -> Vec<(&str, &[Middleware])> {
    let asked = |id: &str| {
        let hosts = (application.components.values()).flat_map(|c| &c.allowed_outbound_hosts);
        let mut hosts = hosts.map(String::as_str);
        hosts.any(|host| host.contains(['*', '{']) || host.contains(&host_of(id)))
    };
    let with_component = || {
        application
            .triggers
            .iter()
            .filter(|t| t.static_response.is_none())
    };
    let outside = with_component().filter(|t| !matches!(t.route, Route::Private));
    let outside = outside.map(|t| (t.component.as_str(), t.middleware.as_slice()));
    let callees = with_component().filter(|t| asked(&t.component));
    let alone = callees.map(|t| t.component.as_str());
    let alone = alone.chain(with_timers(application).map(|c| c.id.as_str()));
    let alone: BTreeSet<&str> = alone.collect();
    outside
        .chain(alone.into_iter().map(|id| (id, [].as_slice())))
        .collect()
}

struct Making<'a> {
    application: &'a Application,
    sources: BTreeMap<&'a str, Vec<u8>>,
    made: Vec<Made>,
    record: Record,
}

impl<'a> Making<'a> {
    fn read_sources(&mut self) -> Result<()> {
        for component in used_components(self.application) {
            let id = component.id.as_str();
            if self.sources.contains_key(id) {
                continue;
            }
            let bytes = read(&component.source).with_context(|| format!("component `{id}`"))?;
            let simple = id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
            let name = match simple {
                true => format!("components/{id}.wasm"),
                // One that is written in place is called after where it is from.
                false => format!("components/{}.wasm", self.sources.len()),
            };
            let file = self.write(name, bytes.clone())?;
            self.record.components.insert(id.to_owned(), file);
            self.sources.insert(id, bytes);
        }
        Ok(())
    }

    fn write(&mut self, name: String, bytes: Vec<u8>) -> Result<File> {
        let file = File {
            name: name.clone(),
            digest: sha256::of(&bytes)?,
        };
        self.made.push((name, bytes));
        Ok(file)
    }

    fn chain(
        &mut self,
        engine: &Engine,
        id: &'a str,
        middlewares: &'a [Middleware],
        progress: Progress<'_>,
    ) -> Result<()> {
        let name = chain_name(id, middlewares);
        if self.record.chains.contains_key(&name) {
            return Ok(());
        }
        progress(&format!("Compiling {name}"));
        let primary = self.part(id)?;
        let mut parts = Vec::new();
        for middleware in middlewares {
            parts.push(MiddlewarePart {
                part: self.part(&middleware.component)?,
                inherit: &middleware.inherit,
            });
        }
        exports::check_way(&parts, primary)?;
        let composed = compose(&parts, primary)?;
        let code = engine
            .precompile_component(&composed.bytes)
            .map_err(anyhow::Error::from)
            .with_context(|| format!("cannot compile component `{id}`"))?;
        let file = format!("compiled/{}.cwasm", self.record.chains.len());
        let chain = Chain {
            file: self.write(file, code)?,
            absent: composed.absent,
        };
        self.record.chains.insert(name, chain);
        Ok(())
    }

    fn part(&self, id: &'a str) -> Result<Part<'_>> {
        let bytes = self.sources.get(id);
        let bytes = bytes.with_context(|| format!("there is no component `{id}`"))?;
        Ok(Part { id, bytes })
    }

    /// The folders that components see. Those that see the same files share one.
    fn files(&mut self) -> Result<()> {
        let mut folders: BTreeMap<Vec<Made>, String> = BTreeMap::new();
        for id in self.sources.keys() {
            let Some(component) = self.application.components.get(*id) else {
                continue;
            };
            let mut seen = Vec::new();
            for mount in component.file_mounts()? {
                let name = mount.destination.trim_start_matches('/').to_owned();
                seen.push((name, read(&mount.source)?));
            }
            if seen.is_empty() {
                continue;
            }
            let number = folders.len();
            let folder = folders.entry(seen);
            let folder = folder.or_insert_with(|| format!("seen/{number}"));
            (self.record.files).insert((*id).to_owned(), folder.clone());
        }
        for (files, folder) in folders {
            for (name, bytes) in files {
                self.made.push((format!("{folder}/{name}"), bytes));
            }
        }
        Ok(())
    }
}
