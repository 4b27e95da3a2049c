//! What became of the events of a request.

use std::fmt::Write as _;

use crate::fault::{Fault, Faults, shortened};
use crate::split::Place;
use doorward_service::json::push_string;

/// How many events of a request may be refused. Whoever sends more is no sender of events: with compression a few bytes
/// could keep an instance busy for long.
pub const REFUSED_MAX: u64 = 100_000;
/// How many errors are told. The rest are counted.
pub const ERRORS_MAX: usize = 100;
/// The longest place of an error, in bytes.
pub const FIELD_BYTES_MAX: usize = 256;
/// The longest reason of an error, in bytes.
pub const REASON_BYTES_MAX: usize = 256;

/// The counts, and the first errors.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Events that were read, good or bad.
    pub received: u64,
    /// Events that the sink has, those that it had before included.
    pub accepted: u64,
    /// Those of them that it had before.
    pub duplicates: u64,
    /// Events with which something is wrong.
    pub refused: u64,
    errors: Vec<(Place, Fault)>,
    errors_omitted: u64,
}

impl Report {
    /// An event is refused for these faults, of which none are left.
    pub fn refuse(&mut self, place: Place, faults: &mut Faults) {
        self.refused = self.refused.saturating_add(1);
        for fault in faults.take() {
            if self.errors.len() < ERRORS_MAX {
                self.errors.push((place, fault));
            } else {
                self.errors_omitted = self.errors_omitted.saturating_add(1);
            }
        }
    }

    /// Writes its members as JSON, without the brackets of the object that they belong to.
    pub fn push_members(&self, json: &mut String) {
        let counts = [
            ("received", self.received),
            ("accepted", self.accepted),
            ("duplicates", self.duplicates),
            ("refused", self.refused),
        ];
        for (name, count) in counts {
            // Writing to a text does not fail.
            let _ = write!(json, "\"{name}\":{count},");
        }
        json.push_str("\"errors\":[");
        for (nth, (place, fault)) in self.errors.iter().enumerate() {
            if nth > 0 {
                json.push(',');
            }
            push_place(json, *place);
            json.push_str(",\"field\":");
            match &fault.field {
                Some(field) => push_string(json, &shortened(field, FIELD_BYTES_MAX)),
                None => json.push_str("null"),
            }
            json.push_str(",\"reason\":");
            push_string(json, &shortened(&fault.reason, REASON_BYTES_MAX));
            json.push('}');
        }
        let _ = write!(json, "],\"errors_omitted\":{}", self.errors_omitted);
    }
}

/// Writes the place of an event, as an object that is not yet closed.
pub fn push_place(json: &mut String, place: Place) {
    let _ = write!(json, "{{\"event\":{}", place.event);
    if let Some(line) = place.line {
        let _ = write!(json, ",\"line\":{line}");
    }
    let _ = write!(json, ",\"offset\":{}", place.offset);
}

#[cfg(test)]
mod tests {
    use super::{ERRORS_MAX, FIELD_BYTES_MAX, REASON_BYTES_MAX, Report};
    use crate::fault::Faults;
    use crate::split::Place;

    /// The most bytes of a report: those of each error, with every character of it escaped.
    const REPORT_BYTES_MAX: usize =
        1_024 + ERRORS_MAX * (6 * (FIELD_BYTES_MAX + REASON_BYTES_MAX) + 128);

    #[test]
    fn a_report_has_the_counts_and_the_first_errors_as_json() {
        let mut report = Report {
            received: 3,
            accepted: 1,
            duplicates: 1,
            ..Report::default()
        };
        let mut faults = Faults::default();
        faults.member("time", "is \"no\" time\n");
        faults.event("is not a JSON object");
        report.refuse(
            Place {
                event: 3,
                line: Some(4),
                offset: 77,
            },
            &mut faults,
        );
        let mut json = String::new();
        report.push_members(&mut json);
        assert_eq!(
            json,
            "\"received\":3,\"accepted\":1,\"duplicates\":1,\"refused\":1,\"errors\":[\
             {\"event\":3,\"line\":4,\"offset\":77,\"field\":\"/time\",\"reason\":\"is \\\"no\\\" time\\u000a\"},\
             {\"event\":3,\"line\":4,\"offset\":77,\"field\":null,\"reason\":\"is not a JSON object\"}\
             ],\"errors_omitted\":0"
        );
    }

    #[test]
    fn a_report_is_bounded_whatever_is_wrong() {
        let mut report = Report::default();
        let mut faults = Faults::default();
        let place = Place {
            event: u64::MAX,
            line: Some(u64::MAX),
            offset: u64::MAX,
        };
        for _ in 0..10_000 {
            faults.at("\u{1}".repeat(100_000), "\u{1}".repeat(100_000));
            report.refuse(place, &mut faults);
        }
        let mut json = String::new();
        report.push_members(&mut json);
        assert!(json.len() < REPORT_BYTES_MAX, "{}", json.len());
        assert!(json.ends_with("],\"errors_omitted\":9900"));
        assert_eq!(report.refused, 10_000);
    }
}
