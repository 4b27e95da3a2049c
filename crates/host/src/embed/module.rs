//! The core module that has the place.

use anyhow::{Context as _, Result, bail, ensure};
use doorward_syntax::embedded::{MARK, PLACE_BYTES};
use wasmparser::{
    BinaryReader, Data, DataKind, DataSectionReader, MemorySectionReader, MemoryType,
};

use crate::sections::{MODULE, sections, slice, write_length, write_section};

/// Number of the section of a module that says what its memory is like.
const MEMORY_SECTION: u8 = 5;
/// Number of the section that holds the data of a module.
const DATA_SECTION: u8 = 11;
/// Number of the section that says how many segments of data there are.
const DATA_COUNT_SECTION: u8 = 12;
/// Bytes of a page of memory.
const PAGE_BYTES: u64 = 65536;
/// Pages that a memory with addresses of 32 bits can have.
const PAGES_MAX: u64 = 65536;
/// Of a memory: it has a maximum.
const HAS_MAXIMUM: u8 = 1;
/// An address as an expression: an `i32.const`, and the end.
const I32_CONST: u8 = 0x41;
const END: u8 = 0x0b;

/// Where the place is.
pub struct Place {
    /// Where it begins in the body of the data section.
    at: usize,
    /// Whether something is in it.
    pub is_taken: bool,
}

/// Where this module has the place; `None`: it has none.
///
/// # Errors
///
/// When it is not a module, or has several.
pub fn place(module: &[u8]) -> Result<Option<Place>> {
    let mut found = None;
    for section in sections(module, MODULE)? {
        let section = section?;
        if section.number != DATA_SECTION {
            continue;
        }
        for data in DataSectionReader::new(BinaryReader::new(section.body, 0))? {
            let data = data?;
            for at in marks(data.data) {
                ensure!(found.is_none(), "it has two places for files");
                found = Some(in_segment(&data, at)?);
            }
        }
    }
    Ok(found)
}

/// Where the mark is.
fn marks(data: &[u8]) -> impl Iterator<Item = usize> {
    let places = data.windows(MARK.len()).enumerate();
    places.filter_map(|(at, bytes)| (bytes == MARK).then_some(at))
}

/// The place whose mark is there in a segment.
fn in_segment(data: &Data<'_>, mark: usize) -> Result<Place> {
    ensure!(
        matches!(
            data.kind,
            DataKind::Active {
                memory_index: 0,
                ..
            }
        ),
        "the place for files is not in its memory when it begins"
    );
    let numbers = data.data.get(mark.saturating_sub(PLACE_BYTES)..mark);
    let numbers = numbers.unwrap_or_default();
    let is_taken = numbers.iter().any(|byte| *byte != 0);
    // The image of a memory has no zeros at the beginning of a segment, so of an address it may lack the low bytes.
    ensure!(
        is_taken || numbers.len() == PLACE_BYTES,
        "the place for files is cut off"
    );
    // The data are the end of the segment.
    let end = usize::try_from(data.range.end)?;
    let at = (end - data.data.len() + mark).saturating_sub(PLACE_BYTES);
    Ok(Place { at, is_taken })
}

/// The module with these bytes at the old end of its memory, and the place saying so.
///
/// # Errors
///
/// When something is there already, or the memory cannot be made larger.
pub fn with(module: &[u8], place: &Place, contents: &[u8]) -> Result<Vec<u8>> {
    ensure!(!place.is_taken, "something is embedded in it already");
    let memory = memory(module)?;
    let address = memory.initial * PAGE_BYTES;
    let pages = memory.initial + u64::try_from(contents.len())?.div_ceil(PAGE_BYTES);
    ensure!(
        pages <= memory.maximum.unwrap_or(PAGES_MAX).min(PAGES_MAX),
        "its memory cannot have {pages} pages"
    );
    let address = u32::try_from(address)?;
    let mut out = MODULE.to_vec();
    for section in sections(module, MODULE)? {
        let section = section?;
        let body = match section.number {
            MEMORY_SECTION => memory_section(memory.maximum, pages)?,
            DATA_COUNT_SECTION => {
                let count = BinaryReader::new(section.body, 0).read_var_u32()?;
                let mut body = Vec::new();
                write_length(&mut body, usize::try_from(count)? + 1)?;
                body
            }
            DATA_SECTION => data_section(section.body, place, address, contents)?,
            _ => {
                out.extend_from_slice(section.raw);
                continue;
            }
        };
        write_section(&mut out, section.number, &body)?;
    }
    Ok(out)
}

/// The memory of a module, which has one of its own and of the ordinary kind.
fn memory(module: &[u8]) -> Result<MemoryType> {
    let mut memories = Vec::new();
    for section in sections(module, MODULE)? {
        let section = section?;
        if section.number == MEMORY_SECTION {
            let reader = MemorySectionReader::new(BinaryReader::new(section.body, 0))?;
            memories.extend(reader.into_iter().collect::<Result<Vec<_>, _>>()?);
        }
    }
    match memories[..] {
        [
            memory @ MemoryType {
                memory64: false,
                shared: false,
                page_size_log2: None,
                ..
            },
        ] => Ok(memory),
        _ => bail!("it has not one memory of the ordinary kind, but others"),
    }
}

fn memory_section(maximum: Option<u64>, pages: u64) -> Result<Vec<u8>> {
    let mut body = vec![1];
    body.push(if maximum.is_some() { HAS_MAXIMUM } else { 0 });
    for pages in [Some(pages), maximum].into_iter().flatten() {
        write_length(&mut body, usize::try_from(pages)?)?;
    }
    Ok(body)
}

/// The data with one more segment, at this address.
fn data_section(old: &[u8], place: &Place, address: u32, contents: &[u8]) -> Result<Vec<u8>> {
    let mut reader = BinaryReader::new(old, 0);
    let count = usize::try_from(reader.read_var_u32()?)?;
    let mut segments = slice(old, reader.original_position(), u64::try_from(old.len())?)?.to_vec();
    let at = place.at - usize::try_from(reader.original_position())?;
    let length = u32::try_from(contents.len())?;
    let numbers = [address.to_le_bytes(), length.to_le_bytes()].concat();
    segments
        .get_mut(at..at + PLACE_BYTES)
        .context("the place for files is cut off")?
        .copy_from_slice(&numbers);
    let mut body = Vec::with_capacity(segments.len() + contents.len() + 32);
    write_length(&mut body, count + 1)?;
    body.append(&mut segments);
    // A segment of the first memory, at an address.
    body.extend_from_slice(&[0, I32_CONST]);
    write_signed(&mut body, i64::from(address.cast_signed()))?;
    body.push(END);
    write_length(&mut body, contents.len())?;
    body.extend_from_slice(contents);
    Ok(body)
}

/// Appends a number with a sign as WebAssembly writes it: LEB128.
fn write_signed(out: &mut Vec<u8>, mut rest: i64) -> Result<()> {
    loop {
        let low = u8::try_from(rest & 0x7f)?;
        rest >>= 7;
        // The bit before the last is the sign.
        let is_last = (rest == 0 && low & 0x40 == 0) || (rest == -1 && low & 0x40 != 0);
        if is_last {
            out.push(low);
            return Ok(());
        }
        out.push(low | 0x80);
    }
}
