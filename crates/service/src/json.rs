//! JSON as it is written, of a few members.

use core::fmt::Write as _;

/// The value of a member.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Member<'a> {
    /// A text.
    Text(&'a str),
    /// A text, or `null`.
    MaybeText(Option<&'a str>),
    /// A whole number.
    Number(u64),
    /// JSON that was written before.
    Json(&'a str),
}

/// An object with these members, in this order.
#[must_use]
pub fn object(members: &[(&str, Member<'_>)]) -> String {
    let mut json = String::from("{");
    for (name, value) in members {
        if json.len() > 1 {
            json.push(',');
        }
        push_string(&mut json, name);
        json.push(':');
        match value {
            Member::Text(text) | Member::MaybeText(Some(text)) => push_string(&mut json, text),
            Member::MaybeText(None) => json.push_str("null"),
            // Writing to a text does not fail.
            Member::Number(number) => {
                let _ = write!(json, "{number}");
            }
            Member::Json(value) => json.push_str(value),
        }
    }
    json.push('}');
    json
}

/// Adds a text as a JSON string (RFC 8259 §7).
pub fn push_string(json: &mut String, text: &str) {
    json.push('"');
    let mut rest = text;
    while let Some(at) = rest.find(|c: char| c < ' ' || c == '"' || c == '\\') {
        let (plain, escaped) = rest.split_at(at);
        json.push_str(plain);
        let mut escaped = escaped.chars();
        match escaped.next() {
            Some(c @ ('"' | '\\')) => {
                json.push('\\');
                json.push(c);
            }
            Some(c) => {
                let _ = write!(json, "\\u{:04x}", u32::from(c));
            }
            None => {}
        }
        rest = escaped.as_str();
    }
    json.push_str(rest);
    json.push('"');
}

#[cfg(test)]
#[expect(clippy::expect_used, reason = "tests")]
mod tests {
    use super::{Member, object, push_string};
    use serde_json::{Value, json};

    #[test]
    fn an_object_is_read_as_what_was_written() {
        let written = object(&[
            ("text", Member::Text("a")),
            ("none", Member::MaybeText(None)),
            ("some", Member::MaybeText(Some("b"))),
            ("number", Member::Number(u64::MAX)),
            ("json", Member::Json("[{}]")),
        ]);
        let read: Value = serde_json::from_str(&written).expect("JSON");
        let expected =
            json!({ "text": "a", "none": null, "some": "b", "number": u64::MAX, "json": [{}] });
        assert_eq!(read, expected);
        assert_eq!(object(&[]), "{}");
    }

    #[test]
    fn every_character_comes_back() {
        let text: String = (0..0x250)
            .filter_map(char::from_u32)
            .chain("€\u{10FFFF}".chars())
            .collect();
        let mut written = String::new();
        push_string(&mut written, &text);
        assert_eq!(
            serde_json::from_str::<String>(&written).expect("JSON"),
            text
        );
    }
}
