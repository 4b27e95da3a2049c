//! The digest of blobs and files.

use anyhow::{Context as _, Result};
use aws_lc_rs::digest::{self, SHA256};
use doorward_host::manifest::Digest;

/// SHA-256.
pub(super) fn digest_of(bytes: &[u8]) -> Result<Digest> {
    let digest = digest::digest(&SHA256, bytes);
    Digest::from_bytes(digest.as_ref()).context("SHA-256 has another length")
}
