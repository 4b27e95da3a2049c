//! Phase 8: what became of a request is told, and its refusal answered.

use doorward_policy::Refusal;

use crate::additions::Additions;
use crate::event::Event;
use crate::platform::Platform;
use crate::record::{Outcome, Record};
use crate::respond;

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
    platform.record(&Event::Refused {
        record: &record,
        refusal: &refusal,
    });
    let response = respond::refusal(platform, &refusal, additions, &record.trace);
    record.outcome = Outcome::Refused(refusal);
    done(platform, &mut record);
    response
}

/// Tells of a request that went on, and what came of that.
pub(crate) fn answered<P: Platform>(
    platform: &P,
    record: &mut Record<'_>,
    answer: &Result<P::Response, P::Error>,
) {
    if P::OBSERVES {
        record.outcome = match (answer, record.endpoint) {
            (Ok(response), None) => Outcome::Forwarded(P::status(response)),
            (Ok(response), Some(_)) => Outcome::Answered(P::status(response)),
            (Err(_), _) => Outcome::Failed,
        };
        done(platform, record);
    }
}

fn done<P: Platform>(platform: &P, record: &mut Record<'_>) {
    if P::OBSERVES {
        if let Some(times) = &mut record.times {
            times.answered = Some(platform.monotonic());
        }
        platform.observe(record);
    }
}
