//! What the gate measures, and how it is left for who asks.
//!
//! 1. One table has each metric with its labels, unit and description: [`Instrument`].
//! 2. What instances have measured adds up in [`Totals`], which have a bound in bytes: what is beyond is counted.
//! 3. Where no host adds up, instances leave [`Record`]s in slots of a key-value store: [`slot`] says which, and when one
//!    may be written.
//! 4. [`Gathered`] adds up what is in all slots, and never shows a counter that has fallen.
//! 5. Who asks gets the text of Prometheus or OpenMetrics: [`Format`].
//!
//! No clock, no randomness and no store: times, random numbers and bytes are arguments.

mod format;
mod gathered;
mod instrument;
mod point;
mod record;
pub mod slot;
mod totals;

pub use self::format::Format;
pub use self::gathered::Gathered;
pub use self::instrument::{DURATION_BOUNDS_S, Instrument, Kind};
pub use self::point::{BUCKETS, Distribution, Point, Value};
pub use self::record::Record;
pub use self::totals::Totals;
