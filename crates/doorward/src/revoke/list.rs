//! `doorward revoke list`: what is revoked.

use std::collections::BTreeSet;
use std::process::ExitCode;

use anyhow::Result;
use clap::Args;
use doorward_token::UnixTime;
use doorward_token::revocation::{Note, RevocationEntry};
use serde_json::json;

use super::one_token::Tokens;
use crate::{dates, store, table};

#[derive(Args)]
pub(super) struct Arguments {
    /// For programs: `{"revocations": [{"kind", "issuer", "value", "issued_before", "expires_at",
    /// "reason", "created_at", "token", "name"}], "unreadable"}`. Of a token there are several: those
    /// that have the same in "token".
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    store: store::Arguments,
}

/// An entry, and what was written beside it for people.
struct Revocation {
    name: String,
    entry: RevocationEntry,
    note: Option<Note>,
}

pub(super) fn run(arguments: &Arguments) -> Result<ExitCode> {
    let now = dates::now()?;
    let policy = arguments.store.policy_if_any()?;
    let store = arguments.store.open(policy.as_ref())?;
    let mut revocations = Vec::new();
    let mut tokens = Tokens::default();
    let mut unreadable = 0_usize;
    for name in store.names()? {
        match RevocationEntry::parse_name(&name) {
            None => {}
            Some(Err(_)) => unreadable += 1,
            // Gates delete those that are over when they come across them a day later.
            Some(Ok(entry)) if entry.is_over(now) => {}
            Some(Ok(entry)) => {
                // A note that cannot be read is shown to nobody; the entry is in force all the same.
                let note = store.get(&name)?.filter(|note| Note::parse(note).is_ok());
                if let Some(note) = &note {
                    tokens.add(&name, note);
                }
                let note = note.and_then(|note| Note::parse(&note).ok());
                revocations.push(Revocation { name, entry, note });
            }
        }
    }
    revocations.sort_by_key(|revocation| revocation.entry.expires_at());
    if arguments.json {
        let revocations: Vec<_> = revocations.iter().map(|one| one.json(&tokens)).collect();
        let document = json!({ "revocations": revocations, "unreadable": unreadable });
        println!("{document:#}");
    } else if revocations.is_empty() {
        println!("Nothing is revoked.");
    } else {
        let rows: Vec<_> = lines(&revocations, &tokens).map(Revocation::row).collect();
        let headings = [
            "WHAT",
            "VALUE",
            "ISSUER",
            "ISSUED UNTIL",
            "KEPT UNTIL",
            "REASON",
        ];
        print!("{}", table::render(headings, &rows));
    }
    if unreadable > 0 {
        eprintln!(
            "warning: revocations in {store} that cannot be read, and that gates ignore: {unreadable}. A \
             newer version wrote them, or somebody by hand"
        );
    }
    Ok(ExitCode::SUCCESS)
}

/// Each revocation, but one for each token: that which is kept for longest.
fn lines<'a>(
    revocations: &'a [Revocation],
    tokens: &'a Tokens,
) -> impl Iterator<Item = &'a Revocation> {
    let mut seen = BTreeSet::new();
    let mut lines: Vec<_> = revocations
        .iter()
        .rev()
        .filter(|one| {
            let token = tokens.of(&one.entry, &one.name);
            token.is_none_or(|token| seen.insert(token))
        })
        .collect();
    lines.reverse();
    lines.into_iter()
}

impl Revocation {
    fn row(&self) -> [String; 6] {
        let unknown = || "?".to_owned();
        let note = self.note.as_ref();
        [
            self.entry.kind().to_string(),
            note.map_or_else(unknown, |note| {
                note.value.clone().unwrap_or_else(|| "-".to_owned())
            }),
            note.map_or_else(unknown, |note| note.issuer.clone()),
            self.entry
                .issued_before()
                .map_or_else(|| "-".to_owned(), dates::utc),
            dates::utc(self.entry.expires_at()),
            note.map_or_else(unknown, |note| note.reason.clone()),
        ]
    }

    fn json(&self, tokens: &Tokens) -> serde_json::Value {
        let note = self.note.as_ref();
        let seconds = |time: UnixTime| time.0;
        json!({
            "kind": self.entry.kind().as_str(),
            "issuer": note.map(|note| note.issuer.as_str()),
            "value": note.and_then(|note| note.value.as_deref()),
            "issued_before": self.entry.issued_before().map(seconds),
            "expires_at": seconds(self.entry.expires_at()),
            "reason": note.map(|note| note.reason.as_str()),
            "created_at": note.map(|note| seconds(note.created_at)),
            "token": tokens.of(&self.entry, &self.name),
            "name": self.name,
        })
    }
}
