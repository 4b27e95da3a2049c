//! Names and values of header fields in the policy file.

use doorward_syntax::field_name::{begins_with, same_when_folded};
use doorward_syntax::tokens::is_tchar;
use doorward_traffic::fields::is_hop_by_hop;
use doorward_traffic::spoofing::spoofing;
use doorward_traffic::upstream::FieldEdits;

use super::bounds::{FIELD_EDITS_MAX, FIELD_NAME_BYTES_MAX, FIELD_VALUE_BYTES_MAX};
use crate::document::Entry;
use crate::finding::Code;
use crate::source::{At, Fields, Source, shown};
use crate::value::Value;

/// Whose fields are edited.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    Request,
    Response,
}

/// What the gate itself says of a request's way, and what delimits or routes a message.
const GATE_SETS: [&str; 5] = ["cdn-loop", "content-length", "forwarded", "host", "via"];

/// A name in lower case: a token (RFC 9110 section 5.1).
pub(super) fn name(source: &mut Source<'_>, name: At<&str>) -> bool {
    let good =
        (1..=FIELD_NAME_BYTES_MAX).contains(&name.value.len()) && name.value.bytes().all(is_tchar);
    let lower = name.value.to_ascii_lowercase();
    if good && lower == name.value {
        return true;
    }
    let message = format_args!(
        "`{}` is no name of a header field: up to {FIELD_NAME_BYTES_MAX} characters of a token, in \
         lower case",
        shown(name.value)
    );
    let help = format!("write `{lower}`");
    let help = good.then_some(&help as &dyn core::fmt::Display);
    source.find_with(Code::BadValue, name.offset, &message, help, &[]);
    false
}

/// Printable ASCII, without a space at either end: that would not be part of the value (RFC 9110
/// section 5.5).
pub(super) fn value(source: &mut Source<'_>, value: At<&str>) {
    let text = value.value;
    let good = text.len() <= FIELD_VALUE_BYTES_MAX
        && text.bytes().all(|byte| matches!(byte, b' '..=b'~'))
        && text.trim_matches(' ') == text;
    if !good {
        let message = format_args!(
            "this is no value of a header field: up to {FIELD_VALUE_BYTES_MAX} printable ASCII \
             characters, without spaces around them"
        );
        source.find(Code::BadValue, value.offset, &message);
    }
}

/// The names under a key, which may be none. `None` where the key is not there.
pub(super) fn names(
    source: &mut Source<'_>,
    fields: Fields<'_, '_>,
    key: &'static str,
    entries_max: usize,
) -> Option<Vec<String>> {
    let value = fields.get(key)?;
    if matches!(&value.value, Value::Array { values, .. } if values.is_empty()) {
        return Some(Vec::new());
    }
    let entries = source.strings(value, &format!("`{key}`"), entries_max);
    let mut names = Vec::new();
    for entry in entries.unwrap_or_default() {
        if name(source, entry) {
            names.push(entry.value.to_owned());
        }
    }
    Some(names)
}

/// The names and values under `set`.
pub(super) fn set(
    source: &mut Source<'_>,
    fields: Fields<'_, '_>,
    side: Side,
) -> Vec<(String, String)> {
    let Some(table) = source.table_of(fields, "set") else {
        return Vec::new();
    };
    if table.entries.len() > FIELD_EDITS_MAX {
        let message = format_args!("`set` has more than {FIELD_EDITS_MAX} entries");
        source.find(Code::TooLarge, table.offset, &message);
        return Vec::new();
    }
    let mut set = Vec::new();
    for Entry { name, value: found } in table.entries {
        let name = At {
            offset: name.offset,
            value: name.value.as_ref(),
        };
        if self::name(source, name) {
            check_side(source, name, side);
        }
        let same = |(earlier, _): &&(String, String)| same_when_folded(earlier, name.value);
        if let Some((earlier, _)) = set.iter().find(same) {
            let message = format_args!(
                "`{}` is `{}` in another spelling, which is set, too",
                shown(name.value),
                shown(earlier)
            );
            let help = "keep one: who gets them may take both for one field";
            source.find_with(Code::Repeated, name.offset, &message, Some(&help), &[]);
        }
        let what = format!("the value of `{}`", shown(name.value));
        if let Some(text) = source.string(found, &what) {
            value(source, text);
            set.push((name.value.to_owned(), text.value.to_owned()));
        }
    }
    set
}

/// `[upstream.NAME.request]` or `[upstream.NAME.response]`.
pub(super) fn edits(
    source: &mut Source<'_>,
    upstream: Fields<'_, '_>,
    key: &'static str,
    side: Side,
) -> FieldEdits {
    let Some(fields) = source.table_of(upstream, key) else {
        return FieldEdits::default();
    };
    let remove = names(source, fields, "remove", FIELD_EDITS_MAX).unwrap_or_default();
    let offset = fields.get("remove").map_or(0, |value| value.offset);
    for name in &remove {
        let value = name.as_str();
        check_side(source, At { offset, value }, side);
    }
    let set = set(source, fields, side);
    exclusive(source, fields, &remove, &set);
    source.finish(fields, &format!("`{key}`"));
    FieldEdits { remove, set }
}

/// What is set anyway needs no removal.
pub(super) fn exclusive(
    source: &mut Source<'_>,
    fields: Fields<'_, '_>,
    remove: &[String],
    set: &[(String, String)],
) {
    let both = remove
        .iter()
        .find(|name| set.iter().any(|(set, _)| same_when_folded(set, name)));
    if let (Some(name), Some(offset)) = (both, fields.key_offset("remove")) {
        let message = format_args!("`{name}` is both set and removed");
        let help = "keep one: what is set has this value only";
        source.find_with(Code::Conflict, offset, &message, Some(&help), &[]);
    }
}

/// Some fields are not the policy's to set or remove.
pub(super) fn check_side(source: &mut Source<'_>, name: At<&str>, side: Side) {
    let shown = name.value;
    let is = |other: &str| same_when_folded(shown, other);
    // Nobody but the policy says who the caller is, say, but the policy may.
    let of_policy = || side == Side::Request && spoofing(shown).is_some();
    let help = if is_hop_by_hop(shown) || is("content-length") {
        "it belongs to one connection, and never crosses the gate as it is"
    } else if side == Side::Request && is("authorization") {
        "say it with `credential`, of the upstream or of the route"
    } else if side == Side::Response && begins_with(shown, "access-control-") {
        "say it with `[cors.NAME]`"
    } else if GATE_SETS.into_iter().any(is)
        || (side == Side::Request && begins_with(shown, "x-forwarded-") && !of_policy())
    {
        "the gate sets it itself"
    } else {
        return;
    };
    let message = format_args!("`{shown}` cannot be set or removed here");
    source.find_with(
        Code::ForbiddenHeader,
        name.offset,
        &message,
        Some(&help),
        &[],
    );
}
