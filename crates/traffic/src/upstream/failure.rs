//! What can go wrong with an upstream.

use core::fmt;

/// Why an upstream gave no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UpstreamFailure {
    /// No connection came about: nothing was sent. Refused, unreachable, or no such name.
    Unreachable,
    /// No connection came about in time: nothing was sent.
    ConnectTimeout,
    /// The connection ended before there was a response.
    Reset,
    /// The response did not begin in time.
    Timeout,
    /// What came is no HTTP response.
    Malformed,
    /// The response has more or larger fields than the host accepts. That says nothing of any other one.
    TooLarge,
    /// TLS could not be agreed upon: an invalid certificate above all.
    Tls,
    /// The host does not permit it: `allowed_outbound_hosts` lacks it.
    Denied,
    /// It was not asked, because it failed too often lately.
    BreakerOpen {
        /// When it will be asked again, in seconds, at least 1.
        retry_after_s: u64,
    },
    /// The time for all attempts is up.
    Deadline,
}

impl UpstreamFailure {
    /// A word for it, for who counts.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unreachable => "unreachable",
            Self::ConnectTimeout => "connect_timeout",
            Self::Reset => "reset",
            Self::Timeout => "timeout",
            Self::Malformed => "malformed",
            Self::TooLarge => "too_large",
            Self::Tls => "tls",
            Self::Denied => "denied",
            Self::BreakerOpen { .. } => "breaker_open",
            Self::Deadline => "deadline",
        }
    }

    /// Whether nothing can have reached the upstream, so that any request can be sent elsewhere.
    #[must_use]
    pub const fn sent_nothing(self) -> bool {
        matches!(
            self,
            Self::Unreachable | Self::ConnectTimeout | Self::Denied | Self::BreakerOpen { .. }
        )
    }
}

impl fmt::Display for UpstreamFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreachable => f.write_str("no connection came about"),
            Self::ConnectTimeout => f.write_str("no connection came about in time"),
            Self::Reset => f.write_str("the connection ended before there was a response"),
            Self::Timeout => f.write_str("the response did not begin in time"),
            Self::Malformed => f.write_str("what came is no response"),
            Self::TooLarge => {
                f.write_str("the response has more or larger fields than the host accepts")
            }
            Self::Tls => f.write_str("TLS could not be agreed upon"),
            Self::Denied => {
                f.write_str("the host does not permit it: `allowed_outbound_hosts` lacks it")
            }
            Self::BreakerOpen { retry_after_s } => {
                write!(f, "it failed too often; asked again in {retry_after_s} s")
            }
            Self::Deadline => f.write_str("the time for all attempts is up"),
        }
    }
}
