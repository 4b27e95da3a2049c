//! `claims` of a route: which claims it asks for, and what has to hold of each

use core::fmt::Display;

use doorward_token::ClaimPath;

use super::values;
use crate::claim::{CLAIM_VALUES_MAX, CLAIMS_MAX, Condition, RequiredClaim, Scalar};
use crate::document::Entry;
use crate::finding::Code;
use crate::pattern::Pattern;
use crate::source::{At, Fields, Related, Source, concat, nearest, shown, suggestion};
use crate::value::Value;

const WHAT: &str = "the value of a claim";

/// What is read of `claims`.
#[derive(Default)]
pub(super) struct ReadClaims {
    pub(super) claims: Vec<RequiredClaim>,
    /// Where `sub` is compared with a segment of the path, if it is.
    pub(super) subject: Option<usize>,
}

/// Reads `claims` of a route or an alternative. `pattern` is the route's, `None` where it is a bad one.
pub(super) fn read(
    source: &mut Source<'_>,
    fields: Fields<'_, '_>,
    pattern: Option<&Pattern>,
) -> ReadClaims {
    let mut read = ReadClaims::default();
    let Some(value) = fields.get("claims") else {
        return read;
    };
    let Some(table) = fields.table(value) else {
        source.wrong_type(value, "`claims`", "a table of claims and their values");
        return read;
    };
    if table.entries.is_empty() || table.entries.len() > CLAIMS_MAX {
        let message = format_args!("`claims` must have between 1 and {CLAIMS_MAX} entries");
        source.find(Code::BadValue, value.offset, &message);
    }
    let before = source.findings_count();
    let mut offsets = Vec::new();
    for Entry { name, value } in table.entries {
        let mut claim = RequiredClaim {
            path: match named(source, &name.value, name.offset) {
                Some(path) => path,
                None => continue,
            },
            keys: false,
            conditions: Vec::new(),
        };
        match table.table(value) {
            Some(fields) => conditions(source, fields, &name.value, pattern, &mut claim),
            None => {
                let values = scalars(source, &name.value, value);
                claim.conditions.push(Condition::Any(values));
            }
        }
        let compared = |one: &Condition| matches!(one, Condition::Equals { .. });
        if claim.is_of_subject() && claim.conditions.iter().any(compared) {
            read.subject = Some(name.offset);
        }
        offsets.push(name.offset);
        read.claims.push(claim);
    }
    if source.findings_count() == before {
        below(source, &read.claims, &offsets);
    }
    read
}

/// Reports a claim that is asked for inside of another one, where that cannot be an object.
fn below(source: &mut Source<'_>, claims: &[RequiredClaim], offsets: &[usize]) {
    for (above, there) in claims.iter().zip(offsets) {
        for (claim, &offset) in claims.iter().zip(offsets) {
            if above.path.leads_to(&claim.path) && !above.leaves_room_for(claim) {
                let message = format_args!(
                    "`{}` is never there: the rule does not let `{}` be an object",
                    shown(claim.path.as_str()),
                    shown(above.path.as_str())
                );
                let help = "leave one of them out, or put them into alternatives";
                let related: Related<'_> = &[(*there, &"they exclude each other")];
                source.find_with(Code::Conflict, offset, &message, Some(&help), related);
            }
        }
    }
}

/// The place of a claim that a rule can ask for.
fn named(source: &mut Source<'_>, name: &str, offset: usize) -> Option<ClaimPath> {
    let path = values::claim(
        source,
        At {
            offset,
            value: name,
        },
    )?;
    // None of these is an object that a path could go into.
    let help = match path.claim() {
        "iss" => "name the issuer with `issuer`",
        "aud" => "that is the issuer's `audience`",
        "exp" | "nbf" | "iat" => "times are always checked",
        "scope" | "scp" => "ask for scopes with `scope`",
        _ => return Some(path),
    };
    let message = format_args!("a rule cannot ask for the claim `{}`", shown(name));
    source.find_with(Code::BadValue, offset, &message, Some(&help), &[]);
    None
}

/// The values that are listed, or the only one.
fn scalars(source: &mut Source<'_>, name: &str, value: &At<Value<'_>>) -> Vec<Scalar> {
    let values = match &value.value {
        Value::Array { values, .. } => values.as_slice(),
        _ => core::slice::from_ref(value),
    };
    if values.is_empty() || values.len() > CLAIM_VALUES_MAX {
        let name = shown(name);
        let message = format_args!("`{name}` must list between 1 and {CLAIM_VALUES_MAX} values");
        source.find(Code::BadValue, value.offset, &message);
    }
    let scalars = values.iter().filter_map(|value| scalar(source, value));
    scalars.collect()
}

