//! `doorward issuers`: what gates know of every issuer's keys.

use std::process::ExitCode;

use anyhow::{Context as _, Result};
use clap::Args;
use doorward_policy::{Issuer, KeySource};
use doorward_token::UnixTime;
use doorward_token::freshness::{KeySetRecord, KeySetRecordError, KeySetState};
use serde_json::json;

use crate::store::Store;
use crate::{dates, store, table};

#[derive(Args)]
pub(crate) struct Arguments {
    /// For programs: `{"issuers": [{"name", "url", "source", "keys_url", "state", "keys", "skipped",
    /// "age_s", "next_refresh_at", "attempted_at", "failures", "last_error"}]}`.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    store: store::Arguments,
}

/// An issuer, and what is known of its keys.
struct Known<'p> {
    issuer: &'p Issuer,
    what: What,
}

enum What {
    /// Its keys are in a file or a variable, and never fetched.
    Given,
    /// No gate has needed them yet.
    Nothing,
    Unreadable(KeySetRecordError),
    Record(Box<KeySetRecord>),
}

pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode> {
    let now = dates::now()?;
    let policy = arguments.store.policy()?;
    let store = arguments.store.open(Some(&policy))?;
    let known = policy
        .issuers()
        .iter()
        .map(|issuer| {
            let what = what(&store, issuer, now)?;
            Ok(Known { issuer, what })
        })
        .collect::<Result<Vec<_>>>()?;
    if arguments.json {
        let issuers: Vec<_> = known.iter().map(|known| known.json(now)).collect();
        println!("{:#}", json!({ "issuers": issuers }));
    } else if known.is_empty() {
        println!("The policy has no issuers.");
    } else {
        let rows: Vec<_> = known.iter().map(|known| known.row(now)).collect();
        let headings = [
            "NAME",
            "URL",
            "KEYS",
            "SOURCE",
            "AGE",
            "STATE",
            "NEXT REFRESH",
            "LAST ERROR",
        ];
        print!("{}", table::render(headings, &rows));
    }
    Ok(if known.iter().any(|known| known.is_down(now)) {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    })
}

fn what(store: &Store, issuer: &Issuer, now: UnixTime) -> Result<What> {
    if let KeySource::JwksFile(_) | KeySource::Secret { .. } = issuer.keys {
        return Ok(What::Given);
    }
    let name = KeySetRecord::entry_name(&issuer.name);
    let bytes = store
        .get(&name)
        .with_context(|| format!("the issuer {}", issuer.name))?;
    Ok(match bytes {
        None => What::Nothing,
        Some(bytes) => match KeySetRecord::parse(&bytes, &issuer.keys_subject(), now) {
            Ok(record) => What::Record(Box::new(record)),
            Err(error) => What::Unreadable(error),
        },
    })
}

impl Known<'_> {
    fn record(&self) -> Option<&KeySetRecord> {
        match &self.what {
            What::Record(record) => Some(record),
            What::Given | What::Nothing | What::Unreadable(_) => None,
        }
    }

    fn state(&self, now: UnixTime) -> String {
        match &self.what {
            What::Given => "given".to_owned(),
            What::Nothing => "not asked yet".to_owned(),
            What::Unreadable(_) => "unreadable".to_owned(),
            What::Record(record) => record.state(self.issuer.freshness, now).to_string(),
        }
    }

    /// Whether requests with its tokens are refused because it fails, or publishes no key to use.
    fn is_down(&self, now: UnixTime) -> bool {
        self.record()
            .is_some_and(|record| match record.state(self.issuer.freshness, now) {
                KeySetState::Expired | KeySetState::Missing => record.failures > 0,
                KeySetState::Unusable => true,
                KeySetState::Fresh | KeySetState::Stale | KeySetState::Failing => false,
            })
    }

    /// How many keys can be used and how many cannot.
    fn keys(&self) -> Option<(usize, usize)> {
        let keys = self.record()?.key_set()?.ok()?;
        Some((keys.len(), keys.skipped().len()))
    }

    fn next_refresh_at(&self, now: UnixTime) -> Option<UnixTime> {
        let record = self.record()?;
        Some(record.next_refresh_at(self.issuer.freshness, now))
    }

    fn last_error(&self) -> Option<String> {
        match &self.what {
            What::Given | What::Nothing => None,
            What::Unreadable(error) => Some(format!("{error}; gates ignore and replace it")),
            What::Record(record) => {
                let error = match (record.failures, record.last_error.as_deref()) {
                    (0, error) => error?,
                    (_, error) => error.unwrap_or("unknown"),
                };
                Some(match record.failures {
                    0 | 1 => error.to_owned(),
                    failures => format!("{error} ({failures} times)"),
                })
            }
        }
    }

    fn row(&self, now: UnixTime) -> [String; 8] {
        let none = || "-".to_owned();
        [
            self.issuer.name.clone(),
            self.issuer.url.clone(),
            self.keys()
                .map_or_else(none, |(usable, skipped)| match skipped {
                    0 => usable.to_string(),
                    _ => format!("{usable} (+{skipped} unusable)"),
                }),
            source(&self.issuer.keys).to_owned(),
            self.record()
                .and_then(|record| record.age_s(now))
                .map_or_else(none, dates::about),
            self.state(now),
            self.next_refresh_at(now)
                .map_or_else(none, |at| match at.seconds_since(now) {
                    0 => "next request".to_owned(),
                    seconds => format!("in {}", dates::about(seconds)),
                }),
            self.last_error().unwrap_or_else(none),
        ]
    }

    fn json(&self, now: UnixTime) -> serde_json::Value {
        let record = self.record();
        let keys = self.keys();
        let stored = record.and_then(|record| record.keys.as_ref());
        json!({
            "name": self.issuer.name,
            "url": self.issuer.url,
            "source": source(&self.issuer.keys),
            "keys_url": stored.map(|keys| keys.url.as_str()),
            "state": self.state(now),
            "keys": keys.map(|(usable, _)| usable),
            "skipped": keys.map(|(_, skipped)| skipped),
            "age_s": record.and_then(|record| record.age_s(now)),
            "next_refresh_at": self.next_refresh_at(now).map(|at| at.0),
            "attempted_at": record.and_then(|record| record.attempted_at).map(|at| at.0),
            "failures": record.map(|record| record.failures),
            "last_error": self.last_error(),
        })
    }
}

fn source(keys: &KeySource) -> &'static str {
    match keys {
        KeySource::Discovery => "discovery",
        KeySource::JwksUrl(_) => "jwks_url",
        KeySource::JwksFile(_) => "file",
        KeySource::Secret { .. } => "secret",
    }
}
