//! Worlds that are drawn from seeds: issuers whose keys come and go, a store that is late or fails, origins that
//! fail, instances that come and go, a clock that is set, and clients of all kinds.
//!
//! [`Story`] is what happened in one, and the truth about it; [`faults`] is what must not have. What is true is
//! known from how the world was made, and judged by a naive reference.

#![expect(
    clippy::indexing_slicing,
    reason = "test code stops at the first thing that is not as the test needs it"
)]

mod bounds;
mod census;
mod check;
mod clients;
mod credentials;
mod draw;
mod issuers;
mod origins;
mod plan;
mod reference;
mod setting;
mod story;
mod timeline;

pub use self::census::{census, transcript};
pub use self::check::faults;
pub use self::story::Story;
