//! What is counted of an event of the log.

use super::series::Metrics;
#[cfg(feature = "bundle")]
use crate::event::BundleEvent;
use crate::event::{Event, KeysChange};
use doorward_metrics::Instrument;
use doorward_token::UnixTime;

/// Counts an event. Those that say what was decided of a request are not among them: the request is counted.
pub(crate) fn count(metrics: &mut Metrics, event: &Event<'_>, now: UnixTime) {
    let Some((level, name)) = event.told_by_itself() else {
        return;
    };
    metrics.add(Instrument::Events, &[&name, level.name()], 1);
    #[cfg(feature = "bundle")]
    if let Event::Bundle { application, event } = event
        && let BundleEvent::Adopted {
            sequence,
            issued_at,
            expires_at,
            ..
        } = event
    {
        for (instrument, value) in [
            (Instrument::BundleSequence, *sequence),
            (Instrument::BundleIssued, issued_at.0),
            (Instrument::BundleExpires, expires_at.0),
        ] {
            #[expect(clippy::cast_precision_loss, reason = "53 bits at most")]
            metrics.set(instrument, &[application], value as f64);
        }
    }
    let Event::Keys(keys) = event else {
        return;
    };
    let outcome = match keys.change {
        KeysChange::Loaded => "loaded",
        KeysChange::Refreshed => "refreshed",
        KeysChange::Recovered => "recovered",
        KeysChange::Unusable => "unusable",
        KeysChange::Failed => "failed",
    };
    metrics.add(Instrument::KeySetChanges, &[keys.issuer, outcome], 1);
    if let Some(age_s) = keys.age_s {
        let fetched = now.0.saturating_sub(age_s);
        #[expect(clippy::cast_precision_loss, reason = "a time of day in seconds")]
        metrics.set(Instrument::KeySetFetched, &[keys.issuer], fetched as f64);
    }
}
