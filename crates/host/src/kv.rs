//! Key-value stores, for whoever shares them with a host.

pub use crate::interfaces::key_value::bounds::{
    BATCH_KEYS_MAX, KEY_BYTES_MAX, LISTING_BYTES_MAX, StoreError, VALUE_BYTES_MAX,
};
pub use crate::interfaces::key_value::file::{BUSY_TIME_MAX, FILE_NAME, StoreFile};
pub use crate::interfaces::key_value::places::{Place, Places};
pub use crate::interfaces::key_value::server::CALL_TIME_MAX;
pub use crate::interfaces::key_value::store::Store;
