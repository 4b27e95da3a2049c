//! What reading and checking an event costs, in nanoseconds. `cargo run --profile serve -p doorward-events --features
//! compile --example event_ns`.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::disallowed_types,
    clippy::disallowed_macros,
    reason = "a measurement that is run by hand"
)]

use std::time::Instant;

use doorward_events::json::Tape;
use doorward_events::schema::compile::{Source, compile};
use doorward_events::schema::{Schemas, Scratch};

const SCHEMA: &str = include_str!("../../users/schemas/dev.doorward.user.created.v1.json");
/// About 300 bytes.
const EVENT: &str = r#"{"specversion":"1.0","id":"01","source":"/u","type":"dev.doorward.user.created.v1","time":"2027-01-31T12:00:00Z","data":{"id":"0197f6a0-3c1e-7d52-a7f1-5b1e0c9d8a42","name":"Ada","email":"a@example.com","created_at":"2027-01-31T12:00:00.123Z","updated_at":"2027-01-31T12:00:00.123Z","version":1}}"#;
const EVENTS: u32 = 100_000;
const ROUNDS: usize = 20;

/// The best of some rounds, in nanoseconds for each event.
fn measured(mut one: impl FnMut() -> usize) -> u128 {
    let round = |_| {
        let start = Instant::now();
        let mut sum = 0_usize;
        for _ in 0..EVENTS {
            sum = sum.wrapping_add(core::hint::black_box(one()));
        }
        core::hint::black_box(sum);
        start.elapsed().as_nanos() / u128::from(EVENTS)
    };
    (0..ROUNDS).map(round).min().unwrap()
}

fn main() {
    let kind = "dev.doorward.user.created.v1";
    let source = Source {
        kind,
        file: "created.json",
        text: SCHEMA,
    };
    let program = compile(&[source]).unwrap();
    let schemas = Schemas::read(&program).unwrap();
    let (mut tape, mut scratch) = (Tape::new(), Scratch::new());
    let text = core::hint::black_box(EVENT.as_bytes());
    let value = tape.parse(text).unwrap();
    let data = value.get("data").unwrap();
    assert!(
        schemas
            .for_type(kind)
            .unwrap()
            .check(data, &mut scratch)
            .is_ok()
    );
    println!(
        "an event of {} bytes, a program of {} bytes",
        EVENT.len(),
        program.len()
    );
    let read = measured(|| tape.parse(text).unwrap().len());
    let mut tape = Tape::new();
    let data = tape.parse(text).unwrap().get("data").unwrap();
    let check = measured(|| {
        let schema = schemas.for_type(kind).unwrap();
        usize::from(schema.check(data, &mut scratch).is_ok())
    });
    println!("read: {read} ns, checked: {check} ns");
}
