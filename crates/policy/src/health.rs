//! `[health]`: what the gate answers by itself to who asks how it is.

/// What the gate answers to who asks how it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HealthRule {
    /// The path, literal and canonical, where it says whether it has what it needs to decide.
    pub ready: Option<String>,
    /// The same, where it says that it runs.
    pub live: Option<String>,
    /// Who is told what is wrong.
    pub details: HealthDetails,
    /// Whether it is not ready without the store.
    pub requires_store: bool,
    /// The upstreams without which it is not ready, as positions among those of the policy.
    pub upstreams: Vec<usize>,
    /// The issuers without whose keys it is not ready, as positions among those of the policy.
    pub issuers: Vec<usize>,
}

/// Who is told what is wrong, beside that something is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum HealthDetails {
    /// Nobody.
    #[default]
    None,
    /// A peer in the trusted networks that asks for itself.
    Trusted,
    /// Everybody.
    All,
}

/// What is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HealthQuestion {
    /// Whether it has what it needs to decide.
    Ready,
    /// Whether it runs.
    Live,
}
