//! What is so on both databases.

use crate::DIALECT;
use crate::databases::Place;
use crate::scene::{all, alone, batch, fresh, numbered, opened, record, texts};
use doorward_events::read::log::{PAGE_BYTES, ReadableSink as _};
use doorward_events::record::{BATCH_RECORDS_MAX, Batch, EVENT_BYTES_MAX, Record};
use doorward_events::sink::{Sink as _, SinkError, Written};
use doorward_events::sql::migrations::EVENTS;
use doorward_runtime_tests::cases;
use doorward_runtime_tests::run::Case;
use doorward_service::store::StoreError;

pub const CASES: &[Case] = cases![; in_process:
    what_was_written_is_read_byte_for_byte_in_its_order,
    an_event_that_is_there_already_is_left_out_and_counted,
    a_batch_of_the_greatest_events_is_written,
    events_are_read_by_their_type_after_a_position_and_so_many,
    a_page_ends_when_it_has_its_bytes,
    an_event_whose_attributes_cannot_be_kept_is_refused_and_nothing_is_written,
    tables_are_made_once_and_later_ones_are_not_touched,
];

async fn what_was_written_is_read_byte_for_byte_in_its_order() {
    alone(|| async {
        let (_place, events) = fresh().await;
        // What a reader of JSON would write in another way, and what means something to SQL or to how batches are put together.
        let texts_of = [
            r#"{"z":1,"a":1.50,"n":-0.0,"e":1E+2,"big":123456789012345678901234567890.000}"#,
            r#"{"data":"\u0000\u001f\ud83d\ude00\/\"\\\n"}"#,
            "{\"data\":\"\u{1f600} \u{2028} \u{7f} \u{85} é ' ''\"}",
            r#"{"data":"$1 ?1 \\x1f \\ {},{} null \"[]\""}"#,
            "[]",
            "\"\"",
            "null",
        ];
        let ids: Vec<String> = (0..texts_of.len()).map(|at| format!("{at}")).collect();
        let records = ids.iter().zip(texts_of).map(|(id, text)| record(id, text));
        let written = events.write(&batch(records)).await;
        assert_eq!(written, Ok(Written { duplicates: 0 }));
        let strange = Record {
            id: "a\"b\\c'd,e{f}g null",
            source: "urn:ü:\u{1f600}",
            kind: "{NULL}",
            time_ms: None,
            json: "{}",
        };
        // Alone, so that no other value is before or after it.
        let alone = batch([strange]);
        assert_eq!(events.write(&alone).await, Ok(Written { duplicates: 0 }));
        assert_eq!(events.write(&alone).await, Ok(Written { duplicates: 1 }));
        let of_kind = events.after(Some("{NULL}"), 0, 10).await.unwrap();
        assert_eq!(texts(&of_kind), ["{}"]);
        let read = all(&events).await;
        assert_eq!(texts(&read), [&texts_of[..], &["{}"]].concat());
        assert!(read.is_sorted_by(|one, next| one.position < next.position));
        assert_eq!(
            events.last().await,
            Ok(read.last().map_or(0, |event| event.position))
        );
    })
    .await;
}

async fn an_event_that_is_there_already_is_left_out_and_counted() {
    alone(|| async {
        let (place, events) = fresh().await;
        assert_eq!(events.write(&Batch::new()).await, Ok(Written::default()));
        assert_eq!(events.last().await, Ok(0));
        let written = events.write(&numbered([1, 2, 2, 3])).await;
        assert_eq!(written, Ok(Written { duplicates: 1 }));
        // By another connection, as by another instance.
        let other = opened(&place).await;
        let written = other.write(&numbered([3, 4, 1, 5])).await;
        assert_eq!(written, Ok(Written { duplicates: 2 }));
        let of_another = Record {
            source: "urn:other",
            ..record("1", "{}")
        };
        let changed = record("1", "{\"changed\":true}");
        let written = events.write(&batch([of_another, changed])).await;
        assert_eq!(written, Ok(Written { duplicates: 1 }));
        let expected = [
            "{\"n\":1}",
            "{\"n\":2}",
            "{\"n\":3}",
            "{\"n\":4}",
            "{\"n\":5}",
            "{}",
        ];
        assert_eq!(texts(&all(&events).await), expected);
    })
    .await;
}

