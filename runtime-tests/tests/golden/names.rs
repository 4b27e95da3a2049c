//! Names for what changes from run to run, so that all else can be the same.
//!
//! There are four rules: a text that the case names itself (an address, a token); a port of 127.0.0.1 that
//! has no name, which is a client's; the value of a `Date` field; and for how many seconds an issuer that fails is left
//! alone, which is drawn at random from a range.
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
