//! Reading a policy file by hand, so that every finding has its place.
//!
//! Deserialising into structs would stop at the first problem, forget where optional values stood,
//! and add code to the component for each type. For the same reason messages come as
//! [`Display`], and are written out in one place.

use core::fmt::{Display, Write};
use core::ops::RangeInclusive;

use crate::document::{Document, Entry, ROOT};
use crate::finding::{self, Code, Finding, Findings, Position};
pub(crate) use crate::value::At;
use crate::value::{TableId, Value};

/// The text of a policy file and what was found in it so far.
pub(crate) struct Source<'s> {
    text: &'s str,
    line_starts: Vec<usize>,
    findings: Findings,
}

/// Other places that a finding has to do with.
pub(crate) type Related<'m> = &'m [(usize, &'m dyn Display)];

/// A table of the file, of which every key is either asked for or unknown.
#[derive(Clone, Copy)]
pub(crate) struct Fields<'t, 's> {
    document: &'t Document<'s>,
    id: TableId,
    /// Its entries, in the order of their names.
    pub(crate) entries: &'t [Entry<'s>],
    /// Where the table begins.
    pub(crate) offset: usize,
}

impl<'t, 's> Fields<'t, 's> {
    /// The table that is the whole file.
    pub(crate) fn root(document: &'t Document<'s>) -> Self {
        Self::new(document, ROOT, 0)
    }

    fn new(document: &'t Document<'s>, id: TableId, offset: usize) -> Self {
        Self {
            document,
            id,
            entries: document.table(id),
            offset,
        }
    }

    /// A value of this table or one within it, when it is a table, too.
    pub(crate) fn table(&self, value: &At<Value<'s>>) -> Option<Self> {
        let Value::Table(id) = value.value else {
            return None;
        };
        Some(Self::new(self.document, id, value.offset))
    }

    /// The value of a key. Its offset is the value's own.
    pub(crate) fn get(&self, key: &'static str) -> Option<&'t At<Value<'s>>> {
        self.entry(key).map(|entry| &entry.value)
    }

    /// The offset of a key, when it is there.
    pub(crate) fn key_offset(&self, key: &'static str) -> Option<usize> {
        self.entry(key).map(|entry| entry.name.offset)
    }

    /// The place of a value that was read before, when it is there.
    pub(crate) fn place_of(&self, key: &str) -> Option<usize> {
        self.find(key).map(|entry| entry.value.offset)
    }

    fn entry(&self, key: &'static str) -> Option<&'t Entry<'s>> {
        let mut asked = self.document.asked.take();
        asked.push((self.id, key));
        self.document.asked.set(asked);
        self.find(key)
    }

    fn find(&self, key: &str) -> Option<&'t Entry<'s>> {
        self.entries.iter().find(|entry| entry.name.value == key)
    }

    /// The keys that were asked for up to now, in order.
    pub(crate) fn asked(&self) -> Vec<&'static str> {
        let asked = self.document.asked.take();
        let mut keys: Vec<&str> = Vec::new();
        for (id, key) in &asked {
            if *id == self.id
                && let Err(place) = keys.binary_search(key)
            {
                keys.insert(place, key);
            }
        }
        self.document.asked.set(asked);
        keys
    }

    /// Whether every key was asked for.
    pub(crate) fn is_finished(&self) -> bool {
        let asked = self.document.asked.take();
        let is_known = |entry: &Entry<'_>| {
            let mut asked = asked.iter().rev();
            asked.any(|(id, key)| *id == self.id && entry.name.value == *key)
        };
        let is_finished = self.entries.iter().all(is_known);
        self.document.asked.set(asked);
        is_finished
    }

    /// Forgets what it was asked for.
    fn forget(&self) {
        let mut asked = self.document.asked.take();
        asked.retain(|(id, _)| *id != self.id);
        self.document.asked.set(asked);
    }
}

impl<'s> Source<'s> {
    pub(crate) fn new(text: &'s str) -> Self {
        Self::with_findings(text, Findings::default())
    }

