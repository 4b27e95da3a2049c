//! How a component says to its host that a request which it sends is of use only while its own client waits.
//!
//! WASI has no words for it. So a host that ends such requests says so in the component's environment, and takes
//! the field out of what is sent; to another host a component does not send it.

/// The field: whatever its value, the request ends when the client goes that the component works for.
pub const CLIENT_BOUND_FIELD: &str = "doorward-client-bound";
/// The environment variable that a component has where its host knows the field.
pub const CLIENT_BOUND_VARIABLE: &str = "DOORWARD_CLIENT_BOUND";
