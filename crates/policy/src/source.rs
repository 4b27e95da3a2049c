//! Reading TOML by hand, so that every finding has its place.
//!
//! Deserialising into structs would stop at the first problem, forget where optional values stood,
//! and add code to the component for each type.

use toml::Spanned;
use toml::de::{DeString, DeTable, DeValue};

use crate::finding::{Code, Finding, Findings, Position, Related};

/// The text of a policy file and what was found in it so far.
pub(crate) struct Source<'s> {
    text: &'s str,
    line_starts: Vec<usize>,
    findings: Findings,
}

/// A value with the byte offset at which it stands.
#[derive(Clone, Copy, Debug)]
pub(crate) struct At<T> {
    pub(crate) offset: usize,
    pub(crate) value: T,
}

/// A table whose keys are all known.
#[derive(Clone, Copy)]
pub(crate) struct Fields<'t, 's> {
    table: &'t DeTable<'s>,
    /// Where the table begins.
    pub(crate) offset: usize,
}

impl<'t, 's> Fields<'t, 's> {
    pub(crate) fn new(table: &'t DeTable<'s>, offset: usize) -> Self {
        Self { table, offset }
    }

    /// The value of a key. Its offset is the value's own.
    pub(crate) fn get(&self, key: &str) -> Option<&'t Spanned<DeValue<'s>>> {
        self.entry(key).map(|(_, value)| value)
    }

    /// The offset of a key, when it is there.
    pub(crate) fn key_offset(&self, key: &str) -> Option<usize> {
        self.entry(key).map(|(key, _)| key.span().start)
    }

    fn entry(&self, key: &str) -> Option<(&'t Spanned<DeString<'s>>, &'t Spanned<DeValue<'s>>)> {
        self.table.iter().find(|(name, _)| name.get_ref() == key)
    }
}

impl<'s> Source<'s> {
    pub(crate) fn new(text: &'s str) -> Self {
        let line_starts = core::iter::once(0)
            .chain(text.match_indices('\n').map(|(index, _)| index + 1))
            .collect();
        Self {
            text,
            line_starts,
            findings: Findings::default(),
        }
    }

    pub(crate) fn into_findings(mut self) -> Findings {
        self.findings.sort();
        self.findings
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

    pub(crate) fn find(&mut self, code: Code, offset: usize, message: impl Into<String>) {
        self.find_with(code, offset, message, None, &[]);
    }

    pub(crate) fn find_with(
        &mut self,
        code: Code,
        offset: usize,
        message: impl Into<String>,
        help: Option<String>,
        related: &[(usize, String)],
    ) {
        let related = related
            .iter()
            .map(|(offset, message)| Related {
                message: message.clone(),
                at: self.position(*offset),
            })
            .collect();
        let at = self.position(offset);
        self.findings.push(Finding {
            code,
            message: message.into(),
            at,
            help,
            related,
        });
    }

    /// Reports the keys of a table that mean nothing, each with the known one that is nearest.
    pub(crate) fn check_keys(&mut self, table: &DeTable<'_>, known: &[&str], what: &str) {
        for (key, _) in table {
            let name = key.get_ref();
            if known.contains(&name.as_ref()) {
                continue;
            }
            let help = match nearest(name, known) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("{what} knows {}", list(known)),
            };
            let message = format!("{what} has no key `{}`", shown(name));
            self.find_with(Code::UnknownKey, key.span().start, message, Some(help), &[]);
        }
    }

