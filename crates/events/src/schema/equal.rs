//! When two values are the same (JSON Schema core §4.2.2), in time that hostile ones cannot stretch.

use core::cmp::Ordering;

use crate::json::{JsonStr, Kind, Value};
use crate::sort::sort_by;

/// A number that two equal values share. Others may share it too, if somebody has made them so.
pub(super) fn hash(value: Value<'_>) -> u64 {
    match value.kind() {
        Kind::Null => mix(1, 0),
        Kind::Bool => mix(2, u64::from(value.as_bool() == Some(true))),
        Kind::Number => value.as_number().map_or(0, |number| {
            let decimal = number.decimal();
            let start = mix(
                3,
                u64::from(decimal.negative) << 32 | u64::from(decimal.magnitude as u32),
            );
            decimal
                .digits()
                .fold(start, |hash, digit| mix(hash, u64::from(digit)))
        }),
        Kind::String => value.as_string().map_or(0, |string| hash_string(4, string)),
        Kind::Array => value
            .elements()
            .fold(mix(5, 0), |all, value| mix(all, hash(value))),
        Kind::Object => {
            // In whatever order they come.
            let members = value
                .members()
                .map(|(name, value)| mix(hash_string(6, name), hash(value)));
            members.fold(7, u64::wrapping_add)
        }
    }
}

fn hash_string(start: u64, string: JsonStr<'_>) -> u64 {
    string
        .chars()
        .fold(start, |hash, c| mix(hash, u64::from(c)))
}

fn mix(hash: u64, next: u64) -> u64 {
    let mixed = (hash ^ next)
        .wrapping_add(0x9e37_79b9_7f4a_7c15)
        .wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed ^ mixed >> 29
}

/// An order of all values in which equal ones are next to each other. An object costs sorting its names.
pub(super) fn order(a: Value<'_>, b: Value<'_>) -> Ordering {
    let rank = |value: Value<'_>| value.kind() as u8;
    let lengths = || a.len().cmp(&b.len());
    match (a.kind(), b.kind()) {
        (Kind::Bool, Kind::Bool) => a.as_bool().cmp(&b.as_bool()),
        (Kind::Number, Kind::Number) => a.as_number().cmp(&b.as_number()),
        (Kind::String, Kind::String) => match (a.as_string(), b.as_string()) {
            (Some(a), Some(b)) => order_strings(a, b),
            _ => Ordering::Equal,
        },
        (Kind::Array, Kind::Array) => lengths().then_with(|| {
            let pairs = a.elements().zip(b.elements());
            first_difference(pairs.map(|(a, b)| order(a, b)))
        }),
        (Kind::Object, Kind::Object) => lengths().then_with(|| {
            let (a, b) = (sorted(a), sorted(b));
            let pairs = a.iter().zip(&b);
            first_difference(pairs.map(|((name, value), (other_name, other))| {
                order_strings(*name, *other_name).then_with(|| order(*value, *other))
            }))
        }),
        _ => rank(a).cmp(&rank(b)),
    }
}

fn order_strings(a: JsonStr<'_>, b: JsonStr<'_>) -> Ordering {
    if a.has_escapes() || b.has_escapes() {
        a.chars().cmp(b.chars())
    } else {
        a.raw().cmp(b.raw())
    }
}

fn sorted(object: Value<'_>) -> Vec<(JsonStr<'_>, Value<'_>)> {
    let mut members: Vec<_> = object.members().collect();
    sort_by(&mut members, |(a, _), (b, _)| order_strings(*a, *b));
    members
}

fn first_difference(mut orders: impl Iterator<Item = Ordering>) -> Ordering {
    orders
        .find(|order| order.is_ne())
        .unwrap_or(Ordering::Equal)
}
