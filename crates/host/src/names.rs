//! The names under which a component imports and exports, in its binary form: what they are, and the same
//! component with others. Nothing else of it changes.

use anyhow::{Result, ensure};
use wasmparser::{BinaryReader, ComponentExportSectionReader, ComponentImportSectionReader};

use crate::sections::{COMPONENT, Section, sections, slice, write_length, write_section};

/// Number of the section that holds a component's imports.
const IMPORT_SECTION: u8 = 10;
/// Number of the section that holds a component's exports.
const EXPORT_SECTION: u8 = 11;

/// The names of everything that a component imports.
///
/// # Errors
///
/// When `bytes` is not a component.
pub fn imports(bytes: &[u8]) -> Result<Vec<String>> {
    names(bytes, IMPORT_SECTION)
}

/// The names of everything that a component exports.
///
/// # Errors
///
/// When `bytes` is not a component.
pub fn exports(bytes: &[u8]) -> Result<Vec<String>> {
    names(bytes, EXPORT_SECTION)
}

/// The component with the imports and exports renamed for which there is a new name.
///
/// # Errors
///
/// When `bytes` is not a component.
pub fn rename(
    bytes: &[u8],
    new_import: impl Fn(&str) -> Option<String>,
    new_export: impl Fn(&str) -> Option<String>,
) -> Result<Vec<u8>> {
    let mut out = COMPONENT.to_vec();
    for section in sections(bytes, COMPONENT)? {
        let Section { number, raw, body } = section?;
        let body = match number {
            IMPORT_SECTION => renamed(body, &items(number, body)?, &new_import)?,
            EXPORT_SECTION => renamed(body, &items(number, body)?, &new_export)?,
            _ => {
                out.extend_from_slice(raw);
                continue;
            }
        };
        write_section(&mut out, number, &body)?;
    }
    Ok(out)
}

fn names(bytes: &[u8], wanted: u8) -> Result<Vec<String>> {
    let mut names = Vec::new();
    for section in sections(bytes, COMPONENT)? {
        let Section { number, body, .. } = section?;
        if number == wanted {
            let items = items(number, body)?;
            names.extend(items.iter().map(|item| item.name.to_owned()));
        }
    }
    Ok(names)
}

/// An import or export: where it starts in the body of its section, and its name.
struct Item<'a> {
    start: u64,
    name: &'a str,
}

/// What a section of imports or exports has in it.
fn items(number: u8, body: &[u8]) -> Result<Vec<Item<'_>>> {
    let reader = BinaryReader::new(body, 0);
    let mut items = Vec::new();
    if number == IMPORT_SECTION {
        for item in ComponentImportSectionReader::new(reader)?.into_iter_with_offsets() {
            let (start, import) = item?;
            let name = import.name.name;
            items.push(Item { start, name });
        }
    } else {
        for item in ComponentExportSectionReader::new(reader)?.into_iter_with_offsets() {
            let (start, export) = item?;
            let name = export.name.name;
            items.push(Item { start, name });
        }
    }
    Ok(items)
}

/// The body of a section with the items renamed for which `new_name` has one.
fn renamed(
    body: &[u8],
    items: &[Item<'_>],
    new_name: impl Fn(&str) -> Option<String>,
) -> Result<Vec<u8>> {
    let mut out = Vec::with_capacity(body.len());
    let body_end = u64::try_from(body.len())?;
    let first = items.first().map_or(body_end, |item| item.start);
    out.extend_from_slice(slice(body, 0, first)?);
    for (position, Item { start, name }) in items.iter().enumerate() {
        let end = items.get(position + 1).map_or(body_end, |next| next.start);
        let item = slice(body, *start, end)?;
        let Some(new_name) = new_name(name) else {
            out.extend_from_slice(item);
            continue;
        };
        // Either is a kind byte, the name with its length, and the rest.
        let mut reader = BinaryReader::new(item, 0);
        let kind = reader.read_u8()?;
        ensure!(
            reader.read_string()? == *name,
            "a name is not where it should be"
        );
        out.push(kind);
        write_length(&mut out, new_name.len())?;
        out.extend_from_slice(new_name.as_bytes());
        out.extend_from_slice(slice(item, reader.original_position(), end - start)?);
    }
    Ok(out)
}
