//! Single keys and values of the policy file (TOML 1.1).
//!
//! Fractions, dates and times are told apart and not read, because no key of a policy takes one.

use std::borrow::Cow;

use toml_parser::decoder::Encoding;

use crate::document::Value;

/// What is wrong with a key or a value.
pub(crate) type Problem = &'static str;

pub(crate) const CONTROL: Problem = "a control character must be written as an escape";

/// What only an escape can stand for.
pub(crate) fn is_forbidden(character: char) -> bool {
    character.is_ascii_control() && character != '\t'
}

/// A key without quotes.
pub(crate) fn bare_key(text: &str) -> Result<&str, Problem> {
    let is_bare = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    if text.is_empty() || !text.bytes().all(is_bare) {
        return Err("a key has letters, digits, `-` and `_`, or quotes around it");
    }
    Ok(text)
}

/// The text of a string with its quotes, which go over `lines` only where that is allowed.
pub(crate) fn quoted(
    text: &str,
    encoding: Encoding,
    lines_allowed: bool,
) -> Result<Cow<'_, str>, Problem> {
    let (quotes, escapes, lines) = match encoding {
        Encoding::LiteralString => ("'", false, false),
        Encoding::BasicString => ("\"", true, false),
        Encoding::MlLiteralString => ("'''", false, true),
        Encoding::MlBasicString => ("\"\"\"", true, true),
    };
    if lines && !lines_allowed {
        return Err("a key is on one line");
    }
    let inner = text
        .strip_prefix(quotes)
        .and_then(|text| text.strip_suffix(quotes));
    let mut inner = inner.ok_or("a string without the quotes at its end")?;
    if lines {
        // The line of the opening quotes is not a part of it.
        inner = after_newline(inner).unwrap_or(inner);
    }
    let mut decoded = String::new();
    let mut rest = inner;
    while let Some(at) = rest.find(|c| is_forbidden(c) || (escapes && c == '\\')) {
        let (plain, special) = rest.split_at(at);
        decoded.push_str(plain);
        let mut characters = special.chars();
        match characters.next() {
            Some('\\') => rest = escape(characters.as_str(), lines, &mut decoded)?,
            Some('\n') if lines => {
                decoded.push('\n');
                rest = characters.as_str();
            }
            Some('\r') if lines && characters.as_str().starts_with('\n') => {
                rest = characters.as_str();
            }
            _ => return Err(CONTROL),
        }
    }
    if rest.len() == inner.len() {
        return Ok(Cow::Borrowed(inner));
    }
    decoded.push_str(rest);
    Ok(Cow::Owned(decoded))
}

fn after_newline(text: &str) -> Option<&str> {
    text.strip_prefix('\r').unwrap_or(text).strip_prefix('\n')
}

fn is_space(character: char) -> bool {
    matches!(character, ' ' | '\t')
}

/// Decodes what follows a backslash, and gives what follows that.
fn escape<'t>(text: &'t str, lines: bool, decoded: &mut String) -> Result<&'t str, Problem> {
    const BAD: Problem = "there is no such escape";
    let mut characters = text.chars();
    let digits = match characters.next() {
        Some('x') => 2,
        Some('u') => 4,
        Some('U') => 8,
        Some(character) => {
            decoded.push(match character {
                '"' | '\\' => character,
                'b' => '\u{8}',
                't' => '\t',
                'n' => '\n',
                'f' => '\u{c}',
                'r' => '\r',
                'e' => '\u{1b}',
                _ => {
                    // At the end of a line, it and all space that follows are left out.
                    let mut rest = text.trim_start_matches(is_space);
                    if !lines || after_newline(rest).is_none() {
                        return Err(BAD);
                    }
                    while let Some(next) = after_newline(rest) {
                        rest = next.trim_start_matches(is_space);
                    }
                    return Ok(rest);
                }
            });
            return Ok(characters.as_str());
        }
        None => return Err(BAD),
    };
    let (number, rest) = characters.as_str().split_at_checked(digits).ok_or(BAD)?;
    // A sign is no digit.
    let number = number
        .chars()
        .try_fold(0_u32, |number, digit| {
            Some(number.checked_mul(16)? + digit.to_digit(16)?)
        })
        .and_then(char::from_u32);
    decoded.push(number.ok_or(BAD)?);
    Ok(rest)
}

/// A value that is no string.
pub(crate) fn unquoted(text: &str) -> Result<Value<'static>, Problem> {
    match text {
        "true" => return Ok(Value::Boolean(true)),
        "false" => return Ok(Value::Boolean(false)),
        _ => {}
    }
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    if matches!(unsigned, "inf" | "nan") {
        return Ok(Value::Float);
    }
    // Other bases have no sign.
    let (radix, digits) = match text.split_at_checked(2) {
        Some(("0x", digits)) => (16, digits),
        Some(("0o", digits)) => (8, digits),
        Some(("0b", digits)) => (2, digits),
        _ => (10, unsigned),
    };
    // An underscore is between two digits.
    let whole = digits
        .split('_')
        .all(|part| !part.is_empty() && part.chars().all(|digit| digit.is_digit(radix)));
    if whole && (radix != 10 || digits == "0" || !digits.starts_with('0')) {
        // Counted downwards, because there is one more number below zero than above.
        let below = digits
            .chars()
            .filter_map(|digit| digit.to_digit(radix))
            .try_fold(0_i64, |number, digit| {
                let number = number.checked_mul(i64::from(radix))?;
                number.checked_sub(i64::from(digit))
            });
        let negative = text.starts_with('-');
        return Ok(Value::Integer(below.and_then(|number| {
            if negative {
                Some(number)
            } else {
                number.checked_neg()
            }
        })));
    }
    // No key takes what is left, so it need not be a good one of its kind.
    let only = |others: &[u8]| {
        unsigned.starts_with(|first: char| first.is_ascii_digit())
            && unsigned
                .bytes()
                .all(|byte| byte.is_ascii_digit() || others.contains(&byte))
    };
    if unsigned.contains(['.', 'e', 'E']) && only(b"._eE+-") {
        Ok(Value::Float)
    } else if unsigned.contains(['-', ':']) && only(b"-:.+TtZz ") {
        Ok(Value::Datetime)
    } else {
        Err("this is no value; strings have quotes around them")
    }
}
