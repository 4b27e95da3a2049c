//! Lines of the log about events.

use doorward_policy::Refusal;
#[cfg(feature = "report")]
use doorward_policy::{Policy, ReportScope};
#[cfg(feature = "report")]
use doorward_syntax::date::rfc3339;
#[cfg(feature = "report")]
use doorward_token::UnixTime;
use doorward_traffic::trace::Trace;
use serde_json::{Map, Value};
use std::fmt::Display;

use crate::levels::Level;
use crate::record::Record;

/// A text from outside (a path, an error of the host) is cut after this many bytes.
const TEXT_BYTES_MAX: usize = 512;

/// A line under way.
pub(super) struct Line {
    pub(super) fields: Map<String, Value>,
    pub(super) level: Level,
}

impl Line {
    pub(super) fn of(level: Level, event: &str) -> Self {
        let mut fields = Map::with_capacity(10);
        fields.insert("level".to_owned(), Value::from(level.name()));
        fields.insert("event".to_owned(), Value::from(event));
        Self { fields, level }
    }

    pub(super) fn with(mut self, name: &str, value: &dyn Display) -> Self {
        let text = value.to_string();
        let cut = text.get(..text.floor_char_boundary(TEXT_BYTES_MAX));
        let value = Value::from(cut.unwrap_or(&text));
        self.fields.insert(name.to_owned(), value);
        self
    }

    /// With what a request was or would be refused as.
    pub(super) fn of_refusal(self, record: &Record<'_>, path: &str, refusal: &Refusal) -> Self {
        self.with("class", &refusal.class())
            .with("status", &refusal.status())
            .with("method", &record.method)
            .with("path", &path)
            .with("reason", &refusal.reason())
    }

    /// With what is in report mode, each with its end.
    #[cfg(feature = "report")]
    pub(super) fn of_modes(mut self, policy: &Policy, now: UnixTime) -> Self {
        let mut kinds =
            ["policy_until", "routes", "issuers", "rate_limits"].map(|kind| (kind, String::new()));
        for (scope, until) in policy.report_modes().filter(|(_, until)| until.is_on(now)) {
            let [whole, routes, issuers, limits] = &mut kinds;
            let ((_, told), name) = match scope {
                ReportScope::Policy => (whole, ""),
                ReportScope::Route(path) => (routes, path),
                ReportScope::Issuer(name) => (issuers, name),
                ReportScope::RateLimit(name) => (limits, name),
            };
            // More would be cut.
            if told.len() > TEXT_BYTES_MAX {
                continue;
            }
            if !told.is_empty() {
                told.push_str(", ");
            }
            if !name.is_empty() {
                told.extend([name, " until "]);
            }
            told.push_str(&rfc3339(until.end().0.saturating_mul(1000)));
        }
        for (kind, told) in kinds.iter().filter(|(_, told)| !told.is_empty()) {
            self = self.with(kind, told);
        }
        self.with(
            "effect",
            &"what these would refuse passes as nobody's: see `would-refuse`",
        )
    }

    /// With what its request is called, and the trace that it belongs to.
    pub(super) fn of_request(self, trace: &Trace) -> Self {
        let line = self
            .with("request_id", &trace.request_id)
            .with("trace_id", &trace.span.trace_id());
        match &trace.link {
            Some(link) => line.with("linked_trace_id", &link.trace_id()),
            None => line,
        }
    }
}
