//! The events of a body, one after the other, while the body comes in pieces.
//!
//! Nothing is copied of an event that is whole in one piece. One that is spread over several is put together in one
//! buffer, which is used again and never longer than the longest event. A longer event is passed over without being
//! kept: it is reported, and what follows it is read.
//!
//! | form | its events |
//! |---|---|
//! | [`Form::Lines`] | NDJSON: the lines. They end with LF or CR LF; the last one need not. Empty ones are none, nor are those with only white space |
//! | [`Form::Array`] | the elements of one JSON array (RFC 8259 section 5) |
//! | [`Form::Document`] | the whole body |
//! | [`Form::ArrayOrDocument`] | whichever it is, by its first character |
//!
//! What an event is made of is not looked at here: only where it ends. An element ends where as many brackets are
//! closed as were opened, whatever kind they are of; who reads it sees whether they match.

mod array;
mod held;
mod lines;
mod space;

use core::fmt;

use array::Array;
use held::Held;
use space::{is_blank, is_space};

use crate::record::EVENT_BYTES_MAX;

/// How a body holds its events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// One on each line.
    Lines,
    /// As the elements of a JSON array.
    Array,
    /// It is one.
    Document,
    /// [`Form::Array`] where it begins with a bracket, [`Form::Document`] where not.
    ArrayOrDocument,
}

/// Where an event is in a body.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// Which one it is, counted from 1.
    pub event: u64,
    /// On which line it is, counted from 1; `None` where a body is not read by lines.
    pub line: Option<u64>,
    /// How many bytes are before it, in the body as it was before it was compressed.
    pub offset: u64,
}

/// An event of a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Found<'a> {
    /// Where it is.
    pub place: Place,
    /// Its bytes; `None` where there are more than [`EVENT_BYTES_MAX`].
    pub text: Option<&'a [u8]>,
}

/// Why there are no more events in a body: it has not the form that it is said to have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SplitError {
    /// How many bytes are before what is wrong.
    pub offset: u64,
    /// What is wrong there.
    pub reason: &'static str,
}

impl fmt::Display for SplitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at byte {}", self.reason, self.offset)
    }
}

/// Finds the events of a body.
#[derive(Debug)]
pub struct Splitter {
    form: Form,
    array: Array,
    held: Held,
    /// Bytes of the body before the piece that comes next, or is being read.
    before: u64,
    /// Where the event is that comes next, or has begun.
    next: Place,
}

/// Where an event, or the rest of one, is in a piece.
type Part = core::ops::Range<usize>;

impl Splitter {
    /// For a body in this form, from its beginning.
    #[must_use]
    pub fn new(form: Form) -> Self {
        let line = (form == Form::Lines).then_some(1);
        Self {
            form,
            array: Array::default(),
            held: Held::default(),
            before: 0,
            next: Place {
                event: 1,
                line,
                offset: 0,
            },
        }
    }

    /// The next event that ends in a piece, read from the byte at `at`, which moves on. `None` where the piece is used
    /// up: the next call is with the next piece, from 0.
    ///
    /// # Errors
    /// The body has not its form. There is no use in calling again.
    pub fn next<'a>(
        &'a mut self,
        piece: &'a [u8],
        at: &mut usize,
    ) -> Result<Option<Found<'a>>, SplitError> {
        self.held.drop_read();
        if self.form == Form::ArrayOrDocument {
            self.find_out(piece);
        }
        let part = match self.form {
            Form::Lines => self.next_line(piece, at),
            Form::Array => self.next_element(piece, at)?,
            Form::Document | Form::ArrayOrDocument => {
                self.held.add(from(piece, *at));
                *at = piece.len();
                None
            }
        };
        let Some(part) = part else {
            self.before = self.offset(piece.len());
            return Ok(None);
        };
        let place = self.next;
        self.next = Place {
            event: place.event.saturating_add(1),
            line: place.line.map(|line| line.saturating_add(1)),
            offset: self.offset(*at),
        };
        let part = piece.get(part).unwrap_or_default();
        let text = of_form(self.form, self.held.with(part));
        Ok(Some(Found { place, text }))
    }

    /// What is left at the end of the body.
    ///
    /// # Errors
    /// The body has not its form.
    pub fn finish(&mut self) -> Result<Option<Found<'_>>, SplitError> {
        self.held.drop_read();
        let wrong = |reason| SplitError {
            offset: self.before,
            reason,
        };
        match self.form {
            Form::Lines if self.held.is_blank() => return Ok(None),
            Form::Lines => {}
            Form::Array => return self.array.finish().map(|()| None).map_err(wrong),
            Form::Document | Form::ArrayOrDocument if self.held.is_blank() => {
                return Err(wrong("the body is empty"));
            }
            Form::Document | Form::ArrayOrDocument => {}
        }
        let place = self.next;
        self.next.event = place.event.saturating_add(1);
        self.next.offset = self.before;
        let text = of_form(self.form, self.held.with(&[]));
        Ok(Some(Found { place, text }))
    }

    /// Where the first event is that was not handed out.
    #[must_use]
    pub const fn next_place(&self) -> Place {
        self.next
    }

    /// How much of a body the splitter keeps at once, in bytes.
    #[must_use]
    pub const fn capacity(&self) -> usize {
        self.held.capacity()
    }

    /// The next line that is not empty.
    fn next_line(&mut self, piece: &[u8], at: &mut usize) -> Option<Part> {
        loop {
            let part = lines::next(piece, at);
            let Some(part) = part else {
                self.held.add(from(piece, *at));
                *at = piece.len();
                return None;
            };
            let line = piece.get(part.clone()).unwrap_or_default();
            if !self.held.is_blank() || !is_blank(line) {
                return Some(part);
            }
            self.held.clear();
            self.next.line = self.next.line.map(|line| line.saturating_add(1));
            self.next.offset = self.offset(*at);
        }
    }

    /// The next element of the array.
    fn next_element(&mut self, piece: &[u8], at: &mut usize) -> Result<Option<Part>, SplitError> {
        let was_within = self.array.is_within();
        let step = self.array.next(piece, at).map_err(|reason| SplitError {
            offset: self.offset(*at),
            reason,
        })?;
        // Where nothing has begun, what comes next does so later.
        let begins = step.begins.unwrap_or(*at);
        if !was_within {
            self.next.offset = self.offset(begins);
        }
        let begins = if was_within { 0 } else { begins };
        if !step.ends {
            self.held.add(from(piece, begins));
            return Ok(None);
        }
        Ok(Some(begins..*at))
    }

    /// What the first character says of the form.
    fn find_out(&mut self, piece: &[u8]) {
        if let Some(first) = piece.iter().find(|byte| !is_space(**byte)) {
            self.form = match first {
                b'[' => Form::Array,
                _ => Form::Document,
            };
            // White space before it, in pieces of its own.
            if self.form == Form::Array {
                self.held.clear();
            }
        }
    }

    /// Bytes of the body before the one at `at` of the piece.
    fn offset(&self, at: usize) -> u64 {
        self.before
            .saturating_add(u64::try_from(at).unwrap_or(u64::MAX))
    }
}

/// An event without what is left of the line break behind it, where it is not too long.
fn of_form(form: Form, text: Option<&[u8]>) -> Option<&[u8]> {
    let text = text.map(|text| match form {
        Form::Lines => lines::without_cr(text),
        _ => text,
    });
    text.filter(|text| text.len() <= EVENT_BYTES_MAX)
}

/// What begins at a byte.
fn from(piece: &[u8], at: usize) -> &[u8] {
    piece.get(at..).unwrap_or_default()
}

#[cfg(test)]
mod tests;
