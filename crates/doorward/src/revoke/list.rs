//! `doorward revoke list`: what is revoked.

use std::process::ExitCode;

use anyhow::Result;
use clap::Args;
use doorward_token::UnixTime;
use doorward_token::revocation::{Entry, Note};
use serde_json::json;

use crate::{dates, store, table};

#[derive(Args)]
pub(super) struct Arguments {
    /// For programs: `{"revocations": [{"kind", "issuer", "value", "issued_before", "expires_at",
    /// "reason", "created_at", "name"}], "unreadable"}`.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    store: store::Arguments,
}

/// An entry, and what was written beside it for people.
struct Revocation {
    name: String,
    entry: Entry,
    note: Option<Note>,
}

pub(super) fn run(arguments: &Arguments) -> Result<ExitCode> {
    let now = dates::now()?;
    let policy = arguments.store.policy_if_any()?;
    let store = arguments.store.open(policy.as_ref())?;
    let mut revocations = Vec::new();
    let mut unreadable = 0_usize;
    for name in store.names()? {
        match Entry::parse_name(&name) {
            None => {}
            Some(Err(_)) => unreadable += 1,
            // Gates delete those that are over when they come across them a day later.
            Some(Ok(entry)) if entry.is_over(now) => {}
            Some(Ok(entry)) => {
                // A note that cannot be read is shown to nobody; the entry is in force all the same.
                let note = store.get(&name)?.and_then(|note| Note::parse(&note).ok());
                revocations.push(Revocation { name, entry, note });
            }
        }
    }
    revocations.sort_by_key(|revocation| revocation.entry.expires_at());
    if arguments.json {
        let revocations: Vec<_> = revocations.iter().map(Revocation::json).collect();
        let document = json!({ "revocations": revocations, "unreadable": unreadable });
        println!("{document:#}");
    } else if revocations.is_empty() {
        println!("Nothing is revoked.");
    } else {
        let rows: Vec<_> = revocations.iter().map(Revocation::row).collect();
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
            "warning: {unreadable} names in {store} begin as those of revocations do and are none; \
             gates ignore them"
        );
    }
    Ok(ExitCode::SUCCESS)
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

    fn json(&self) -> serde_json::Value {
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
            "name": self.name,
        })
    }
}
