//! Composes the middlewares of a trigger and its primary component into one component.
//!
//! How, says [`crate::chain`].
//!
//! A middleware has no grants of its own. What it does not inherit is denied by *renaming*: before
//! composing, its import of, say, `spin:variables/variables@3.0.0` becomes an import of
//! `doorward-denied:spin-variables/variables@3.0.0`, which the host defines with functions that
//! refuse. So the same composed component can hold a primary that reads variables and a middleware
//! that cannot.

use std::collections::BTreeSet;

use anyhow::{Context as _, Result, bail};

use crate::chain::{self, Part};
use crate::interfaces::import_name::{HANDLER, denied_name, is_draft_handler};
use crate::interfaces::imports::{is_provided, linked_name, may_be_absent, set_of};
use crate::manifest::ConfigurationSet;
use crate::names::{exports, imports, rename};

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
    let mut denied = Vec::with_capacity(middlewares.len());
    for middleware in middlewares {
        check_imports(middleware.part, true)?;
        let bytes = deny(middleware.part.bytes, middleware.inherit)
            .with_context(|| format!("component `{}` cannot be read", middleware.part.id))?;
        denied.push((middleware.part.id, bytes));
    }
    let parts = denied.iter().map(|(id, bytes)| Part { id, bytes });
    let parts: Vec<Part<'_>> = parts.chain([primary]).collect();
    chain::chain(&parts, &[])
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
