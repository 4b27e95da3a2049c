//! Values in the words of an explanation: bounded, on one line.

use serde_json::Value;

use crate::claim::{Condition, RequiredClaim, Scalar};
use crate::source;

/// Longest value that is shown, in characters.
const VALUE_CHARS_MAX: usize = 160;

/// A text, fit for one line of a terminal.
pub(super) fn shown(text: &str) -> String {
    source::shown(text)
}

/// A claim's value as JSON, cut where it is long.
pub(super) fn json(value: &Value) -> String {
    cut(&value.to_string())
}

/// A list of texts with a comma between.
pub(super) fn list<T: AsRef<str>>(texts: &[T]) -> String {
    let quoted: Vec<String> = texts.iter().map(|text| quoted(text.as_ref())).collect();
    cut(&quoted.join(", "))
}

/// `one of "a", "b"`, or `"a"` alone.
pub(super) fn one_of<T: AsRef<str>>(texts: &[T]) -> String {
    match texts {
        [only] => quoted(only.as_ref()),
        _ => format!("one of {}", list(texts)),
    }
}

pub(super) fn quoted(text: &str) -> String {
    Value::from(text).to_string()
}

/// What a rule asks of a claim.
pub(super) fn required(claim: &RequiredClaim, segment: impl Fn(usize) -> Option<String>) -> String {
    let conditions = claim.conditions.iter().map(|condition| match condition {
        Condition::Any(listed) => scalars("one of", listed),
        Condition::All(listed) => scalars("all of", listed),
        Condition::None(listed) => format!("none of {}", scalars("", listed)),
        Condition::Present => "present".to_owned(),
        Condition::Absent => "absent".to_owned(),
        Condition::Equals { segment: index } => match segment(*index) {
            Some(text) => format!("equal to the path's segment {}", quoted(&text)),
            None => format!("equal to segment {} of the path", index + 1),
        },
    });
    let what = if claim.keys {
        "an object with the keys: "
    } else {
        ""
    };
    let all: Vec<String> = conditions.collect();
    format!("{what}{}", all.join(" and "))
}

fn scalars(several: &str, listed: &[Scalar]) -> String {
    let words: Vec<String> = listed.iter().map(scalar).collect();
    let words = cut(&words.join(", "));
    match listed.len() {
        0 | 1 => words,
        _ => format!("{several} {words}").trim_start().to_owned(),
    }
}

fn scalar(scalar: &Scalar) -> String {
    match scalar {
        Scalar::Text(text) => quoted(text),
        Scalar::Integer(number) => number.to_string(),
        Scalar::Boolean(boolean) => boolean.to_string(),
    }
}

/// The beginning of what is long. Control characters were escaped as in JSON, others that change how a line is read
/// are here.
fn cut(text: &str) -> String {
    let mut short = String::new();
    for (index, character) in text.chars().enumerate() {
        if index == VALUE_CHARS_MAX {
            short.push('…');
            break;
        }
        match character {
            // Marks and overrides of the direction of writing, and separators of lines.
            '\u{200E}' | '\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2066}'..='\u{2069}' => {
                short.extend(character.escape_unicode());
            }
            _ if character.is_control() => short.extend(character.escape_unicode()),
            _ => short.push(character),
        }
    }
    short
}
