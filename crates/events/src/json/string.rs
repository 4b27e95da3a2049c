//! A string, with or without its escapes.

use std::borrow::Cow;

/// A string or a member's name. Its escapes are known to be good.
#[derive(Clone, Copy, Debug)]
pub struct JsonStr<'a> {
    raw: &'a str,
    escapes: bool,
}

impl<'a> JsonStr<'a> {
    /// Of what is between the quotes, once its escapes were looked at.
    pub(super) fn new(raw: &'a str, escapes: bool) -> Self {
        Self { raw, escapes }
    }

    /// What is between the quotes, as it was sent.
    #[must_use]
    pub fn raw(self) -> &'a str {
        self.raw
    }

    /// Whether there are escapes in it. Where there are none, [`Self::raw`] is what it says.
    #[must_use]
    pub fn has_escapes(self) -> bool {
        self.escapes
    }

    /// What it says. Allocates only where there are escapes.
    #[must_use]
    pub fn unescaped(self) -> Cow<'a, str> {
        if self.escapes {
            Cow::Owned(self.chars().collect())
        } else {
            Cow::Borrowed(self.raw)
        }
    }

    /// The characters of what it says.
    #[must_use]
    pub fn chars(self) -> Chars<'a> {
        Chars {
            rest: self.raw.chars(),
        }
    }

    /// Whether it says this.
    #[must_use]
    pub fn eq_str(self, other: &str) -> bool {
        if self.escapes {
            // An escape is longer than what it stands for.
            self.raw.len() > other.len() && self.chars().eq(other.chars())
        } else {
            self.raw == other
        }
    }
}

/// Equal where they say the same.
impl PartialEq for JsonStr<'_> {
    fn eq(&self, other: &Self) -> bool {
        match (self.escapes, other.escapes) {
            (_, false) => self.eq_str(other.raw),
            (false, true) => other.eq_str(self.raw),
            (true, true) => self.chars().eq(other.chars()),
        }
    }
}

impl Eq for JsonStr<'_> {}

impl PartialEq<str> for JsonStr<'_> {
    fn eq(&self, other: &str) -> bool {
        self.eq_str(other)
    }
}

/// The characters of a string, escapes undone.
#[derive(Clone, Debug)]
pub struct Chars<'a> {
    rest: core::str::Chars<'a>,
}

impl Chars<'_> {
    /// The four hexadecimal digits that are next.
    fn unit(&mut self) -> u32 {
        let digits = self.rest.by_ref().take(4);
        digits.fold(0, |unit, digit| unit << 4 | digit.to_digit(16).unwrap_or(0))
    }
}

impl Iterator for Chars<'_> {
    type Item = char;

    fn next(&mut self) -> Option<char> {
        let c = self.rest.next()?;
        if c != '\\' {
            return Some(c);
        }
        let code = match self.rest.next()? {
            'b' => 0x8,
            'f' => 0xc,
            'n' => 0xa,
            'r' => 0xd,
            't' => 0x9,
            'u' => {
                let unit = self.unit();
                if (0xd800..0xdc00).contains(&unit) {
                    // The other half follows: a backslash, a `u` and its digits.
                    self.rest.next();
                    self.rest.next();
                    let low = self.unit();
                    0x1_0000 + ((unit & 0x3ff) << 10 | low & 0x3ff)
                } else {
                    unit
                }
            }
            other => return Some(other),
        };
        Some(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER))
    }
}
