//! Phase 8: what became of a request is told, and its refusal answered.

use doorward_policy::Refusal;

use crate::access_log;
use crate::additions::Additions;
use crate::event::Event;
#[cfg(feature = "ops")]
use crate::left;
#[cfg(feature = "metrics")]
use crate::metrics;
use crate::platform::{Platform, millis};
use crate::record::{Outcome, Record, Times};
use crate::recording::Recording as _;
use crate::respond;
#[cfg(feature = "otlp")]
use crate::spanned;

/// Answers with a refusal. Its reason goes to the log, and nowhere else.
///
/// # Errors
/// Where the host does not accept the answer.
pub(crate) fn refused<P: Platform>(
    platform: &P,
    mut record: Box<Record<'_>>,
    refusal: Refusal,
    additions: &Additions<'_>,
) -> Result<P::Response, P::Error> {
    // Where each request has a line, that one says so.
    if !P::MAY_OBSERVE || record.log.is_none() {
        platform.record(&Event::Refused {
            record: &record,
            refusal: &refusal,
        });
    }
    let response = respond::refusal(platform, &refusal, additions, &record.trace);
    if P::MAY_OBSERVE {
        if let Ok(response) = &response {
            record.learns_length(|name| P::values(&P::response_fields(response), name));
        }
        record.outcome = Outcome::Refused(refusal);
        done(platform, &mut record, &response);
    }
    response
}

/// Tells of a request that went on, and what came of that.
pub(crate) fn answered<P: Platform>(
    platform: &P,
    record: &mut Record<'_>,
    answer: &Result<P::Response, P::Error>,
) {
    if P::MAY_OBSERVE && record.times.is_some() {
        // That of an upstream is known: to ask the host again is a call.
        let known = record.status_of_upstream();
        let status = |response| known.unwrap_or_else(|| P::status(response));
        record.outcome = match (answer, record.endpoint) {
            (Ok(response), None) => Outcome::Forwarded(status(response)),
            (Ok(response), Some(_)) => Outcome::Answered(status(response)),
            (Err(_), _) => Outcome::Failed,
        };
        done(platform, record, answer);
    }
}

fn done<P: Platform>(
    platform: &P,
    record: &mut Record<'_>,
    answer: &Result<P::Response, P::Error>,
) {
    let Some(times) = record.times else {
        return;
    };
    let now_ns = record.answered_ns(|| platform.monotonic_ns());
    let answered = Some(millis(now_ns));
    record.times = Some(Times { answered, ..times });
    // Known already: to ask the host again is a call each time.
    let status = answer.as_ref().ok().and_then(|_| record.outcome.status());
    #[cfg(feature = "metrics")]
    platform.measured(|metrics| metrics::request::count(metrics, record, status, now_ns));
    #[cfg(feature = "otlp")]
    if let Some(root) = record.root.take() {
        spanned::ends(platform, root, record, status);
    }
    #[cfg(feature = "ops")]
    left::leave(platform);
    if cfg!(feature = "access-log")
        && let Some(rule) = record.log
        && access_log::is_told(rule, platform.levels(), record, status)
    {
        let at = record.answered_at(|| platform.now_millis());
        let line = access_log::line(rule, record, status, at);
        platform.tell(&line);
    }
    if P::OBSERVES {
        platform.observe(record);
    }
}
