//! From a text to its tape.

use super::bounds::{DEPTH_MAX, NAME_CHARS_SHOWN, TEXT_BYTES_MAX};
use super::error::{JsonError, JsonReason};
use super::number;
use super::value::{ARRAY, FALSE, NULL, NUMBER, Node, OBJECT, STRING, STRING_ESCAPED, TRUE, Value};
use crate::sort::sort_by;

/// Up to so many members are compared with each other as they come; the names of more are sorted at the end.
const COMPARED_MEMBERS_MAX: u32 = 16;
/// What a tape keeps for the next text, in nodes of 16 bytes: a longer one gives back what it took.
const NODES_KEPT_MAX: usize = 16 * 1024;

/// Where the values of a text are. Kept, and used again for the next one.
#[derive(Clone, Debug, Default)]
pub struct Tape {
    nodes: Vec<Node>,
    open: Vec<Open>,
    /// The names of an object while they are compared: the places of their nodes.
    names: Vec<u32>,
}

/// An array or object that has not ended.
#[derive(Clone, Copy, Debug)]
struct Open {
    /// The place of its node.
    node: u32,
    /// Its elements or members so far.
    count: u32,
    /// What its names are, one bit of 64 for each. Where the bit of a new one is not set it is none of them.
    seen: u64,
    is_object: bool,
}

impl Tape {
    /// An empty one.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Reads a text that is one JSON value, with nothing but white space around it.
    ///
    /// # Errors
    /// It is none, or one of those that [`crate::json`] refuses: the first thing that is wrong. Invalid UTF-8 comes before
    /// everything else, and a name that is there twice among many members is found where their object ends.
    pub fn parse<'a>(&'a mut self, text: &'a [u8]) -> Result<Value<'a>, JsonError> {
        let fail = |offset, reason| Err(JsonError { offset, reason });
        if text.len() > TEXT_BYTES_MAX {
            return fail(TEXT_BYTES_MAX, JsonReason::TooLong);
        }
        let text = match core::str::from_utf8(text) {
            Ok(text) => text,
            Err(error) => return fail(error.valid_up_to(), JsonReason::NotUtf8),
        };
        if text.starts_with('\u{feff}') {
            return fail(0, JsonReason::ByteOrderMark);
        }
        self.nodes.clear();
        self.open.clear();
        if self.nodes.capacity() > NODES_KEPT_MAX {
            self.nodes.shrink_to(NODES_KEPT_MAX);
            self.names.clear();
            self.names.shrink_to(NODES_KEPT_MAX);
        }
        let mut parser = Parser {
            text,
            bytes: text.as_bytes(),
            pos: 0,
            nodes: &mut self.nodes,
            open: &mut self.open,
            names: &mut self.names,
        };
        if let Err(reason) = parser.document() {
            return fail(parser.pos, reason);
        }
        match Value::first(&self.nodes, text) {
            Some((value, _)) => Ok(value),
            None => fail(0, JsonReason::EndsEarly),
        }
    }
}

struct Parser<'t> {
    text: &'t str,
    bytes: &'t [u8],
    /// The next byte; where something is wrong, the place of that.
    pos: usize,
    nodes: &'t mut Vec<Node>,
    open: &'t mut Vec<Open>,
    names: &'t mut Vec<u32>,
}

