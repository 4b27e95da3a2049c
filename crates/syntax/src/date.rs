//! Points in time as text: HTTP dates and RFC 3339. All are in UTC, to the second, and come out as seconds since
//! 1970-01-01T00:00:00Z, leap seconds not counted.

/// What a date looks like. `0` to `5` are digits of year, month, day, hour, minute and second, `_` is one of a day
/// or a space, `a` a letter of a month's name; everything else stands for itself.
type Form = &'static [u8];

const RFC_3339: Form = b"0000-11-22T33:44:55Z";
/// The same without the zone.
const RFC_3339_LOCAL: Form = b"0000-11-22T33:44:55";
const RFC_3339_LOCAL_BYTES: usize = RFC_3339_LOCAL.len();
/// The three forms of RFC 9110 section 5.6.7, each without the day of the week: `IMF-fixdate`, `rfc850-date`,
/// which has its name in full, and `asctime-date`, which says nothing of the zone.
const IMF_FIXDATE: Form = b", 22 aaa 0000 33:44:55 GMT";
const RFC_850: Form = b", 22-aaa-00 33:44:55 GMT";
const ASCTIME: Form = b" aaa _2 33:44:55 0000";

const MONTHS: [&[u8; 3]; 12] = [
    b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec",
];
const DAYS: [&str; 7] = [
    "Monday",
    "Tuesday",
    "Wednesday",
    "Thursday",
    "Friday",
    "Saturday",
    "Sunday",
];
/// How many letters of a day's name the other two forms have.
const DAY_BYTES: usize = 3;

/// Reads a date in any of the three forms that RFC 9110 section 5.6.7 obliges recipients to read:
/// `Sun, 06 Nov 1994 08:49:37 GMT`, `Sunday, 06-Nov-94 08:49:37 GMT` and `Sun Nov  6 08:49:37 1994`. The day of
/// the week is not compared with the date. `now_unix_s` is for the second form, which has half of a year.
#[must_use]
pub fn parse_http_date(text: &str, now_unix_s: u64) -> Option<u64> {
    let end = text.find(|letter: char| !letter.is_ascii_alphabetic())?;
    let (day, rest) = text.split_at_checked(end)?;
    let rest = rest.as_bytes();
    if DAYS.contains(&day) {
        let [year, parts @ ..] = read(rest, RFC_850)?;
        let [month, day, hour, minute, second] = parts;
        let year = year_of_four_digits(year, now_unix_s);
        return unix_s([year, month, day, hour, minute, second]);
    }
    let is_day = |name: &str| name.get(..DAY_BYTES) == Some(day);
    if !DAYS.into_iter().any(is_day) {
        return None;
    }
    let read = read(rest, IMF_FIXDATE).or_else(|| read(rest, ASCTIME));
    unix_s(read?)
}

/// Reads `2027-01-01T00:00:00Z`: RFC 3339 section 5.6, without fractions, other zones and leap seconds.
#[must_use]
pub fn parse_rfc3339(text: &[u8]) -> Option<u64> {
    let parts = read(text, RFC_3339)?;
    let [.., second] = parts;
    unix_s(parts).filter(|_| second < 60)
}

/// Reads any `date-time` of RFC 3339 section 5.6 as milliseconds since 1970: with fractions of a second, of which those of
/// a millisecond are left out, in any zone, in letters of either case. A leap second counts as the one after. `None` also
/// where it is before 1970.
#[must_use]
pub fn parse_rfc3339_ms(text: &[u8]) -> Option<u64> {
    let (date_time, rest) = text.split_first_chunk::<RFC_3339_LOCAL_BYTES>()?;
    let mut date_time = *date_time;
    date_time.make_ascii_uppercase();
    let seconds = unix_s(read(&date_time, RFC_3339_LOCAL)?)?;
    let (fraction_ms, zone) = match rest.split_first() {
        Some((b'.', fraction)) => {
            let digits = fraction.iter().take_while(|byte| byte.is_ascii_digit());
            let (digits, zone) = fraction.split_at_checked(digits.count())?;
            if digits.is_empty() {
                return None;
            }
            let places = digits.iter().copied().chain([b'0', b'0']).take(3);
            let ms = places.fold(0, |ms, digit| ms * 10 + u64::from(digit - b'0'));
            (ms, zone)
        }
        _ => (0, rest),
    };
    let offset_s = |hours: &[u8; 2], minutes: &[u8; 2]| {
        let number = |digits: &[u8; 2]| {
            let [ten, one] = digits.map(|digit| digit.wrapping_sub(b'0'));
            (ten < 10 && one < 10).then(|| u64::from(ten * 10 + one))
        };
        let (hours, minutes) = (number(hours)?, number(minutes)?);
        (hours < 24 && minutes < 60).then_some(hours * 3600 + minutes * 60)
    };
    let utc = match *zone {
        [b'Z' | b'z'] => Some(seconds),
        [b'+', h, i, b':', m, n] => seconds.checked_sub(offset_s(&[h, i], &[m, n])?),
        [b'-', h, i, b':', m, n] => seconds.checked_add(offset_s(&[h, i], &[m, n])?),
        _ => None,
    };
    Some(utc? * 1000 + fraction_ms)
}

