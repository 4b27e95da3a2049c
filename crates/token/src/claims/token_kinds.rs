//! Which kinds of tokens are accepted.

/// Which tokens of an issuer are accepted. Those without a mark always are; refresh tokens, logout
/// tokens, security events and tokens with `cnf` never.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum TokenKinds {
    /// Nothing that is marked as an ID token.
    #[default]
    Access,
    /// Nothing that is marked as an access token.
    Id,
    /// Whatever the mark, also several that contradict each other.
    Any,
}
