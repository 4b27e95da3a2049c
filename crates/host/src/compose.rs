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

use anyhow::{Context as _, Result, anyhow, bail, ensure};
use wac_graph::types::Package;
use wac_graph::{CompositionGraph, EncodeOptions};
use wasmparser::{BinaryReader, ComponentImportSectionReader};

use crate::interfaces::{HANDLER, denied_name, is_provided, set_of};
use crate::manifest::ConfigurationSet;

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

/// Composes `middlewares`, outermost first, and `primary`.
///
/// # Errors
///
/// Names the component that is not a component, imports something the host does not provide, or
/// does not have the handler interface where it needs it.
pub fn compose(middlewares: &[MiddlewarePart<'_>], primary: Part<'_>) -> Result<Vec<u8>> {
    check_imports(primary, false)?;
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

/// Refuses a component with an import that the host does not provide.
fn check_imports(part: Part<'_>, is_middleware: bool) -> Result<()> {
    let id = part.id;
    let names = imports(part.bytes).with_context(|| format!("component `{id}` cannot be read"))?;
    for name in &names {
        if name == HANDLER && !is_middleware {
            bail!(
                "component `{id}` imports `{HANDLER}`, so it is a middleware; it cannot be the component of a trigger"
            );
        }
        if name != HANDLER && !is_provided(name) {
            bail!("component `{id}` imports `{name}`, which this host does not provide");
        }
    }
    Ok(())
}

/// The names of everything that a component imports.
///
/// # Errors
///
/// When `bytes` is not a component.
pub fn imports(bytes: &[u8]) -> Result<Vec<String>> {
    let mut names = Vec::new();
    for section in sections(bytes)? {
        let Section::Imports { body } = section? else {
            continue;
        };
        for import in ComponentImportSectionReader::new(BinaryReader::new(body, 0))? {
            names.push(import?.name.name.to_owned());
        }
    }
    Ok(names)
}

/// The component with every import renamed that belongs to a set which is not inherited.
fn deny(bytes: &[u8], inherit: &BTreeSet<ConfigurationSet>) -> Result<Vec<u8>> {
    let mut out = bytes.get(..PREAMBLE_BYTES).unwrap_or_default().to_vec();
    for section in sections(bytes)? {
        match section? {
            Section::Other(raw) => out.extend_from_slice(raw),
            Section::Imports { body } => {
                let body = rename(body, |name| {
                    let set = set_of(name)?;
                    (!inherit.contains(&set)).then(|| denied_name(name))
                })?;
                out.push(IMPORT_SECTION);
                write_length(&mut out, body.len())?;
                out.extend_from_slice(&body);
            }
        }
    }
    Ok(out)
}

/// The body of an import section with the imports renamed for which `new_name` has one.
fn rename(body: &[u8], new_name: impl Fn(&str) -> Option<String>) -> Result<Vec<u8>> {
    let reader = ComponentImportSectionReader::new(BinaryReader::new(body, 0))?;
    let mut starts = Vec::new();
    for item in reader.into_iter_with_offsets() {
        let (start, import) = item?;
        starts.push((start, import.name.name));
    }
    let mut out = Vec::with_capacity(body.len());
    let body_end = u64::try_from(body.len())?;
    let first = starts.first().map_or(body_end, |(start, _)| *start);
    out.extend_from_slice(slice(body, 0, first)?);
    for (position, (start, name)) in starts.iter().enumerate() {
        let end = starts.get(position + 1).map_or(body_end, |(next, _)| *next);
        let import = slice(body, *start, end)?;
        let Some(new_name) = new_name(name) else {
            out.extend_from_slice(import);
            continue;
        };
        // An import is a kind byte, the name with its length, and the rest.
        let mut reader = BinaryReader::new(import, 0);
        let kind = reader.read_u8()?;
        ensure!(
            reader.read_string()? == *name,
            "an import's name is not where it should be"
        );
        out.push(kind);
        write_length(&mut out, new_name.len())?;
        out.extend_from_slice(new_name.as_bytes());
        out.extend_from_slice(slice(import, reader.original_position(), end - start)?);
    }
    Ok(out)
}

fn slice(bytes: &[u8], start: u64, end: u64) -> Result<&[u8]> {
    let range = usize::try_from(start)?..usize::try_from(end)?;
    bytes.get(range).context("a section ends early")
}

/// Magic number, version and layer.
const PREAMBLE_BYTES: usize = 8;
/// The preamble of a component, as opposed to a core module.
const COMPONENT_PREAMBLE: &[u8] = b"\0asm\x0d\0\x01\0";
/// Number of the section that holds a component's imports.
const IMPORT_SECTION: u8 = 10;

enum Section<'a> {
    Imports { body: &'a [u8] },
    Other(&'a [u8]),
}

/// The sections of the outermost component, in order.
fn sections(bytes: &[u8]) -> Result<impl Iterator<Item = Result<Section<'_>>>> {
    let preamble = bytes.get(..PREAMBLE_BYTES).unwrap_or_default();
    ensure!(
        preamble == COMPONENT_PREAMBLE,
        "the file is not a WebAssembly component (was it built for `wasm32-wasip2`?)"
    );
    let mut reader = BinaryReader::new(bytes, 0);
    reader.read_bytes(PREAMBLE_BYTES)?;
    Ok(std::iter::from_fn(move || {
        if reader.eof() {
            return None;
        }
        let section = next_section(&mut reader, bytes);
        if section.is_err() {
            // Nothing after a damaged section can be found.
            reader = BinaryReader::new(&[], 0);
        }
        Some(section)
    }))
}

fn next_section<'a>(reader: &mut BinaryReader<'a>, bytes: &'a [u8]) -> Result<Section<'a>> {
    let start = reader.original_position();
    let number = reader.read_u8()?;
    let length = usize::try_from(reader.read_var_u32()?)?;
    let body = reader.read_bytes(length)?;
    Ok(if number == IMPORT_SECTION {
        Section::Imports { body }
    } else {
        Section::Other(slice(bytes, start, reader.original_position())?)
    })
}

/// Appends a length as WebAssembly writes it: LEB128.
fn write_length(out: &mut Vec<u8>, length: usize) -> Result<()> {
    let mut rest = u32::try_from(length).context("a section is too long")?;
    loop {
        let low = u8::try_from(rest & 0x7f)?;
        rest >>= 7;
        if rest == 0 {
            out.push(low);
            return Ok(());
        }
        out.push(low | 0x80);
    }
}

#[cfg(test)]
#[path = "compose_tests.rs"]
mod tests;
