//! Who answers preflights.

use super::tables::texts;
use crate::finding::Code;
use crate::source::{Fields, Related, Source, shown};
use crate::value::Value;

/// Names routes that let `OPTIONS` through to their service, and whose preflights the gate answers because `[defaults]`
/// has CORS. A route that says so itself means it.
pub(super) fn advise(source: &mut Source<'_>, root: Fields<'_, '_>, routes: &[Fields<'_, '_>]) {
    let defaults = root.get("defaults").and_then(|value| root.table(value));
    let cors = texts(defaults.and_then(|defaults| defaults.get("cors")));
    let Some(cors) = cors.first() else {
        return;
    };
    for route in routes {
        let Some(options) = route.get("public_options") else {
            continue;
        };
        if !matches!(options.value, Value::Boolean(true)) || route.get("cors").is_some() {
            continue;
        }
        let message = format_args!(
            "preflights do not reach the service here: the gate answers them by `cors.{}`",
            shown(cors.value)
        );
        let help = "add `cors = false` where the service answers them, or name a `cors` where it is the gate";
        let related: Related<'_> = &[(cors.offset, &"every route has it that does not say itself")];
        source.find_with(
            Code::NoEffect,
            options.offset,
            &message,
            Some(&help),
            related,
        );
    }
}
