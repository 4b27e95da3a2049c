//! One exchange, from the head of the request to the end of the answer: who is waited for, and since when.
//!
//! Only what somebody asks for is waited for. Where a component reads no body, and where its answer has no bytes,
//! the client has all the time; where the client takes nothing, the component has.

mod body;
mod exchange;

pub use self::body::{Download, Upload};
pub use self::exchange::{Flow, Paces};

#[cfg(test)]
mod tests;
