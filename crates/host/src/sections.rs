//! The sections of WebAssembly in its binary form, of components and of core modules alike.

use anyhow::{Context as _, Result, ensure};
use wasmparser::BinaryReader;

/// Magic number, version and layer.
pub const PREAMBLE_BYTES: usize = 8;
/// The preamble of a component.
pub const COMPONENT: &[u8] = b"\0asm\x0d\0\x01\0";
/// The preamble of a core module.
pub const MODULE: &[u8] = b"\0asm\x01\0\0\0";

/// One of them.
pub struct Section<'a> {
    /// Of which kind it is.
    pub number: u8,
    /// All of it.
    pub raw: &'a [u8],
    /// Without number and length.
    pub body: &'a [u8],
}

/// The sections of the outermost component or module, in order.
///
/// # Errors
///
/// When `bytes` does not begin with `preamble`.
pub fn sections<'a>(
    bytes: &'a [u8],
    preamble: &[u8],
) -> Result<impl Iterator<Item = Result<Section<'a>>>> {
    let begins = bytes.get(..PREAMBLE_BYTES).unwrap_or_default();
    ensure!(
        begins == preamble,
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
    let raw = slice(bytes, start, reader.original_position())?;
    Ok(Section { number, raw, body })
}

/// The part from `start` to `end`.
///
/// # Errors
///
/// When there is no such part.
pub fn slice(bytes: &[u8], start: u64, end: u64) -> Result<&[u8]> {
    let range = usize::try_from(start)?..usize::try_from(end)?;
    bytes.get(range).context("a section ends early")
}

/// Appends a section.
///
/// # Errors
///
/// When it is too long.
pub fn write_section(out: &mut Vec<u8>, number: u8, body: &[u8]) -> Result<()> {
    out.push(number);
    write_length(out, body.len())?;
    out.extend_from_slice(body);
    Ok(())
}

/// Appends a length as WebAssembly writes it: LEB128.
///
/// # Errors
///
/// When it has more than 32 bits.
pub fn write_length(out: &mut Vec<u8>, length: usize) -> Result<()> {
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
