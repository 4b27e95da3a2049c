//! What the answers of the development issuer depend on.

use crate::keys::Keys;

/// What answers depend on.
pub(super) struct Settings {
    pub(super) url: String,
    pub(super) keys: Keys,
}
