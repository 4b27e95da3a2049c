//! What is wrong with a value.

use core::fmt;

use crate::json::{JsonStr, NAME_CHARS_SHOWN, Value};

/// Most characters of a value that a violation repeats.
pub const VALUE_CHARS_SHOWN: usize = 64;

/// The first thing that is wrong with a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// Where in the value (RFC 6901): empty for the whole of it. Of long names only the beginning is there.
    pub pointer: String,
    /// The keyword that is not met. `false` where a schema takes nothing at all, and empty where the check was given up.
    pub keyword: &'static str,
    /// What it would have to be, in a sentence without a subject: "is shorter than 3 characters".
    pub detail: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.detail)?;
        if !self.keyword.is_empty() {
            write!(f, " ({})", self.keyword)?;
        }
        Ok(())
    }
}

/// What a check tells when something is wrong: everything, or only that it is. One function checks for both, so that they
/// cannot come to different ends.
pub(super) trait Report: Sized {
    fn new(keyword: &'static str, value: Value<'_>, detail: impl FnOnce() -> String) -> Self;
    /// The same, seen from the object whose member it is in.
    fn within_member(self, name: JsonStr<'_>) -> Self;
    /// The same, seen from the array whose element it is in.
    fn within_element(self, index: usize) -> Self;
    /// The same, as something that a keyword does not take at all where a schema takes nothing.
    fn instead_of_nothing(self, keyword: &'static str, detail: &'static str) -> Self;
    /// How far the check came: how deep it was, and at which byte. 0 for the value itself.
    fn reached(&self) -> (usize, usize);
}

/// Only that something is wrong: costs nothing.
impl Report for () {
    fn new(_: &'static str, _: Value<'_>, _: impl FnOnce() -> String) {}
    fn within_member(self, _: JsonStr<'_>) {}
    fn within_element(self, _: usize) {}
    fn instead_of_nothing(self, _: &'static str, _: &'static str) {}
    fn reached(&self) -> (usize, usize) {
        (0, 0)
    }
}

/// What a schema that takes nothing says, until who has it says why.
pub(super) const NOTHING: &str = "false";

/// A violation while it is handed up.
#[derive(Debug)]
pub(super) struct Told {
    keyword: &'static str,
    detail: String,
    /// The pointer's parts, the last one first.
    path: Vec<String>,
    offset: usize,
}

impl Told {
    pub(super) fn violation(self) -> Violation {
        let mut pointer = String::new();
        for part in self.path.iter().rev() {
            pointer.push('/');
            pointer.push_str(&part.replace('~', "~0").replace('/', "~1"));
        }
        Violation {
            pointer,
            keyword: self.keyword,
            detail: self.detail,
        }
    }
}

impl Report for Box<Told> {
    fn new(keyword: &'static str, value: Value<'_>, detail: impl FnOnce() -> String) -> Self {
        Self::new(Told {
            keyword,
            detail: detail(),
            path: Vec::new(),
            offset: value.offset(),
        })
    }

    fn within_member(mut self, name: JsonStr<'_>) -> Self {
        self.path
            .push(name.chars().take(NAME_CHARS_SHOWN).collect());
        self
    }

    fn within_element(mut self, index: usize) -> Self {
        self.path.push(index.to_string());
        self
    }

    fn instead_of_nothing(mut self, keyword: &'static str, detail: &'static str) -> Self {
        if self.keyword == NOTHING && self.path.is_empty() {
            self.keyword = keyword;
            detail.clone_into(&mut self.detail);
        }
        self
    }

    fn reached(&self) -> (usize, usize) {
        (self.path.len(), self.offset)
    }
}

/// The beginning of a value, for a violation.
pub(super) fn shown(value: Value<'_>) -> String {
    let text = value.text();
    match text.char_indices().nth(VALUE_CHARS_SHOWN) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}
