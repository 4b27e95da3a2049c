//! `strip_prefix`, `replace` and `rewrite_response` of a route.

use doorward_traffic::rewrite::Rewrite;

use super::values::pattern;
use crate::finding::Code;
use crate::pattern::{Pattern, Segment};
use crate::source::{At, Fields, Related, Source, shown};

/// `path`: the pattern of the route, where it is known.
pub(super) fn read(
    source: &mut Source<'_>,
    fields: Fields<'_, '_>,
    path: Option<&Pattern>,
) -> Option<Rewrite> {
    if let (Some(first), Some(second)) = (
        fields.key_offset("strip_prefix"),
        fields.key_offset("replace"),
    ) {
        let message = "`strip_prefix` and `replace` exclude each other";
        let related: Related<'_> = &[(first.min(second), &"the other one is here")];
        let at = first.max(second);
        source.find_with(Code::Conflict, at, &message, Some(&"keep one"), related);
        return None;
    }
    if let Some(text) = source.text(fields, "strip_prefix") {
        prefix(source, text, path);
        return Some(Rewrite::StripPrefix(text.value.to_owned()));
    }
    let table = source.table_of(fields, "replace")?;
    const WHAT: &str = "`replace`";
    let help = "say what the path begins with";
    let from = source.needed(table, "prefix", WHAT, help);
    let help = "say what it begins with for the upstream; `/` is nothing";
    let with = source.needed(table, "with", WHAT, help);
    source.finish(table, WHAT);
    if let Some(from) = from {
        prefix(source, from, path);
    }
    if let Some(with) = with {
        literal(source, with);
    }
    Some(Rewrite::Replace {
        prefix: from?.value.to_owned(),
        with: with?.value.to_owned(),
    })
}

/// Whether paths in responses are moved back.
pub(super) fn response(source: &mut Source<'_>, fields: Fields<'_, '_>, moves: bool) -> bool {
    const KEY: &str = "rewrite_response";
    if let Some(offset) = fields.key_offset(KEY)
        && !moves
    {
        let message = "`rewrite_response` needs `strip_prefix` or `replace`: no path is moved";
        source.find(Code::MissingKey, offset, &message);
    }
    source.flag(fields, KEY, true) && moves
}

/// Segments that every path of the route begins with.
fn prefix(source: &mut Source<'_>, text: At<&str>, path: Option<&Pattern>) {
    let Some(prefix) = literal(source, text) else {
        return;
    };
    let Some(path) = path else {
        return;
    };
    let segments = prefix.segments();
    if segments.is_empty() || !path.segments().starts_with(segments) {
        let message = format_args!(
            "`{}` is not how every path of the route begins",
            shown(text.value)
        );
        let help = format_args!("write whole segments of `{path}`, without parameters");
        source.find_with(Code::BadValue, text.offset, &message, Some(&help), &[]);
    }
}

/// A path without parameters.
fn literal(source: &mut Source<'_>, text: At<&str>) -> Option<Pattern> {
    let pattern = pattern(source, text)?;
    let literal = |segment: &Segment| matches!(segment, Segment::Literal(_));
    if pattern.takes_rest() || !pattern.segments().iter().all(literal) {
        let message = format_args!("`{}` is no literal path", shown(text.value));
        let help = "leave out `{name}` and `**`: what follows the prefix stays as it is";
        source.find_with(Code::BadValue, text.offset, &message, Some(&help), &[]);
        return None;
    }
    Some(pattern)
}
