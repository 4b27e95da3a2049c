//! Media types (RFC 9110 section 8.3.1).

use crate::list::{is_ows, trim};
use crate::tokens::{is_tchar, is_token};

/// The media type of forms, as the HTML and URL standards have it.
pub const FORM: &str = "application/x-www-form-urlencoded";

/// A media type without its parameters. It is compared without regard to case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MediaType<'v> {
    /// A token without `*`, and so is the other one: `*` is for those who say what they accept (RFC 9110
    /// section 12.5.1).
    kind: &'v str,
    subtype: &'v str,
}

impl<'v> MediaType<'v> {
    /// Reads a `Content-Type`; `None` where it is malformed.
    ///
    /// The parameters are not heeded, but there must be parameters (RFC 9110 section 5.6.6) and nothing else: a
    /// second media type must not hide behind one, for of `a/b;c=d, e/f` some take the last.
    #[must_use]
    pub fn parse(value: &'v [u8]) -> Option<Self> {
        let (essence, parameters) = split(value)?;
        Self::of_essence(essence).filter(|_| are_parameters(parameters))
    }

    /// The same, whatever the parameters are: for who reads the content itself, in the one way that it knows.
    #[must_use]
    pub fn whatever_follows(value: &'v [u8]) -> Option<Self> {
        Self::of_essence(split(value)?.0)
    }

    fn of_essence(essence: &'v [u8]) -> Option<Self> {
        let mut halves = trim(essence).splitn(2, |byte| *byte == b'/');
        let (kind, subtype) = (name(halves.next()?)?, name(halves.next()?)?);
        Some(Self { kind, subtype })
    }

    /// Whether it is this one, `type/subtype`, or one of these, `type/*`.
    #[must_use]
    pub fn is(&self, range: &str) -> bool {
        range.split_once('/').is_some_and(|(kind, subtype)| {
            self.kind.eq_ignore_ascii_case(kind)
                && (subtype == "*" || self.subtype.eq_ignore_ascii_case(subtype))
        })
    }

    /// Whether it is `application/json` or a type with the `+json` suffix (RFC 6839 section 3.1).
    #[must_use]
    pub fn is_json(&self) -> bool {
        const SUFFIX: &[u8] = b"+json";
        let suffix = self.subtype.as_bytes().last_chunk::<{ SUFFIX.len() }>();
        self.is("application/json")
            || self.is("application/*")
                && suffix.is_some_and(|suffix| suffix.eq_ignore_ascii_case(SUFFIX))
    }
}

/// The first parameter of this name, in any case, of a `Content-Type` that [`MediaType::parse`] reads: its value without
/// quotes (RFC 9110 section 5.6.6). A backslash in a quoted one is left as it is.
#[must_use]
pub fn media_parameter<'v>(value: &'v [u8], name: &str) -> Option<&'v [u8]> {
    let (_, mut rest) = split(value)?;
    while let [b';', parameter @ ..] = trim(rest) {
        let parameter = trim(parameter);
        let is_in_name = |byte: &&u8| is_tchar(**byte);
        let named = parameter.split_at_checked(parameter.iter().take_while(is_in_name).count())?;
        let (found, [b'=', text @ ..]) = named else {
            rest = named.1;
            continue;
        };
        let length = match text {
            [b'"', quoted @ ..] => 2 + quoted_length(quoted)?,
            _ => {
                let ends = |byte: &u8| *byte == b';' || is_ows(*byte);
                text.iter().position(ends).unwrap_or(text.len())
            }
        };
        let (text, after) = text.split_at_checked(length)?;
        if found.eq_ignore_ascii_case(name.as_bytes()) {
            let unquoted = text
                .strip_prefix(b"\"")
                .and_then(|text| text.strip_suffix(b"\""));
            return Some(unquoted.unwrap_or(text));
        }
        rest = after;
    }
    None
}

/// The bytes of a quoted string up to the quote that ends it.
fn quoted_length(text: &[u8]) -> Option<usize> {
    let mut is_escaped = false;
    text.iter().position(|byte| {
        let ends = *byte == b'"' && !is_escaped;
        is_escaped = *byte == b'\\' && !is_escaped;
        ends
    })
}

/// Whether this is `type/subtype`, or `type/*` for every subtype, in lower case and as they are registered (RFC
/// 6838 section 4.2).
#[must_use]
pub fn is_range(text: &str) -> bool {
    let is_name = |name: &str| {
        name.starts_with(|first: char| first.is_ascii_alphanumeric())
            && name.bytes().all(|byte| {
                byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"!#$&-^_.+".contains(&byte)
            })
    };
    text.split_once('/')
        .is_some_and(|(kind, subtype)| is_name(kind) && (subtype == "*" || is_name(subtype)))
}

/// What is before the first `;`, and the rest.
fn split(value: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = value.iter().position(|byte| *byte == b';');
    value.split_at_checked(end.unwrap_or(value.len()))
}

/// A type or a subtype.
fn name(text: &[u8]) -> Option<&str> {
    let good = is_token(text) && !text.contains(&b'*');
    core::str::from_utf8(text).ok().filter(|_| good)
}

