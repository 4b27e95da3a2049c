//! That version 1 will go: `Deprecation` (RFC 9745) and `Sunset` (RFC 8594).

use doorward_syntax::date::{http_date, parse_rfc3339};
use http::HeaderMap;
use http::header::{HeaderName, HeaderValue};

/// When version 1 is deprecated, and when it goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Deprecation {
    deprecated_at_s: Option<u64>,
    sunset_at_s: Option<u64>,
}

impl Deprecation {
    /// Reads two dates as `2027-01-31T00:00:00Z`. What is empty is none. `None`: one of them is no date.
    pub fn parse(deprecated_at: &str, sunset_at: &str) -> Option<Self> {
        let date = |text: &str| match text {
            "" => Some(None),
            text => parse_rfc3339(text.as_bytes()).map(Some),
        };
        Some(Self {
            deprecated_at_s: date(deprecated_at)?,
            sunset_at_s: date(sunset_at)?,
        })
    }

    /// Tells it in a response of version 1.
    pub fn tell(&self, headers: &mut HeaderMap) {
        let mut add = |name, value: String| {
            if let Ok(value) = HeaderValue::from_str(&value) {
                headers.insert(HeaderName::from_static(name), value);
            }
        };
        if let Some(at_s) = self.deprecated_at_s {
            // A date of structured fields (RFC 9651 §3.3.7).
            add("deprecation", format!("@{at_s}"));
        }
        if let Some(at_s) = self.sunset_at_s {
            add("sunset", http_date(at_s));
        }
    }
}

#[cfg(test)]
#[expect(clippy::expect_used, reason = "tests")]
mod tests {
    use super::Deprecation;
    use http::HeaderMap;

    #[test]
    fn dates_are_told_as_each_field_has_them() {
        let mut headers = HeaderMap::new();
        let dates = Deprecation::parse("1994-11-06T08:49:37Z", "2027-01-31T00:00:00Z");
        dates.expect("two dates").tell(&mut headers);
        let value = |name| headers.get(name).and_then(|value| value.to_str().ok());
        assert_eq!(value("deprecation"), Some("@784111777"));
        assert_eq!(value("sunset"), Some("Sun, 31 Jan 2027 00:00:00 GMT"));
        let mut headers = HeaderMap::new();
        Deprecation::parse("", "").expect("none").tell(&mut headers);
        assert!(headers.is_empty());
        assert_eq!(Deprecation::parse("", "soon"), None);
        assert_eq!(Deprecation::parse("2027-01-31", ""), None);
    }
}
