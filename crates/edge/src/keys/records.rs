//! What instances tell each other of an issuer's keys, through the key-value store.

use super::Entry;
use crate::clock;
use crate::log::{self, Level};
use crate::store::{OpenStore, SharedStore};
use doorward_token::freshness::{Record, StoredKeys};

/// What is known of this issuer's keys. What is no record, or about another issuer, is as nothing. Where
/// nothing is there, this instance is the first.
pub(super) async fn read(shared: &SharedStore, store: &OpenStore, entry: &Entry) -> Option<Record> {
    let name = Record::entry_name(&entry.name);
    let bytes = match store.get(&name).await {
        Ok(Some(bytes)) => bytes,
        Ok(None) => {
            entry.state.borrow_mut().freshness.first(clock::now());
            return None;
        }
        Err(error) => {
            shared.tell(&error);
            return None;
        }
    };
    match Record::parse(&bytes, &entry.subject, clock::now()) {
        Ok(record) => Some(record),
        Err(error) => {
            log::event(
                Level::Warn,
                "record-ignored",
                &[("name", &name), ("reason", &error)],
            );
            None
        }
    }
}

/// Tells the other instances what this one knows.
pub(super) async fn write(shared: &SharedStore, store: &OpenStore, entry: &Entry) {
    let record = {
        let state = entry.state.borrow();
        let last_error = state.last_error.as_deref();
        let origin = state.keys.as_ref().and_then(|keys| keys.origin.as_ref());
        let keys = origin.map(|origin| StoredKeys {
            url: origin.url.clone(),
            etag: origin.etag.clone(),
            body: origin.body.clone(),
        });
        state.freshness.record(
            &entry.subject,
            keys,
            &state.exposed,
            last_error,
            shared.instance(),
        )
    };
    if let Some(record) = record
        && let Err(error) = store
            .set(&Record::entry_name(&entry.name), &record.to_bytes())
            .await
    {
        shared.tell(&error);
    }
}
