//! Events in a database, and how they are made and seen.

use crate::DIALECT;
use crate::databases::Place;
use doorward_events::read::log::{ReadableSink as _, Stored};
use doorward_events::record::{Batch, Record};
use doorward_events::sql::SqlEvents;
use doorward_events::sql::migrations::EVENTS;
use std::panic::resume_unwind;
use tokio::task::{LocalSet, spawn_blocking};

/// Runs a case on a thread of its own: a database is for one.
pub async fn alone<F: Future<Output = ()>>(case: impl FnOnce() -> F + Send + 'static) {
    let run = || {
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = runtime.enable_all().build().unwrap();
        LocalSet::new().block_on(&runtime, case());
    };
    if let Err(failed) = spawn_blocking(run).await {
        resume_unwind(failed.into_panic());
    }
}

/// Events in a database that was just made.
pub async fn fresh() -> (Place, SqlEvents) {
    let place = Place::empty(DIALECT).await;
    let events = opened(&place).await;
    (place, events)
}

/// A connection to them.
pub async fn opened(place: &Place) -> SqlEvents {
    let database = place.connect().await;
    EVENTS.apply(&*database, DIALECT).await.unwrap();
    SqlEvents::migrated(database, DIALECT)
}

pub fn record<'a>(id: &'a str, json: &'a str) -> Record<'a> {
    Record {
        id,
        source: "urn:test",
        kind: "t",
        time_ms: Some(1_790_000_000_123),
        json,
    }
}

pub fn batch<'a>(records: impl IntoIterator<Item = Record<'a>>) -> Batch {
    let mut batch = Batch::new();
    for record in records {
        batch.push(&record);
    }
    batch
}

/// Events with these numbers as their ids.
pub fn numbered(numbers: impl IntoIterator<Item = u64>) -> Batch {
    let mut batch = Batch::new();
    for number in numbers {
        let (id, json) = (number.to_string(), format!("{{\"n\":{number}}}"));
        batch.push(&record(&id, &json));
    }
    batch
}

/// All that can be read.
pub async fn all(events: &SqlEvents) -> Vec<Stored> {
    let mut all: Vec<Stored> = Vec::new();
    loop {
        let after = all.last().map_or(0, |event| event.position);
        let page = events.after(None, after, 1_000).await.unwrap();
        if page.is_empty() {
            return all;
        }
        all.extend(page);
    }
}

pub fn texts(events: &[Stored]) -> Vec<&str> {
    events.iter().map(|event| event.json.as_str()).collect()
}
