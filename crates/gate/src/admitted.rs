//! A request that was let through.

use doorward_policy::{Permit, Refusal};
use doorward_traffic::limits::BodyCount;
use std::borrow::Cow;
use std::rc::Rc;

use crate::additions::Additions;
use crate::event::Event;
use crate::ground::Ground;
use crate::platform::Platform;
use crate::received::{Received, path_of};

/// A request that was let through, and what it was let through with. Only a decision makes the permit in it.
pub(crate) struct Admitted<'i, P: Platform> {
    pub(crate) ground: &'i Rc<Ground<P>>,
    pub(crate) request: P::Request,
    /// Its fields, as the host has them.
    pub(crate) fields: P::Fields,
    pub(crate) received: Received,
    pub(crate) permit: Permit<'i>,
    /// How much of the body may come.
    pub(crate) body_count: BodyCount,
    /// Whether a body would have to say what it is, and does not.
    pub(crate) needs_type: bool,
    /// What the response gets.
    pub(crate) additions: Additions<'i>,
}

/// What the log says of a request.
pub(crate) struct Told {
    /// Its method.
    pub(crate) method: Cow<'static, str>,
    /// Its path and query, as received.
    pub(crate) target: String,
}

impl Told {
    /// What the log says of this one.
    pub(crate) fn of(received: Received) -> Self {
        Self {
            method: received.method,
            target: received.target,
        }
    }

    /// The reason of a refusal goes to the log, and nowhere else.
    pub(crate) fn tell<P: Platform>(&self, platform: &P, refusal: &Refusal) {
        platform.record(&Event::Refused {
            refusal,
            method: &self.method,
            path: path_of(&self.target),
        });
    }
}
