//! Regular expressions of ECMA-262, in the words of `regex-syntax`.
//!
//! JSON Schema's patterns are those of JavaScript (core §6.4). What both write in the same way they mean differently in
//! places: `\d`, `\w` and `\b` are about ASCII in the one and Unicode in the other, `.` leaves out more line ends,
//! `[` within a class is a character. So every part is written anew, and what is not known is refused.
//!
//! Read as with the flag `u`, except that punctuation may be escaped without need, and `]`, `}` and a `-` after a class
//! stand for themselves, as they do in most schemas that there are.

use super::pattern_error::PatternError;

/// `\s` (ECMA-262 §22.2.2.9): white space and line ends.
const SPACE: &str = r"\t\n\x0B\x0C\r \u{A0}\u{1680}\u{2000}-\u{200A}\u{2028}\u{2029}\u{202F}\u{205F}\u{3000}\u{FEFF}";
const NO_LINE_END: &str = r"[^\n\r\u{2028}\u{2029}]";
/// Every character, and none.
const ANY: &str = r"[\u{0}-\u{10FFFF}]";
const NONE: &str = r"[^\u{0}-\u{10FFFF}]";

/// One part of a class.
enum Item {
    Char(char),
    /// More than one character, as a class of its own.
    Set(String),
}

/// The same expression for `regex-syntax`.
///
/// # Errors
/// It is no expression of ECMA-262, or needs more than a finite automaton.
pub(super) fn translate(pattern: &str) -> Result<String, PatternError> {
    let mut translator = Translator {
        rest: pattern.chars().collect::<Vec<_>>().into_iter().peekable(),
        out: String::new(),
        groups: 0,
        repeatable: false,
    };
    while let Some(c) = translator.rest.next() {
        translator.part(c)?;
    }
    if translator.groups > 0 {
        return Err("a group that does not end".into());
    }
    Ok(translator.out)
}

struct Translator {
    rest: core::iter::Peekable<std::vec::IntoIter<char>>,
    out: String,
    /// Groups that have not ended.
    groups: usize,
    /// Whether what was last may be repeated.
    repeatable: bool,
}

impl Translator {
    fn part(&mut self, c: char) -> Result<(), PatternError> {
        let mut repeatable = true;
        match c {
            '^' | '$' => {
                self.out.push(c);
                repeatable = false;
            }
            '|' => {
                self.out.push('|');
                repeatable = false;
            }
            '.' => self.out.push_str(NO_LINE_END),
            '(' => {
                self.group()?;
                repeatable = false;
            }
            ')' => {
                let left = self.groups.checked_sub(1);
                self.groups = left.ok_or("a `)` without its `(`")?;
                self.out.push(')');
            }
            '*' | '+' | '?' | '{' => {
                self.repeat(c)?;
                repeatable = false;
            }
            '[' => self.class()?,
            '\\' => repeatable = self.escape()?,
            _ => self.literal(c),
        }
        self.repeatable = repeatable;
        Ok(())
    }

    fn literal(&mut self, c: char) {
        let mut buffer = [0; 4];
        self.out
            .push_str(&regex_syntax::escape(c.encode_utf8(&mut buffer)));
    }

    fn group(&mut self) -> Result<(), PatternError> {
        self.groups += 1;
        self.out.push_str("(?:");
        if self.rest.next_if_eq(&'?').is_none() {
            return Ok(());
        }
        match self.rest.next() {
            Some(':') => Ok(()),
            Some(sign @ ('=' | '!')) => Err(unsupported(format!("look-ahead, `(?{sign}`"))),
            Some('<') => match self.rest.peek() {
                Some(sign @ ('=' | '!')) => Err(unsupported(format!("look-behind, `(?<{sign}`"))),
                _ => {
                    let name: String = self.rest.by_ref().take_while(|c| *c != '>').collect();
                    let is_name = name
                        .chars()
                        .all(|c| c.is_alphanumeric() || c == '_' || c == '$');
                    if is_name && !name.is_empty() {
                        Ok(())
                    } else {
                        Err(PatternError::Malformed(format!(
                            "{name:?} is no name of a group"
                        )))
                    }
                }
            },
            _ => Err("a group of an unknown kind, `(?`".into()),
        }
    }

    fn repeat(&mut self, c: char) -> Result<(), PatternError> {
        if !self.repeatable {
            return Err(PatternError::Malformed(format!(
                "nothing is there that `{c}` could repeat"
            )));
        }
        self.out.push(c);
        if c == '{' {
            let inner: String = self.rest.by_ref().take_while(|c| *c != '}').collect();
            let is_count =
                |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
            let good = match inner.split_once(',') {
                None => is_count(&inner),
                Some((least, "")) => is_count(least),
                Some((least, most)) => is_count(least) && is_count(most),
            };
            if !good {
                return Err("`{` has to be escaped, or followed by counts".into());
            }
            self.out.push_str(&inner);
            self.out.push('}');
        }
        // Whether it takes as little as it can makes no difference to whether there is a match.
        self.rest.next_if_eq(&'?');
        Ok(())
    }

    /// What follows a backslash outside of classes. False where it cannot be repeated.
    fn escape(&mut self) -> Result<bool, PatternError> {
        match self.rest.peek() {
            Some('b' | 'B') => {
                let sign = self.rest.next().unwrap_or('b');
                // `\b` is not Unicode's.
                self.out.push_str(&format!(r"(?-u:\{sign})"));
                return Ok(false);
            }
            Some(digit @ '1'..='9') => {
                return Err(unsupported(format!("a back-reference, `\\{digit}`")));
            }
            Some('k') => return Err(unsupported("a back-reference, `\\k`".to_owned())),
            _ => {}
        }
        match self.escaped()? {
            Item::Char(c) => self.literal(c),
            Item::Set(set) => self.out.push_str(&set),
        }
        Ok(true)
    }

