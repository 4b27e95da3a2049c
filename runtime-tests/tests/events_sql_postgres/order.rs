//! That who reads on after a position misses nothing, whatever is written at the same time: on PostgreSQL, where a later
//! number may be committed first unless somebody sees to it.

use crate::DIALECT;
use crate::databases::Place;
use crate::scene::{all, alone, fresh, numbered, opened, texts};
use doorward_events::read::log::{ReadableSink as _, Stored};
use doorward_events::sink::{Sink as _, Written};
use doorward_events::sql::SqlEvents;
use doorward_runtime_tests::cases;
use doorward_runtime_tests::run::Case;
use doorward_service::database::{Database, Row, Running, Value};
use std::collections::BTreeSet;
use std::rc::Rc;
use std::time::{Duration, Instant};

pub const CASES: &[Case] = cases![; in_process:
    a_batch_waits_for_the_one_before_it_to_be_seen,
    batches_with_the_same_events_in_another_order_wait_in_no_circle,
    who_reads_while_many_write_misses_nothing,
];

/// How long something may take that has to happen.
const TIME_MAX: Duration = Duration::from_secs(20);

/// A connection that two have.
struct Shared(Rc<dyn Database>);

impl Database for Shared {
    fn run<'a>(&'a self, statement: &'a str, parameters: Vec<Value>) -> Running<'a> {
        self.0.run(statement, parameters)
    }
}

/// Events, and their connection besides, to begin and end transactions on.
async fn shared(place: &Place) -> (Rc<dyn Database>, SqlEvents) {
    let connection: Rc<dyn Database> = place.connect().await.into();
    let database = Box::new(Shared(Rc::clone(&connection)));
    (connection, SqlEvents::migrated(database, DIALECT))
}

async fn a_batch_waits_for_the_one_before_it_to_be_seen() {
    alone(|| async {
        let (place, reader) = fresh().await;
        let (connection, slow) = shared(&place).await;
        connection.run("BEGIN", vec![]).await.unwrap();
        let written = slow.write(&numbered([1])).await;
        assert_eq!(written, Ok(Written { duplicates: 0 }));

        let quick = opened(&place).await;
        let quick = tokio::task::spawn_local(async move { quick.write(&numbered([2])).await });
        until_somebody_waits(&place).await;
        // Now both have begun, and neither is committed. Nothing is seen, of which the first one would come to be before.
        assert_eq!(all(&reader).await, []);
        assert!(!quick.is_finished());

        connection.run("COMMIT", vec![]).await.unwrap();
        let written = tokio::time::timeout(TIME_MAX, quick).await.unwrap();
        assert_eq!(written.unwrap(), Ok(Written { duplicates: 0 }));
        assert_eq!(texts(&all(&reader).await), ["{\"n\":1}", "{\"n\":2}"]);
    })
    .await;
}

/// Waits until a connection waits for a lock, or fails: it would be the batch that goes on.
async fn until_somebody_waits(place: &Place) {
    let database = place.connect().await;
    let sql = "SELECT count(*) FROM pg_locks WHERE NOT granted";
    let begun = Instant::now();
    loop {
        let waiting: Vec<Row> = database.run(sql, vec![]).await.unwrap();
        if waiting == [[Value::Integer(1)]] {
            return;
        }
        assert!(begun.elapsed() < TIME_MAX, "nobody waits");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

async fn batches_with_the_same_events_in_another_order_wait_in_no_circle() {
    alone(|| async {
        let (place, one) = fresh().await;
        let other = opened(&place).await;
        for round in 0..20_u64 {
            let numbers = round * 1_000..(round + 1) * 1_000;
            let (forth, back) = (numbered(numbers.clone()), numbered(numbers.rev()));
            let (first, second) = futures::join!(one.write(&forth), other.write(&back));
            let counts = BTreeSet::from([first.unwrap().duplicates, second.unwrap().duplicates]);
            assert_eq!(counts, BTreeSet::from([0, 1_000]), "round {round}");
        }
    })
    .await;
}

async fn who_reads_while_many_write_misses_nothing() {
    alone(|| async {
        const WRITERS: u64 = 4;
        const BATCHES: u64 = 10;
        const EVENTS: u64 = 40;
        let (place, reader) = fresh().await;
        let mut writers = Vec::new();
        for writer in 0..WRITERS {
            let (connection, events) = shared(&place).await;
            writers.push(tokio::task::spawn_local(async move {
                for batch in 0..BATCHES {
                    let first = (writer * BATCHES + batch) * EVENTS;
                    connection.run("BEGIN", vec![]).await.unwrap();
                    let batch = numbered(first..first + EVENTS);
                    assert_eq!(events.write(&batch).await, Ok(Written { duplicates: 0 }));
                    // A commit that takes its time, now a shorter and now a longer one.
                    let pause = Duration::from_millis(first * 7 % 11);
                    tokio::time::sleep(pause).await;
                    connection.run("COMMIT", vec![]).await.unwrap();
                }
            }));
        }
        let begun = Instant::now();
        let mut read: Vec<Stored> = Vec::new();
        let total = usize::try_from(WRITERS * BATCHES * EVENTS).unwrap();
        while read.len() < total {
            let after = read.last().map_or(0, |event| event.position);
            // As many as there are, so that it is never behind those who write.
            let page = reader.after(None, after, 1_000).await.unwrap();
            read.extend(page);
            let missed = || total - read.len();
            assert!(begun.elapsed() < TIME_MAX, "{} were missed", missed());
        }
        for writer in writers {
            writer.await.unwrap();
        }
        let unique: BTreeSet<&str> = texts(&read).into_iter().collect();
        assert_eq!(unique.len(), total);
        assert_eq!(texts(&all(&reader).await), texts(&read));
    })
    .await;
}
