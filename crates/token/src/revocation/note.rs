//! What is written beside an entry for people who look at the store.

use std::fmt;

use serde_json::{Map, Value, json};

use super::kind::RevocationKind;
use crate::json::{self, JsonError, Limits};
use crate::time::UnixTime;

/// The longest note that is read, in bytes.
pub const NOTE_BYTES_MAX: usize = 8 * 1024;

/// The longest text in a note, in bytes; what is longer is cut when it is written.
pub const NOTE_TEXT_BYTES_MAX: usize = 512;

const LIMITS: Limits = Limits {
    depth_max: 1,
    values_max: 16,
};

/// Who revoked what, and why. A gate does not read it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// What the entry revokes.
    pub kind: RevocationKind,
    /// `iss` of what is revoked.
    pub issuer: String,
    /// The subject or session. Not written for a token or a logout: the `jti` of an opaque token may be
    /// the token.
    pub value: Option<String>,
    /// Why, in the words of who revoked.
    pub reason: String,
    /// When the entry was written.
    pub created_at: UnixTime,
}

/// Why a note could not be read. The entry that it is about is in force all the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoteError {
    /// The note is longer than [`NOTE_BYTES_MAX`].
    TooLong,
    /// The note is not an acceptable JSON object.
    Json(JsonError),
    /// A member is missing, of the wrong type, or not what could have been written.
    Member {
        /// The member.
        name: &'static str,
    },
}

impl fmt::Display for NoteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong => write!(f, "the note is longer than {NOTE_BYTES_MAX} bytes"),
            Self::Json(error) => write!(f, "the note {error}"),
            Self::Member { name } => write!(f, "the note's `{name}` is missing or wrong"),
        }
    }
}

impl std::error::Error for NoteError {}

impl Note {
    /// The note as it is stored: texts cut at [`NOTE_TEXT_BYTES_MAX`], control characters replaced.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let value = match self.kind {
            RevocationKind::Token | RevocationKind::Logout => None,
            _ => self.value.as_deref().map(printable),
        };
        json!({
            "kind": self.kind.as_str(),
            "issuer": printable(&self.issuer),
            "value": value,
            "reason": printable(&self.reason),
            "created_at": self.created_at.0,
        })
        .to_string()
        .into_bytes()
    }

    /// Reads what [`to_bytes`](Self::to_bytes) has written. Other members are passed over.
    ///
    /// # Errors
    ///
    /// The bytes are anything else; they may be shown to nobody then.
    pub fn parse(bytes: &[u8]) -> Result<Self, NoteError> {
        if bytes.len() > NOTE_BYTES_MAX {
            return Err(NoteError::TooLong);
        }
        let members = json::parse_object(bytes, LIMITS).map_err(NoteError::Json)?;
        let value = match members.get("value") {
            None | Some(Value::Null) => None,
            Some(_) => Some(text(&members, "value")?),
        };
        Ok(Self {
            kind: RevocationKind::from_name(&text(&members, "kind")?)
                .ok_or(NoteError::Member { name: "kind" })?,
            issuer: text(&members, "issuer")?,
            value,
            reason: text(&members, "reason")?,
            created_at: members
                .get("created_at")
                .and_then(Value::as_u64)
                .map(UnixTime)
                .ok_or(NoteError::Member { name: "created_at" })?,
        })
    }
}

/// What comes from a store is printed on somebody's terminal.
fn text(members: &Map<String, Value>, name: &'static str) -> Result<String, NoteError> {
    match members.get(name) {
        Some(Value::String(text)) if printable(text) == *text => Ok(text.clone()),
        _ => Err(NoteError::Member { name }),
    }
}

fn printable(text: &str) -> String {
    let end = text.floor_char_boundary(NOTE_TEXT_BYTES_MAX);
    text.get(..end)
        .unwrap_or_default()
        .replace(char::is_control, "?")
}

#[cfg(test)]
mod tests {
    #![expect(
        clippy::unwrap_used,
        reason = "a test that cannot go on says so by panicking"
    )]

    use super::*;
    use crate::JsonProblem;
    use crate::testing::{ISSUER, NOW};

    #[test]
    fn a_note_is_read_as_it_was_written_and_never_holds_a_token() {
        for kind in RevocationKind::ALL {
            let note = Note {
                kind,
                issuer: ISSUER.to_owned(),
                value: Some("alice \"é\"".to_owned()),
                reason: "laptop stolen".to_owned(),
                created_at: NOW,
            };
            let value = match kind {
                RevocationKind::Token | RevocationKind::Logout => None,
                _ => note.value.clone(),
            };
            let read = Note::parse(&note.to_bytes());
            assert_eq!(read, Ok(Note { value, ..note }), "{kind}");
        }
    }

    #[test]
    fn a_note_is_cut_and_holds_no_control_characters() {
        let note = Note {
            kind: RevocationKind::Subject,
            issuer: "i".repeat(NOTE_TEXT_BYTES_MAX + 1),
            value: Some("é".repeat(NOTE_TEXT_BYTES_MAX)),
            reason: "a\u{1b}[2J\r\n\0b".to_owned(),
            created_at: NOW,
        };
        let read = Note::parse(&note.to_bytes()).unwrap();
        assert_eq!(read.issuer.len(), NOTE_TEXT_BYTES_MAX);
        assert_eq!(
            read.value.map(|value| value.len()),
            Some(NOTE_TEXT_BYTES_MAX)
        );
        assert_eq!(read.reason, "a?[2J???b");
        let worst = Note {
            issuer: "\"".repeat(NOTE_TEXT_BYTES_MAX),
            value: Some("\\".repeat(NOTE_TEXT_BYTES_MAX)),
            reason: "\"".repeat(NOTE_TEXT_BYTES_MAX),
            ..note
        };
        assert!(worst.to_bytes().len() <= NOTE_BYTES_MAX);
    }

    #[test]
    fn a_note_that_could_not_have_been_written_is_not_shown() {
        let good = json!({
            "kind": "subject",
            "issuer": ISSUER,
            "value": null,
            "reason": "r",
            "created_at": 1,
        });
        assert!(Note::parse(good.to_string().as_bytes()).is_ok());
        for (name, value) in [
            ("kind", json!("Subject")),
            ("kind", json!(null)),
            ("issuer", json!("a\u{1b}[2J")),
            ("issuer", json!("i".repeat(NOTE_TEXT_BYTES_MAX + 1))),
            ("value", json!("a\n")),
            ("value", json!(1)),
            ("reason", json!("\u{9b}2J")),
            ("reason", json!(null)),
            ("created_at", json!(-1)),
        ] {
            let mut note = good.clone();
            note.as_object_mut()
                .unwrap()
                .insert(name.to_owned(), value.clone());
            assert_eq!(
                Note::parse(note.to_string().as_bytes()),
                Err(NoteError::Member { name }),
                "{name}: {value}"
            );
        }
        assert_eq!(
            Note::parse(&vec![b' '; NOTE_BYTES_MAX + 1]),
            Err(NoteError::TooLong)
        );
        assert!(matches!(
            Note::parse(b"\xff"),
            Err(NoteError::Json(error)) if error.problem == JsonProblem::Syntax
        ));
    }
}
