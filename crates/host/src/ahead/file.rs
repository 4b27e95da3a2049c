//! Files of the folder.

use std::fs;
use std::io::Read as _;
use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use aws_lc_rs::digest::{self, SHA256};

use crate::manifest::Digest;

/// The file that describes the folder.
pub const RECORD: &str = "ahead.json";
/// Bytes of one file: 1 GiB. Compiled code is some four times as long as a component.
const BYTES_MAX: u64 = 1 << 30;
/// Bytes that are read at once where only the digest is wanted: 128 KiB.
const PART_BYTES: usize = 128 << 10;

/// The bytes of a file.
///
/// # Errors
///
/// Names the file that cannot be read, or is too long.
pub fn read(path: &Path) -> Result<Vec<u8>> {
    let cannot = || format!("cannot read {}", path.display());
    let length = fs::metadata(path).with_context(cannot)?.len();
    ensure!(
        length <= BYTES_MAX,
        "{}: {length} bytes are more than the limit of {BYTES_MAX}",
        path.display()
    );
    fs::read(path).with_context(cannot)
}

/// SHA-256.
///
/// # Errors
///
/// Where the library gives a digest of another length than SHA-256 has.
pub fn digest_of(bytes: &[u8]) -> Result<Digest> {
    shown(digest::digest(&SHA256, bytes))
}

/// SHA-256 of a file, of which no more than a part is in memory.
///
/// # Errors
///
/// Names the file that cannot be read.
pub fn digest_of_file(path: &Path) -> Result<Digest> {
    let cannot = || format!("cannot read {}", path.display());
    let mut file = fs::File::open(path).with_context(cannot)?;
    let mut digest = digest::Context::new(&SHA256);
    let mut part = vec![0; PART_BYTES];
    loop {
        match file.read(&mut part).with_context(cannot)? {
            0 => return shown(digest.finish()),
            length => digest.update(part.get(..length).unwrap_or_default()),
        }
    }
}

fn shown(digest: digest::Digest) -> Result<Digest> {
    Digest::from_bytes(digest.as_ref()).context("SHA-256 has another length")
}