impl Parser<'_> {
    fn document(&mut self) -> Result<(), JsonReason> {
        loop {
            let opened = self.value()?;
            // What follows a value: the next one of the same array or object, or its end.
            if !opened && !self.after_value()? {
                break;
            }
        }
        match self.peek() {
            None => Ok(()),
            Some(_) => Err(JsonReason::Trailing),
        }
    }

    /// Takes a value, or the beginning of an array or object that has something in it, up to its first value. Then it is
    /// true.
    fn value(&mut self) -> Result<bool, JsonReason> {
        let start = match self.peek() {
            Some(b'"') => {
                let node = self.string()?;
                self.nodes.push(node);
                return Ok(false);
            }
            Some(b'{') => return self.begin(OBJECT),
            Some(b'[') => return self.begin(ARRAY),
            Some(_) => self.pos,
            None => return Err(JsonReason::EndsEarly),
        };
        let tag = match self.bytes.get(start).copied() {
            Some(b'-' | b'0'..=b'9') => {
                match number::scan(self.bytes, start) {
                    Ok(end) => self.pos = end,
                    Err((pos, reason)) => {
                        self.pos = pos;
                        return Err(reason);
                    }
                }
                NUMBER
            }
            Some(b't') => self.literal("true", TRUE)?,
            Some(b'f') => self.literal("false", FALSE)?,
            Some(b'n') => self.literal("null", NULL)?,
            _ => return Err(JsonReason::Expected("a value")),
        };
        self.nodes.push(Node::new(start, self.pos, tag));
        Ok(false)
    }

    /// Takes the beginning of an array or object. True where a value follows that is the first within it.
    fn begin(&mut self, tag: u32) -> Result<bool, JsonReason> {
        if self.open.len() >= DEPTH_MAX {
            return Err(JsonReason::TooDeep);
        }
        let is_object = tag == OBJECT;
        let open = Open {
            node: u32::try_from(self.nodes.len()).unwrap_or(u32::MAX),
            count: 0,
            seen: 0,
            is_object,
        };
        self.nodes.push(Node::new(self.pos, self.pos, tag));
        self.pos += 1;
        match (self.peek(), is_object) {
            (Some(b'}'), true) | (Some(b']'), false) => {
                self.pos += 1;
                if let Some(node) = self.nodes.last_mut() {
                    node.close(self.pos, 1, 0);
                }
                Ok(false)
            }
            (_, true) => {
                self.open.push(open);
                self.name().map(|()| true)
            }
            (_, false) => {
                self.open.push(open);
                Ok(true)
            }
        }
    }

    /// Takes what follows a value. True where that is another value, false where the whole text is read.
    fn after_value(&mut self) -> Result<bool, JsonReason> {
        loop {
            let Some(open) = self.open.last_mut() else {
                return Ok(false);
            };
            open.count += 1;
            let open = *open;
            match (self.peek(), open.is_object) {
                (Some(b','), true) => {
                    self.pos += 1;
                    return self.name().map(|()| true);
                }
                (Some(b','), false) => {
                    self.pos += 1;
                    return Ok(true);
                }
                (Some(b'}'), true) | (Some(b']'), false) => {}
                (None, _) => return Err(JsonReason::EndsEarly),
                (Some(_), true) => return Err(JsonReason::Expected("`,` or `}`")),
                (Some(_), false) => return Err(JsonReason::Expected("`,` or `]`")),
            }
            if open.is_object && open.count > COMPARED_MEMBERS_MAX {
                self.compare_all(open)?;
            }
            self.pos += 1;
            let span = self.nodes.len().saturating_sub(open.node as usize);
            if let Some(node) = self.nodes.get_mut(open.node as usize) {
                node.close(self.pos, span, open.count);
            }
            self.open.pop();
        }
    }

    /// Takes the name of a member and the colon after it.
    fn name(&mut self) -> Result<(), JsonReason> {
        match self.peek() {
            Some(b'"') => {}
            Some(_) => return Err(JsonReason::Expected("a member's name in quotes")),
            None => return Err(JsonReason::EndsEarly),
        }
        let start = self.pos;
        let node = self.string()?;
        self.compare(node, start)?;
        self.nodes.push(node);
        match self.peek() {
            Some(b':') => self.pos += 1,
            Some(_) => return Err(JsonReason::Expected("`:`")),
            None => return Err(JsonReason::EndsEarly),
        }
        Ok(())
    }

    /// Compares a name with those before it in the same object, while these are few.
    fn compare(&mut self, node: Node, start: usize) -> Result<(), JsonReason> {
        let Some(open) = self.open.last_mut() else {
            return Ok(());
        };
        if open.count >= COMPARED_MEMBERS_MAX {
            return Ok(());
        }
        let name = node.string(self.text);
        let bits = if name.has_escapes() {
            // It may say the same as any other, and any that comes.
            u64::MAX
        } else {
            1 << summary(name.raw().as_bytes())
        };
        if open.seen & bits == 0 {
            open.seen |= bits;
            return Ok(());
        }
        open.seen |= bits;
        let first = open.node as usize + 1;
        let mut rest = self.nodes.get(first..).unwrap_or_default();
        while let Some((other, after)) = rest.split_first() {
            if other.string(self.text) == name {
                self.pos = start;
                return Err(duplicate(node, self.text));
            }
            let span = after.first().map_or(0, |value| value.span as usize);
            rest = after.get(span..).unwrap_or_default();
        }
        Ok(())
    }

    /// Compares all names of an object by sorting them.
    fn compare_all(&mut self, open: Open) -> Result<(), JsonReason> {
        let (nodes, text) = (&*self.nodes, self.text);
        self.names.clear();
        let mut at = open.node as usize + 1;
        let mut escapes = false;
        while let Some(name) = nodes.get(at) {
            escapes |= name.string(text).has_escapes();
            self.names.push(u32::try_from(at).unwrap_or(u32::MAX));
            at += 1;
            at += nodes.get(at).map_or(1, |value| value.span as usize);
        }
        let name = |at: &u32| nodes.get(*at as usize).map(|node| node.string(text));
        let raw = |at: &u32| name(at).map(|name| name.raw());
        let chars = |at: &u32| name(at).into_iter().flat_map(|name| name.chars());
        let order = |a: &u32, b: &u32| {
            let by_name = if escapes {
                chars(a).cmp(chars(b))
            } else {
                raw(a).cmp(&raw(b))
            };
            by_name.then(a.cmp(b))
        };
        sort_by(self.names, order);
        let pairs = self.names.iter().zip(self.names.iter().skip(1));
        let same = pairs.filter(|(a, b)| name(a) == name(b));
        // The first of those that were there before.
        let second = same.map(|(_, b)| *b).min();
        if let Some(node) = second.and_then(|at| nodes.get(at as usize)) {
            self.pos = node.start as usize;
            return Err(duplicate(*node, text));
        }
        Ok(())
    }

    /// Takes a string, from its first quote on.
    fn string(&mut self) -> Result<Node, JsonReason> {
        let start = self.pos;
        self.pos += 1;
        let mut tag = STRING;
        loop {
            match self.skip_plain() {
                Some(b'"') => {
                    self.pos += 1;
                    return Ok(Node::new(start, self.pos, tag));
                }
                Some(b'\\') => {
                    tag = STRING_ESCAPED;
                    self.escape()?;
                }
                Some(control) => return Err(JsonReason::ControlCharacter(control)),
                None => return Err(JsonReason::EndsEarly),
            }
        }
    }

    /// Skips what stands for itself in a string, eight bytes at a time, and gives the byte that does not.
    fn skip_plain(&mut self) -> Option<u8> {
        while let Some(chunk) = self.bytes.get(self.pos..).and_then(<[u8]>::first_chunk) {
            let marks = special(u64::from_le_bytes(*chunk));
            if marks != 0 {
                self.pos += (marks.trailing_zeros() / 8) as usize;
                return self.bytes.get(self.pos).copied();
            }
            self.pos += size_of::<u64>();
        }
        loop {
            let byte = *self.bytes.get(self.pos)?;
            if byte < 0x20 || byte == b'"' || byte == b'\\' {
                return Some(byte);
            }
            self.pos += 1;
        }
    }

    /// Takes an escape (RFC 8259 §7), from its backslash on.
    fn escape(&mut self) -> Result<(), JsonReason> {
        let start = self.pos;
        match self.bytes.get(start + 1) {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => {
                self.pos += 2;
                return Ok(());
            }
            Some(b'u') => {}
            Some(_) => return Err(JsonReason::BadEscape),
            None => return Err(JsonReason::EndsEarly),
        }
        let unit = self.unit(start).ok_or(JsonReason::BadEscape)?;
        self.pos += 6;
        match unit {
            0xd800..=0xdbff => {}
            0xdc00..=0xdfff => {
                self.pos = start;
                return Err(JsonReason::LoneSurrogate);
            }
            _ => return Ok(()),
        }
        if let Some(0xdc00..=0xdfff) = self.unit(self.pos) {
            self.pos += 6;
            return Ok(());
        }
        self.pos = start;
        Err(JsonReason::LoneSurrogate)
    }

    /// The value of the `\u` escape at a place.
    fn unit(&self, at: usize) -> Option<u32> {
        let [b'\\', b'u', digits @ ..] = self.bytes.get(at..at + 6)? else {
            return None;
        };
        let mut unit = 0;
        for digit in digits {
            unit = unit << 4 | char::from(*digit).to_digit(16)?;
        }
        Some(unit)
    }

    fn literal(&mut self, word: &str, tag: u32) -> Result<u32, JsonReason> {
        let rest = self.bytes.get(self.pos..).unwrap_or_default();
        if rest.starts_with(word.as_bytes()) {
            self.pos += word.len();
            return Ok(tag);
        }
        if word.as_bytes().starts_with(rest) {
            self.pos = self.bytes.len();
            return Err(JsonReason::EndsEarly);
        }
        Err(JsonReason::Expected("a value"))
    }

    /// The next byte that is no white space (RFC 8259 §2).
    #[inline]
    fn peek(&mut self) -> Option<u8> {
        loop {
            let byte = *self.bytes.get(self.pos)?;
            if !matches!(byte, b' ' | b'\t' | b'\n' | b'\r') {
                return Some(byte);
            }
            self.pos += 1;
        }
    }
}

