//! What a process says that serves.

use std::fmt::Display;
use std::io::Write as _;

/// Says it on standard error, where anybody is left to hear it: that a terminal or a pipe is closed is no reason to end.
pub(crate) fn say(text: impl Display) {
    let _ = writeln!(std::io::stderr(), "{text}");
}
