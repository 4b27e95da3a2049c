//! What instances tell each other of an issuer's keys, through the key-value store.

use doorward_token::freshness::KeySetRecord;

use crate::event::Event;
use crate::platform::Platform;
use crate::recording::Recording as _;
use crate::store::{OpenStore, SharedStore};

/// Why nothing is known of others.
pub(super) enum NoRecord {
    /// Nothing is there.
    NoneYet,
    /// It could not be read, or is no record, or about another issuer.
    Unreadable,
}

/// What is known of the keys of the issuer with this name, which are about `subject`.
pub(super) async fn read<P: Platform>(
    platform: &P,
    shared: &SharedStore<P>,
    store: &OpenStore<P>,
    issuer: &str,
    subject: &str,
) -> Result<KeySetRecord, NoRecord> {
    let name = KeySetRecord::entry_name(issuer);
    let bytes = match store.get(&name).await {
        Ok(Some(bytes)) => bytes,
        Ok(None) => return Err(NoRecord::NoneYet),
        Err(error) => {
            shared.log_failure(&error);
            return Err(NoRecord::Unreadable);
        }
    };
    KeySetRecord::parse(&bytes, subject, platform.now()).map_err(|error| {
        platform.record(&Event::RecordIgnored {
            store: None,
            name: &name,
            reason: &error,
        });
        NoRecord::Unreadable
    })
}

/// Tells the other instances what this one knows.
pub(super) async fn write<P: Platform>(
    shared: &SharedStore<P>,
    store: &OpenStore<P>,
    issuer: &str,
    record: &KeySetRecord,
) {
    let name = KeySetRecord::entry_name(issuer);
    if let Err(error) = store.set(&name, &record.to_bytes()).await {
        shared.log_failure(&error);
    }
}
