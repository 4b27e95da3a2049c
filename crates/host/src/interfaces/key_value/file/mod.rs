//! Key-value stores in one file: what `spin:key-value` reads and writes.

mod batch;
mod stores;

pub use stores::{
    BATCH_KEYS_MAX, BUSY_TIME_MAX, FILE_NAME, KEY_BYTES_MAX, LISTING_BYTES_MAX, StoreError,
    StoreFile, VALUE_BYTES_MAX,
};
