//! Triggers of other kinds than HTTP: what an application has beside its HTTP triggers, and this host
//! does not serve.

use std::ops::Range;

use super::reader::{Document, Table};
use crate::nearest::nearest;

/// The kind that this host serves.
pub(super) const HTTP: &str = "http";

/// The kind in whose place there are timers.
const CRON: &str = "cron";

/// The component that a trigger of another kind names, and where.
pub(super) type NamedElsewhere = (Range<usize>, String);

/// Reads the triggers of every other kind: what they name, and the line that says that they are not
/// served, where there are any.
pub(super) fn read(
    document: &Document<'_>,
    kinds: &Table<'_, '_, '_, '_>,
) -> (Vec<NamedElsewhere>, Option<String>) {
    let mut named = Vec::new();
    let mut listed = Vec::new();
    for (span, kind, value) in kinds.entries() {
        if kind == HTTP || is_misspelt(document, &span, kind) {
            continue;
        }
        let Some(triggers) = document.array(value, &format!("[[trigger.{kind}]]")) else {
            continue;
        };
        let mut lines = Vec::new();
        for trigger in triggers {
            let Some(table) = document.table(trigger, &format!("[[trigger.{kind}]]")) else {
                continue;
            };
            // All other keys are the kind's own. A component that is written inline is not used here.
            let component = table.get("component");
            if let Some(id) = component.and_then(|value| Some((value, value.get_ref().as_str()?))) {
                named.push((id.0.span(), id.1.to_owned()));
            }
            lines.push(document.line(&trigger.span()).to_string());
        }
        if !lines.is_empty() {
            let s = if lines.len() == 1 { "" } else { "s" };
            listed.push(format!("trigger.{kind} (line{s} {})", lines.join(", ")));
        }
    }
    let notice = (!listed.is_empty()).then(|| {
        format!(
            "not served here: {}; this host serves the HTTP triggers, `spin up` all of them{}",
            listed.join(", "),
            match kinds.get(CRON) {
                Some(_) => "; what is to be done again and again has a `[[component.ID.tool.doorward.timer]]` here",
                None => "",
            }
        )
    });
    (named, notice)
}

/// Whether a kind of trigger is HTTP with a slip of the pen, which is then a problem: a route would be
/// missing, or a setting.
pub(super) fn is_misspelt(document: &Document<'_>, span: &Range<usize>, kind: &str) -> bool {
    let misspelt = kind != HTTP && nearest(kind, [HTTP]).is_some();
    if misspelt {
        document.problem_with_help(
            span,
            format!("there is no kind of trigger `{kind}`"),
            format!("did you mean `{HTTP}`?"),
        );
    }
    misspelt
}
