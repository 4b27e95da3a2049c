//! Files of the folder.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, ensure};

/// The file that describes the folder.
pub const RECORD: &str = "ahead.json";
/// Bytes of one file: 1 GiB. Compiled code is some four times as long as a component.
const BYTES_MAX: u64 = 1 << 30;

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
