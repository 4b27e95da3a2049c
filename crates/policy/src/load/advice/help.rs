//! What to write instead, for findings that say what is wrong and no more.

use crate::finding::{Code, Finding};
use crate::source::shown;

/// Values that ask for nothing, where that is written as `false`.
const NOTHING: [&str; 6] = ["", "disabled", "false", "no", "none", "off"];

/// Help that is better than what a finding has.
pub(super) fn of(text: &str, finding: &Finding) -> Option<String> {
    let line = text.lines().nth(finding.at.line.checked_sub(1)?)?;
    let column = finding.at.column.checked_sub(1)?;
    let start = line
        .char_indices()
        .nth(column)
        .map_or(line.len(), |(at, _)| at);
    let (before, there) = line.split_at_checked(start)?;
    match finding.code {
        Code::Syntax => quoted_key(before, there),
        Code::WrongType => other_type(&finding.message, there),
        Code::UnknownName => nothing(before, there),
        _ => None,
    }
}

/// A key with characters for which it needs quotes, such as `cognito:groups` or a URL.
fn quoted_key(before: &str, there: &str) -> Option<String> {
    let begins = before.rfind(['{', ',']).map_or(0, |at| at + 1);
    let (_, begun) = before.split_at_checked(begins)?;
    let (rest, _) = there.split_once('=')?;
    let key = [begun, rest].concat();
    let key = key.trim();
    let plain = |c: char| !c.is_control() && !"\"'[]{}=,\\".contains(c);
    // A dot or nothing special is no reason for quotes.
    let special = key.contains([':', '/', ' ', '@', '*', '+']);
    (special && key.chars().all(plain)).then(|| format!("write `\"{}\" = …`", shown(key)))
}

/// A value of another type, as it should be.
fn other_type(message: &str, there: &str) -> Option<String> {
    let end = there.find([',', ']', '}', '#']).unwrap_or(there.len());
    let (value, _) = there.split_at_checked(end)?;
    let value = value.trim();
    let inside = value.trim_matches(['"', '\'']);
    let is_quoted = inside.len() < value.len();
    let number = |text: &str| text.starts_with(|c: char| c.is_ascii_digit() || c == '-');
    let wants = |what: &str| message.contains(&format!(" must be {what}"));
    if wants("`true` or `false`") {
        let help = matches!(inside, "true" | "false") && is_quoted;
        return help.then(|| format!("write it without quotes: `{inside}`"));
    }
    if wants("a whole number") {
        let help = is_quoted && number(inside);
        return help.then(|| "write the number alone, without quotes and unit".to_owned());
    }
    if (wants("a string") || wants("a name")) && !is_quoted && number(value) {
        return Some(format!("write it in quotes: `\"{}\"`", shown(value)));
    }
    wants("a table").then(|| "write a header of its own, `[…]`, or `{ name = value }`".to_owned())
}

/// A route that names nothing, in place of what the defaults say.
fn nothing(before: &str, there: &str) -> Option<String> {
    let key = before.trim_end().strip_suffix('=')?.trim();
    let value = there.get(1..)?.split(['"', '\'']).next()?;
    let has_false = [
        "cors",
        "limits",
        "rate_limit",
        "security_headers",
        "upstream",
    ];
    (has_false.contains(&key) && NOTHING.contains(&value.to_ascii_lowercase().as_str()))
        .then(|| format!("`{key} = false` leaves out what `[defaults]` says"))
}