async fn a_batch_of_the_greatest_events_is_written() {
    alone(|| async {
        let (_place, events) = fresh().await;
        let many = u64::try_from(BATCH_RECORDS_MAX).unwrap();
        let written = events.write(&numbered(1..=many)).await;
        assert_eq!(written, Ok(Written { duplicates: 0 }));
        assert_eq!(all(&events).await.len(), BATCH_RECORDS_MAX);
        // Quotes alone are what is longest when it stands in another document.
        let longest = format!("\"{}\"", "\\\"".repeat(EVENT_BYTES_MAX / 2));
        let before_last = events.last().await.unwrap();
        let (id, other) = ("é".repeat(256), "\u{1f600}".repeat(256));
        let written = events
            .write(&batch([record(&id, &longest), record(&other, &longest)]))
            .await;
        assert_eq!(written, Ok(Written { duplicates: 0 }));
        let mut positions = vec![before_last];
        for _ in 0..2 {
            let after = *positions.last().unwrap();
            let page = events.after(None, after, 1_000).await.unwrap();
            assert_eq!(texts(&page), [longest.as_str()]);
            positions.push(page[0].position);
        }
    })
    .await;
}

async fn events_are_read_by_their_type_after_a_position_and_so_many() {
    alone(|| async {
        let (_place, events) = fresh().await;
        let ids: Vec<String> = (0..10).map(|n| n.to_string()).collect();
        let kinds = ["a", "b"].iter().cycle();
        let records = ids.iter().zip(kinds).map(|(id, kind)| Record {
            kind,
            ..record(id, id)
        });
        events.write(&batch(records)).await.unwrap();
        let read = async |kind, after, limit| {
            let page = events.after(kind, after, limit).await.unwrap();
            page.iter()
                .map(|event| event.json.clone())
                .collect::<Vec<_>>()
                .join("")
        };
        assert_eq!(read(None, 0, 1_000).await, "0123456789");
        assert_eq!(read(Some("a"), 0, 1_000).await, "02468");
        assert_eq!(read(Some("b"), 0, 2).await, "13");
        let third = all(&events).await[2].position;
        assert_eq!(read(None, third, 3).await, "345");
        assert_eq!(read(Some("a"), third, 3).await, "468");
        for (kind, after) in [(None, i64::MAX as u64), (Some("A"), 0), (Some("c"), 0)] {
            assert_eq!(read(kind, after, 10).await, "", "{kind:?} {after}");
        }
    })
    .await;
}

async fn a_page_ends_when_it_has_its_bytes() {
    alone(|| async {
        let (_place, events) = fresh().await;
        // Two of a byte and many of another length: bytes are counted, not characters.
        let half = usize::try_from(PAGE_BYTES / 2).unwrap();
        let text = format!("\"{}\"", "é".repeat((half - 2) / 2));
        assert_eq!(text.len(), half);
        for id in ["1", "2", "3", "4", "5"] {
            events.write(&batch([record(id, &text)])).await.unwrap();
        }
        let mut counts = Vec::new();
        let mut after = 0;
        loop {
            let page = events.after(None, after, 1_000).await.unwrap();
            let Some(last) = page.last() else {
                break;
            };
            after = last.position;
            counts.push(page.len());
        }
        assert_eq!(counts, [2, 2, 1]);
    })
    .await;
}

async fn an_event_whose_attributes_cannot_be_kept_is_refused_and_nothing_is_written() {
    alone(|| async {
        let (_place, events) = fresh().await;
        for character in ['\0', '\n', '\u{1f}'] {
            let text = format!("a{character}b");
            let right = record("1", "{}");
            for wrong in [
                Record { id: &text, ..right },
                Record {
                    source: &text,
                    ..right
                },
                Record {
                    kind: &text,
                    ..right
                },
            ] {
                let written = events.write(&batch([right, wrong])).await;
                assert!(matches!(written, Err(SinkError::Never(_))), "{written:?}");
            }
        }
        assert_eq!(all(&events).await, []);
    })
    .await;
}

async fn tables_are_made_once_and_later_ones_are_not_touched() {
    alone(|| async {
        let place = Place::empty(DIALECT).await;
        let databases = [place.connect().await, place.connect().await];
        let [one, other] = &databases;
        // At the same time where there are two at the same time.
        let (made, again) = futures::join!(
            EVENTS.apply(&**one, DIALECT),
            EVENTS.apply(&**other, DIALECT)
        );
        assert_eq!((made, again), (Ok(()), Ok(())));
        let events = opened(&place).await;
        events.write(&numbered([1])).await.unwrap();
        assert_eq!(EVENTS.apply(&**one, DIALECT).await, Ok(()));
        assert_eq!(all(&events).await.len(), 1);
        let later = "INSERT INTO events_migrations (version) VALUES (2)";
        one.run(later, vec![]).await.unwrap();
        let newer = StoreError::Newer {
            version: 2,
            known: 1,
        };
        assert_eq!(EVENTS.apply(&**other, DIALECT).await, Err(newer));
    })
    .await;
}
