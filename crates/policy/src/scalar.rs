//! Single keys and values of the policy file (TOML 1.1).
//!
//! Fractions, dates and times are told apart and not read, because no key of a policy takes one.

use std::borrow::Cow;

use toml_parser::decoder::Encoding;

use crate::value::Value;

/// What is wrong with a key or a value.
pub(crate) type Problem = &'static str;

pub(crate) const CONTROL: Problem = "a control character must be written as an escape";

/// What only an escape can stand for.
pub(crate) fn is_forbidden(byte: u8) -> bool {
    byte.is_ascii_control() && byte != b'\t'
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
    let is_special = |byte| is_forbidden(byte) || (escapes && byte == b'\\');
    while let Some(at) = rest.bytes().position(is_special) {
        let (plain, special) = rest.split_at(at);
        decoded.push_str(plain);
        rest = if let Some(special) = special.strip_prefix('\\') {
            escape(special, lines, &mut decoded)?
        } else if let Some(after) = after_newline(special).filter(|_| lines) {
            decoded.push('\n');
            after
        } else {
            return Err(CONTROL);
        };
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
    // Other bases have no sign.
    let (radix, digits) = match text.split_at_checked(2) {
        Some(("0x", digits)) => (16, digits),
        Some(("0o", digits)) => (8, digits),
        Some(("0b", digits)) => (2, digits),
        _ => (10, unsigned),
    };
    if (radix != 10 || digits == "0" || !digits.starts_with('0'))
        && let Some(integer) = integer(digits, radix, text.starts_with('-'))
    {
        return Ok(Value::Integer(integer));
    }
    // No key takes what is left, so it need not be a good one of its kind.
    let of_number = |byte: u8| byte.is_ascii_digit() || b"_.eE+-".contains(&byte);
    let of_time = |byte: u8| byte.is_ascii_digit() || b"-:.+TtZz ".contains(&byte);
    let begins_well = unsigned.starts_with(|first: char| first.is_ascii_digit());
    if matches!(unsigned, "inf" | "nan")
        || (begins_well && unsigned.contains(['.', 'e', 'E']) && unsigned.bytes().all(of_number))
    {
        Ok(Value::Float)
    } else if begins_well && unsigned.contains(['-', ':']) && unsigned.bytes().all(of_time) {
        Ok(Value::Datetime)
    } else {
        Err("this is no value; strings have quotes around them")
    }
}

/// The number that the digits stand for, `Some(None)` when it has more than 64 bits.
fn integer(digits: &str, radix: u32, negative: bool) -> Option<Option<i64>> {
    // Counted downwards, because there is one more number below zero than above.
    let mut below = Some(0_i64);
    let mut after_digit = false;
    for character in digits.bytes() {
        // An underscore is between two digits.
        if character == b'_' && after_digit {
            after_digit = false;
            continue;
        }
        let digit = char::from(character).to_digit(radix)?;
        below = below
            .and_then(|number| number.checked_mul(i64::from(radix)))
            .and_then(|number| number.checked_sub(i64::from(digit)));
        after_digit = true;
    }
    if !after_digit {
        return None;
    }
    Some(if negative {
        below
    } else {
        below.and_then(i64::checked_neg)
    })
}
