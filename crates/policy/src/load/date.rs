//! Points in time, as RFC 3339 writes them.

use doorward_syntax::date::parse_rfc3339;
use doorward_token::UnixTime;

use crate::finding::Code;
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
        let message = format_args!("`{key}` is no time in UTC");
        let help = "write it like `2027-01-01T00:00:00Z`";
        source.find_with(Code::BadValue, text.offset, &message, Some(&help), &[]);
    }
    time
}
