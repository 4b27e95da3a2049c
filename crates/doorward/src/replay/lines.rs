//! The lines of a log: those about requests, whoever else has written into it.

use std::io::{self, BufRead, Read as _};

use doorward_policy::ReplayedLine;
use serde_json::Value;

/// The longest line that is looked at, in bytes: the gate writes shorter ones, and hosts put something before them.
const LINE_BYTES_MAX: u64 = 1 << 16;

/// What a line is.
pub(super) enum Line {
    /// About a request that a policy has decided.
    Request(Box<ReplayedLine>),
    /// It says that it is, and cannot be read.
    Bad,
    /// Anything else.
    Other,
}

/// The lines, one after the other.
pub(super) struct Lines<'a> {
    from: &'a mut dyn BufRead,
    bytes: Vec<u8>,
    number: u64,
}

impl<'a> Lines<'a> {
    pub(super) fn of(from: &'a mut dyn BufRead) -> Self {
        Self {
            from,
            bytes: Vec::new(),
            number: 0,
        }
    }

    /// The next line with its number, counted from 1.
    pub(super) fn next(&mut self) -> io::Result<Option<(u64, Line)>> {
        self.bytes.clear();
        let mut start = (&mut *self.from).take(LINE_BYTES_MAX);
        if start.read_until(b'\n', &mut self.bytes)? == 0 {
            return Ok(None);
        }
        self.number += 1;
        let whole = self.bytes.ends_with(b"\n");
        if !whole {
            // What is left of a line that is too long, or of a file without a line feed at its end.
            self.from.skip_until(b'\n')?;
        }
        Ok(Some((self.number, line(&self.bytes))))
    }
}

/// Most bytes that a host puts before a line.
const PREFIX_BYTES_MAX: usize = 128;

/// Whether a host may have put this before a line: a time, a name, a stream. A line of somebody else with an object at
/// its end, which a client may have sent, is not one of ours: there is more before that than such words.
fn is_of_host(before: &str) -> bool {
    let is_inside = |letter: char| letter.is_alphanumeric() || " []()|:.,+-_".contains(letter);
    before.len() <= PREFIX_BYTES_MAX
        && before.chars().all(is_inside)
        && matches!(
            before.chars().next_back(),
            None | Some(' ' | ']' | ':' | '|')
        )
}

fn line(bytes: &[u8]) -> Line {
    let text = String::from_utf8_lossy(bytes);
    let says_inputs = || text.contains("inputs\":{\"");
    let object = text
        .split_once('{')
        .filter(|(before, _)| is_of_host(before));
    let Some(object) = object.and_then(|(before, _)| text.get(before.len()..)) else {
        return Line::Other;
    };
    match serde_json::from_str::<Value>(object.trim_end()) {
        Ok(value) => match ReplayedLine::parse(&value) {
            Ok(Some(line)) => Line::Request(Box::new(line)),
            Ok(None) => Line::Other,
            Err(_) => Line::Bad,
        },
        // Cut, or written into by somebody else.
        Err(_) if says_inputs() => Line::Bad,
        Err(_) => Line::Other,
    }
}
