//! Key-value stores in one file: what `spin:key-value` reads and writes.

mod batch;
mod stores;

pub use stores::{BUSY_TIME_MAX, FILE_NAME, StoreFile};
