//! Files as an archive that is the same for the same files: in one order, of one owner, at one time.

use std::collections::BTreeMap;
use std::io::Write as _;

use anyhow::{Context as _, Result, bail};
use clap::ValueEnum;
use doorward_host::manifest::Digest;
use doorward_host::sha256;
use flate2::{Compression, GzBuilder};

use super::place::USER;

/// The code of chains with a component in common is alike over megabytes, so zstd looks back as far: 32 MiB, as a power
/// of two. Who unpacks takes as much memory.
const ZSTD_WINDOW_LOG: u32 = 25;
/// The first one that finds what is alike so far apart. The next one that saves anything (17) takes ten times as long for a
/// fifteenth.
const ZSTD_LEVEL: i32 = 12;
/// A block of a tar archive, in bytes.
const BLOCK: usize = 512;

/// What stands at a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Entry {
    /// A folder that has to be there also when it is empty.
    Folder,
    /// A folder that the image's user may write to, where something is mounted there.
    Own,
    /// A file that is read.
    File(Vec<u8>),
    /// A file that is run.
    Program(Vec<u8>),
}

/// By their paths from the root, without a slash before them.
pub(super) type Files = BTreeMap<String, Entry>;

/// How an archive is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Packing {
    /// As runtimes of the last years take it: containerd 1.5, Docker 23, Podman, CRI-O.
    Zstd,
    /// As all take it.
    Gzip,
}

impl Packing {
    /// What the specification of images calls an archive that is compressed so.
    pub(super) fn media_type(self) -> &'static str {
        match self {
            Self::Zstd => "application/vnd.oci.image.layer.v1.tar+zstd",
            Self::Gzip => "application/vnd.oci.image.layer.v1.tar+gzip",
        }
    }

    /// # Errors
    ///
    /// When there is not enough memory.
    fn pack(self, archive: &[u8]) -> std::io::Result<Vec<u8>> {
        match self {
            Self::Zstd => {
                let mut packing = zstd::Encoder::new(Vec::new(), ZSTD_LEVEL)?;
                packing.long_distance_matching(true)?;
                packing.window_log(ZSTD_WINDOW_LOG)?;
                packing.write_all(archive)?;
                packing.finish()
            }
            Self::Gzip => {
                let mut packing = GzBuilder::new().write(Vec::new(), Compression::best());
                packing.write_all(archive)?;
                packing.finish()
            }
        }
    }
}

/// A layer of an image.
pub(super) struct Layer {
    /// The archive, compressed.
    pub packed: Vec<u8>,
    pub packing: Packing,
    /// The archive's digest before that.
    pub plain: Digest,
    /// Its length before that.
    pub plain_bytes: usize,
}

impl Layer {
    /// The files with the folders that they are in, of root, so that who runs the image can change none of them.
    ///
    /// # Errors
    ///
    /// Names the path that an archive cannot have.
    pub(super) fn of(files: &Files, seconds: i64, packing: Packing) -> Result<Self> {
        let mut all: BTreeMap<&str, Option<&Entry>> = BTreeMap::new();
        for (path, entry) in files {
            for (at, _) in path.match_indices('/') {
                all.entry(path.get(..at).unwrap_or_default()).or_default();
            }
            all.insert(path, Some(entry));
        }
        let mut archive = Vec::new();
        for (path, entry) in all {
            let (mode, owner, bytes) = match entry {
                None | Some(Entry::Folder) => (0o555, 0, None),
                Some(Entry::Own) => (0o700, USER, None),
                Some(Entry::File(bytes)) => (0o444, 0, Some(bytes)),
                Some(Entry::Program(bytes)) => (0o555, 0, Some(bytes)),
            };
            archive.extend(head(path, mode, owner, bytes.map(Vec::len), seconds)?);
            if let Some(bytes) = bytes {
                archive.extend(bytes);
                archive.resize(archive.len().next_multiple_of(BLOCK), 0);
            }
        }
        archive.resize(archive.len() + 2 * BLOCK, 0);
        let packed = packing.pack(&archive);
        Ok(Self {
            packed: packed.context("a layer cannot be compressed")?,
            packing,
            plain: sha256::of(&archive)?,
            plain_bytes: archive.len(),
        })
    }
}

/// The header of a file, or of a folder where there is no length, as POSIX has it for `ustar`.
fn head(path: &str, mode: u64, owner: u64, length: Option<usize>, seconds: i64) -> Result<Vec<u8>> {
    let folder = length.is_none();
    let path = match folder {
        true => format!("{path}/"),
        false => path.to_owned(),
    };
    let Some((prefix, name)) = split(&path) else {
        bail!(
            "the path {path:?} is too long for an image: up to 100 bytes of a name, in a folder of up to 155"
        );
    };
    let length = length.unwrap_or_default() as u64;
    let seconds = u64::try_from(seconds).unwrap_or_default();
    if length >= 1 << 33 {
        bail!("{path} has {length} bytes, and a file in an image has less than 8 GiB");
    }
    let octal = |value: u64, digits: usize| format!("{value:0digits$o}\0").into_bytes();
    let text = |text: &str, bytes: usize| {
        let mut field = text.as_bytes().to_vec();
        field.resize(bytes, 0);
        field
    };
    let before = [
        text(name, 100),
        octal(mode, 7),
        octal(owner, 7),
        octal(owner, 7),
        octal(length, 11),
        octal(seconds, 11),
    ]
    .concat();
    let after = [
        text(if folder { "5" } else { "0" }, 1),
        text("", 100),
        b"ustar\x0000".to_vec(),
        text("", 32),
        text("", 32),
        octal(0, 7),
        octal(0, 7),
        text(prefix, 155),
        text("", 12),
    ]
    .concat();
    // The sum is that of a header with spaces in the sum's place.
    let sum: u64 = [&before, b"        ".as_slice(), &after]
        .concat()
        .into_iter()
        .map(u64::from)
        .sum();
    let sum = format!("{sum:06o}\0 ").into_bytes();
    Ok([before, sum, after].concat())
}

/// A path as folder and name, as the header has them.
fn split(path: &str) -> Option<(&str, &str)> {
    if path.len() <= 100 {
        return Some(("", path));
    }
    path.match_indices('/')
        .filter_map(|(at, _)| Some((path.get(..at)?, path.get(at + 1..)?)))
        .find(|(prefix, name)| prefix.len() <= 155 && name.len() <= 100 && !name.is_empty())
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn a_header_has_a_block_and_a_long_path_in_two_parts() {
        let long = format!("{}/{}", "f".repeat(150), "n".repeat(100));
        for path in ["a", "a/b", long.as_str()] {
            let head = head(path, 0o444, 0, Some(1), 0).unwrap();
            assert_eq!(head.len(), BLOCK, "{path}");
        }
        let too_long = "n".repeat(101);
        let error = head(&too_long, 0o444, 0, Some(1), 0).unwrap_err();
        assert!(error.to_string().contains("too long"), "{error}");
    }

    #[test]
    fn the_order_in_which_files_are_found_does_not_matter() {
        let one = [("b/c", "1"), ("a", "2")];
        let two = [("a", "2"), ("b/c", "1")];
        for packing in [Packing::Gzip, Packing::Zstd] {
            let packed = |files: [(&str, &str); 2]| {
                let files = files.map(|(path, text)| (path.to_owned(), Entry::File(text.into())));
                Layer::of(&Files::from(files), 0, packing).unwrap().packed
            };
            assert_eq!(packed(one), packed(two));
        }
    }
}
