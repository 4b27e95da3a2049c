//! JSON Schema: against the official suite, and where the suite does not look.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

mod hostile;
mod patterns;
mod refused;
mod suite;
mod told;

use doorward_events::json::Tape;
use doorward_events::schema::compile::{Source, compile};
use doorward_events::schema::{Schemas, Scratch, Violation};

/// The program of one schema, or what is wrong with it.
fn compiled(text: &str) -> Result<Vec<u8>, Vec<String>> {
    let source = Source {
        kind: "test",
        file: "test.json",
        text,
    };
    let told = |problem: &doorward_events::schema::compile::Problem| {
        format!("#{}: {}", problem.pointer, problem.reason)
    };
    compile(&[source]).map_err(|problems| problems.iter().map(told).collect())
}

/// What a schema says of a value.
fn checked(program: &[u8], value: &str) -> Result<(), Violation> {
    let schemas = Schemas::read(program).unwrap();
    let mut tape = Tape::new();
    let value = tape
        .parse(value.as_bytes())
        .unwrap_or_else(|error| panic!("{error}: {value}"));
    let schema = schemas.for_type("test").unwrap();
    schema.check(value, &mut Scratch::new())
}
