//! How it was found out that a token is genuine.

/// How it was found out that a token is genuine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proof {
    /// By its signature, with a key of the issuer.
    Signature,
    /// By asking the issuer (RFC 7662).
    Introspection,
}
