//! Reading a TOML table by hand: every key is asked for by name, and what nobody asked for is an
//! unknown key.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::error::Problem;
use crate::nearest::nearest;

/// A value of the document with its place.
pub(super) type Value<'d> = Spanned<DeValue<'d>>;

/// The document being read and what was found wrong so far.
pub(super) struct Document<'t> {
    text: &'t str,
    problems: RefCell<Vec<Problem>>,
}

impl<'t> Document<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        Self {
            text,
            problems: RefCell::new(Vec::new()),
        }
    }

    pub(super) fn into_problems(self) -> Vec<Problem> {
        self.problems.into_inner()
    }

    /// The line and the column (in characters) of a byte position, both from 1.
    pub(super) fn position(&self, at: usize) -> (usize, usize) {
        let before = self.text.get(..at).unwrap_or(self.text);
        let line_start = before.rfind('\n').map_or(0, |index| index + 1);
        let line = before.matches('\n').count() + 1;
        let column = before.get(line_start..).unwrap_or("").chars().count() + 1;
        (line, column)
    }

    pub(super) fn line(&self, span: &Range<usize>) -> usize {
        self.position(span.start).0
    }

    /// Notes that something is wrong at `span`.
    pub(super) fn problem(&self, span: &Range<usize>, message: impl Into<String>) {
        self.push(span, message.into(), None);
    }

    /// Notes that something is wrong at `span`, and what to do about it.
    pub(super) fn problem_with_help(
        &self,
        span: &Range<usize>,
        message: impl Into<String>,
        help: impl Into<String>,
    ) {
        self.push(span, message.into(), Some(help.into()));
    }

    fn push(&self, span: &Range<usize>, message: String, help: Option<String>) {
        let (line, column) = self.position(span.start);
        self.problems.borrow_mut().push(Problem {
            line,
            column,
            message,
            help,
        });
    }

    fn wrong_type(&self, value: &Value<'_>, place: &str, expected: &str) {
        self.problem(
            &value.span(),
            format!(
                "{place} has to be {expected}, not {}",
                article(value.get_ref().type_str())
            ),
        );
    }

    pub(super) fn string(&self, value: &Value<'_>, place: &str) -> Option<String> {
        let text = value.get_ref().as_str();
        if text.is_none() {
            self.wrong_type(value, place, "a string");
        }
        text.map(str::to_owned)
    }

    pub(super) fn boolean(&self, value: &Value<'_>, place: &str) -> Option<bool> {
        let flag = value.get_ref().as_bool();
        if flag.is_none() {
            self.wrong_type(value, place, "true or false");
        }
        flag
    }

    pub(super) fn array<'v, 'd>(
        &self,
        value: &'v Value<'d>,
        place: &str,
    ) -> Option<impl Iterator<Item = &'v Value<'d>> + use<'v, 'd>> {
        let array = value.get_ref().as_array();
        if array.is_none() {
            self.wrong_type(value, place, "a list");
        }
        array.map(|array| array.iter())
    }

    /// The strings of a list, each with its place.
    pub(super) fn spanned_strings(
        &self,
        value: &Value<'_>,
        place: &str,
    ) -> Vec<(Range<usize>, String)> {
        let Some(items) = self.array(value, place) else {
            return Vec::new();
        };
        items
            .filter_map(|item| {
                let text = self.string(item, &format!("each entry of {place}"))?;
                Some((item.span(), text))
            })
            .collect()
    }

    pub(super) fn strings(&self, value: &Value<'_>, place: &str) -> Vec<String> {
        self.spanned_strings(value, place)
            .into_iter()
            .map(|(_, text)| text)
            .collect()
    }

    /// The entries of a table whose keys are names of the author's choice, each a string.
    pub(super) fn string_map(
        &self,
        value: &Value<'_>,
        place: &str,
    ) -> Vec<(Range<usize>, String, Range<usize>, String)> {
        let Some(table) = self.table(value, place) else {
            return Vec::new();
        };
        table
            .entries()
            .filter_map(|(key_span, key, item)| {
                let text = self.string(item, &format!("{place}.{key}"))?;
                Some((key_span, key.to_owned(), item.span(), text))
            })
            .collect()
    }

    pub(super) fn table<'v, 'd>(
        &self,
        value: &'v Value<'d>,
        place: &str,
    ) -> Option<Table<'_, 't, 'v, 'd>> {
        match value.get_ref().as_table() {
            Some(table) => Some(Table::new(self, value.span(), place.to_owned(), table)),
            None => {
                self.wrong_type(value, place, "a table");
                None
            }
        }
    }
}

