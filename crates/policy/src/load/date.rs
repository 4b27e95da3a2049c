//! Points in time, as RFC 3339 writes them.

use doorward_syntax::date::parse_rfc3339;
use doorward_token::UnixTime;

use crate::finding::Code;
#[cfg(any(feature = "access-log", feature = "report"))]
use crate::source::concat;
use crate::source::{Fields, Source};

/// A time in UTC to the second, such as `2027-01-01T00:00:00Z`, as a string.
pub(super) fn read(
    source: &mut Source<'_>,
    fields: Fields<'_, '_>,
    key: &'static str,
) -> Option<UnixTime> {
    let text = source.text(fields, key)?;
    let time = parse_rfc3339(text.value.as_bytes()).map(UnixTime);
    if time.is_none() {
        let help = "write it like `2027-01-01T00:00:00Z`";
        is_none(source, key, text.offset, help);
    }
    time
}

/// The same, or a day, such as `2027-01-01`, which stands for the moment at which it begins.
#[cfg(any(feature = "access-log", feature = "report"))]
pub(super) fn read_or_day(
    source: &mut Source<'_>,
    fields: Fields<'_, '_>,
    key: &'static str,
) -> Option<UnixTime> {
    let text = source.text(fields, key)?;
    let time = time_or_day(text.value);
    if time.is_none() {
        let help = "write it like `2027-01-31`, when that day begins, or `2027-01-31T12:00:00Z`";
        is_none(source, key, text.offset, help);
    }
    time
}

/// The moment that a text names, or at which the day begins that it names.
#[cfg(any(feature = "access-log", feature = "report"))]
pub(super) fn time_or_day(text: &str) -> Option<UnixTime> {
    let whole = parse_rfc3339(text.as_bytes());
    let day = || parse_rfc3339(concat(&[text, "T00:00:00Z"]).as_bytes());
    whole.or_else(day).map(UnixTime)
}

fn is_none(source: &mut Source<'_>, key: &str, offset: usize, help: &str) {
    let message = format_args!("`{key}` is no time in UTC");
    source.find_with(Code::BadValue, offset, &message, Some(&help), &[]);
}
