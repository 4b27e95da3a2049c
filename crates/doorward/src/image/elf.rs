//! What an executable needs to run: which program loads it, and which libraries.

use std::collections::{BTreeMap, VecDeque};
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use object::Endianness;
use object::elf::{DT_NEEDED, DT_RPATH, DT_RUNPATH, FileHeader64};
use object::read::elf::{ElfFile64, FileHeader as _, ProgramHeader as _};

/// Where the loader of glibc looks when nothing else is said: Debian's folders, and those of others.
const FOLDERS: [&str; 8] = [
    "/lib/x86_64-linux-gnu",
    "/usr/lib/x86_64-linux-gnu",
    "/lib/aarch64-linux-gnu",
    "/usr/lib/aarch64-linux-gnu",
    "/lib64",
    "/usr/lib64",
    "/lib",
    "/usr/lib",
];
/// What glibc loads for names of hosts, without being linked to it. Since 2.34 both are in the library itself.
const LOOK_UPS: [&str; 2] = ["libnss_files.so.2", "libnss_dns.so.2"];

/// What one file says.
#[derive(Debug, Default)]
struct Needs {
    loader: Option<String>,
    libraries: Vec<String>,
}

/// The files that `executable` needs, by the path at which it looks for them. None where it is linked statically.
///
/// # Errors
///
/// Names the library that is not found, and the file that is not as it should be.
pub(super) fn libraries(executable: &Path, bytes: &[u8]) -> Result<BTreeMap<PathBuf, Vec<u8>>> {
    let mut found = BTreeMap::new();
    let needs = needs(bytes).with_context(|| executable.display().to_string())?;
    let Some(loader) = needs.loader else {
        return Ok(found);
    };
    let loader = PathBuf::from(loader);
    let read = |path: &Path| {
        fs::read(path).with_context(|| format!("cannot read the library {}", path.display()))
    };
    let loader_name = loader.file_name().map(ToOwned::to_owned);
    found.insert(loader.clone(), read(&loader)?);
    let mut open: VecDeque<(String, bool)> = (needs.libraries.into_iter())
        .map(|name| (name, true))
        .chain(LOOK_UPS.map(|name| (name.to_owned(), false)))
        .collect();
    while let Some((name, required)) = open.pop_front() {
        let known = |path: &PathBuf| path.file_name().is_some_and(|file| *file == *name);
        if loader_name.as_deref().is_some_and(|file| *file == *name) || found.keys().any(known) {
            continue;
        }
        let paths = FOLDERS.iter().map(|folder| Path::new(folder).join(&name));
        let Some(path) = { paths }.find(|path| path.is_file()) else {
            if required {
                bail!(
                    "the library {name} is in none of the folders {}",
                    FOLDERS.join(", ")
                );
            }
            continue;
        };
        let bytes = read(&path)?;
        let needs = self::needs(&bytes).with_context(|| path.display().to_string())?;
        open.extend(needs.libraries.into_iter().map(|name| (name, true)));
        found.insert(path, bytes);
    }
    Ok(found)
}

fn needs(bytes: &[u8]) -> Result<Needs> {
    let elf = ElfFile64::<Endianness>::parse(bytes).context("it is no executable of 64 bits")?;
    let endian = elf.endian();
    let mut needs = Needs::default();
    for segment in elf.elf_program_headers() {
        let interpreter = segment.interpreter(endian, bytes);
        if let Some(loader) = interpreter.context("its loader's name")? {
            needs.loader = Some(String::from_utf8_lossy(loader).into_owned());
        }
    }
    let table = elf.elf_dynamic_table().context("its dynamic table")?;
    for entry in &table {
        let tag = entry.tag;
        let text = || -> Result<String> {
            let text = table.string(entry);
            Ok(String::from_utf8_lossy(text.context("its dynamic table")?).into_owned())
        };
        if tag == DT_NEEDED {
            needs.libraries.push(text()?);
        } else if tag == DT_RPATH || tag == DT_RUNPATH {
            bail!(
                "it looks for libraries in {}, which an image does not have; build it without a runpath",
                text()?
            );
        }
    }
    Ok(needs)
}

/// The executable without what is not loaded: symbols, and information for debuggers. As `strip` does it, but for the
/// table of sections, which nothing reads that runs it.
///
/// # Errors
///
/// When it is none.
pub(super) fn loaded_part(mut bytes: Vec<u8>) -> Result<Vec<u8>> {
    let (end, sections) = {
        let data = bytes.as_slice();
        let header = FileHeader64::<Endianness>::parse(data).context("it is no executable")?;
        let endian = header.endian().context("it is no executable")?;
        let segments = header.program_headers(endian, data);
        let segments = segments.context("it is no executable")?;
        let ends = segments.iter().map(|segment| {
            let (offset, length) = segment.file_range(endian);
            offset.saturating_add(length)
        });
        let table =
            header.e_phoff(endian) + u64::from(header.e_phentsize(endian)) * segments.len() as u64;
        (ends.max().unwrap_or_default().max(table), SECTIONS)
    };
    let end = usize::try_from(end).context("it is too long")?;
    bytes.truncate(end);
    for range in sections {
        let field = bytes.get_mut(range).context("it is no executable")?;
        field.fill(0);
    }
    Ok(bytes)
}

/// `e_shoff`, and `e_shentsize` to `e_shstrndx`, in the header of a file of 64 bits.
const SECTIONS: [std::ops::Range<usize>; 2] = [0x28..0x30, 0x3a..0x40];
