//! A request that was let through.

use doorward_policy::Permit;
use doorward_traffic::limits::BodyCount;
use std::rc::Rc;

use crate::additions::Additions;
use crate::ground::Ground;
use crate::platform::Platform;
use crate::received::Received;
use crate::record::Record;

/// A request that was let through, and what it was let through with. Only a decision makes the permit in it.
pub(crate) struct Admitted<'i, P: Platform> {
    pub(crate) ground: &'i Rc<Ground<P>>,
    pub(crate) request: P::Request,
    /// Its fields, as the host has them.
    pub(crate) fields: P::Fields,
    pub(crate) received: Received,
    pub(crate) permit: Permit<'i>,
    /// What is known of it so far.
    pub(crate) record: Box<Record<'i>>,
    /// How much of the body may come.
    pub(crate) body_count: BodyCount,
    /// Whether a body would have to be of another media type, or to say of which it is.
    pub(crate) needs_type: bool,
    /// What the response gets.
    pub(crate) additions: Additions<'i>,
}
