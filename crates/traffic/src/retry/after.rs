//! `Retry-After` (RFC 9110 section 10.2.3).

/// The longest pause that is believed, in seconds.
pub const RETRY_AFTER_S_MAX: u64 = 3600;
/// The longest value that is read, in bytes. The longest date has 33: `Wednesday, 06-Nov-94 08:49:37 GMT`.
pub const RETRY_AFTER_BYTES_MAX: usize = 64;

const MONTHS: &str = "JanFebMarAprMayJunJulAugSepOctNovDec";

/// For how many milliseconds a `Retry-After` asks to wait: at most [`RETRY_AFTER_S_MAX`], and 0 for a date
/// that has passed. `now_unix_s` is the time of day, in seconds since 1970-01-01T00:00:00Z. `None` for what
/// is neither a number of seconds nor a date.
///
/// Dates are read in the three forms that RFC 9110 section 5.6.7 obliges recipients to read:
/// `Sun, 06 Nov 1994 08:49:37 GMT`, `Sunday, 06-Nov-94 08:49:37 GMT` and `Sun Nov  6 08:49:37 1994`. The
/// name of the day is not compared with the date, and what is between the parts is not insisted upon: a
/// date that is understood otherwise than meant costs a pause, at most.
#[must_use]
pub fn retry_after_ms(value: &[u8], now_unix_s: u64) -> Option<u64> {
    if value.len() > RETRY_AFTER_BYTES_MAX {
        return None;
    }
    let text = str::from_utf8(value).ok()?.trim_ascii();
    let wait_s = match number(text) {
        Some(seconds) => seconds,
        None => date_unix_s(text, now_unix_s)?.saturating_sub(now_unix_s),
    };
    Some(wait_s.min(RETRY_AFTER_S_MAX) * 1000)
}

fn date_unix_s(text: &str, now_unix_s: u64) -> Option<u64> {
    let mut parts = text
        .split([' ', ',', '-'])
        .filter(|part| !part.is_empty())
        .skip(1);
    let (second, third, fourth, fifth) =
        (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let (day, month, year, time) = match parts.next() {
        Some("GMT") => (second, third, fourth, fifth),
        // `asctime` begins with the month, ends with the year, and says nothing of the zone.
        None => (third, second, fifth, fourth),
        Some(_) => return None,
    };
    if parts.next().is_some() {
        return None;
    }
    let month = MONTHS.find(month).filter(|_| month.len() == 3)?;
    if !month.is_multiple_of(3) {
        return None;
    }
    let year = match (number(year)?, year.len()) {
        (year, 4) => year,
        (year, 2) => year_of_four_digits(year, now_unix_s),
        _ => return None,
    };
    let mut clock = time.splitn(3, ':').map(number);
    let (hour, minute, second) = (clock.next()??, clock.next()??, clock.next()??);
    let days = days_since_1970(year, month as u64 / 3 + 1, number(day)?)?;
    // RFC 9110 section 5.6.7: 60 is a leap second.
    (hour < 24 && minute < 60 && second <= 60)
        .then(|| days * 86_400 + hour * 3600 + minute * 60 + second)
}

/// RFC 9110 section 5.6.7: the last year with these two digits that is at most 50 years ahead.
fn year_of_four_digits(year: u64, now_unix_s: u64) -> u64 {
    // Exact but for the days around the turn of a year.
    let this_year = 1970 + now_unix_s / 31_556_952;
    let latest = this_year + 50;
    latest - (latest - year) % 100
}

fn days_since_1970(year: u64, month: u64, day: u64) -> Option<u64> {
    if !(1970..=9999).contains(&year) {
        return None;
    }
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let days_in = |month: u64| match month {
        4 | 6 | 9 | 11 => 30,
        2 if leap => 29,
        2 => 28,
        _ => 31,
    };
    if !(1..=days_in(month)).contains(&day) {
        return None;
    }
    let before = year - 1;
    let days_before = before * 365 + before / 4 - before / 100 + before / 400;
    // 719_162 days were before 1970.
    Some(days_before - 719_162 + (1..month).map(days_in).sum::<u64>() + day - 1)
}

/// A number; the largest one where it is too large to tell.
fn number(text: &str) -> Option<u64> {
    (!text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()))
        .then(|| text.parse().unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests;
