//! When something is to happen again and again: cron expressions, in UTC.

use std::cmp::Ordering;

use croner::errors::CronError;
use croner::parser::{CronParser, Seconds, Year};
use croner::{CivilDate, CivilDateTime, CivilTime, Cron, CronDateTime, Resolution, Weekday};
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

/// Bytes of an expression.
const EXPRESSION_BYTES_MAX: usize = 256;
/// The fields that an expression may have: without seconds, with them, and with the year as well.
const FIELDS: [usize; 3] = [5, 6, 7];

/// What the fields are, seconds first.
const NAMES: [&str; 7] = [
    "second",
    "minute",
    "hour",
    "day of the month",
    "month",
    "day of the week",
    "year",
];

/// The times of a cron expression.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schedule {
    text: String,
    cron: Cron,
}

impl Schedule {
    /// Reads `[SECONDS] MINUTES HOURS DAY-OF-MONTH MONTH DAY-OF-WEEK [YEAR]`, or `@daily` and the like.
    ///
    /// # Errors
    ///
    /// What is wrong with it, for people.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text.len() > EXPRESSION_BYTES_MAX {
            return Err(format!("it has more than {EXPRESSION_BYTES_MAX} bytes"));
        }
        check_fields(text)?;
        let cron = parse(text).map_err(|error| {
            let what = match error {
                CronError::ComponentError(what)
                | CronError::InvalidPattern(what)
                | CronError::IllegalCharacters(what) => what,
                other => other.to_string(),
            };
            let what = what.trim_end_matches('.').to_lowercase();
            match wrong_field(text) {
                Some((field, name)) => format!("`{field}` is no {name}: {what}"),
                None => what,
            }
        })?;
        let schedule = Self {
            text: text.to_owned(),
            cron,
        };
        match schedule.after(0) {
            Some(_) => Ok(schedule),
            None => Err("there is no such day".to_owned()),
        }
    }

    /// As it was written.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The first of its times after this one, both in seconds since 1970; none where there is none.
    #[must_use]
    pub fn after(&self, unix_s: u64) -> Option<u64> {
        let at = Moment::at(unix_s)?;
        let next = self.cron.find_next_occurrence(&at, false).ok()?;
        next.unix_s()
    }
}

fn parse(text: &str) -> Result<Cron, CronError> {
    let parser = CronParser::builder()
        .seconds(Seconds::Optional)
        .year(Year::Optional)
        // `0/15`, as the documentation of Spin's cron trigger has it.
        .sloppy_ranges(true)
        .build();
    parser.parse(text)
}

/// The field without which there would be nothing wrong, and what it is. The library does not say.
fn wrong_field(text: &str) -> Option<(&str, &'static str)> {
    let fields: Vec<&str> = text.split_whitespace().collect();
    let names = NAMES.iter().skip(usize::from(fields.len() <= 5));
    let each = fields.iter().zip(names).enumerate();
    let mut wrong = each.filter(|(index, _)| {
        let mut others = fields.clone();
        if let Some(field) = others.get_mut(*index) {
            *field = "*";
        }
        parse(&others.join(" ")).is_ok()
    });
    wrong.next().map(|(_, (field, name))| (*field, *name))
}

/// `* 1 1 * 1` is the first of a month *or* a Monday to crontab, and the first of a month that *is* a Monday to Spin's
/// cron trigger.
fn check_fields(text: &str) -> Result<(), String> {
    let fields: Vec<&str> = text.split_whitespace().collect();
    if fields.first().is_some_and(|first| first.starts_with('@')) {
        return Ok(());
    }
    let count = fields.len();
    if !FIELDS.contains(&count) {
        return Err(format!(
            "it has {count} fields, and has to have five to seven"
        ));
    }
    let seconds = usize::from(count > 5);
    let is_any = |index: usize| {
        let field = fields.get(index + seconds);
        field.is_some_and(|field| matches!(*field, "*" | "?"))
    };
    match is_any(2) || is_any(4) {
        true => Ok(()),
        false => Err(
            "a day of the month and a day of the week together mean both to some and either to \
             others; leave one of them `*`"
                .to_owned(),
        ),
    }
}

/// A time in UTC.
#[derive(Clone, Copy)]
struct Moment(DateTime);

impl Moment {
    fn at(unix_s: u64) -> Option<Self> {
        let at = Timestamp::from_second(i64::try_from(unix_s).ok()?).ok()?;
        Some(Self(TimeZone::UTC.to_datetime(at)))
    }

    fn unix_s(self) -> Option<u64> {
        let at = TimeZone::UTC.to_timestamp(self.0).ok()?;
        u64::try_from(at.as_second()).ok()
    }
}

impl CronDateTime for Moment {
    fn to_civil(&self) -> CivilDateTime {
        let part = |part: i8| u32::from(part.unsigned_abs());
        let at = self.0;
        // What one library has checked the other takes as it is.
        CivilDateTime::new(
            CivilDate::from_parts_unchecked(i32::from(at.year()), part(at.month()), part(at.day())),
            CivilTime::from_parts_unchecked(part(at.hour()), part(at.minute()), part(at.second())),
        )
    }

