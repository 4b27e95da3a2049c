//! What is wrong with an event.

use std::borrow::Cow;

/// The most that is said of one event.
pub const FAULTS_MAX: usize = 8;
/// How many bytes of the name of a member a fault repeats at most.
pub const REPEATED_BYTES_MAX: usize = 64;

/// Something that is wrong with an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Where: a JSON pointer (RFC 6901). `None`: the whole of it.
    pub field: Option<String>,
    /// What is wrong there.
    pub reason: Cow<'static, str>,
}

/// All that is wrong with an event, up to [`FAULTS_MAX`]. It is used again for the next one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Faults {
    list: Vec<Fault>,
}

impl Faults {
    /// Something is wrong with the whole event.
    pub fn event(&mut self, reason: impl Into<Cow<'static, str>>) {
        self.push(None, reason.into());
    }

    /// Something is wrong with a member, which is named as it was sent.
    pub fn member(&mut self, name: &str, reason: impl Into<Cow<'static, str>>) {
        if self.list.len() < FAULTS_MAX {
            self.push(Some(pointer(name)), reason.into());
        }
    }

    /// Something is wrong at this place, a JSON pointer.
    pub fn at(&mut self, pointer: String, reason: impl Into<Cow<'static, str>>) {
        self.push(Some(pointer), reason.into());
    }

    /// Whether nothing is wrong.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// All of them, and none are left.
    pub fn take(&mut self) -> impl Iterator<Item = Fault> + '_ {
        self.list.drain(..)
    }

    fn push(&mut self, field: Option<String>, reason: Cow<'static, str>) {
        if self.list.len() < FAULTS_MAX {
            self.list.push(Fault { field, reason });
        }
    }
}

/// The JSON pointer to a member of an event (RFC 6901 section 3).
fn pointer(name: &str) -> String {
    let mut pointer = "/".to_owned();
    for character in shortened(name, REPEATED_BYTES_MAX).chars() {
        match character {
            '~' => pointer.push_str("~0"),
            '/' => pointer.push_str("~1"),
            _ => pointer.push(character),
        }
    }
    pointer
}

/// The beginning of a text, and an ellipsis where that is not all.
#[must_use]
pub fn shortened(text: &str, bytes_max: usize) -> Cow<'_, str> {
    if text.len() <= bytes_max {
        return Cow::Borrowed(text);
    }
    let start = text.get(..text.floor_char_boundary(bytes_max));
    Cow::Owned(start.unwrap_or_default().to_owned() + "\u{2026}")
}

#[cfg(test)]
mod tests {
    use super::{FAULTS_MAX, Faults, shortened};

    #[test]
    fn a_fault_names_a_member_by_a_pointer_and_repeats_little_of_it() {
        let mut faults = Faults::default();
        faults.event("is none");
        faults.member("a/b~c", "is unknown");
        faults.member(&"\u{e9}".repeat(1_000), "is unknown");
        faults.at("/data/a".to_owned(), "is missing");
        let fields: Vec<_> = faults.take().map(|fault| fault.field).collect();
        let long = format!("/{}\u{2026}", "\u{e9}".repeat(32));
        let expected = [None, Some("/a~1b~0c"), Some(&long), Some("/data/a")];
        assert_eq!(fields, expected.map(|field| field.map(str::to_owned)));
        assert!(faults.is_empty());
        assert_eq!(shortened("abc", 3), "abc");
        assert_eq!(shortened("abcd", 3), "abc\u{2026}");
    }

    #[test]
    fn no_more_is_said_of_an_event_than_a_few_things() {
        let mut faults = Faults::default();
        for nth in 0..1_000 {
            faults.member(&format!("{nth}"), "is unknown");
        }
        assert_eq!(faults.take().count(), FAULTS_MAX);
    }
}
