//! A token that one has is revoked by two names, its text's and its `jti`'s: they are one thing for whoever
//! looks at the list, so the note beside each says to which token it belongs.

use std::collections::BTreeMap;

use doorward_token::revocation::{Note, RevocationEntry, RevocationKind};
use serde_json::Value;

/// The member of a note that says it. Gates and [`Note::parse`] pass over it.
const MEMBER: &str = "token";

/// What stands for a token in the name of its entry.
fn digest(name: &str) -> Option<&str> {
    name.rsplit('/').nth(1)
}

/// The note beside one of the `entries` of a token, or beside the only entry of something else.
pub(super) fn note(note: &Note, entries: &[RevocationEntry]) -> Vec<u8> {
    let bytes = note.to_bytes();
    let [first, _, ..] = entries else {
        return bytes;
    };
    let name = first.name();
    match (serde_json::from_slice(&bytes), digest(&name)) {
        (Ok(Value::Object(mut members)), Some(token)) => {
            members.insert(MEMBER.to_owned(), token.into());
            Value::Object(members).to_string().into_bytes()
        }
        _ => bytes,
    }
}

/// Which entries are of the same token.
#[derive(Default)]
pub(super) struct Tokens {
    /// From what stands for a token in a name to what stands for it in the list.
    same: BTreeMap<String, String>,
}

impl Tokens {
    /// Takes in a note, whose entry has this name.
    pub(super) fn add(&mut self, name: &str, note: &[u8]) {
        let members: Option<Value> = serde_json::from_slice(note).ok();
        let token = members
            .as_ref()
            .and_then(|members| members[MEMBER].as_str());
        if let (Some(token), Some(digest)) = (token, digest(name)) {
            self.same.insert(digest.to_owned(), token.to_owned());
        }
    }

    /// What stands for the token that the entry of this name revokes; `None` where it is about something
    /// else.
    pub(super) fn of<'a>(&'a self, entry: &RevocationEntry, name: &'a str) -> Option<&'a str> {
        let digest = digest(name).filter(|_| entry.kind() == RevocationKind::Token)?;
        Some(self.same.get(digest).map_or(digest, String::as_str))
    }
}
