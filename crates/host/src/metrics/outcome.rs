//! What becomes of one request, in a word.

/// What became of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// A component answered.
    Answered,
    /// The manifest or the host itself did, as it should.
    Fixed,
    /// Nothing answers this path.
    NoRoute,
    /// It is not one that a component may see.
    BadRequest,
    /// Its client has its share of the instances.
    OverShare,
    /// There was no room for another instance, or it could not be started.
    NoInstance,
    /// Its body did not come.
    SlowBody,
    /// The component did not answer in time.
    TooLate,
    /// The component failed.
    Failed,
    /// Its client went before it was answered.
    ClientGone,
}

impl Outcome {
    /// As the label has it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Answered => "answered",
            Self::Fixed => "fixed",
            Self::NoRoute => "no_route",
            Self::BadRequest => "bad_request",
            Self::OverShare => "over_share",
            Self::NoInstance => "no_instance",
            Self::SlowBody => "slow_body",
            Self::TooLate => "too_late",
            Self::Failed => "failed",
            Self::ClientGone => "client_gone",
        }
    }
}
