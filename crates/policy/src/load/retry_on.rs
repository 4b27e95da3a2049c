//! `retry_on` of a route.

use doorward_traffic::retry::RetryOn;

use crate::finding::Code;
use crate::source::{Fields, Source, shown, suggestion};

/// After what a request can be sent again.
pub(crate) const NAMES: [&str; 3] = ["timeout", "reset", "gateway-error"];

/// After what the requests of a route are sent again whatever their method.
pub(super) fn read(source: &mut Source<'_>, fields: Fields<'_, '_>) -> RetryOn {
    let mut on = RetryOn::default();
    let Some(value) = fields.get("retry_on") else {
        return on;
    };
    let entries = source.strings(value, "`retry_on`", NAMES.len());
    for entry in entries.unwrap_or_default() {
        let Some(is_on) = named(&mut on, entry.value) else {
            let help = suggestion(entry.value, &NAMES, &"there are");
            let message = format_args!("there is no reason to ask again `{}`", shown(entry.value));
            source.find_with(Code::BadValue, entry.offset, &message, Some(&help), &[]);
            continue;
        };
        *is_on = true;
    }
    on
}

fn named<'o>(on: &'o mut RetryOn, name: &str) -> Option<&'o mut bool> {
    let [timeout, reset, gateway_error] = NAMES;
    match name {
        name if name == timeout => Some(&mut on.timeout),
        name if name == reset => Some(&mut on.reset),
        name if name == gateway_error => Some(&mut on.gateway_error),
        _ => None,
    }
}
