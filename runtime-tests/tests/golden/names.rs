//! Names for what changes from run to run, so that all else can be the same.
//!
//! There are five rules: a text that the case names itself (an address, a token); a port of 127.0.0.1 that
//! has no name, which is a client's; the value of a `Date` field; for how many seconds an issuer that fails is left
//! alone, which is drawn at random from a range; and what a request is called, to which trace it belongs and which span
//! of it is ours. The name and the trace of the answer that is written down are one wherever they are; those of other
//! requests are others.
//!
//! Where bytes are counted, a port counts as five of them: those that Linux chooses have so many digits.

use std::ops::RangeInclusive;

/// What stands before the pause of an issuer, and after it.
const PAUSES: [(&str, &str); 2] = [("next attempt in ", " s"), ("\"next_refresh_s\":\"", "\"")];

/// Texts and their names, and what a pause can be, in seconds.
#[derive(Debug, Clone)]
pub struct Names(Vec<(String, String)>, RangeInclusive<u64>);

/// Those of the first failure to fetch keys are the pauses.
impl Default for Names {
    fn default() -> Self {
        Self(Vec::new(), 2..=4)
    }
}

impl Names {
    /// Names a text that is different in each run.
    pub fn add(&mut self, text: &str, name: &str) {
        assert!(text.len() >= 8, "{text:?} could be anything");
        // A port that was given back may be somebody else's by now.
        self.0.retain(|(known, _)| known != text);
        self.0.push((text.to_owned(), format!("{{{name}}}")));
        // The longest first: one may be a part of another.
        self.0.sort_by_key(|(text, _)| usize::MAX - text.len());
    }

    /// Names the request that was answered under this name, and its trace.
    pub fn request(&mut self, id: &str) {
        self.add(id, "request");
        self.add(&id.replace('-', ""), "trace");
    }

    /// Names the host and port of a URL.
    pub fn url(&mut self, url: &str, name: &str) {
        self.add(url.strip_prefix("http://").expect("a URL of ours"), name);
    }

    /// What pauses can be from now on, in seconds.
    pub fn pauses(&mut self, range: RangeInclusive<u64>) {
        self.1 = range;
    }

    /// A number of seconds, or the name of a pause.
    fn pause(&self, seconds: &str) -> String {
        match seconds.parse() {
            Ok(number) if self.1.contains(&number) => "{pause}".to_owned(),
            _ => seconds.to_owned(),
        }
    }

    /// The text with names.
    pub fn apply(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for (known, name) in &self.0 {
            text = text.replace(known, name);
        }
        for (before, after) in PAUSES {
            let mut pieces = text.split(before);
            let mut named = pieces.next().unwrap_or_default().to_owned();
            for piece in pieces {
                named.push_str(before);
                match piece.split_once(after) {
                    Some((seconds, rest)) => {
                        named.push_str(&self.pause(seconds));
                        named.push_str(after);
                        named.push_str(rest);
                    }
                    None => named.push_str(piece),
                }
            }
            text = named;
        }
        let text = digits(&text, "\"request_id\":\"", 36, "{other request}");
        let text = digits(&text, "\"trace_id\":\"", 32, "{other trace}");
        let text = digits(&text, "00-{trace}-", 16, "{span}");
        ports(&text)
    }

    /// The value of a field of a message with names.
    pub fn value(&self, field: &str, value: &str) -> String {
        match field.to_ascii_lowercase().as_str() {
            "date" => "{date}".to_owned(),
            "retry-after" => self.pause(value),
            _ => self.apply(value),
        }
    }
}

/// A name in place of so many hexadecimal digits and hyphens after this.
fn digits(text: &str, after: &str, count: usize, name: &str) -> String {
    let mut pieces = text.split(after);
    let mut named = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        named.push_str(after);
        let is_digit = |byte: u8| byte.is_ascii_hexdigit() || byte == b'-';
        match piece.split_at_checked(count) {
            Some((digits, rest)) if digits.bytes().all(is_digit) => {
                named.push_str(name);
                named.push_str(rest);
            }
            _ => named.push_str(piece),
        }
    }
    named
}

/// `127.0.0.1:` and a number.
fn ports(text: &str) -> String {
    const HOST: &str = "127.0.0.1:";
    let mut pieces = text.split(HOST);
    let mut named = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        named.push_str(HOST);
        let rest = piece.trim_start_matches(|character: char| character.is_ascii_digit());
        if rest.len() < piece.len() {
            named.push_str("{port}");
        }
        named.push_str(rest);
    }
    named
}
