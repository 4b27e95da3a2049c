//! What goes to a collector of OpenTelemetry: it is read with the messages that `opentelemetry-proto` has, which nobody
//! here wrote.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

mod failing;
mod numbers;
mod sampling;
mod scene;
mod spans;
