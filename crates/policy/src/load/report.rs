//! `mode` and `report_until`: of the policy, a route, an issuer or a rate limit.

use super::{date, values};
use crate::finding::Code;
use crate::report::{ReportUntil, RouteMode};
use crate::source::{Fields, Related, Source};

const MODE: &str = "mode";
const UNTIL: &str = "report_until";

/// The mode of a route.
pub(super) fn of_route(source: &mut Source<'_>, fields: Fields<'_, '_>) -> RouteMode {
    match mode(source, fields, &["report", "enforce"]) {
        None => RouteMode::AsOthers,
        Some((0, until)) => until.map_or(RouteMode::AsOthers, RouteMode::Report),
        Some(_) => RouteMode::Enforce,
    }
}

/// Until when something else is in report mode.
pub(super) fn until(source: &mut Source<'_>, fields: Fields<'_, '_>) -> Option<ReportUntil> {
    let (_, until) = mode(source, fields, &["report"])?;
    until
}

/// Which of `modes` it is, and until when. The first one is report mode.
fn mode(
    source: &mut Source<'_>,
    fields: Fields<'_, '_>,
    modes: &[&str],
) -> Option<(usize, Option<ReportUntil>)> {
    let until = date::read_or_day(source, fields, UNTIL);
    let before = source.findings_count();
    let mode = fields.get(MODE).map(|value| {
        let chosen = source.choice(fields, MODE, modes);
        (chosen, value.offset)
    });
    if source.findings_count() > before {
        // What else is to be said depends on which one was meant.
        return None;
    }
    let has_until = fields.key_offset(UNTIL);
    match (mode, has_until) {
        (Some((0, offset)), None) => {
            let message = "`mode = \"report\"` has no `report_until`";
            let help = "say when it ends, and all is enforced: `report_until = \"2027-01-31\"`";
            source.find_with(Code::MissingKey, offset, &message, Some(&help), &[]);
        }
        (None, Some(offset)) => {
            let message = "`report_until` is there, and no `mode = \"report\"`";
            let help = "add it, or leave this out: all is enforced";
            source.find_with(Code::Conflict, offset, &message, Some(&help), &[]);
        }
        (Some((1.., mode)), Some(offset)) => {
            let message = "`report_until` is for `mode = \"report\"`";
            let related: Related<'_> = &[(mode, &"it is another one")];
            source.find_with(Code::Conflict, offset, &message, None, related);
        }
        (None | Some((1.., _)), None) | (Some((0, _)), Some(_)) => {}
    }
    Some((mode?.0, until.map(ReportUntil)))
}

/// The file of a second policy.
pub(super) fn candidate(source: &mut Source<'_>, root: Fields<'_, '_>) -> Option<String> {
    let path = source.text(root, "candidate")?;
    if !values::is_mounted(path.value) {
        let message = "`candidate` must be the absolute path of a file";
        let help = "the destination under which `files` mounts it, such as `/new.toml`";
        source.find_with(Code::BadValue, path.offset, &message, Some(&help), &[]);
    }
    Some(path.value.to_owned())
}
