//! What is known of a credential once it is genuine.

use doorward_policy::Issuer;
use doorward_token::api_key::VerifiedKey;
use doorward_token::{UnixTime, VerifiedToken};
use std::sync::Arc;

/// A credential that is genuine. What it may do is not said yet.
#[derive(Debug)]
pub(crate) enum Genuine {
    /// A token.
    Token {
        /// By whose keys or word.
        issuer: Arc<Issuer>,
        /// What it says.
        token: Arc<VerifiedToken>,
        /// When that was found out.
        at: UnixTime,
    },
    /// An API key.
    Key {
        /// What it says.
        key: VerifiedKey,
        /// When that was found out.
        at: UnixTime,
    },
}
