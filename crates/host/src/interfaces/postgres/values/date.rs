//! Dates and times: days and microseconds since 2000, in the Gregorian calendar without an end in either direction.

use super::types::{Date, Time};
use super::wire::Read;

/// From 1970 to 2000.
const DAYS_TO_2000: i64 = 10_957;
/// From March of the year 0 to 1970.
const DAYS_TO_1970: i64 = 719_468;
/// In 400 years, which is when the calendar repeats.
const DAYS_OF_ERA: i64 = 146_097;
/// In a day.
const MICROS_OF_DAY: i64 = 86_400_000_000;
/// In a second.
const MICROS_OF_SECOND: i64 = 1_000_000;
const NANOS_OF_MICRO: u32 = 1000;
const NANOS_OF_SECOND: u32 = 1_000_000_000;

/// The date of a day since 2000.
pub fn date(day: i32) -> Read<Date> {
    if day == i32::MAX || day == i32::MIN {
        return Err(infinite());
    }
    date_of(day.into())
}

/// Date and time of a microsecond since 2000.
pub fn datetime(micros: i64) -> Read<(Date, Time)> {
    if micros == i64::MAX || micros == i64::MIN {
        return Err(infinite());
    }
    let day = micros.div_euclid(MICROS_OF_DAY);
    Ok((date_of(day)?, time(micros.rem_euclid(MICROS_OF_DAY))?))
}

/// The time of a microsecond of a day. The last one is 24:00.
pub fn time(micros: i64) -> Read<Time> {
    let seconds = micros.div_euclid(MICROS_OF_SECOND);
    let rest = micros.rem_euclid(MICROS_OF_SECOND);
    let part = |number: i64| u8::try_from(number).map_err(|_| "it is no time of a day".to_owned());
    let nanos = u32::try_from(rest).unwrap_or(0) * NANOS_OF_MICRO;
    Ok((
        part(seconds / 3600)?,
        part(seconds / 60 % 60)?,
        part(seconds % 60)?,
        nanos,
    ))
}

// By <https://howardhinnant.github.io/date_algorithms.html>, as the next one.
fn date_of(day: i64) -> Read<Date> {
    let day = day + DAYS_TO_2000 + DAYS_TO_1970;
    let (era, of_era) = (day.div_euclid(DAYS_OF_ERA), day.rem_euclid(DAYS_OF_ERA));
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * of_year + 2) / 153;
    let of_month = of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 {
        from_march + 3
    } else {
        from_march - 9
    };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    let far = |_| "it is too far away".to_owned();
    Ok((
        i32::try_from(year).map_err(far)?,
        u8::try_from(month).map_err(far)?,
        u8::try_from(of_month).map_err(far)?,
    ))
}

/// The day of a date, since 2000.
pub fn day((year, month, day): Date) -> Result<i32, String> {
    let is_leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    let days = match month {
        2 if is_leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        _ => 0,
    };
    let invalid = || format!("invalid date y={year}, m={month}, d={day}");
    if day == 0 || day > days {
        return Err(invalid());
    }
    let (month, day) = (i64::from(month), i64::from(day));
    let year = i64::from(year) - i64::from(month <= 2);
    let (era, year_of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let from_march = if month > 2 { month - 3 } else { month + 9 };
    let of_year = (153 * from_march + 2) / 5 + day - 1;
    let of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + of_year;
    let since = era * DAYS_OF_ERA + of_era - DAYS_TO_1970 - DAYS_TO_2000;
    i32::try_from(since).map_err(|_| invalid())
}

/// The microsecond of a time, in its day. What is smaller is left out, as by Spin.
pub fn micros((hour, minute, second, nano): Time) -> Result<i64, String> {
    let is_last = (hour, minute, second, nano) == (24, 0, 0, 0);
    let is_time = hour < 24 && minute < 60 && second < 60 && nano < NANOS_OF_SECOND;
    if !is_time && !is_last {
        return Err(format!("invalid time {hour}:{minute}:{second}:{nano}"));
    }
    let seconds = (i64::from(hour) * 60 + i64::from(minute)) * 60 + i64::from(second);
    Ok(seconds * MICROS_OF_SECOND + i64::from(nano / NANOS_OF_MICRO))
}

/// The microsecond since 2000 of a date with a time.
pub fn datetime_micros(date: Date, time: Time) -> Result<i64, String> {
    let whole = i64::from(day(date)?).checked_mul(MICROS_OF_DAY);
    let all = whole.and_then(|whole| whole.checked_add(micros(time).ok()?));
    // The time's own error is the more useful one.
    micros(time)?;
    all.ok_or_else(|| format!("invalid date y={}, m={}, d={}", date.0, date.1, date.2))
}

/// The microsecond since 2000 of a second since 1970.
pub fn timestamp_micros(seconds: i64) -> Result<i64, String> {
    let since = seconds.checked_sub(DAYS_TO_2000 * 86_400);
    let micros = since.and_then(|since| since.checked_mul(MICROS_OF_SECOND));
    micros.ok_or_else(|| format!("invalid epoch timestamp {seconds}"))
}

fn infinite() -> String {
    "it is infinite, for which the interface has no word; select it as text".to_owned()
}
