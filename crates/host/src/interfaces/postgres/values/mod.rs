//! The values of PostgreSQL that the interface has words for, and how they are on the wire (binary, as the manual has
//! it and `src/backend/utils/adt` of PostgreSQL).

mod date;
mod decode;
mod encode;
mod numeric;
#[cfg(test)]
mod tests;
mod types;
mod wire;

pub use self::decode::{data_type, decode};
pub use self::encode::{Refused, to_wire};
pub use self::types::{Bound, DataType, Interval, Range, Value};
