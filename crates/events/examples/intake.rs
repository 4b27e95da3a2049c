//! How long an event takes on its way through the intake, by form and coding, into a sink that counts.
//!
//! `cargo run --profile serve -p doorward-events --example intake`

#![expect(
    clippy::expect_used,
    clippy::disallowed_macros,
    clippy::disallowed_types,
    reason = "a measurement"
)]

use std::cell::Cell;
use std::hint::black_box;
use std::io::Write as _;
use std::time::Instant;

use doorward_events::event::data::AnyData;
use doorward_events::intake::platform::{Body, Broken, Clock};
use doorward_events::intake::{Request, Settings, take};
use doorward_events::record::Batch;
use doorward_events::sink::{Sink, SinkError, Written};
use doorward_retry::Random;
use futures::executor::block_on;
use http::HeaderMap;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderValue};

const EVENTS: usize = 1_000;
const EVENT_BYTES: usize = 300;
const ROUNDS: usize = 2_000;
const PIECE_BYTES: usize = 64 * 1024;
const NOW_MS: u64 = 1_798_761_600_000;

struct Pieces<'b>(&'b [u8]);

impl Body for Pieces<'_> {
    async fn read(&mut self, piece: &mut Vec<u8>) -> Result<bool, Broken> {
        let length = self.0.len().min(PIECE_BYTES);
        let (next, rest) = self.0.split_at(length);
        self.0 = rest;
        piece.clear();
        piece.extend_from_slice(next);
        Ok(length > 0)
    }
}

struct Count(Cell<usize>, Cell<usize>);

impl Sink for Count {
    async fn write(&self, batch: &Batch) -> Result<Written, SinkError> {
        self.0.set(self.0.get() + batch.len());
        self.1
            .set(self.1.get() + black_box(batch.json_members()).len());
        Ok(Written::default())
    }
}

struct Fixed;

impl Clock for Fixed {
    fn now_ms(&self) -> u64 {
        NOW_MS
    }

    fn pause(&self, _: u64) -> impl Future<Output = ()> {
        std::future::pending()
    }
}

/// An event of 300 bytes, as programs write them: without white space, or with some in the data.
fn event(nth: usize, space: &str) -> String {
    let begin = format!(
        "{{\"specversion\":\"1.0\",\"id\":\"0197f6a0-3c1e-7d52-a7f1-{nth:012}\",\"source\":\"https://shop.example/orders\",\
         \"type\":\"com.example.order.created.v1\",\"time\":\"2026-12-31T23:59:59.{:03}Z\",\"data\":{{\"order\":{nth},\
         {space}\"total\":17.50,\"currency\":\"EUR\",\"note\":\"",
        nth % 1000
    );
    let room = EVENT_BYTES - begin.len() - "\"}}".len();
    format!("{begin}{}\"}}}}", "x".repeat(room))
}

fn main() {
    let events =
        |space: &str| -> Vec<String> { (0..EVENTS).map(|nth| event(nth, space)).collect() };
    let lines = events("").join("\n");
    let spaced = events(" ").join("\n");
    let array = format!("[{}]", events("").join(","));
    let gzip = {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        encoder.write_all(lines.as_bytes()).expect("memory");
        encoder.finish().expect("memory")
    };
    let zstd = zstd::bulk::compress(lines.as_bytes(), 3).expect("memory");
    let ndjson = "application/x-ndjson";
    for (name, content_type, coding, body) in [
        ("NDJSON", ndjson, "identity", lines.as_bytes()),
        (
            "NDJSON, a space in the data",
            ndjson,
            "identity",
            spaced.as_bytes(),
        ),
        (
            "JSON array",
            "application/json",
            "identity",
            array.as_bytes(),
        ),
        ("NDJSON, gzip", ndjson, "gzip", gzip.as_slice()),
        ("NDJSON, zstd", ndjson, "zstd", zstd.as_slice()),
    ] {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static(coding));
        let sink = Count(Cell::new(0), Cell::new(0));
        let begins = Instant::now();
        for _ in 0..ROUNDS {
            let request = Request {
                headers: &headers,
                query: None,
                body: Pieces(body),
            };
            let (random, settings) = (Random::seeded(1), Settings::default());
            let answer = block_on(take(
                request,
                &sink,
                &Fixed,
                random,
                &mut AnyData,
                &settings,
            ));
            assert_eq!(answer.report.accepted, EVENTS as u64);
        }
        let ns = begins.elapsed().as_nanos() / (ROUNDS * EVENTS) as u128;
        println!(
            "{name}: {ns} ns an event ({} bytes sent for {EVENTS})",
            body.len()
        );
    }
}
