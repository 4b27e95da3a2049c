//! A store of which is told how long it takes.

use crate::store::{Store, delegated};

/// Upper bounds of the times that are told, in seconds: those that OpenTelemetry has for databases.
pub const DURATION_BOUNDS_S: [f64; 9] = [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 10.0];

/// Who looks at the time, and is told.
pub trait Watch {
    /// A time that does not go back, in nanoseconds.
    fn now_ns(&self) -> u64;

    /// So long did an operation take, and whether it was done.
    fn took(&self, operation: &'static str, is_done: bool, time_ns: u64);
}

/// A store of which is told how long it takes.
#[derive(Debug)]
pub struct Measured<S, W> {
    /// The store.
    pub store: S,
    /// Who is told.
    pub watch: W,
}

/// Asks the store, and tells how long it took.
macro_rules! ask {
    ($measured:ident.$operation:ident($($argument:expr),*)) => {{
        let from_ns = $measured.watch.now_ns();
        let result = $measured.store.$operation($($argument),*).await;
        let time_ns = $measured.watch.now_ns().saturating_sub(from_ns);
        $measured.watch.took(stringify!($operation), result.is_ok(), time_ns);
        result
    }};
}

impl<S: Store, W: Watch> Store for Measured<S, W> {
    delegated!(ask);
}
