//! What a request is called and to which trace it belongs, by what its fields say and who sends them.
//!
//! 1. Of a peer that is trusted, what it says is taken where it is valid: the request's name, the trace that goes on,
//!    whether that is sampled, `tracestate` and `baggage`.
//! 2. Of anybody else nothing goes on. The request gets a name and a trace of its own, in which nothing is sampled;
//!    the log says to which trace the client had it belong.
//! 3. Where the name is our own, a new trace has the same digits, so that who has one of them finds the other.

use doorward_syntax::field_name::Names;

use crate::field_list::{FieldList, is_field};
use crate::request_id::{REQUEST_ID, request_id, uuid};
use crate::trace_context::{TRACEPARENT, TRACESTATE, Traceparent, tracestate};

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
    peer_is_trusted: bool,
    state: State,
}

/// What becomes of `tracestate`.
#[derive(Debug, Clone, PartialEq, Eq)]
enum State {
    /// It goes on as it came, if it did.
    Stays,
    /// This goes on.
    Is(String),
    /// It does not go on.
    Goes,
}

impl Trace {
    /// That of a request with these fields. Whether the peer is trusted is asked only where it says something.
    /// `random` is a number that nobody can guess, another one for each argument.
    #[must_use]
    pub fn of(
        fields: &FieldList,
        peer_is_trusted: impl FnOnce() -> bool,
        random: impl Fn(u8) -> u64,
    ) -> Self {
        let says_something = fields.names().any(tells_of_a_trace);
        let peer_is_trusted = says_something && peer_is_trusted();
        let own = uuid(random(0), random(1));
        let span = random(2);
        let values = |name| match says_something {
            true => fields.values(name),
            false => Vec::new(),
        };
        let told = Traceparent::of(&values(TRACEPARENT));
        let (parent, link) = match peer_is_trusted {
            true => (told, None),
            false => (None, told),
        };
        let state = match &parent {
            None => State::Goes,
            Some(_) => {
                let came = fields.values(TRACESTATE);
                match tracestate(&came) {
                    None => State::Goes,
                    Some(state) if came == [state.as_bytes()] => State::Stays,
                    Some(state) => State::Is(state),
                }
            }
        };
        let span = match &parent {
            Some(parent) => parent.child(span),
            None => Traceparent::first(&own, span),
        };
        let named = values(REQUEST_ID);
        let named = request_id(&named).filter(|_| peer_is_trusted);
        Self {
            request_id: named.map_or(own, str::to_owned),
            span,
            parent,
            link,
            peer_is_trusted,
            state,
        }
    }

    /// Whether a field of this name goes on as it came. One that does not may be among [`Trace::fields`].
    #[must_use]
    pub fn keeps(&self, name: &str) -> bool {
        match TELLING.find(name) {
            None => true,
            Some(TRACESTATE) => self.state == State::Stays,
            Some(BAGGAGE) => self.peer_is_trusted,
            Some(_) => false,
        }
    }

    /// Whether a field of this name is among [`Trace::fields`].
    #[must_use]
    pub fn sets(&self, name: &str) -> bool {
        self.fields().any(|(set, _)| is_field(name, set))
    }

    /// The fields that the next one gets in place of those that do not go on.
    pub fn fields(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let state = match &self.state {
            State::Is(state) => Some((TRACESTATE, state.as_str())),
            State::Stays | State::Goes => None,
        };
        let ours = [
            (REQUEST_ID, self.request_id.as_str()),
            (TRACEPARENT, self.span.as_str()),
        ];
        ours.into_iter().chain(state)
    }
}

#[cfg(test)]
mod tests;
