//! Components made into one: a chain of handlers, and what their imports are met by.
//!
//! The first part of a chain is the outermost: the composed component exports its handler, and each handler's import of
//! the next one is wired to the next one's export. What an adapter exports meets the imports of that name of all parts.
//! All other imports become imports of the composed component, merged by name.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result, anyhow, bail};
use wac_graph::types::Package;
use wac_graph::{CompositionGraph, EncodeOptions, NodeId};

pub use crate::interfaces::import_name::HANDLER;
pub use crate::interfaces::imports::set_of;
use crate::names::{exports, imports};

/// A component, and what it is called.
#[derive(Clone, Copy, Debug)]
pub struct Part<'a> {
    /// Its name, for people.
    pub id: &'a str,
    /// The component in binary form.
    pub bytes: &'a [u8],
}

/// Makes one component of `parts`, outermost first. Of `adapters` those are in it that a part has a use for. A single
/// part without them stays as it is.
///
/// # Errors
///
/// Names the component that is not a component, or does not have the handler interface where it needs it; or the
/// interface that two adapters export.
pub fn chain(parts: &[Part<'_>], adapters: &[Part<'_>]) -> Result<Vec<u8>> {
    let mut graph = CompositionGraph::new();
    let mut met = met_by(&mut graph, parts, adapters)?;
    if let ([only], true) = (parts, met.is_empty()) {
        return Ok(only.bytes.to_vec());
    }
    let mut next = None;
    for (position, part) in parts.iter().enumerate().rev() {
        let is_last = position + 1 == parts.len();
        // The same component may stand at several places of a chain, and packages are told apart by name.
        let instance = add(&mut graph, *part, &format!("doorward:part{position}"))?;
        if let Some(next) = next {
            met.insert(HANDLER.to_owned(), next);
        }
        for name in imported(*part)? {
            let Some(export) = met.get(&name) else {
                continue;
            };
            graph
                .set_instantiation_argument(instance, &name, *export)
                .with_context(|| mismatch(part.id, &name))?;
        }
        if !is_last && !imported(*part)?.iter().any(|name| name == HANDLER) {
            bail!(
                "component `{}` cannot be a middleware: it does not import `{HANDLER}`, which the next one exports",
                part.id
            );
        }
        let handler = graph.alias_instance_export(instance, HANDLER);
        next = Some(
            handler.map_err(|_| anyhow!("component `{}` does not export `{HANDLER}`", part.id))?,
        );
    }
    let outermost = next.context("there is nothing to compose")?;
    graph
        .export(outermost, HANDLER)
        .context("cannot export the handler")?;
    graph.encode(EncodeOptions::default()).with_context(|| {
        let chain: Vec<&str> = parts.iter().map(|part| part.id).collect();
        format!("cannot compose {}", chain.join(" → "))
    })
}

/// What is said where an import and what should meet it have other types.
fn mismatch(id: &str, name: &str) -> String {
    match name {
        HANDLER => format!(
            "component `{id}` cannot be a middleware: it does not import `{HANDLER}` as the next one exports it"
        ),
        name => format!("component `{id}` does not import `{name}` as it is exported to it"),
    }
}

/// What adapters export that parts import.
fn met_by(
    graph: &mut CompositionGraph,
    parts: &[Part<'_>],
    adapters: &[Part<'_>],
) -> Result<BTreeMap<String, NodeId>> {
    let mut wanted = Vec::new();
    for part in parts {
        wanted.extend(imported(*part)?);
    }
    let mut met = BTreeMap::new();
    for (position, adapter) in adapters.iter().enumerate() {
        let id = adapter.id;
        let exports =
            exports(adapter.bytes).with_context(|| format!("adapter `{id}` cannot be read"))?;
        let used: Vec<String> = exports
            .into_iter()
            .filter(|name| wanted.contains(name))
            .collect();
        if used.is_empty() {
            continue;
        }
        let instance = add(graph, *adapter, &format!("doorward:adapter{position}"))?;
        for name in used {
            let export = graph
                .alias_instance_export(instance, &name)
                .map_err(|_| anyhow!("adapter `{id}` does not export `{name}`"))?;
            if met.insert(name.clone(), export).is_some() {
                bail!("two adapters export `{name}`");
            }
        }
    }
    Ok(met)
}

fn imported(part: Part<'_>) -> Result<Vec<String>> {
    imports(part.bytes).with_context(|| format!("component `{}` cannot be read", part.id))
}

/// Instantiates a component in the graph.
fn add(graph: &mut CompositionGraph, part: Part<'_>, package: &str) -> Result<NodeId> {
    let package = Package::from_bytes(package, None, part.bytes.to_vec(), graph.types_mut())
        .with_context(|| format!("component `{}` cannot be read", part.id))?;
    let package = graph.register_package(package)?;
    Ok(graph.instantiate(package))
}

#[cfg(test)]
mod tests;
