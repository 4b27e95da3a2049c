//! How many events a second SQLite and PostgreSQL take, and give back, by the statements of `crates/events` alone.
//!
//! ```text
//! cargo run --profile serve --example events_sql
//! ```

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::cast_precision_loss,
    reason = "a benchmark that cannot run has nothing to say"
)]

#[path = "../tests/events_sql/databases.rs"]
mod databases;

use databases::Place;
use doorward_events::read::log::ReadableSink as _;
use doorward_events::record::{Batch, Record};
use doorward_events::sink::{Sink as _, Written};
use doorward_events::sql::SqlEvents;
use doorward_events::sql::migrations::EVENTS;
use doorward_runtime_tests::servers::{Kind as _, PostgreSql};
use doorward_service::database::Dialect;
use std::time::Instant;

fn main() {
    let runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = { runtime }.enable_all().build().unwrap();
    runtime.block_on(measure(Dialect::Sqlite));
    match PostgreSql::available() {
        Ok(()) => runtime.block_on(measure(Dialect::Postgres)),
        Err(absent) => println!("{absent}"),
    }
}

/// Prints how many events of 300 bytes a second are written, in batches of 1,000, and read again.
async fn measure(dialect: Dialect) {
    const BATCHES: u64 = 40;
    let place = Place::empty(dialect).await;
    let database = place.connect().await;
    EVENTS.apply(&*database, dialect).await.unwrap();
    let events = SqlEvents::migrated(database, dialect);
    let mut times = Vec::new();
    for number in 0..BATCHES {
        let mut batch = Batch::new();
        for at in 0..1_000_u64 {
            // Ids without an order, as UUIDs are.
            let id = (number * 1_000 + at + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
            let id = format!("{id:016x}-{at:04}-4000-8000");
            let json = format!(
                r#"{{"specversion":"1.0","id":"{id}","source":"https://shop.example/till/7","type":"com.example.order.placed","time":"2026-11-29T10:00:00Z","recordedtime":"2026-11-29T10:00:01.123Z","data":{{"order":{at},"total":12.50,"items":[1,2,3],"note":"a \"quoted\" text, and the rest of it"}}}}"#
            );
            batch.push(&Record {
                id: &id,
                source: "https://shop.example/till/7",
                kind: "com.example.order.placed",
                time_ms: Some(1_790_000_000_123),
                json: &json,
            });
        }
        let begun = Instant::now();
        let written = events.write(&batch).await;
        times.push(begun.elapsed());
        assert_eq!(written, Ok(Written { duplicates: 0 }));
    }
    times.sort();
    let median = times[times.len() / 2];
    let begun = Instant::now();
    let (mut count, mut after) = (0, 0);
    loop {
        let page = events.after(None, after, 1_000).await.unwrap();
        let Some(last) = page.last() else {
            break;
        };
        (count, after) = (count + page.len(), last.position);
    }
    let read = begun.elapsed();
    let rate = |count: usize, seconds: f64| format!("{:.0}", count as f64 / seconds);
    println!(
        "{dialect:?}: {median:?} for a batch, {} events/s; read {} events/s",
        rate(1_000, median.as_secs_f64()),
        rate(count, read.as_secs_f64())
    );
}