/// A time as HTTP writes it: `Sun, 06 Nov 1994 08:49:37 GMT` (`IMF-fixdate`, RFC 9110 section 5.6.7).
#[must_use]
pub fn http_date(unix_s: u64) -> String {
    let written = rfc3339(unix_s.saturating_mul(1000));
    let part = |start: usize, end: usize| written.get(start..end).unwrap_or_default();
    // 1970 began on a Thursday, and the list begins with Monday.
    let day = usize::try_from((unix_s / 86_400 + 3) % 7).ok();
    let day = day.and_then(|day| DAYS.get(day)?.get(..DAY_BYTES));
    let month = part(5, 7).parse::<usize>().ok();
    let month = month.and_then(|month| MONTHS.get(month.checked_sub(1)?));
    let month = month.and_then(|name| core::str::from_utf8(*name).ok());
    format!(
        "{}, {} {} {} {} GMT",
        day.unwrap_or_default(),
        part(8, 10),
        month.unwrap_or_default(),
        part(0, 4),
        part(11, 19)
    )
}

/// A time in milliseconds since 1970 as `2027-01-01T00:00:00.000Z` (RFC 3339 section 5.6).
#[must_use]
pub fn rfc3339(unix_ms: u64) -> String {
    let (days, ms_of_day) = (unix_ms / 86_400_000, unix_ms % 86_400_000);
    let [year, month, day] = civil(days);
    let (seconds, ms) = (ms_of_day / 1000, ms_of_day % 1000);
    let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    let [y3, y2] = two_digits(year / 100 % 100);
    let [y1, y0] = two_digits(year % 100);
    let [mo1, mo0] = two_digits(month);
    let [d1, d0] = two_digits(day);
    let [h1, h0] = two_digits(hour);
    let [mi1, mi0] = two_digits(minute);
    let [s1, s0] = two_digits(second);
    let [ms2, ms1] = two_digits(ms / 10);
    let [_, ms0] = two_digits(ms % 10);
    // A line of the log begins with one: by hand it takes a tenth of what formatting does.
    let characters = [
        y3, y2, y1, y0, b'-', mo1, mo0, b'-', d1, d0, b'T', h1, h0, b':', mi1, mi0, b':', s1, s0,
        b'.', ms2, ms1, ms0, b'Z',
    ];
    String::from_utf8(characters.into()).unwrap_or_default()
}

/// The digits of a number below 100.
fn two_digits(number: u64) -> [u8; 2] {
    let [number, ..] = number.to_le_bytes();
    [b'0' + number / 10, b'0' + number % 10]
}

/// Year, month and day of a day counted from 1970-01-01. A year begins with March here, so that the day which is
/// not in each is its last one; eras are the 400 years after which all is as before.
fn civil(days: u64) -> [u64; 3] {
    const ERA_DAYS: u64 = 146_097;
    // From 0000-03-01.
    let days = days.saturating_add(719_468);
    let (era, of_era) = (days / ERA_DAYS, days % ERA_DAYS);
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let (month, next) = if month < 10 {
        (month + 3, 0)
    } else {
        (month - 9, 1)
    };
    [era * 400 + year + next, month, day]
}

/// A time in UTC: year, month and day counted from 1, hour, minute and second. The second may be 60
/// (a leap second), which counts as the one after. `None` before 1970, after 9999, and where there is
/// no such time.
#[must_use]
pub fn unix_s([year, month, day, hour, minute, second]: [u64; 6]) -> Option<u64> {
    let good = (1970..=9999).contains(&year)
        && (1..=12).contains(&month)
        && (1..=days_in_month(year, month)).contains(&day)
        && hour < 24
        && minute < 60
        && second <= 60;
    if !good {
        return None;
    }
    let before =
        |year: u64| (year - 1) * 365 + (year - 1) / 4 - (year - 1) / 100 + (year - 1) / 400;
    let months = (1..month).map(|month| days_in_month(year, month));
    let days = before(year) - before(1970) + months.sum::<u64>() + day - 1;
    Some(days * 86_400 + hour * 3600 + minute * 60 + second)
}

/// The days of a month, which is counted from 1.
#[must_use]
pub const fn days_in_month(year: u64, month: u64) -> u64 {
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if leap => 29,
        2 => 28,
        _ => 31,
    }
}

/// The numbers of a text in this form.
fn read(text: &[u8], form: Form) -> Option<[u64; 6]> {
    if text.len() != form.len() {
        return None;
    }
    let mut parts = [0; 6];
    let mut name = [0; 3];
    for (&byte, &place) in text.iter().zip(form) {
        let part = match place {
            b'0'..=b'5' => usize::from(place - b'0'),
            b'_' if byte == b' ' => continue,
            b'_' => 2,
            b'a' => {
                let [_, second, third] = name;
                name = [second, third, byte];
                continue;
            }
            _ if byte == place => continue,
            _ => return None,
        };
        if !byte.is_ascii_digit() {
            return None;
        }
        let number = parts.get_mut(part)?;
        *number = *number * 10 + u64::from(byte - b'0');
    }
    if form.contains(&b'a') {
        let [_, month, ..] = &mut parts;
        let mut known = MONTHS.iter().zip(1..);
        (_, *month) = known.find(|(known, _)| **known == &name)?;
    }
    Some(parts)
}

/// RFC 9110 section 5.6.7: the last year with these two digits that is at most 50 years ahead.
fn year_of_four_digits(year: u64, now_unix_s: u64) -> u64 {
    // Exact but for the days around the turn of a year.
    let this_year = 1970 + now_unix_s / 31_556_952;
    let latest = this_year + 50;
    latest - (latest - year) % 100
}

#[cfg(test)]
mod tests;