    fn civil_weekday(&self) -> Weekday {
        let days = self.0.weekday().to_sunday_zero_offset();
        Weekday::from_days_from_sunday(u32::from(days.unsigned_abs()))
    }

    fn resolve_civil(&self, civil: CivilDateTime) -> Result<Resolution<Self>, CronError> {
        let part = |part: u32| i8::try_from(part).map_err(|_| CronError::InvalidTime);
        let at = DateTime::new(
            i16::try_from(civil.year()).map_err(|_| CronError::InvalidDate)?,
            part(civil.month())?,
            part(civil.day())?,
            part(civil.hour())?,
            part(civil.minute())?,
            part(civil.second())?,
            0,
        );
        let at = at.map_err(|_| CronError::InvalidDate)?;
        Ok(Resolution::Single(Self(at)))
    }

    fn checked_add_seconds(&self, seconds: i64) -> Option<Self> {
        let later = self.0.checked_add(SignedDuration::from_secs(seconds));
        later.ok().map(Self)
    }

    fn cmp_instant(&self, other: &Self) -> Ordering {
        self.0.cmp(&other.0)
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    /// 2026-11-29T02:00:00Z, a Sunday.
    const SUNDAY: &str = "2026-11-29T02:00:00Z";

    fn unix_s(text: &str) -> u64 {
        let at: Timestamp = text.parse().unwrap();
        u64::try_from(at.as_second()).unwrap()
    }

    #[test]
    fn an_expression_names_the_times_that_it_does_in_spins_cron_trigger() {
        for (text, next) in [
            ("* * * * * *", "2026-11-29T02:00:01Z"),
            ("1/2 * * * * *", "2026-11-29T02:00:01Z"),
            ("0/15 * * * * *", "2026-11-29T02:00:15Z"),
            ("2,8 * * * * *", "2026-11-29T02:00:02Z"),
            ("5-10 * * * * *", "2026-11-29T02:00:05Z"),
            ("0 * * * * *", "2026-11-29T02:01:00Z"),
            ("* * * * *", "2026-11-29T02:01:00Z"),
            ("0 */5 * * * *", "2026-11-29T02:05:00Z"),
            ("0 1/2 11,12 5-10 * * *", "2026-12-05T11:01:00Z"),
            ("0 0 2 * * *", "2026-11-30T02:00:00Z"),
            ("0 0 0 * * 0", "2026-12-06T00:00:00Z"),
            ("0 0 0 * * 1", "2026-11-30T00:00:00Z"),
            ("0 30 4 * * MON-FRI", "2026-11-30T04:30:00Z"),
            ("0 0 0 29 2 *", "2028-02-29T00:00:00Z"),
            ("0 0 0 1 1 * 2030", "2030-01-01T00:00:00Z"),
            ("0 0 0 L * ?", "2026-11-30T00:00:00Z"),
            ("@daily", "2026-11-30T00:00:00Z"),
        ] {
            let schedule = Schedule::parse(text).unwrap();
            assert_eq!(schedule.after(unix_s(SUNDAY)), Some(unix_s(next)), "{text}");
            assert_eq!(schedule.text(), text);
        }
    }

    #[test]
    fn an_expression_whose_times_are_over_has_none() {
        let schedule = Schedule::parse("0 0 0 1 1 * 2020").unwrap();
        assert_eq!(schedule.after(unix_s(SUNDAY)), None);
    }

    #[test]
    fn anything_else_is_refused_and_said_why() {
        let long = format!("0 {} * * * *", "1,".repeat(EXPRESSION_BYTES_MAX));
        for (text, part) in [
            ("", "0 fields"),
            ("* * * *", "4 fields"),
            ("* * * * * * * *", "8 fields"),
            ("60 * * * * *", "`60` is no second"),
            ("0 61 * * * *", "`61` is no minute"),
            ("61 * * * *", "`61` is no minute"),
            ("0 0 24 * * *", "`24` is no hour"),
            ("0 0 0 0 * *", "`0` is no day of the month"),
            ("0 0 0 1 13 *", "`13` is no month"),
            ("0 0 0 * * 8", "`8` is no day of the week"),
            ("0 0 0 1 1 * 12345", "`12345` is no year"),
            ("every minute of * *", ""),
            ("0 */0 * * * *", "`*/0` is no minute"),
            ("0 10-5 * * * *", "`10-5` is no minute"),
            ("@sometimes", ""),
            ("0 0 0 30 2 *", "no such day"),
            ("0 0 0 1 * 1", "leave one of them `*`"),
            ("0 0 1 * 1", "leave one of them `*`"),
            (&long, "more than 256 bytes"),
        ] {
            let refused = Schedule::parse(text).unwrap_err();
            assert!(refused.contains(part), "{text}: {refused}");
            assert!(!refused.is_empty(), "{text}");
        }
    }
}
