//! What lines of the log tell beyond the request itself, where they say what decisions depended on.

use doorward_token::ClaimPath;

/// The same, for one policy.
#[derive(Debug)]
pub(crate) struct Recorded {
    /// The claims that rules name, and whether the names of their members are meant.
    pub(crate) claims: Vec<(ClaimPath, bool)>,
    /// By which policies with the same `[identity]` know each other.
    pub(crate) identity: String,
}
