//! What is known of spans: which there are, is found out in [`span`](mod@crate::span).

use crate::span::kind::Kind;

/// A span, and what those within it need to know of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Context {
    pub(crate) trace_id: u128,
    pub(crate) span_id: u64,
    /// What is added to the clock that nobody sets for the time since 1970, in nanoseconds.
    pub(crate) epoch_ns: u64,
}

impl Context {
    /// The time of day that belongs to one of the clock that nobody sets: within a trace those do not jump.
    pub(crate) fn since_1970_ns(&self, monotonic_ns: u64) -> u64 {
        self.epoch_ns.wrapping_add(monotonic_ns)
    }
}

/// A span that has ended.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Finished {
    pub(crate) trace_id: u128,
    pub(crate) span_id: u64,
    /// In which span it is; `None`: in none.
    pub(crate) parent: Option<u64>,
    /// Whether that one is somebody else's.
    pub(crate) parent_is_remote: bool,
    /// The trace and span to which the client says that the request belongs.
    pub(crate) link: Option<(u128, u64)>,
    pub(crate) name: String,
    pub(crate) kind: Kind,
    /// In nanoseconds since 1970.
    pub(crate) start_ns: u64,
    /// The same.
    pub(crate) end_ns: u64,
    pub(crate) attributes: Vec<(&'static str, Value)>,
    pub(crate) is_error: bool,
}

/// The value of an attribute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Value {
    Text(String),
    Number(u64),
}

/// The span of a request, which has begun.
#[derive(Clone, Debug)]
pub(crate) struct Root {
    pub(crate) context: Context,
    pub(crate) parent: Option<u64>,
    pub(crate) link: Option<(u128, u64)>,
    pub(crate) start_ns: u64,
    pub(crate) is_https: bool,
}

impl Root {
    /// `url.scheme`
    pub(crate) fn scheme(&self) -> &'static str {
        if self.is_https { "https" } else { "http" }
    }
}

/// No more of a text than so many bytes.
pub(crate) fn cut(mut text: String, bytes_max: usize) -> String {
    text.truncate(text.floor_char_boundary(bytes_max));
    text
}