fn scalar(source: &mut Source<'_>, value: &At<Value<'_>>) -> Option<Scalar> {
    match &value.value {
        Value::Text(text) => Some(Scalar::Text(text.clone().into_owned())),
        Value::Boolean(boolean) => Some(Scalar::Boolean(*boolean)),
        Value::Integer(_) => {
            let integer = source.integer(value, WHAT)?;
            Some(Scalar::Integer(integer.value))
        }
        _ => {
            let wanted = "a string, a whole number, a boolean or an array of these";
            source.wrong_type(value, WHAT, wanted);
            None
        }
    }
}

/// The conditions of one claim, as a table.
fn conditions(
    source: &mut Source<'_>,
    fields: Fields<'_, '_>,
    name: &str,
    pattern: Option<&Pattern>,
    claim: &mut RequiredClaim,
) {
    let before = source.findings_count();
    for (key, of) in [
        ("any", Condition::Any as fn(_) -> _),
        ("all", Condition::All),
        ("none", Condition::None),
    ] {
        if let Some(value) = fields.get(key) {
            let values = scalars(source, key, value);
            claim.conditions.push(of(values));
        }
    }
    for (key, condition) in [
        ("present", Condition::Present),
        ("absent", Condition::Absent),
    ] {
        if is_true(source, fields, key) {
            claim.conditions.push(condition);
        }
    }
    if let Some(text) = source.text(fields, "equals") {
        let segment = segment(source, text, pattern);
        claim.conditions.push(Condition::Equals { segment });
    }
    claim.keys = is_true(source, fields, "keys");
    if !fields.is_finished() {
        let known = fields.asked();
        for entry in fields.entries {
            unknown(source, fields, &known, name, entry);
        }
    }
    if source.findings_count() > before {
        return;
    }
    if claim.conditions.is_empty() {
        let message = format_args!("nothing is said of the claim `{}`", shown(name));
        let help = "write one or more of `any`, `all`, `none`, `present`, `absent` and `equals`";
        source.find_with(Code::BadValue, fields.offset, &message, Some(&help), &[]);
    }
    contradictions(source, fields, claim);
}

/// A key that is no condition. With a dot before it that was not in quotes, it is the rest of a path.
fn unknown(
    source: &mut Source<'_>,
    fields: Fields<'_, '_>,
    known: &[&str],
    name: &str,
    entry: &Entry<'_>,
) {
    let key = entry.name.value.as_ref();
    if known.contains(&key) {
        return;
    }
    let (mut path, mut rest) = (spelled(name), entry);
    let help = match nearest(key, known) {
        Some(near) => format!("did you mean `{near}`?"),
        None => loop {
            path = concat(&[&path, ".", &spelled(&rest.name.value)]);
            let within = fields.table(&rest.value).map(|table| table.entries);
            match within {
                Some([only]) if !known.contains(&only.name.value.as_ref()) => rest = only,
                _ => {
                    break format!(
                        "a path is one key, in quotes: write `\'{path}\' = …`; a segment that has a dot \
                     itself stands in double quotes inside"
                    );
                }
            }
        },
    };
    let message = format_args!("a condition on a claim has no key `{}`", shown(key));
    let offset = entry.name.offset;
    source.find_with(Code::UnknownTomlKey, offset, &message, Some(&help), &[]);
}

/// A name as it is in a path.
fn spelled(name: &str) -> String {
    let shown = shown(name);
    if name.contains(['.', '/', ':']) && !name.contains('"') {
        concat(&["\"", &shown, "\""])
    } else {
        shown
    }
}

/// Whether a key is there, which has no other value than `true`.
fn is_true(source: &mut Source<'_>, fields: Fields<'_, '_>, key: &'static str) -> bool {
    let Some(value) = fields.get(key) else {
        return false;
    };
    let what = concat(&["`", key, "`"]);
    if source.boolean(value, &what) == Some(false) {
        let help = match key {
            "present" => "write `absent = true` if that is meant",
            "absent" => "write `present = true` if that is meant",
            _ => "leave it out",
        };
        let message = format_args!("{what} can only be `true`");
        source.find_with(Code::BadValue, value.offset, &message, Some(&help), &[]);
    }
    true
}

