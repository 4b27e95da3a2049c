//! Where the time of a request goes: spans of what is done for it, where it is sampled.
//!
//! Work that is done for a request runs *within* its span: whatever begins a span finds out by itself in which one that
//! is, however deep it is called, and work that goes on after the response [inherits](inherited) it. A request that is
//! not sampled has none, and costs a look at that.

#[cfg(not(feature = "otlp"))]
mod absent;
pub(crate) mod kind;
#[cfg(feature = "otlp")]
mod recorded;

#[cfg(not(feature = "otlp"))]
pub(crate) use self::absent::{Span, doing, inherited, request};
#[cfg(feature = "otlp")]
pub(crate) use self::recorded::{Span, begin_request, doing, end_request, inherited, request};
