//! What is written, whole or not at all.

use std::path::Path;

use anyhow::{Context as _, Result};

use crate::files::{self, Readers};

/// Writes a file in the place of what was there. Who reads it meanwhile sees one or the other, and never a part.
pub(super) fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    files::write(path, bytes, Readers::All)
        .with_context(|| format!("{} cannot be written", path.display()))
}
