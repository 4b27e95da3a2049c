//! What of a key is worked out with its first signature, and not before: an instance may live for one request, and of an
//! issuer's keys it uses one.
#![expect(
    clippy::disallowed_types,
    reason = "what is remembered follows from the key alone, so nobody can tell when it was worked out"
)]

use std::sync::OnceLock;

pub(super) struct Prepared<T>(OnceLock<T>);

impl<T> Prepared<T> {
    /// Nothing yet.
    pub(super) const fn not_yet() -> Self {
        Self(OnceLock::new())
    }

    /// What was worked out, or is by this.
    pub(super) fn get(&self, prepare: impl FnOnce() -> T) -> &T {
        self.0.get_or_init(prepare)
    }
}