/// The position of the segment that a parameter of the path stands for.
fn segment(source: &mut Source<'_>, text: At<&str>, pattern: Option<&Pattern>) -> usize {
    let name = text.value.strip_prefix('{');
    let Some(name) = name.and_then(|name| name.strip_suffix('}')) else {
        let message = format_args!("`{}` is no parameter of the path", shown(text.value));
        let help = "write it like `{id}`; `any` compares with a text of your own";
        source.find_with(Code::BadValue, text.offset, &message, Some(&help), &[]);
        return 0;
    };
    // A bad pattern was found already.
    let Some(pattern) = pattern else { return 0 };
    let known: Vec<(usize, &str)> = pattern.parameters().collect();
    if let Some((segment, _)) = known.iter().find(|(_, known)| *known == name) {
        return *segment;
    }
    let names: Vec<String> = known
        .iter()
        .map(|(_, name)| concat(&["{", name, "}"]))
        .collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let help = if names.is_empty() {
        concat(&["write `", &shown(text.value), "` as a segment of `path`"])
    } else {
        suggestion(text.value, &names, &"the path has")
    };
    let message = format_args!("the path has no parameter `{}`", shown(text.value));
    source.find_with(Code::BadValue, text.offset, &message, Some(&help), &[]);
    0
}

/// Reports conditions that cannot hold together, or that make no sense with `keys`.
fn contradictions(source: &mut Source<'_>, fields: Fields<'_, '_>, claim: &RequiredClaim) {
    let offset = |key: &'static str| fields.key_offset(key).unwrap_or(fields.offset);
    let mut clash = |one: &'static str, other: &'static str, message: &dyn Display| {
        let related: Related<'_> = &[(offset(other), &"they exclude each other")];
        source.find_with(Code::Conflict, offset(one), message, None, related);
    };
    if fields.get("absent").is_some() {
        let others = fields.asked().into_iter();
        for key in others.filter(|key| *key != "absent" && fields.get(key).is_some()) {
            let message = format_args!("a claim that is absent has no `{key}`");
            clash(key, "absent", &message);
        }
        return;
    }
    if claim.keys && fields.get("equals").is_some() {
        clash("equals", "keys", &"the keys of an object are not one text");
    }
    for condition in &claim.conditions {
        let (key, listed) = match condition {
            Condition::Any(listed) => ("any", listed),
            Condition::All(listed) => ("all", listed),
            Condition::None(listed) => ("none", listed),
            _ => continue,
        };
        if claim.keys && !listed.iter().all(|one| matches!(one, Scalar::Text(_))) {
            clash(key, "keys", &"the keys of an object are strings");
        }
        let excluded = claim.conditions.iter().find_map(|one| match one {
            Condition::None(excluded) if key != "none" => Some(excluded),
            _ => None,
        });
        let mut both = listed
            .iter()
            .filter(|one| excluded.is_some_and(|not| not.contains(one)));
        if let Some(both) = both.next() {
            let both = match both {
                Scalar::Text(text) => shown(text),
                Scalar::Integer(number) => number.to_string(),
                Scalar::Boolean(boolean) => boolean.to_string(),
            };
            let message = format_args!("`{both}` is in `{key}` and in `none`");
            clash(key, "none", &message);
        } else if excluded.is_some_and(|excluded| !claim.keys && refuses(excluded, condition)) {
            let message = format_args!(
                "no claim has what `{key}` asks for: `none` refuses what is of another type"
            );
            clash(key, "none", &message);
        }
        if fields.get("equals").is_some() && !holds_of_a_text(condition) {
            let message =
                format_args!("what `equals` a segment is one string, and `{key}` lists others");
            clash("equals", key, &message);
        }
    }
}

/// Whether values that are compared with `excluded`, and have to be of a type of those, never meet the
/// condition.
fn refuses(excluded: &[Scalar], condition: &Condition) -> bool {
    let refused = |one: &Scalar| !excluded.iter().any(|listed| one.is_of_type_of(listed));
    match condition {
        Condition::Any(listed) => listed.iter().all(refused),
        Condition::All(listed) => listed.iter().any(refused),
        _ => false,
    }
}

/// Whether some string meets the condition.
fn holds_of_a_text(condition: &Condition) -> bool {
    let is_text = |one: &Scalar| matches!(one, Scalar::Text(_));
    match condition {
        Condition::Any(listed) | Condition::None(listed) => listed.iter().any(is_text),
        Condition::All(listed) => listed
            .iter()
            .all(|one| is_text(one) && listed.first() == Some(one)),
        _ => true,
    }
}
