//! Where credentials are.

use core::fmt;

/// Where the credential of a request was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CredentialPlace {
    /// In the `Authorization` field.
    Authorization,
    /// In a header field of its own.
    Header,
    /// In a cookie.
    Cookie,
    /// In a parameter of the query.
    Query,
}

impl fmt::Display for CredentialPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Authorization => "Authorization field",
            Self::Header => "header",
            Self::Cookie => "cookie",
            Self::Query => "parameter",
        })
    }
}
