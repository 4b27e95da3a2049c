//! `mode` and `report_until`

use serde_json::Value;

use super::parts::{day, one_of};

/// `mode` where report mode is the only one.
pub(super) fn mode(about: &str) -> Value {
    one_of(about, &["report"])
}

/// `report_until`.
pub(super) fn report_until() -> Value {
    day(
        "When report mode ends and all is enforced: a day such as `2027-01-31`, when it begins in UTC, or a time \
         such as `2027-01-31T12:00:00Z`; 400 days ahead at most.",
    )
}