    /// A text of which something was found before.
    pub(crate) fn with_findings(text: &'s str, findings: Findings) -> Self {
        let line_starts = core::iter::once(0)
            .chain(text.match_indices('\n').map(|(index, _)| index + 1))
            .collect();
        Self {
            text,
            line_starts,
            findings,
        }
    }

    pub(crate) fn into_findings(self) -> Findings {
        self.findings
    }

    pub(crate) fn has_findings(&self) -> bool {
        self.findings_count() > 0
    }

    pub(crate) fn has_errors(&self) -> bool {
        self.findings.has_errors()
    }

    pub(crate) fn findings_count(&self) -> usize {
        self.findings.as_slice().len() + self.findings.left_out()
    }

    /// What stands at a byte offset, and after it.
    pub(crate) fn text_from(&self, offset: usize) -> &'s str {
        self.text.get(offset..).unwrap_or_default()
    }

    /// Line and column of a byte offset.
    pub(crate) fn position(&self, offset: usize) -> Position {
        let line = self.line_starts.partition_point(|&start| start <= offset);
        let start = line
            .checked_sub(1)
            .and_then(|line| self.line_starts.get(line))
            .copied()
            .unwrap_or_default();
        let before = self.text.get(start..offset).unwrap_or_default();
        Position {
            line: line.max(1),
            column: before.chars().count() + 1,
        }
    }

    pub(crate) fn find(&mut self, code: Code, offset: usize, message: &dyn Display) {
        self.find_with(code, offset, message, None, &[]);
    }

    // Inlined, so that what is left out leaves nothing behind where it is written either.
    #[inline(always)]
    pub(crate) fn find_with(
        &mut self,
        code: Code,
        offset: usize,
        message: &dyn Display,
        help: Option<&dyn Display>,
        related: Related<'_>,
    ) {
        if cfg!(feature = "help") {
            self.add(code, offset, message, help, related);
        } else {
            self.add(code, offset, message, None, &[]);
        }
    }

    #[inline(never)]
    fn add(
        &mut self,
        code: Code,
        offset: usize,
        message: &dyn Display,
        help: Option<&dyn Display>,
        related: Related<'_>,
    ) {
        let related = related
            .iter()
            .map(|(offset, message)| finding::Related {
                message: message.to_string(),
                at: self.position(*offset),
            })
            .collect();
        let at = self.position(offset);
        self.findings.push(Finding {
            code,
            message: message.to_string(),
            at,
            help: help.map(|help| help.to_string()),
            related,
        });
    }

    /// Reports the keys of a table that nobody has asked for, each with the one that is nearest of those that
    /// somebody has. So it comes after all that reads the table.
    pub(crate) fn finish(&mut self, fields: Fields<'_, '_>, what: &str) {
        if !fields.is_finished() {
            let known = fields.asked();
            for Entry { name, .. } in fields.entries {
                if known.contains(&name.value.as_ref()) {
                    continue;
                }
                let help = suggestion(&name.value, &known, &format_args!("{what} knows"));
                let message = format_args!("{what} has no key `{}`", shown(&name.value));
                self.find_with(
                    Code::UnknownTomlKey,
                    name.offset,
                    &message,
                    Some(&help),
                    &[],
                );
            }
        }
        fields.forget();
    }

    /// A string.
    pub(crate) fn string<'t>(
        &mut self,
        value: &'t At<Value<'_>>,
        what: &str,
    ) -> Option<At<&'t str>> {
        if let Value::Text(text) = &value.value {
            return Some(At {
                offset: value.offset,
                value: text,
            });
        }
        self.wrong_type(value, what, "a string");
        None
    }

    /// `true` or `false`.
    pub(crate) fn boolean(&mut self, value: &At<Value<'_>>, what: &str) -> Option<bool> {
        if let Value::Boolean(value) = value.value {
            return Some(value);
        }
        self.wrong_type(value, what, "`true` or `false`");
        None
    }

    /// A whole number.
    pub(crate) fn integer(&mut self, value: &At<Value<'_>>, what: &str) -> Option<At<i64>> {
        let Value::Integer(integer) = value.value else {
            self.wrong_type(value, what, "a whole number");
            return None;
        };
        let offset = value.offset;
        if integer.is_none() {
            let message = format_args!("{what} does not fit in 64 bits");
            self.find(Code::BadValue, offset, &message);
        }
        integer.map(|value| At { offset, value })
    }

    /// The string under a key; `None` where there is none.
    pub(crate) fn text<'t>(
        &mut self,
        fields: Fields<'t, '_>,
        key: &'static str,
    ) -> Option<At<&'t str>> {
        let value = fields.get(key)?;
        self.string(value, &format!("`{key}`"))
    }

    /// The string under a key that `what` cannot be without.
    pub(crate) fn needed<'t>(
        &mut self,
        fields: Fields<'t, '_>,
        key: &'static str,
        what: &str,
        help: &str,
    ) -> Option<At<&'t str>> {
        self.is_there(fields, key, what, help)
            .then(|| self.text(fields, key))?
    }

    /// Whether a key is there that `what` cannot be without.
    pub(crate) fn is_there(
        &mut self,
        fields: Fields<'_, '_>,
        key: &'static str,
        what: &str,
        help: &str,
    ) -> bool {
        let there = fields.get(key).is_some();
        if !there {
            let message = format_args!("{what} has no `{key}`");
            self.find_with(Code::MissingKey, fields.offset, &message, Some(&help), &[]);
        }
        there
    }

    /// `true` or `false` under a key; `otherwise` where there is neither.
    pub(crate) fn flag(
        &mut self,
        fields: Fields<'_, '_>,
        key: &'static str,
        otherwise: bool,
    ) -> bool {
        let value = fields.get(key);
        let flag = value.and_then(|value| self.boolean(value, &format!("`{key}`")));
        flag.unwrap_or(otherwise)
    }

    /// A number of seconds under a key; `otherwise` where there is none.
    pub(crate) fn seconds(
        &mut self,
        fields: Fields<'_, '_>,
        key: &'static str,
        range: RangeInclusive<u64>,
        otherwise: u64,
    ) -> u64 {
        self.number_of(fields, key, range, otherwise, " seconds")
    }

    /// A number under a key; `otherwise` where there is none.
    pub(crate) fn number(
        &mut self,
        fields: Fields<'_, '_>,
        key: &'static str,
        range: RangeInclusive<u64>,
        otherwise: u64,
    ) -> u64 {
        self.number_of(fields, key, range, otherwise, "")
    }

    fn number_of(
        &mut self,
        fields: Fields<'_, '_>,
        key: &'static str,
        range: RangeInclusive<u64>,
        otherwise: u64,
        unit: &str,
    ) -> u64 {
        let value = fields.get(key);
        let Some(number) = value.and_then(|value| self.integer(value, &format!("`{key}`"))) else {
            return otherwise;
        };
        let found = u64::try_from(number.value).ok();
        if let Some(found) = found.filter(|found| range.contains(found)) {
            return found;
        }
        let (least, most) = (range.start(), range.end());
        let message = format_args!("`{key}` must be between {least} and {most}{unit}");
        self.find(Code::BadValue, number.offset, &message);
        otherwise
    }

    /// Which of `names` a key has as its value; the first one where it has none of them.
    pub(crate) fn choice(
        &mut self,
        fields: Fields<'_, '_>,
        key: &'static str,
        names: &[&str],
    ) -> usize {
        let Some(text) = self.text(fields, key) else {
            return 0;
        };
        let choice = names.iter().position(|name| *name == text.value);
        if choice.is_none() {
            let help = suggestion(text.value, names, &"there are");
            let message = format_args!("`{key}` cannot be `{}`", shown(text.value));
            self.find_with(Code::BadValue, text.offset, &message, Some(&help), &[]);
        }
        choice.unwrap_or_default()
    }

    /// The table under a key.
    pub(crate) fn table_of<'t, 'd>(
        &mut self,
        fields: Fields<'t, 'd>,
        key: &'static str,
    ) -> Option<Fields<'t, 'd>> {
        let value = fields.get(key)?;
        let table = fields.table(value);
        if table.is_none() {
            self.wrong_type(value, &format!("`{key}`"), "a table");
        }
        table
    }

    /// A list of strings, or a string alone as a list of one: not empty, no string empty or there
    /// twice, `entries_max` at most.
    pub(crate) fn strings<'t>(
        &mut self,
        value: &'t At<Value<'_>>,
        what: &str,
        entries_max: usize,
    ) -> Option<Vec<At<&'t str>>> {
        let offset = value.offset;
        let values = match &value.value {
            Value::Array { values, .. } => values.as_slice(),
            Value::Text(_) => core::slice::from_ref(value),
            _ => {
                self.wrong_type(value, what, "a string or an array of strings");
                return None;
            }
        };
        if values.is_empty() {
            let message = format_args!("{what} is empty");
            let help = "leave the key out, or list something";
            self.find_with(Code::BadValue, offset, &message, Some(&help), &[]);
            return None;
        }
        if values.len() > entries_max {
            let message = format_args!("{what} has more than {entries_max} entries");
            self.find(Code::TooLarge, offset, &message);
            return None;
        }
        let mut strings: Vec<At<&str>> = Vec::with_capacity(values.len());
        for value in values {
            let Value::Text(text) = &value.value else {
                self.wrong_type(value, &format!("an entry of {what}"), "a string");
                continue;
            };
            let string = At {
                offset: value.offset,
                value: text.as_ref(),
            };
            if string.value.is_empty() {
                let message = format_args!("an empty entry of {what}");
                self.find(Code::BadValue, string.offset, &message);
            } else if let Some(earlier) = strings.iter().find(|s| s.value == string.value) {
                let message = format_args!("{what} lists `{}` twice", shown(string.value));
                let related: Related<'_> = &[(earlier.offset, &"it is here already")];
                self.find_with(Code::Repeated, string.offset, &message, None, related);
            } else {
                strings.push(string);
            }
        }
        (strings.len() == values.len()).then_some(strings)
    }

    pub(crate) fn wrong_type(&mut self, found: &At<Value<'_>>, what: &str, wanted: &str) {
        let type_name = found.value.type_name();
        let message = format_args!("{what} must be {wanted}, not {type_name}");
        self.find(Code::WrongType, found.offset, &message);
    }
}

