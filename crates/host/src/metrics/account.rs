//! What becomes of one request.

use std::sync::Arc;

use http::StatusCode;
use tokio::time::Instant;

use super::Metrics;

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
    pub(super) fn name(self) -> &'static str {
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

/// A request that is counted when this is dropped, if anybody wants to know: answered by then, or left by its client.
#[derive(Debug)]
pub struct Account<'a> {
    metrics: Option<&'a Arc<Metrics>>,
    began: Instant,
    /// The component that it is for, once that is known.
    pub component: &'a str,
    /// What becomes of it, once it is answered.
    pub outcome: Outcome,
    status: Option<StatusCode>,
}

impl<'a> Account<'a> {
    /// One that began then.
    #[must_use]
    pub fn begin(metrics: Option<&'a Arc<Metrics>>, began: Instant) -> Self {
        Self {
            metrics,
            began,
            component: "",
            outcome: Outcome::Answered,
            status: None,
        }
    }

    /// It is answered so.
    pub fn close(mut self, status: StatusCode) {
        self.status = Some(status);
    }
}

impl Drop for Account<'_> {
    fn drop(&mut self) {
        let Some(metrics) = self.metrics else {
            return;
        };
        match self.status {
            Some(status) => {
                let time = self.began.elapsed();
                metrics.request(self.component, self.outcome, class(status), Some(time));
            }
            None => metrics.request(self.component, Outcome::ClientGone, "", None),
        }
    }
}

fn class(status: StatusCode) -> &'static str {
    match status.as_u16() / 100 {
        1 => "1xx",
        2 => "2xx",
        3 => "3xx",
        4 => "4xx",
        5 => "5xx",
        _ => "other",
    }
}
