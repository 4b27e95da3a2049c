//! What a component may rely on where Doorward's own host runs it, and how it knows that it does.
//!
//! WASI has no words for it. A component without the [variable](HOST_VARIABLE) relies on none of this:
//!
//! - A request that is sent with the [field](CLIENT_BOUND_FIELD) ends when the client goes that the component works
//!   for. The host takes the field out of what is sent, and of what clients send.
//! - The last `X-Request-Id` of a request is the host's: a [UUID](crate::request_id) of its own, by which it calls the
//!   request. An answer that has no such field gets it from the host.
//! - No message that arrives has a field of one hop (RFC 9110 section 7.6.1), one that `Connection` names included.

/// The environment variable that a component has there.
pub const HOST_VARIABLE: &str = "DOORWARD_HOST";
/// The field of a request that is of use only while the component's own client waits, whatever its value.
pub const CLIENT_BOUND_FIELD: &str = "doorward-client-bound";
