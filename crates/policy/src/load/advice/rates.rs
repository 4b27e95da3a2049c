//! Limits that count by what a client says of itself.

use super::tables::texts;
use crate::finding::Code;
use crate::source::{Fields, Related, Source, shown};
use crate::value::Value;

/// A limit, as the file has it.
struct Limit<'t> {
    key: &'t str,
    counts: &'t str,
}

impl<'t> Limit<'t> {
    fn of(fields: Fields<'t, '_>) -> Self {
        let one = |name, otherwise| {
            let text = texts(fields.get(name)).into_iter().next();
            text.map_or(otherwise, |text| text.value)
        };
        Self {
            key: one("key", "client"),
            counts: one("counts", "requests"),
        }
    }

    /// Whether nobody gets past this one by changing what the other one counts by.
    fn bounds(&self, other: &Self) -> bool {
        match self.key {
            "client" => self.counts == "requests" || self.counts == other.counts,
            key if key.starts_with("header:") => false,
            // Counted once it is known whose request it is. What proves false is nobody's.
            _ => other.counts == "requests",
        }
    }
}

/// Names the limits by a header with which a route is left alone. Where a limit of the same route counts by what no
/// client chooses, the header only divides what that one allows; and a header that only trusted proxies send is theirs.
pub(super) fn advise(source: &mut Source<'_>, root: Fields<'_, '_>, routes: &[Fields<'_, '_>]) {
    let table = |key: &'static str| root.get(key).and_then(|value| root.table(value));
    let Some(limits) = table("rate_limit") else {
        return;
    };
    let defaults = table("defaults").and_then(|defaults| defaults.get("rate_limit"));
    let of_proxies = texts(table("proxy").and_then(|proxy| proxy.get("identity_headers")));
    for entry in limits.entries {
        let Some(fields) = limits.table(&entry.value) else {
            continue;
        };
        let limit = Limit::of(fields);
        let Some(header) = limit.key.strip_prefix("header:") else {
            continue;
        };
        if of_proxies.iter().any(|name| name.value == header) {
            continue;
        }
        let is_alone = |route: &&Fields<'_, '_>| {
            let names = texts(route.get("rate_limit").or(defaults));
            let others = || {
                let of_name = |name: &str| {
                    let mut entries = limits.entries.iter();
                    let entry = entries.find(|entry| entry.name.value == name)?;
                    limits.table(&entry.value).map(Limit::of)
                };
                names.iter().filter_map(move |name| of_name(name.value))
            };
            names.iter().any(|name| entry.name.value == name.value)
                // No credential is looked at.
                && !(is_public(route) && limit.counts != "requests")
                && !others().any(|other| other.bounds(&limit))
        };
        let Some(route) = routes.iter().find(is_alone) else {
            continue;
        };
        let name = shown(&entry.name.value);
        let message = format_args!(
            "a client chooses what is in `{}`: `rate_limit.{name}` stops nobody who changes it",
            shown(header)
        );
        let help = match limit.counts {
            "requests" if !is_public(route) => {
                "count by `client`, `subject`, `api-key` or a claim, or name a limit that does so beside it"
            }
            _ => "count by `client`, or name a limit that does so beside it",
        };
        let offset = fields.get("key").map_or(fields.offset, |key| key.offset);
        let path = texts(route.get("path")).into_iter().next();
        let path = path.map_or(route.offset, |path| path.offset);
        let related: Related<'_> = &[(path, &"a route with no other limit")];
        source.find_with(Code::ChosenByClient, offset, &message, Some(&help), related);
    }
}

fn is_public(route: &Fields<'_, '_>) -> bool {
    let public = route.get("public").map(|public| &public.value);
    matches!(public, Some(Value::Boolean(true)))
}
