//! What a host does with the fields that belong to its own connections.
//!
//! Every host on wasmtime forbids a component to set them. Whether a component sees those that *arrive* is
//! another matter: wasmtime 48 takes them out, 47, which is inside Spin 4.1, does not. This host does as 48
//! does. To show that components are right on both it can do as 47 does, in builds with the feature
//! `test-manners` only.

/// What becomes of the forbidden fields of a message that arrives.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Manner {
    /// They are taken out, and a request that is unclear about its host is refused (wasmtime 48).
    #[default]
    Removes,
    /// A component sees them: hop-by-hop fields of answers, `Transfer-Encoding` and every `Host` of requests. Of
    /// a request `Connection` alone is hidden, and what it names stays (wasmtime 47, Spin 4.1).
    #[cfg(feature = "test-manners")]
    Shows,
}

impl Manner {
    /// Whether a component sees the fields.
    #[must_use]
    pub fn shows(self) -> bool {
        self != Self::Removes
    }
}
