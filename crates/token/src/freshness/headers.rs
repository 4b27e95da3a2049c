//! What a response says of its own age (RFC 9111).

use doorward_syntax::date::parse_http_date;
use doorward_syntax::list::{members, trim};
use doorward_syntax::numbers::parse_digits;

use super::policy::{FRESH_S_DEFAULT, FRESH_S_MAX, FRESH_S_MIN};
use crate::time::UnixTime;

/// The fields of a response that say for how long it may be kept, each where it was sent once and is
/// text. `Cache-Control` may be sent several times: the values joined by `, ` are the same list (RFC 9110
/// §5.3).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CacheHeaders<'r> {
    /// `Cache-Control` (RFC 9111 §5.2.2).
    pub cache_control: Option<&'r str>,
    /// `Age` (RFC 9111 §5.1).
    pub age: Option<&'r str>,
    /// `Expires` (RFC 9111 §5.3).
    pub expires: Option<&'r str>,
    /// `Date` (RFC 9110 §6.6.1).
    pub date: Option<&'r str>,
}

/// For how long keys are fresh that came with these fields just now, in seconds (RFC 9111 §4.2).
///
/// 1. `no-store`, `no-cache` and a `max-age` of zero make them fresh for [`FRESH_S_MIN`]. Of several
///    directives the smallest counts.
/// 2. Without a readable `max-age`, `Expires` less `Date` counts; without a `Date`, less `now`. An
///    `Expires` that is no date has passed.
/// 3. Without either, it is [`FRESH_S_DEFAULT`].
/// 4. What a cache on the way has used up of it (`Age`) is taken off.
///
/// The result is within [`FRESH_S_MIN`] and [`FRESH_S_MAX`].
#[must_use]
pub fn fresh_s(headers: &CacheHeaders<'_>, now: UnixTime) -> u64 {
    let lifetime_s = max_age_s(headers.cache_control.unwrap_or_default())
        .or_else(|| expires_s(headers, now))
        .unwrap_or(FRESH_S_DEFAULT);
    // RFC 9111 §5.1: an `Age` that is no number is to be ignored.
    let age_s = headers
        .age
        .and_then(|age| parse_digits(age.trim()))
        .unwrap_or_default();
    lifetime_s
        .saturating_sub(age_s)
        .clamp(FRESH_S_MIN, FRESH_S_MAX)
}

fn max_age_s(cache_control: &str) -> Option<u64> {
    let directives = members([cache_control]).filter_map(|directive| {
        let mut halves = directive.splitn(2, |&byte| byte == b'=');
        let name = trim(halves.next().unwrap_or_default());
        if name.eq_ignore_ascii_case(b"no-store") || name.eq_ignore_ascii_case(b"no-cache") {
            Some(0)
        } else if name.eq_ignore_ascii_case(b"max-age") {
            let value = str::from_utf8(halves.next()?).ok()?;
            parse_digits(value.trim().trim_matches('"'))
        } else {
            None
        }
    });
    directives.min()
}

fn expires_s(headers: &CacheHeaders<'_>, now: UnixTime) -> Option<u64> {
    let read = |text: &str| parse_http_date(text, now.0).map(UnixTime);
    let expires = headers.expires?;
    let date = headers.date.and_then(read).unwrap_or(now);
    // RFC 9111 §5.3: what is no date, in particular 0, is in the past.
    Some(read(expires).map_or(0, |expires| expires.seconds_since(date)))
}

#[cfg(test)]
mod tests;