/// The texts one after the other.
#[inline(never)]
pub(crate) fn concat(texts: &[&str]) -> String {
    texts.concat()
}

/// A text of the file, fit to be quoted on one line of a terminal.
pub(crate) fn shown(text: &str) -> String {
    const SHOWN_CHARACTERS_MAX: usize = 80;
    let mut shown = String::new();
    for (index, character) in text.chars().enumerate() {
        if index == SHOWN_CHARACTERS_MAX {
            shown.push('…');
            break;
        }
        if character.is_control() {
            // Writing to a string does not fail.
            let _ = write!(shown, "\\u{{{:x}}}", u32::from(character));
        } else {
            shown.push(character);
        }
    }
    shown
}

/// Names in a sentence: `a`, `b` and `c`.
pub(crate) fn list(names: &[&str]) -> String {
    let mut text = String::new();
    for (index, name) in names.iter().enumerate() {
        if index > 0 {
            text.push_str(if index + 1 == names.len() {
                " and "
            } else {
                ", "
            });
        }
        text.push('`');
        text.push_str(&shown(name));
        text.push('`');
    }
    text
}

/// Which known name was probably meant; all of them, after `otherwise`, when none is near.
pub(crate) fn suggestion(name: &str, known: &[&str], otherwise: &dyn Display) -> String {
    match nearest(name, known) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("{otherwise} {}", list(known)),
    }
}

/// The known name that is nearest to `name`, when one is near enough to be meant.
/// Two neighbours that are exchanged count once.
pub(crate) fn nearest<'k>(name: &str, known: &[&'k str]) -> Option<&'k str> {
    const NAME_BYTES_MAX: usize = 64;
    if name.len() > NAME_BYTES_MAX {
        return None;
    }
    let folded = fold(name);
    known
        .iter()
        .map(|candidate| (strsim::osa_distance(&folded, &fold(candidate)), *candidate))
        .filter(|(distance, candidate)| *distance <= 1 + candidate.len() / 4)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

fn fold(name: &str) -> String {
    name.to_ascii_lowercase().replace('-', "_")
}
