//! Files put into a built component, with what its host is like ([`doorward_syntax::embedded`]).
//!
//! The component has a place for it, which is found by its mark in the data of one of its modules. The memory of that
//! module is made larger, what is embedded becomes a segment of data at its old end, and the place says where that is.
//! So nothing is called for it and nothing copied: it is there when an instance begins, like all other data.

mod module;

use anyhow::{Context as _, Result, bail};
use doorward_syntax::embedded::{CONTENTS_BYTES_MAX, Contents};

use crate::sections::{COMPONENT, sections, write_section};

/// Number of the section that holds a core module.
const MODULE_SECTION: u8 = 1;

/// What a component has of a place for files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Room {
    /// None: it is not one of ours, or one of before there was any.
    None,
    /// Nothing is in it.
    Empty,
    /// Something is in it.
    Taken,
}

/// What this component has of a place for files. One in which others were composed has none that can be found.
///
/// # Errors
///
/// When `bytes` is not a component.
pub fn room(bytes: &[u8]) -> Result<Room> {
    let mut room = Room::None;
    for section in sections(bytes, COMPONENT)? {
        let section = section?;
        if section.number == MODULE_SECTION
            && let Some(place) = module::place(section.body)?
        {
            room = match place.is_taken {
                true => Room::Taken,
                false => Room::Empty,
            };
        }
    }
    Ok(room)
}

/// The component with these contents in it.
///
/// # Errors
///
/// When `bytes` is not a component, has no place or one in which something is, or when the contents are too large.
pub fn embed(bytes: &[u8], contents: &Contents<'_>) -> Result<Vec<u8>> {
    let contents = contents.write().with_context(|| {
        format!("the files have more than {CONTENTS_BYTES_MAX} bytes, which is the limit of what is embedded")
    })?;
    let mut out = COMPONENT.to_vec();
    let mut is_done = false;
    for section in sections(bytes, COMPONENT)? {
        let section = section?;
        let place = match section.number {
            MODULE_SECTION => module::place(section.body)?,
            _ => None,
        };
        let Some(place) = place else {
            out.extend_from_slice(section.raw);
            continue;
        };
        if is_done {
            bail!("it has two places for files, and which of them is read is not known");
        }
        let module = module::with(section.body, &place, &contents)?;
        write_section(&mut out, MODULE_SECTION, &module)?;
        is_done = true;
    }
    if !is_done {
        bail!("it has no place for files: only the gate and the gateway have one");
    }
    Ok(out)
}

#[cfg(test)]
mod tests;
