//! What a component may rely on where Doorward's own host runs it, and how it knows that it does.
//!
//! WASI has no words for it. A component without the [variable](HOST_VARIABLE) relies on none of this:
//!
//! - A request that is sent with the [field](CLIENT_BOUND_FIELD) ends when the client goes that the component works
//!   for. The host takes the field out of what is sent, and of what clients send.
//! - A request has a [field](REQUEST_NAME_FIELD) with a [UUID](crate::request_id), by which the host calls it. An answer
//!   that has no `X-Request-Id` gets that from the host. The host takes the field out of what clients send.
//! - No message that arrives has a field of one hop (RFC 9110 section 7.6.1), one that `Connection` names included.

/// The environment variable that a component has there.
pub const HOST_VARIABLE: &str = "DOORWARD_HOST";
/// The field of a request that is of use only while the component's own client waits, whatever its value.
pub const CLIENT_BOUND_FIELD: &str = "doorward-client-bound";
/// The field of a request with the host's name for it.
pub const REQUEST_NAME_FIELD: &str = "doorward-request-id";