    /// A string.
    pub(crate) fn string<'t>(
        &mut self,
        value: &'t Spanned<DeValue<'_>>,
        what: &str,
    ) -> Option<At<&'t str>> {
        match value.get_ref() {
            DeValue::String(text) => Some(At {
                offset: value.span().start,
                value: text,
            }),
            other => {
                self.wrong_type(value, what, "a string", other);
                None
            }
        }
    }

    /// `true` or `false`.
    pub(crate) fn boolean(&mut self, value: &Spanned<DeValue<'_>>, what: &str) -> Option<bool> {
        match value.get_ref() {
            DeValue::Boolean(value) => Some(*value),
            other => {
                self.wrong_type(value, what, "`true` or `false`", other);
                None
            }
        }
    }

    /// A whole number.
    pub(crate) fn integer(&mut self, value: &Spanned<DeValue<'_>>, what: &str) -> Option<At<i64>> {
        match value.get_ref() {
            DeValue::Integer(integer) => {
                let parsed = i64::from_str_radix(integer.as_str(), integer.radix());
                if parsed.is_err() {
                    let message = format!("{what} does not fit in 64 bits");
                    self.find(Code::BadValue, value.span().start, message);
                }
                parsed.ok().map(|parsed| At {
                    offset: value.span().start,
                    value: parsed,
                })
            }
            other => {
                self.wrong_type(value, what, "a whole number", other);
                None
            }
        }
    }

    /// A list of strings: not empty, no string empty or there twice, `entries_max` at most. With
    /// `or_one`, a string alone is a list of one.
    pub(crate) fn strings<'t>(
        &mut self,
        value: &'t Spanned<DeValue<'_>>,
        what: &str,
        or_one: bool,
        entries_max: usize,
    ) -> Option<Vec<At<&'t str>>> {
        let array = match value.get_ref() {
            DeValue::Array(array) => array,
            DeValue::String(text) if or_one => {
                let one = At {
                    offset: value.span().start,
                    value: text.as_ref(),
                };
                return self.checked_strings(value.span().start, vec![one], what, entries_max);
            }
            other => {
                let wanted = if or_one {
                    "a string or an array of strings"
                } else {
                    "an array of strings"
                };
                self.wrong_type(value, what, wanted, other);
                return None;
            }
        };
        let found: Vec<_> = array
            .iter()
            .map(|entry| self.string(entry, &format!("an entry of {what}")))
            .collect();
        let strings = found.into_iter().collect::<Option<Vec<_>>>()?;
        self.checked_strings(value.span().start, strings, what, entries_max)
    }

    fn checked_strings<'t>(
        &mut self,
        offset: usize,
        strings: Vec<At<&'t str>>,
        what: &str,
        entries_max: usize,
    ) -> Option<Vec<At<&'t str>>> {
        if strings.is_empty() {
            let help = Some("leave the key out, or list something".to_owned());
            self.find_with(
                Code::BadValue,
                offset,
                format!("{what} is empty"),
                help,
                &[],
            );
            return None;
        }
        if strings.len() > entries_max {
            let message = format!("{what} has more than {entries_max} entries");
            self.find(Code::TooLarge, offset, message);
            return None;
        }
        let mut good = true;
        for (index, string) in strings.iter().enumerate() {
            if string.value.is_empty() {
                self.find(
                    Code::BadValue,
                    string.offset,
                    format!("an empty entry of {what}"),
                );
                good = false;
            }
            let earlier = strings.iter().take(index).find(|s| s.value == string.value);
            if let Some(earlier) = earlier {
                let message = format!("{what} lists `{}` twice", shown(string.value));
                let related = [(earlier.offset, "it is here already".to_owned())];
                self.find_with(Code::Repeated, string.offset, message, None, &related);
                good = false;
            }
        }
        good.then_some(strings)
    }

    pub(crate) fn wrong_type(
        &mut self,
        value: &Spanned<DeValue<'_>>,
        what: &str,
        wanted: &str,
        found: &DeValue<'_>,
    ) {
        let article = match found {
            DeValue::Integer(_) | DeValue::Array(_) => "an",
            _ => "a",
        };
        let message = format!(
            "{what} must be {wanted}, not {article} {}",
            found.type_str()
        );
        self.find(Code::WrongType, value.span().start, message);
    }
}

/// A text of the file, fit to be quoted on one line of a terminal.
pub(crate) fn shown(text: &str) -> String {
    const SHOWN_CHARACTERS_MAX: usize = 80;
    let mut shown: String = text
        .chars()
        .take(SHOWN_CHARACTERS_MAX)
        .flat_map(|character| {
            let escaped = character.is_control();
            let plain = (!escaped).then_some(character);
            let escape = escaped.then(|| character.escape_unicode());
            plain.into_iter().chain(escape.into_iter().flatten())
        })
        .collect();
    if text.chars().nth(SHOWN_CHARACTERS_MAX).is_some() {
        shown.push('…');
    }
    shown
}

/// Names in a sentence: `a`, `b` and `c`.
pub(crate) fn list<S: AsRef<str>>(names: &[S]) -> String {
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
        text.push_str(&shown(name.as_ref()));
        text.push('`');
    }
    text
}

/// The known name that is nearest to `name`, when one is near enough to be meant.
pub(crate) fn nearest<S: AsRef<str>>(name: &str, known: &[S]) -> Option<String> {
    const NAME_BYTES_MAX: usize = 64;
    if name.len() > NAME_BYTES_MAX {
        return None;
    }
    let folded = fold(name);
    known
        .iter()
        .map(|candidate| {
            let candidate = candidate.as_ref();
            (distance(&folded, &fold(candidate)), candidate)
        })
        .filter(|(distance, candidate)| *distance <= 1 + candidate.len() / 4)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate.to_owned())
}

fn fold(name: &str) -> Vec<u8> {
    name.bytes()
        .map(|byte| match byte {
            b'-' => b'_',
            byte => byte.to_ascii_lowercase(),
        })
        .collect()
}

/// The edit distance, where exchanging two neighbours counts once (optimal string alignment).
fn distance(left: &[u8], right: &[u8]) -> usize {
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=right.len()).collect();
    let mut left_previous = None;
    for (row, &a) in left.iter().enumerate() {
        let mut next = Vec::with_capacity(last.len());
        next.push(row + 1);
        let mut right_previous = None;
        for (column, &b) in right.iter().enumerate() {
            let cell = |line: &[usize], at: usize| line.get(at).copied().unwrap_or(usize::MAX / 2);
            let mut best = (cell(&last, column) + usize::from(a != b))
                .min(cell(&last, column + 1) + 1)
                .min(cell(&next, column) + 1);
            if left_previous == Some(b) && right_previous == Some(a) {
                best = best.min(cell(&before, column.wrapping_sub(1)) + 1);
            }
            next.push(best);
            right_previous = Some(b);
        }
        before = core::mem::replace(&mut last, next);
        left_previous = Some(a);
    }
    last.last().copied().unwrap_or_default()
}
