//! `Retry-After` (RFC 9110 section 10.2.3).

use doorward_syntax::date::parse_http_date;
use doorward_syntax::numbers::parse_digits;

/// The longest pause that is believed, in seconds.
pub const RETRY_AFTER_S_MAX: u64 = 3600;
/// The longest value that is read, in bytes. The longest date has 33: `Wednesday, 06-Nov-94 08:49:37 GMT`.
pub const RETRY_AFTER_BYTES_MAX: usize = 64;

/// For how many milliseconds a `Retry-After` asks to wait: at most [`RETRY_AFTER_S_MAX`], and 0 for a date
/// that has passed. `now_unix_s` is the time of day, in seconds since 1970-01-01T00:00:00Z. `None` for what
/// is neither a number of seconds nor a date.
#[must_use]
pub fn retry_after_ms(value: &[u8], now_unix_s: u64) -> Option<u64> {
    if value.len() > RETRY_AFTER_BYTES_MAX {
        return None;
    }
    let text = str::from_utf8(value).ok()?.trim_ascii();
    let wait_s = match parse_digits(text) {
        Some(seconds) => seconds,
        None => parse_http_date(text, now_unix_s)?.saturating_sub(now_unix_s),
    };
    Some(wait_s.min(RETRY_AFTER_S_MAX) * 1000)
}

#[cfg(test)]
mod tests;
