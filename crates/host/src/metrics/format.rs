//! The two formats in which metrics are told.

/// Media type of the text format of Prometheus.
const TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";
/// Media type of OpenMetrics.
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// A format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// The text format of Prometheus, version 0.0.4.
    Text,
    /// [OpenMetrics 1.0](https://github.com/prometheus/OpenMetrics/blob/v1.0.0/specification/OpenMetrics.md).
    OpenMetrics,
}

impl Format {
    /// What somebody gets who accepts this: the text, unless OpenMetrics is named.
    #[must_use]
    pub fn accepted(accept: &str) -> Self {
        let named = |range: &str| {
            let name = range.split(';').next().unwrap_or_default().trim();
            name.eq_ignore_ascii_case("application/openmetrics-text")
        };
        match accept.split(',').any(named) {
            true => Self::OpenMetrics,
            false => Self::Text,
        }
    }

    /// Its media type.
    #[must_use]
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Text => TEXT,
            Self::OpenMetrics => OPEN_METRICS,
        }
    }

    /// What is in the text format in this one.
    pub(super) fn of(self, text: String) -> String {
        match self {
            Self::Text => text,
            Self::OpenMetrics => open_metrics(&text),
        }
    }
}

/// The difference is small: a counter is named without `_total`, which its samples have; bounds of histograms are
/// always written as fractions; and the end is said.
fn open_metrics(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 64);
    for line in text.lines() {
        match line.strip_prefix("# ") {
            Some(about) => {
                let mut words = about.splitn(3, ' ');
                let (kind, name, rest) = (words.next(), words.next(), words.next());
                let name = name.unwrap_or_default();
                let name = name.strip_suffix("_total").unwrap_or(name);
                out.extend([
                    "# ",
                    kind.unwrap_or_default(),
                    " ",
                    name,
                    " ",
                    rest.unwrap_or_default(),
                ]);
            }
            // The label that components cannot have; a value that looks like it comes before it.
            None => match line
                .rsplit_once("le=\"")
                .filter(|(before, _)| before.ends_with(['{', ',']))
            {
                Some((before, after)) => {
                    let (bound, rest) = after.split_once('"').unwrap_or((after, ""));
                    let whole = bound.bytes().all(|byte| byte.is_ascii_digit());
                    let fraction = if whole { ".0" } else { "" };
                    out.extend([before, "le=\"", bound, fraction, "\"", rest]);
                }
                None => out.push_str(line),
            },
        }
        out.push('\n');
    }
    out.push_str("# EOF\n");
    out
}
