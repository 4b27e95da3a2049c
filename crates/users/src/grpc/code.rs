//! How a call has ended (<https://grpc.io/docs/guides/status-codes>).

/// The codes that are used here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Code {
    /// It has been done.
    Ok = 0,
    /// The message is wrong, whatever there is.
    InvalidArgument = 3,
    /// There is nothing of the kind.
    NotFound = 5,
    /// There is something of the kind already.
    AlreadyExists = 6,
    /// The caller may not.
    PermissionDenied = 7,
    /// It is too much.
    ResourceExhausted = 8,
    /// There is no such method, or it cannot be called so.
    Unimplemented = 12,
    /// It broke off, or is not what gRPC is.
    Internal = 13,
    /// It cannot be done now.
    Unavailable = 14,
    /// It is not known who calls.
    Unauthenticated = 16,
}
