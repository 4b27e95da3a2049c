//! One line of JSON on standard error for each thing worth telling: refusals, and changes of what the
//! gate rests on. A request that is let through writes nothing: a line costs a request 11 µs on Spin.
//!
//! No value that is logged may be a token or a secret. The errors of `token` and `policy` hold none, and
//! nothing else from a request is logged but its method, its route and a bounded piece of its path.

use serde_json::{Map, Value};
use std::io::Write as _;

/// A text from outside (a path, an error of the host) is cut after this many bytes.
const TEXT_BYTES_MAX: usize = 512;

/// How much a line matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// As it should be, and worth knowing: keys were fetched.
    Info,
    /// Somebody was refused, or something had to be done without.
    Warn,
    /// The application is set up wrongly or cannot do its work.
    Error,
}

impl Level {
    fn name(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warn => "warn",
            Self::Error => "error",
        }
    }
}

/// Writes one line: the level, the event's name and its fields.
pub fn event(level: Level, name: &str, fields: &[(&str, &dyn std::fmt::Display)]) {
    let mut line = Map::with_capacity(fields.len() + 2);
    line.insert("level".to_owned(), Value::from(level.name()));
    line.insert("event".to_owned(), Value::from(name));
    for (key, value) in fields {
        line.insert((*key).to_owned(), Value::from(bounded(&value.to_string())));
    }
    let mut text = Value::Object(line).to_string();
    text.push('\n');
    // Where standard error is gone there is nobody left to tell.
    let _ = std::io::stderr().write_all(text.as_bytes());
}

fn bounded(text: &str) -> &str {
    text.get(..text.floor_char_boundary(TEXT_BYTES_MAX))
        .unwrap_or(text)
}
