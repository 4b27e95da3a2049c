//! What a client is told of its limits: `RateLimit-Policy`, `RateLimit` and `Retry-After`, the first two as
//! structured fields (RFC 9651).

use super::limit::{RateLimit, RateVerdict};

/// The value of `RateLimit-Policy` (draft-ietf-httpapi-ratelimit-headers-10 section 3): a list of names with
/// `q`, how many requests, and `w`, in how many seconds. Empty for no limits; the field may not be empty.
pub fn policy_field<'l>(limits: impl Iterator<Item = &'l RateLimit>) -> String {
    let mut value = String::new();
    for limit in limits {
        push_item(&mut value, &limit.name);
        push_parameter(&mut value, ";q=", limit.requests.into());
        push_parameter(&mut value, ";w=", limit.per_s.into());
    }
    value
}

/// The value of `RateLimit` (draft-ietf-httpapi-ratelimit-headers-10 section 4): a list of names with `r`, how
/// many requests remain, and `t`, in how many seconds there will be more. In the draft that follows it `t` is
/// for how long there are no more, which is the same. Empty for no limits.
pub fn limit_field<'l>(verdicts: impl Iterator<Item = (&'l RateLimit, &'l RateVerdict)>) -> String {
    let mut value = String::new();
    for (limit, verdict) in verdicts {
        push_item(&mut value, &limit.name);
        push_parameter(&mut value, ";r=", verdict.remaining.into());
        push_parameter(&mut value, ";t=", verdict.retry_after_ms.div_ceil(1000));
    }
    value
}

/// The value of `Retry-After` (RFC 9110 section 10.2.3), in seconds: when the last of the limits that refuse
/// admits again, at least 1. Those that admit have no say.
pub fn retry_after_s<'v>(verdicts: impl Iterator<Item = &'v RateVerdict>) -> u64 {
    verdicts
        .filter(|verdict| !verdict.admitted)
        .map(|verdict| verdict.retry_after_ms.div_ceil(1000))
        .fold(1, u64::max)
}

/// A string item (RFC 9651 section 3.3.3). The policy lets nothing into a name that a string could not hold.
fn push_item(value: &mut String, name: &str) {
    if !value.is_empty() {
        value.push_str(", ");
    }
    value.push('"');
    for character in name.chars() {
        if matches!(character, '"' | '\\') {
            value.push('\\');
        }
        value.push(character);
    }
    value.push('"');
}

fn push_parameter(value: &mut String, name: &str, number: u64) {
    value.push_str(name);
    value.push_str(&number.to_string());
}

#[cfg(test)]
mod tests;
