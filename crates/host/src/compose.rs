//! Composes the middlewares of a trigger and its primary component into one component.
//!
//! The first middleware is the outermost: the composed component exports its handler, and each
//! handler's import of the next one is wired to the next one's export. All other imports become
//! imports of the composed component, merged by name.
//!
//! A middleware has no grants of its own. What it does not inherit is denied by *renaming*: before
//! composing, its import of, say, `spin:variables/variables@3.0.0` becomes an import of
//! `doorward-denied:spin-variables/variables@3.0.0`, which the host defines with functions that
//! refuse. So the same composed component can hold a primary that reads variables and a middleware
//! that cannot.

use std::collections::BTreeSet;

use anyhow::{Context as _, Result, anyhow, bail};
use wac_graph::types::Package;
use wac_graph::{CompositionGraph, EncodeOptions};

use crate::interfaces::import_name::{HANDLER, denied_name, is_draft_handler};
use crate::interfaces::imports::{is_provided, linked_name, may_be_absent, set_of};
use crate::manifest::ConfigurationSet;
use crate::names::{exports, imports, rename};

/// A component as a trigger uses it.
#[derive(Clone, Copy, Debug)]
pub struct Part<'a> {
    /// Its name in the manifest.
    pub id: &'a str,
    /// The component in binary form.
    pub bytes: &'a [u8],
}

/// A middleware as a trigger uses it.
#[derive(Clone, Copy, Debug)]
pub struct MiddlewarePart<'a> {
    /// The component.
    pub part: Part<'a>,
    /// What it inherits from the primary component; everything else is denied.
    pub inherit: &'a BTreeSet<ConfigurationSet>,
}

/// The component of a trigger.
#[derive(Debug)]
pub struct Composed {
    /// It, in binary form.
    pub bytes: Vec<u8>,
    /// What the primary component imports of Spin's world and the host does not have. It is to be linked
    /// as what cannot be called.
    pub absent: Vec<String>,
}

/// Composes `middlewares`, outermost first, and `primary`.
///
/// Of Spin's world `primary` may import what the host does not have: some languages import all of it,
/// whatever they use. A middleware may not: it stands before somebody else's component, and says what it
/// needs when the host starts, not when the first request comes.
///
/// # Errors
///
/// Names the component that is not a component, imports something the host does not provide, or
/// does not have the handler interface where it needs it.
pub fn compose(middlewares: &[MiddlewarePart<'_>], primary: Part<'_>) -> Result<Composed> {
    let absent = check_imports(primary, false)?;
    let bytes = link_drafts(chain(middlewares, primary)?)?;
    Ok(Composed { bytes, absent })
}

fn chain(middlewares: &[MiddlewarePart<'_>], primary: Part<'_>) -> Result<Vec<u8>> {
    if middlewares.is_empty() {
        return Ok(primary.bytes.to_vec());
    }
    let mut graph = CompositionGraph::new();
    let mut next = add(&mut graph, primary, primary.bytes.to_vec(), 0, None)?;
    for (position, middleware) in middlewares.iter().enumerate().rev() {
        check_imports(middleware.part, true)?;
        let denied = deny(middleware.part.bytes, middleware.inherit)
            .with_context(|| format!("component `{}` cannot be read", middleware.part.id))?;
        next = add(
            &mut graph,
            middleware.part,
            denied,
            position + 1,
            Some(next),
        )?;
    }
    graph
        .export(next, HANDLER)
        .context("cannot export the handler")?;
    graph.encode(EncodeOptions::default()).with_context(|| {
        let chain: Vec<&str> = middlewares
            .iter()
            .map(|middleware| middleware.part.id)
            .chain([primary.id])
            .collect();
        format!("cannot compose {}", chain.join(" → "))
    })
}

/// Instantiates one component in the graph, with `next` as the handler that it calls, and gives its
/// own handler.
fn add(
    graph: &mut CompositionGraph,
    part: Part<'_>,
    bytes: Vec<u8>,
    position: usize,
    next: Option<wac_graph::NodeId>,
) -> Result<wac_graph::NodeId> {
    let id = part.id;
    // The same component may stand at several places of a chain, and packages are told apart by
    // name.
    let package = Package::from_bytes(
        &format!("doorward:part{position}"),
        None,
        bytes,
        graph.types_mut(),
    )
    .with_context(|| format!("component `{id}` cannot be read"))?;
    let package = graph.register_package(package)?;
    let instance = graph.instantiate(package);
    if let Some(next) = next {
        graph
            .set_instantiation_argument(instance, HANDLER, next)
            .with_context(|| {
                format!("component `{id}` cannot be a middleware: it does not import `{HANDLER}` as the next one exports it")
            })?;
    }
    graph
        .alias_instance_export(instance, HANDLER)
        .map_err(|_| anyhow!("component `{id}` does not export `{HANDLER}`"))
}

/// Refuses a component with an import that the host does not provide; gives those that it need not.
fn check_imports(part: Part<'_>, is_middleware: bool) -> Result<Vec<String>> {
    let id = part.id;
    let names = imports(part.bytes).with_context(|| format!("component `{id}` cannot be read"))?;
    let mut absent = Vec::new();
    for name in names {
        if name == HANDLER && !is_middleware {
            bail!(
                "component `{id}` imports `{HANDLER}`, so it is a middleware; it cannot be the component of a trigger"
            );
        }
        if name == HANDLER || is_provided(&name) {
            continue;
        }
        if is_middleware || !may_be_absent(&name) {
            bail!("component `{id}` imports `{name}`, which this host does not provide");
        }
        absent.push(name);
    }
    Ok(absent)
}

/// The component with every import renamed that belongs to a set which is not inherited.
fn deny(bytes: &[u8], inherit: &BTreeSet<ConfigurationSet>) -> Result<Vec<u8>> {
    rename(
        bytes,
        |name| {
            let set = set_of(name)?;
            (!inherit.contains(&set)).then(|| denied_name(name))
        },
        |_| None,
    )
}

/// The component with the drafts of WASI under the names that they are linked as. Only what is composed
/// is renamed: before, two versions of one line would be taken for one.
fn link_drafts(bytes: Vec<u8>) -> Result<Vec<u8>> {
    let exports = exports(&bytes)?;
    let serves = exports.iter().any(|name| name == HANDLER);
    let is_handler = |name: &str| !serves && is_draft_handler(name);
    let names = imports(&bytes)?;
    if !names.iter().any(|name| linked_name(name).is_some())
        && !exports.iter().any(|name| is_handler(name))
    {
        return Ok(bytes);
    }
    rename(&bytes, linked_name, |name| {
        is_handler(name).then(|| HANDLER.to_owned())
    })
}

#[cfg(test)]
mod tests;