/// A value without quotes may have more characters than a token: `=` and `/` are common in a `boundary`.
fn are_parameters(text: &[u8]) -> bool {
    let mut bytes = text.iter().copied().peekable();
    loop {
        while bytes.next_if(|byte| is_ows(*byte)).is_some() {}
        match bytes.next() {
            None => return true,
            Some(b';') => {}
            Some(_) => return false,
        }
        while bytes.next_if(|byte| is_ows(*byte)).is_some() {}
        if bytes.next_if(|byte| is_tchar(*byte)).is_none() {
            continue;
        }
        while bytes.next_if(|byte| is_tchar(*byte)).is_some() {}
        if bytes.next() != Some(b'=') {
            return false;
        }
        if bytes.next_if_eq(&b'"').is_none() {
            while bytes
                .next_if(|byte| byte.is_ascii_graphic() && !b"\",;\\".contains(byte))
                .is_some()
            {}
            continue;
        }
        loop {
            match bytes.next() {
                None => return false,
                Some(b'"') => break,
                Some(b'\\') => _ = bytes.next(),
                Some(_) => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{FORM, MediaType, is_range, media_parameter};

    #[test]
    fn a_parameter_is_found_by_its_name() {
        for (value, expected) in [
            ("a/b", None),
            ("a/b;", None),
            ("a/b; charset=utf-8", Some("utf-8")),
            ("a/b;CharSet=UTF-8 ;c=d", Some("UTF-8")),
            ("a/b; charset=\"utf-8\"", Some("utf-8")),
            ("a/b; x=\"; charset=a\"; charset=b", Some("b")),
            ("a/b; x=\"\\\"; charset=a\"; charset=b", Some("b")),
            ("a/b;;x;charset=b", Some("b")),
            ("a/b; charset=", Some("")),
            ("a/b; charset=\"\"", Some("")),
            ("a/b; charset=\"a\\\"b\"", Some("a\\\"b")),
            ("a/b; charset=\"a", None),
            ("a/b; xcharset=a; charset2=b", None),
            ("a/b; charset=one; charset=two", Some("one")),
            ("charset=a", None),
        ] {
            let found = media_parameter(value.as_bytes(), "charset");
            assert_eq!(found, expected.map(str::as_bytes), "{value}");
        }
    }

    /// In whole, what is said of the type alone; the cases are those of who accepts bodies.
    #[test]
    fn a_media_type_is_read_with_parameters_and_nothing_else() {
        for good in [
            &b"application/json"[..],
            b"Application/JSON",
            b"application/json; charset=utf-8",
            b"application/json;charset=\"utf-8\"",
            b"application/json ; charset=utf-8 ; v=1",
            b" application/json\t",
            b"application/json;",
            b"application/json; ;a=b",
            b"application/json;a=\"b, c; \\\" d\"",
            b"application/json;a=",
            b"application/json; boundary=--=_Part_1/2.3:4",
        ] {
            let read = MediaType::parse(good);
            assert!(
                read.is_some_and(|read| read.is("application/json") && read.is_json()),
                "{} is JSON",
                good.escape_ascii()
            );
        }
    }

    #[test]
    fn what_follows_is_heeded_or_not() {
        for (value, alone) in [
            (&b"application/json charset=utf-8"[..], false),
            (b"application/json, text/html", false),
            (b"application/json/xml", false),
            (b"application /json", false),
            (b"application/json\0", false),
            (b"application/json\x0C", false),
            (b"application", false),
            (b"application/", false),
            (b"/json", false),
            (b"application/*", false),
            (b"*/*", false),
            (b"application/\xFF", false),
            (b"", false),
            (b"application/json;a=b, text/html", true),
            (b"application/json;a, text/html", true),
            (b"application/json;a=\"b\"c", true),
            (b"application/json;a=\"b\\", true),
            (b"application/json;a=b\\", true),
            (b"application/json;charset", true),
            (b"application/json;=b", true),
            (b"application/json; a =b", true),
            (b"application/json;\xFF", true),
        ] {
            let shown = value.escape_ascii();
            assert_eq!(MediaType::parse(value), None, "{shown} in whole");
            let read = MediaType::whatever_follows(value);
            assert_eq!(read.is_some(), alone, "{shown} alone");
            assert!(read.is_none_or(|read| read.is_json()), "{shown} is JSON");
        }
    }

    #[test]
    fn a_media_type_is_one_or_one_of_several() {
        for (value, range, expected) in [
            ("image/png", "image/png", true),
            ("IMAGE/svg+xml", "image/*", true),
            ("images/png", "image/*", false),
            ("image/png", "image/jpeg", false),
            ("image/png", "image", false),
            ("application/x-www-form-urlencoded", FORM, true),
            (
                "Application/X-WWW-Form-URLEncoded;charset=utf-8",
                FORM,
                true,
            ),
            ("multipart/form-data; boundary=a", FORM, false),
        ] {
            let read = MediaType::parse(value.as_bytes());
            let is = read.map(|read| read.is(range));
            assert_eq!(is, Some(expected), "{value}, {range}");
        }
    }

    #[test]
    fn json_is_told_by_its_content_type() {
        for (content_type, expected) in [
            ("application/json", true),
            ("application/json; charset=utf-8", true),
            ("Application/JWK-Set+JSON", true),
            ("text/html", false),
            ("text/json", false),
            ("application/jsonp", false),
            ("application/son", false),
            ("", false),
        ] {
            let read = MediaType::whatever_follows(content_type.as_bytes());
            assert_eq!(
                read.is_some_and(|read| read.is_json()),
                expected,
                "is {content_type:?} JSON?"
            );
        }
    }

    #[test]
    fn a_range_is_written_in_lower_case_and_without_parameters() {
        for (text, expected) in [
            ("application/json", true),
            ("image/*", true),
            ("application/vnd.api+json", true),
            ("Application/json", false),
            ("application/json; charset=utf-8", false),
            ("*/*", false),
            ("*/json", false),
            ("application/j*", false),
            ("application", false),
            ("/json", false),
            ("application/", false),
            ("application/+json", false),
            ("application/json/xml", false),
            ("a'b/c", false),
        ] {
            assert_eq!(is_range(text), expected, "{text}");
        }
    }
}
