//! What follows from one value and one rule alone.

use super::format::kinds;
use super::literal;
use super::program::{Bound, Limit, Member, Members, Rule, SEARCHED_ONE_BY_ONE_MAX};
use super::violation::{Report, shown};
use crate::json::{JsonStr, Kind, Number, Value};

/// Longest list of names that is shown.
const NAMES_SHOWN: usize = 8;

/// Nothing, or what is wrong where something does not hold.
pub(super) fn holds<R: Report>(
    good: bool,
    keyword: &'static str,
    value: Value<'_>,
    detail: impl FnOnce() -> String,
) -> Result<(), R> {
    if good {
        Ok(())
    } else {
        Err(R::new(keyword, value, detail))
    }
}

/// Whether a number is what a rule about numbers says.
pub(super) fn number_rule<R: Report>(
    rule: &Rule<'_>,
    number: Number<'_>,
    value: Value<'_>,
) -> Result<(), R> {
    match rule {
        Rule::Bound(bound, limit) => {
            let order = match (limit.small, number.as_i64()) {
                (Some(small), Some(number)) => number.cmp(&small),
                _ => number.cmp(&limit.number),
            };
            let (good, keyword, must) = match bound {
                Bound::Minimum => (order.is_ge(), "minimum", "at least"),
                Bound::Maximum => (order.is_le(), "maximum", "at most"),
                Bound::ExclusiveMinimum => (order.is_gt(), "exclusiveMinimum", "more than"),
                Bound::ExclusiveMaximum => (order.is_lt(), "exclusiveMaximum", "less than"),
            };
            let Limit { number, .. } = limit;
            holds(good, keyword, value, || {
                format!("is {}, and must be {must} {}", shown(value), number.text())
            })
        }
        Rule::MultipleOf(divisor) => holds(divisor.divides(number), "multipleOf", value, || {
            let by = divisor.number.text();
            format!("is {}, which is no multiple of {by}", shown(value))
        }),
        _ => Ok(()),
    }
}

/// Whether a value is of one of these kinds.
pub(super) fn is_of(value: Value<'_>, allowed: u8) -> bool {
    let kind = match value.kind() {
        Kind::Null => kinds::NULL,
        Kind::Bool => kinds::BOOL,
        Kind::Number => kinds::NUMBER,
        Kind::String => kinds::STRING,
        Kind::Array => kinds::ARRAY,
        Kind::Object => kinds::OBJECT,
    };
    allowed & kind != 0
        || allowed & kinds::INTEGER != 0 && value.as_number().is_some_and(Number::is_integer)
}

/// The kinds of values that there are in a mask, in words.
pub(super) fn names_of(allowed: u8) -> String {
    let names = [
        (kinds::NULL, "null"),
        (kinds::BOOL, "a boolean"),
        (kinds::NUMBER, "a number"),
        (kinds::INTEGER, "an integer"),
        (kinds::STRING, "a string"),
        (kinds::ARRAY, "an array"),
        (kinds::OBJECT, "an object"),
    ];
    let names = names.iter().filter(|(kind, _)| allowed & kind != 0);
    names
        .map(|(_, name)| *name)
        .collect::<Vec<_>>()
        .join(" or ")
}

/// The place of a member among those that a schema names. It is searched for from `next` on, once around.
pub(super) fn find(rule: &Members<'_>, name: JsonStr<'_>, next: usize) -> Option<usize> {
    let is_it = |member: &Member<'_>| name.eq_str(member.name);
    if rule.named.len() <= SEARCHED_ONE_BY_ONE_MAX {
        let (before, after) = rule.named.split_at_checked(next).unwrap_or_default();
        let later = after.iter().position(is_it).map(|place| next + place);
        return later.or_else(|| before.iter().position(is_it));
    }
    let named = |place: &u32| {
        rule.named
            .get(*place as usize)
            .map_or("", |member| member.name)
    };
    let found = rule
        .sorted
        .binary_search_by(|place| literal::order(named(place), name));
    rule.sorted.get(found.ok()?).map(|place| *place as usize)
}

/// Which required members an object has not, in a sentence. It looks at each of the object's members once.
pub(super) fn missing(rule: &Members<'_>, object: Value<'_>) -> String {
    let mut named: Vec<_> = rule.named.iter().map(Some).collect();
    for (name, _) in object.members() {
        if let Some(found) = find(rule, name, 0).and_then(|place| named.get_mut(place)) {
            *found = None;
        }
    }
    let missing: Vec<_> = named
        .into_iter()
        .flatten()
        .filter(|member| member.required)
        .collect();
    let shown = missing
        .iter()
        .take(NAMES_SHOWN)
        .map(|member| format!("{:?}", member.name));
    let shown = shown.collect::<Vec<_>>().join(", ");
    match missing.len().checked_sub(NAMES_SHOWN) {
        None | Some(0) => format!("has no {shown}"),
        Some(more) => format!("has no {shown} and {more} more"),
    }
}
