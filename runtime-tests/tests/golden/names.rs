//! Names for what changes from run to run, so that all else can be the same.
//!
//! There are three rules: a text that the case names itself (an address, a token); a port of 127.0.0.1 that
//! has no name, which is a client's; and the value of a `Date` field.
//!
//! Where bytes are counted, a port counts as five of them: those that Linux chooses have so many digits.

/// Texts and their names.
#[derive(Debug, Clone, Default)]
pub struct Names(Vec<(String, String)>);

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

    /// The text with names.
    pub fn apply(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for (known, name) in &self.0 {
            text = text.replace(known, name);
        }
        ports(&text)
    }

    /// The value of a field of a message with names.
    pub fn value(&self, field: &str, value: &str) -> String {
        match field.eq_ignore_ascii_case("date") {
            true => "{date}".to_owned(),
            false => self.apply(value),
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
