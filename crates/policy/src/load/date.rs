//! Points in time, as RFC 3339 writes them.

use doorward_token::UnixTime;

use crate::finding::Code;
use crate::source::{Fields, Source};

/// A time in UTC to the second, such as `2027-01-01T00:00:00Z`, as a string.
pub(super) fn read(source: &mut Source<'_>, fields: Fields<'_, '_>, key: &str) -> Option<UnixTime> {
    let text = source.text(fields, key)?;
    let time = parse(text.value.as_bytes());
    if time.is_none() {
        let message = format_args!("`{key}` is no time in UTC");
        let help = "write it like `2027-01-01T00:00:00Z`";
        source.find_with(Code::BadValue, text.offset, &message, Some(&help), &[]);
    }
    time
}

/// RFC 3339 section 5.6, from 1970 on, without fractions, other zones and leap seconds.
fn parse(text: &[u8]) -> Option<UnixTime> {
    const FORM: &[u8] = b"0000-00-00T00:00:00Z";
    let mut numbers = [0_u64; 6];
    let mut parts = numbers.iter_mut();
    let mut part = parts.next()?;
    if text.len() != FORM.len() {
        return None;
    }
    for (&byte, &form) in text.iter().zip(FORM) {
        if form != b'0' {
            if byte != form {
                return None;
            }
            if form != b'Z' {
                part = parts.next()?;
            }
        } else if byte.is_ascii_digit() {
            *part = *part * 10 + u64::from(byte - b'0');
        } else {
            return None;
        }
    }
    let [.., second] = numbers;
    UnixTime::from_utc(numbers).filter(|_| second < 60)
}
