//! What is in report mode at a time, and what else is only for a while.

use core::fmt::Display;

use doorward_token::UnixTime;

use super::tables::{tables, texts};
use crate::document::Document;
use crate::finding::{Code, Findings};
use crate::load::bounds::POLICY_BYTES_MAX;
use crate::load::date::time_or_day;
use crate::report::{REPORT_S_MAX, ReportUntil};
use crate::source::{Fields, Source, shown};

/// What `doorward check` says of report modes and `decision_inputs`, which depends on the time: what is in effect now,
/// what has ended, and what never will be in effect. `found` is what was found in the same text, and comes first; of a policy with errors
/// nothing is said. `written` is how a time is written.
#[must_use]
pub fn advise_of_modes(
    text: &str,
    found: &Findings,
    now: UnixTime,
    written: fn(UnixTime) -> String,
) -> Findings {
    if found.has_errors() || text.len() > POLICY_BYTES_MAX {
        return found.clone();
    }
    let mut source = Source::with_findings(text, found.clone());
    let document = Document::parse(text, &mut |_| {});
    let root = Fields::root(&document);
    let mut say = |fields: Fields<'_, '_>, what: &dyn Display, effect: &str| {
        mode(&mut source, fields, what, effect, now, written);
    };
    say(
        root,
        &"the whole policy",
        "what it would refuse passes as nobody's, and is told as `would-refuse` in the log; a route with \
         `mode = \"enforce\"` refuses",
    );
    for (kind, effect) in [
        (
            "issuer",
            "anybody can write its name into a token, and passes with that as nobody: each route that accepts it is in \
             report mode for whoever does",
        ),
        ("rate_limit", "it counts, and refuses nobody"),
    ] {
        let named = root.entries.iter().find(|entry| entry.name.value == kind);
        let Some(all) = named.and_then(|entry| root.table(&entry.value)) else {
            continue;
        };
        for entry in all.entries {
            if let Some(fields) = all.table(&entry.value) {
                let name = shown(&entry.name.value);
                say(fields, &format_args!("`{kind}.{name}`"), effect);
            }
        }
    }
    for route in tables(root, root.get("route")) {
        let path = texts(route.get("path")).into_iter().next();
        let path = shown(path.map_or("", |path| path.value));
        let effect =
            "what it would refuse passes as nobody's, and is told as `would-refuse` in the log";
        say(route, &format_args!("the route `{path}`"), effect);
    }
    if let Some(log) = root.get("log").and_then(|log| root.table(log)) {
        inputs(&mut source, log, now, written);
    }
    source.into_findings()
}

/// The same of `decision_inputs`: whether lines have them.
fn inputs(
    source: &mut Source<'_>,
    log: Fields<'_, '_>,
    now: UnixTime,
    written: fn(UnixTime) -> String,
) {
    let until = texts(log.get("decision_inputs_until")).into_iter().next();
    let Some(until) = until else {
        return;
    };
    let Some(end) = time_or_day(until.value) else {
        return;
    };
    let at = written(end);
    let (code, message, help) = if ReportUntil(end).is_on(now) {
        (
            Code::DecisionInputs,
            format!("lines of the log have paths and values of claims until {at}"),
            "they are of people: keep the log as such data have to be kept, and no longer than it is needed for \
             `doorward replay`",
        )
    } else if end <= now {
        (
            Code::DecisionInputsEnded,
            format!("`decision_inputs` has ended at {at}: lines of the log have none any more"),
            "leave out `decision_inputs` and `decision_inputs_until`",
        )
    } else {
        let days = REPORT_S_MAX / (24 * 60 * 60);
        (
            Code::DecisionInputsTooLong,
            format!(
                "`decision_inputs` would end more than {days} days from now: lines of the log have none"
            ),
            "let it end sooner; it can be put off when that day is near",
        )
    };
    source.find_with(code, until.offset, &message, Some(&help), &[]);
}

fn mode(
    source: &mut Source<'_>,
    fields: Fields<'_, '_>,
    what: &dyn Display,
    effect: &str,
    now: UnixTime,
    written: fn(UnixTime) -> String,
) {
    let text = |key| texts(fields.get(key)).into_iter().next();
    let (Some(mode), Some(until)) = (text("mode"), text("report_until")) else {
        return;
    };
    let Some(end) = time_or_day(until.value) else {
        return;
    };
    let at = written(end);
    if ReportUntil(end).is_on(now) {
        let message = format_args!("{what} is in report mode until {at}");
        source.find_with(Code::ReportMode, mode.offset, &message, Some(&effect), &[]);
    } else if end <= now {
        let message = format_args!("the report mode of {what} has ended at {at}: all is enforced");
        let help = "leave out `mode` and `report_until`";
        source.find_with(Code::ReportEnded, until.offset, &message, Some(&help), &[]);
    } else {
        let days = REPORT_S_MAX / (24 * 60 * 60);
        let message = format_args!(
            "the report mode of {what} would end more than {days} days from now: it is not in effect, and all is enforced"
        );
        let help = "let it end sooner; it can be put off when that day is near";
        source.find_with(
            Code::ReportTooLong,
            until.offset,
            &message,
            Some(&help),
            &[],
        );
    }
}