/// A table of which every key is either asked for or unknown.
pub(super) struct Table<'x, 't, 'v, 'd> {
    document: &'x Document<'t>,
    span: Range<usize>,
    place: String,
    entries: BTreeMap<&'v str, (Range<usize>, &'v Value<'d>, Cell<bool>)>,
    known: RefCell<Vec<&'static str>>,
}

impl<'x, 't, 'v, 'd> Table<'x, 't, 'v, 'd> {
    pub(super) fn new(
        document: &'x Document<'t>,
        span: Range<usize>,
        place: String,
        table: &'v DeTable<'d>,
    ) -> Self {
        let entries = table
            .iter()
            .map(|(key, value)| {
                let name: &str = key.get_ref();
                (name, (key.span(), value, Cell::new(false)))
            })
            .collect();
        Self {
            document,
            span,
            place,
            entries,
            known: RefCell::new(Vec::new()),
        }
    }

    pub(super) fn span(&self) -> &Range<usize> {
        &self.span
    }

    /// How a key of the table is called in a message.
    pub(super) fn place_of(&self, key: &str) -> String {
        if self.place.is_empty() {
            format!("`{key}`")
        } else {
            format!("{}: `{key}`", self.place)
        }
    }

    /// Every entry, for a table whose keys are the author's; none is unknown then.
    pub(super) fn entries(&self) -> impl Iterator<Item = (Range<usize>, &'v str, &'v Value<'d>)> {
        self.entries.iter().map(|(key, (span, value, asked))| {
            asked.set(true);
            (span.clone(), *key, *value)
        })
    }

    /// The value of a known key.
    pub(super) fn get(&self, key: &'static str) -> Option<&'v Value<'d>> {
        self.known.borrow_mut().push(key);
        let (_, value, asked) = self.entries.get(key)?;
        asked.set(true);
        Some(value)
    }

    /// The place of a key that is there.
    pub(super) fn key_span(&self, key: &str) -> Option<Range<usize>> {
        self.entries.get(key).map(|(span, ..)| span.clone())
    }

    pub(super) fn string(&self, key: &'static str) -> Option<String> {
        let value = self.get(key)?;
        self.document.string(value, &self.place_of(key))
    }

    pub(super) fn boolean(&self, key: &'static str) -> Option<bool> {
        let value = self.get(key)?;
        self.document.boolean(value, &self.place_of(key))
    }

    pub(super) fn strings(&self, key: &'static str) -> Vec<String> {
        self.get(key).map_or_else(Vec::new, |value| {
            self.document.strings(value, &self.place_of(key))
        })
    }

    pub(super) fn spanned_strings(&self, key: &'static str) -> Vec<(Range<usize>, String)> {
        self.get(key).map_or_else(Vec::new, |value| {
            self.document.spanned_strings(value, &self.place_of(key))
        })
    }

    /// A string that has to be there.
    pub(super) fn required_string(&self, key: &'static str) -> Option<String> {
        if self.entries.contains_key(key) {
            self.string(key)
        } else {
            self.known.borrow_mut().push(key);
            self.missing(key);
            None
        }
    }

    pub(super) fn missing(&self, key: &str) {
        let owner = if self.place.is_empty() {
            "the manifest"
        } else {
            &self.place
        };
        self.document
            .problem(&self.span, format!("{owner} has no `{key}`"));
    }

    /// A key that is known but that this host does not serve.
    pub(super) fn refuse(&self, key: &'static str, why: &str, help: &str) {
        if self.get(key).is_some() {
            let span = self.key_span(key).unwrap_or_else(|| self.span.clone());
            self.document
                .problem_with_help(&span, format!("{} {why}", self.place_of(key)), help);
        }
    }

    /// Notes every key that nobody asked for.
    pub(super) fn finish(self) {
        let known = self.known.borrow();
        for (key, (span, _, asked)) in &self.entries {
            if asked.get() {
                continue;
            }
            let owner = if self.place.is_empty() {
                "the manifest".to_owned()
            } else {
                self.place.clone()
            };
            let help = match nearest(key, known.iter().copied()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => {
                    let mut names = known.clone();
                    names.sort_unstable();
                    names.dedup();
                    format!("known here: {}", names.join(", "))
                }
            };
            self.document
                .problem_with_help(span, format!("unknown key `{key}` in {owner}"), help);
        }
    }
}

fn article(type_name: &str) -> String {
    match type_name {
        "array" => "a list".to_owned(),
        "integer" => "an integer".to_owned(),
        other => format!("a {other}"),
    }
}
