//! The two formats in which metrics are told.

use doorward_metrics::Format;

/// What is in the text format, in this one.
pub(super) fn written(format: Format, text: String) -> String {
    match format {
        Format::Text => text,
        Format::OpenMetrics => open_metrics(&text),
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
