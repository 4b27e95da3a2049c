//! SHA-256 of what is run: of bytes, of a file, of what comes piece by piece.

use std::fs;
use std::io::Read as _;
use std::path::Path;

use anyhow::{Context as _, Result};
use aws_lc_rs::digest::{self, SHA256};

use crate::manifest::Digest;

/// Bytes of a file that are read at once: 128 KiB.
const PART_BYTES: usize = 128 << 10;

/// A digest that is computed piece by piece.
pub(crate) struct Sum(digest::Context);

impl Sum {
    pub(crate) fn new() -> Self {
        Self(digest::Context::new(&SHA256))
    }

    pub(crate) fn update(&mut self, piece: &[u8]) {
        self.0.update(piece);
    }

    pub(crate) fn finish(self) -> Result<Digest> {
        Digest::from_bytes(self.0.finish().as_ref()).context("SHA-256 has another length")
    }
}

/// The digest of bytes.
///
/// # Errors
///
/// Where the library gives a digest of another length than SHA-256 has.
pub fn of(bytes: &[u8]) -> Result<Digest> {
    let mut sum = Sum::new();
    sum.update(bytes);
    sum.finish()
}

/// The digest of a file, of which no more than a part is in memory.
///
/// # Errors
///
/// Names the file that cannot be read.
pub(crate) fn of_file(path: &Path) -> Result<Digest> {
    let cannot = || format!("cannot read {}", path.display());
    let mut file = fs::File::open(path).with_context(cannot)?;
    let mut sum = Sum::new();
    let mut part = vec![0; PART_BYTES];
    loop {
        match file.read(&mut part).with_context(cannot)? {
            0 => return sum.finish(),
            length => sum.update(part.get(..length).unwrap_or_default()),
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn a_file_of_several_parts_has_the_digest_of_its_bytes() {
        // FIPS 180-4, its first example.
        let known = "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(of(b"abc").unwrap().to_string(), known);
        let bytes = b"abc".repeat(PART_BYTES);
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        fs::write(&file, &bytes).unwrap();
        assert_eq!(of_file(&file).unwrap(), of(&bytes).unwrap());
        let error = of_file(&folder.path().join("none")).unwrap_err();
        assert!(error.to_string().contains("none"), "{error}");
    }
}