/// Marks the first byte of eight that ends the plain part of a string: a quote, a backslash or a control character. Bytes
/// after it may be marked falsely, for what is borrowed in a subtraction.
fn special(word: u64) -> u64 {
    const ONES: u64 = u64::MAX / 0xff;
    const HIGHS: u64 = ONES << 7;
    let quote = word ^ (ONES * b'"' as u64);
    let backslash = word ^ (ONES * b'\\' as u64);
    let is_zero = |word: u64| word.wrapping_sub(ONES) & !word;
    let control = word.wrapping_sub(ONES * 0x20) & !word;
    (is_zero(quote) | is_zero(backslash) | control) & HIGHS
}

/// A number below 64 that is the same for the same name.
fn summary(name: &[u8]) -> u32 {
    let at = |place: usize| name.get(place).map_or(0, |byte| u32::from(*byte));
    let length = name.len();
    let mixed = at(0)
        .wrapping_mul(0x9e37)
        .wrapping_add(at(length / 2).wrapping_mul(0x85eb))
        .wrapping_add(at(length.wrapping_sub(1)).wrapping_mul(0xc2b3))
        .wrapping_add((length as u32).wrapping_mul(0x27d5));
    mixed.wrapping_mul(0x9e37_79b1) >> 26
}

fn duplicate(name: Node, text: &str) -> JsonReason {
    let name = name.string(text);
    JsonReason::Duplicate(name.chars().take(NAME_CHARS_SHOWN).collect())
}
