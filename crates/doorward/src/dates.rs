//! Times as people read and write them.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result};
use doorward_syntax::date::{parse_rfc3339, rfc3339};
use doorward_token::{DATE_MAX_S, UnixTime};
use jiff::civil::DateTime;
use jiff::{SignedDuration, Timestamp};

const DAY_S: u64 = 24 * 3600;
// `jiff::Timestamp` ends a day before `DATE_MAX_S`, so that it can be shown in every zone.
const EPOCH: DateTime = DateTime::constant(1970, 1, 1, 0, 0, 0, 0);

/// The present time by this machine's clock.
pub(crate) fn now() -> Result<UnixTime> {
    Ok(UnixTime(since_1970()?.as_secs()))
}

/// The present time as a line of a log has it: RFC 3339 with milliseconds.
pub(crate) fn stamp() -> Result<String> {
    let now_ms = since_1970()?.as_millis();
    Ok(rfc3339(u64::try_from(now_ms).unwrap_or(u64::MAX)))
}

fn since_1970() -> Result<Duration> {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .context("the clock of this machine is before 1970")
}

/// A point in time as a flag gives it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum When {
    /// So many seconds from now.
    In(u64),
    /// Then.
    At(UnixTime),
}

impl When {
    pub(crate) fn from(self, now: UnixTime) -> UnixTime {
        let time = match self {
            Self::In(seconds) => now.saturating_add(seconds),
            Self::At(time) => time,
        };
        UnixTime(time.0.min(DATE_MAX_S))
    }
}

/// The value of a flag: `90d`, or a date and time.
pub(crate) fn when(text: &str) -> Result<When, String> {
    if let Some(time) = parse(text) {
        return Ok(When::At(time));
    }
    period_s(text).map(When::In).map_err(|_| {
        "it has to be a number with s, m, h or d, such as 90d, or a time such as \
         2030-01-31T12:00:00Z"
            .to_owned()
    })
}

/// The value of a flag: a date and time.
pub(crate) fn time(text: &str) -> Result<UnixTime, String> {
    parse(text).ok_or_else(|| "it has to be a time such as 2030-01-31T12:00:00Z".to_owned())
}

/// The value of a flag: a date and time, or seconds since 1970, as tokens have them.
pub(crate) fn point(text: &str) -> Result<UnixTime, String> {
    let seconds = text.parse().ok();
    // With an offset or a fraction, too.
    let written = || u64::try_from(text.parse::<Timestamp>().ok()?.as_second()).ok();
    let seconds = seconds.or_else(written);
    let point = seconds
        .filter(|seconds| *seconds <= DATE_MAX_S)
        .map(UnixTime);
    point.or_else(|| parse(text)).ok_or_else(|| {
        "it has to be a time such as 2030-01-31T12:00:00Z, or seconds since 1970".to_owned()
    })
}

/// The value of a flag: `90d`, at least a second.
pub(crate) fn period_s(text: &str) -> Result<u64, String> {
    let seconds = crate::values::lifetime_s(text)?;
    match u64::try_from(seconds) {
        Ok(seconds @ 1..) => Ok(seconds),
        _ => Err("it has to be longer than nothing".to_owned()),
    }
}

/// A date and time, as the policy has them.
fn parse(text: &str) -> Option<UnixTime> {
    parse_rfc3339(text.as_bytes()).map(UnixTime)
}

/// The time in the form that [`parse`] reads.
pub(crate) fn utc(time: UnixTime) -> String {
    let since = SignedDuration::from_secs(time.0.min(DATE_MAX_S).cast_signed());
    format!("{}Z", EPOCH.saturating_add(since))
}

/// About how long: `45 s`, `12 min`, `3 h`, `90 d`.
pub(crate) fn about(seconds: u64) -> String {
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7200 => format!("{} min", seconds / 60),
        7200..172_800 => format!("{} h", seconds / 3600),
        _ => format!("{} d", seconds / DAY_S),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_and_written_in_one_form() {
        for (text, seconds) in [
            ("1970-01-01T00:00:00Z", 0),
            ("1999-12-31T23:59:59Z", 946_684_799),
            ("2000-02-29T12:00:00Z", 951_825_600),
            ("2027-01-01T00:00:00Z", 1_798_761_600),
            ("2100-03-01T00:00:00Z", 4_107_542_400),
            ("9999-12-31T23:59:59Z", DATE_MAX_S),
        ] {
            assert_eq!(parse(text), Some(UnixTime(seconds)), "{text} read");
            assert_eq!(utc(UnixTime(seconds)), text, "{seconds} written");
        }
        assert_eq!(utc(UnixTime(u64::MAX)), "9999-12-31T23:59:59Z");
    }

    #[test]
    fn a_flag_takes_a_period_or_a_time() {
        let now = UnixTime(1_000);
        for (text, expected) in [
            ("90d", Some(1_000 + 90 * DAY_S)),
            ("30", Some(1_030)),
            ("3650d", Some(1_000 + 3650 * DAY_S)),
            ("1970-01-01T01:00:00Z", Some(3600)),
            ("0", None),
            ("-1d", None),
            ("soon", None),
            ("99999d", None),
        ] {
            let found = when(text).map(|when| when.from(now).0).ok();
            assert_eq!(found, expected, "{text:?}");
        }
    }

    #[test]
    fn how_long_is_said_in_the_unit_that_tells_most() {
        for (seconds, expected) in [
            (0, "0 s"),
            (119, "119 s"),
            (120, "2 min"),
            (7199, "119 min"),
            (7200, "2 h"),
            (172_799, "47 h"),
            (172_800, "2 d"),
        ] {
            assert_eq!(about(seconds), expected, "{seconds}");
        }
    }
}
