//! What becomes of one request.

use std::sync::Arc;

use http::StatusCode;
use tokio::time::Instant;

use crate::metrics::{Metrics, Outcome};

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

#[cfg(test)]
mod tests;