    /// What follows a backslash, in classes and outside of them.
    fn escaped(&mut self) -> Result<Item, PatternError> {
        let c = self.rest.next().ok_or("a backslash at the end")?;
        Ok(match c {
            'd' => Item::Set("[0-9]".to_owned()),
            'D' => Item::Set("[^0-9]".to_owned()),
            'w' => Item::Set("[0-9A-Za-z_]".to_owned()),
            'W' => Item::Set("[^0-9A-Za-z_]".to_owned()),
            's' => Item::Set(format!("[{SPACE}]")),
            'S' => Item::Set(format!("[^{SPACE}]")),
            't' => Item::Char('\t'),
            'n' => Item::Char('\n'),
            'v' => Item::Char('\u{b}'),
            'f' => Item::Char('\u{c}'),
            'r' => Item::Char('\r'),
            '0' if !self.rest.peek().is_some_and(char::is_ascii_digit) => Item::Char('\0'),
            'c' => match self.rest.next() {
                Some(letter) if letter.is_ascii_alphabetic() => {
                    Item::Char(char::from(letter as u8 % 32))
                }
                _ => return Err("`\\c` without a letter".into()),
            },
            'x' => Item::Char(char::from(u8::try_from(self.hexadecimal(2)?).unwrap_or(0))),
            'u' => Item::Char(self.unicode()?),
            'p' | 'P' => {
                let is_set = self.rest.next() == Some('{');
                let name: String = self.rest.by_ref().take_while(|c| *c != '}').collect();
                let is_name = name
                    .chars()
                    .all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '=');
                if !is_set || !is_name || name.is_empty() {
                    return Err(PatternError::Malformed(format!(
                        "`\\{c}` without the name of a property"
                    )));
                }
                Item::Set(format!(r"\{c}{{{name}}}"))
            }
            _ if c.is_alphanumeric() => {
                return Err(PatternError::Malformed(format!(
                    "`\\{c}` is no escape of ECMA-262"
                )));
            }
            _ => Item::Char(c),
        })
    }

    fn hexadecimal(&mut self, count: usize) -> Result<u32, PatternError> {
        let mut value = 0;
        for _ in 0..count {
            let digit = self.rest.next().and_then(|c| c.to_digit(16));
            value = value << 4 | digit.ok_or("an escape without its hexadecimal digits")?;
        }
        Ok(value)
    }

    /// What follows `\u`.
    fn unicode(&mut self) -> Result<char, PatternError> {
        let code = if self.rest.next_if_eq(&'{').is_some() {
            let digits: String = self.rest.by_ref().take_while(|c| *c != '}').collect();
            u32::from_str_radix(&digits, 16).map_err(|_| "`\\u{` without its hexadecimal digits")?
        } else {
            let unit = self.hexadecimal(4)?;
            let is_half = (0xd800..0xdc00).contains(&unit);
            if is_half && self.rest.next() == Some('\\') && self.rest.next() == Some('u') {
                let low = self.hexadecimal(4)?;
                match low {
                    0xdc00..=0xdfff => 0x1_0000 + ((unit & 0x3ff) << 10 | low & 0x3ff),
                    _ => unit,
                }
            } else {
                unit
            }
        };
        char::from_u32(code).ok_or_else(|| {
            PatternError::Malformed(format!("`\\u` of U+{code:04X}, which is no character"))
        })
    }

    /// What follows `[`.
    fn class(&mut self) -> Result<(), PatternError> {
        let is_negated = self.rest.next_if_eq(&'^').is_some();
        let mut set = String::new();
        loop {
            let item = match self.item()? {
                None => break,
                Some(Item::Set(inner)) => {
                    set.push_str(&inner);
                    continue;
                }
                Some(Item::Char(c)) => c,
            };
            push_char(&mut set, item);
            let mut ahead = self.rest.clone();
            if ahead.next() != Some('-') || ahead.peek().is_none_or(|c| *c == ']') {
                continue;
            }
            self.rest = ahead;
            match self.item()? {
                Some(Item::Char(last)) => {
                    set.push('-');
                    push_char(&mut set, last);
                }
                Some(Item::Set(inner)) => {
                    push_char(&mut set, '-');
                    set.push_str(&inner);
                }
                None => break,
            }
        }
        match (set.is_empty(), is_negated) {
            (true, true) => self.out.push_str(ANY),
            (true, false) => self.out.push_str(NONE),
            (false, true) => self.out.push_str(&format!("[^{set}]")),
            (false, false) => self.out.push_str(&format!("[{set}]")),
        }
        Ok(())
    }

    /// One part of a class. None at its end.
    fn item(&mut self) -> Result<Option<Item>, PatternError> {
        Ok(match self.rest.next() {
            None => return Err("a class that does not end".into()),
            Some(']') => None,
            Some('\\') if self.rest.next_if_eq(&'b').is_some() => Some(Item::Char('\u{8}')),
            Some('\\') => Some(self.escaped()?),
            Some(c) => Some(Item::Char(c)),
        })
    }
}

fn unsupported(what: String) -> PatternError {
    PatternError::Unsupported(what)
}

/// A character that means only itself.
fn push_char(set: &mut String, c: char) {
    set.push_str(&format!(r"\u{{{:X}}}", u32::from(c)));
}
