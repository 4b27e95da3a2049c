//! What a request is called and to which trace it belongs, by what its fields say and who sends them.
//!
//! 1. Of a peer that is trusted, what it says is taken where it is valid: the request's name, the trace that goes on,
//!    whether that is sampled, `tracestate` and `baggage`.
//! 2. Of anybody else nothing goes on. The request gets a name and a trace of its own, in which nothing is sampled;
//!    the log says to which trace the client had it belong.
//! 3. Where the name is our own, a new trace has the same digits, so that who has one of them finds the other.

use doorward_syntax::field_name::Names;
use doorward_syntax::request_id::{REQUEST_ID, is_uuid, request_id, uuid, uuid_bits};

use crate::field_list::{FieldList, is_field};
use crate::trace_context::{TRACEPARENT, TRACESTATE, Traceparent, is_tracestate};

/// The field with what whoever asks wants everybody behind to know (W3C Baggage).
const BAGGAGE: &str = "baggage";

/// The fields that say all that.
const TELLING: Names = Names::new(&[REQUEST_ID, TRACEPARENT, TRACESTATE, BAGGAGE]);

/// Whether this is one of the fields that say what a request is called and to what it belongs, in any spelling that an
/// upstream could fold. Does not allocate.
#[must_use]
pub fn tells_of_a_trace(name: &str) -> bool {
    TELLING.has(name)
}

/// What a request is called, and to which trace it belongs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trace {
    /// Its name: a UUID, or what a trusted peer calls it.
    pub request_id: String,
    /// The span of it that is ours.
    pub span: Traceparent,
    /// The span in which a trusted peer has sent it.
    pub parent: Option<Traceparent>,
    /// To which trace somebody else says that it belongs.
    pub link: Option<Traceparent>,
    /// Whether the host gives the answer this name by itself.
    pub is_named_by_host: bool,
    /// Whether what the peer says is taken.
    peer_is_trusted: bool,
    /// Whether `tracestate` goes on.
    keeps_state: bool,
}

impl Trace {
    /// That of a request with these fields, which the host calls so, if it does. Whether the peer is trusted is asked
    /// only where it says something. `random` makes numbers that nobody can guess.
    // Not inlined, like what it calls: where it is asked for is one large function.
    #[inline(never)]
    #[must_use]
    pub fn of(
        fields: &FieldList,
        named: Option<&[u8]>,
        peer_is_trusted: impl FnOnce() -> bool,
        random: impl Fn() -> u64,
    ) -> Self {
        let span = random();
        let named = named.and_then(|named| core::str::from_utf8(named).ok());
        let named = named.filter(|named| is_uuid(named));
        let own = named.map_or_else(|| uuid(uuid_bits([random(), random()])), str::to_owned);
        let mut trace = Self {
            span: Traceparent::first(&own, span),
            request_id: own,
            parent: None,
            link: None,
            is_named_by_host: named.is_some(),
            peer_is_trusted: false,
            keeps_state: false,
        };
        if fields.names().any(tells_of_a_trace) {
            trace.takes(fields, peer_is_trusted(), span);
        }
        trace
    }

    /// Takes what is said, or takes note of it.
    #[inline(never)]
    fn takes(&mut self, fields: &FieldList, peer_is_trusted: bool, span: u64) {
        let told = Traceparent::of(&fields.values(TRACEPARENT));
        if !peer_is_trusted {
            self.link = told;
            return;
        }
        self.peer_is_trusted = true;
        if let Some(parent) = told {
            self.span = parent.child(span);
            self.parent = told;
            self.keeps_state = is_tracestate(&fields.values(TRACESTATE));
        }
        if let Some(named) = request_id(&fields.values(REQUEST_ID)) {
            self.is_named_by_host = false;
            named.clone_into(&mut self.request_id);
        }
    }

    /// Whether a field of this name goes on as it came. One that does not may be among [`Trace::fields`].
    #[must_use]
    pub fn keeps(&self, name: &str) -> bool {
        match TELLING.find(name) {
            None => true,
            Some(TRACESTATE) => self.keeps_state,
            Some(BAGGAGE) => self.peer_is_trusted,
            Some(_) => false,
        }
    }

    /// The fields that the next one gets in place of those that do not go on.
    #[must_use]
    pub fn fields(&self) -> [(&'static str, &[u8]); 2] {
        [
            (REQUEST_ID, self.request_id.as_bytes()),
            (TRACEPARENT, self.span.as_bytes()),
        ]
    }
}

/// Whether a field of this name is among [`Trace::fields`].
#[must_use]
pub fn is_set(name: &str) -> bool {
    is_field(name, REQUEST_ID) || is_field(name, TRACEPARENT)
}

#[cfg(test)]
mod tests;
