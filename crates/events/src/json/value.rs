//! A value: a place on the tape.

use super::number::Number;
use super::string::JsonStr;

/// What a value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool,
    /// A number.
    Number,
    /// A string.
    String,
    /// An array.
    Array,
    /// An object.
    Object,
}

/// Where a value is in the text, and how much of the tape it takes: itself, and then everything within it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Node {
    /// Where its text begins, in bytes.
    pub(super) start: u32,
    /// Where its text ends.
    pub(super) end: u32,
    /// Nodes from this one to the next that is not within it.
    pub(super) span: u32,
    /// Its elements or members (28 bits), and then what it is (4 bits).
    pub(super) tag: u32,
}

const TAG_BITS: u32 = 4;
pub(super) const NULL: u32 = 0;
pub(super) const FALSE: u32 = 1;
pub(super) const TRUE: u32 = 2;
pub(super) const NUMBER: u32 = 3;
pub(super) const STRING: u32 = 4;
pub(super) const STRING_ESCAPED: u32 = 5;
pub(super) const ARRAY: u32 = 6;
pub(super) const OBJECT: u32 = 7;

impl Node {
    pub(super) fn new(start: usize, end: usize, tag: u32) -> Self {
        Self {
            start: narrow(start),
            end: narrow(end),
            span: 1,
            tag,
        }
    }

    /// Says what is known of an array or object where it ends.
    pub(super) fn close(&mut self, end: usize, span: usize, count: u32) {
        self.end = narrow(end);
        self.span = narrow(span);
        self.tag |= count << TAG_BITS;
    }

    fn what(self) -> u32 {
        self.tag & ((1 << TAG_BITS) - 1)
    }

    fn count(self) -> usize {
        (self.tag >> TAG_BITS) as usize
    }

    fn text(self, text: &str) -> &str {
        text.get(self.start as usize..self.end as usize)
            .unwrap_or_default()
    }

    /// What is between the quotes of a string.
    pub(super) fn string(self, text: &str) -> JsonStr<'_> {
        let inner = text.get(self.start as usize + 1..(self.end as usize).saturating_sub(1));
        JsonStr::new(inner.unwrap_or_default(), self.what() == STRING_ESCAPED)
    }
}

/// Texts are bounded, so that every place in them has 32 bits.
fn narrow(place: usize) -> u32 {
    u32::try_from(place).unwrap_or(u32::MAX)
}

/// A value of a text that [`crate::json::Tape::parse`] has read.
#[derive(Clone, Copy, Debug)]
pub struct Value<'a> {
    node: Node,
    /// The nodes of what is within it.
    inner: &'a [Node],
    /// All of the text.
    text: &'a str,
}

impl<'a> Value<'a> {
    /// The first value of some nodes, and the nodes after it.
    pub(super) fn first(nodes: &'a [Node], text: &'a str) -> Option<(Self, &'a [Node])> {
        let (node, rest) = nodes.split_first()?;
        let (inner, rest) = rest.split_at_checked((node.span as usize).saturating_sub(1))?;
        let node = *node;
        Some((Self { node, inner, text }, rest))
    }

    /// What it is.
    #[must_use]
    pub fn kind(self) -> Kind {
        match self.node.what() {
            NULL => Kind::Null,
            FALSE | TRUE => Kind::Bool,
            NUMBER => Kind::Number,
            STRING | STRING_ESCAPED => Kind::String,
            ARRAY => Kind::Array,
            _ => Kind::Object,
        }
    }

    /// All of it exactly as it was sent, with its quotes or brackets.
    #[must_use]
    pub fn text(self) -> &'a str {
        self.node.text(self.text)
    }

    /// At which byte of the whole text it begins, from 0.
    #[must_use]
    pub fn offset(self) -> usize {
        self.node.start as usize
    }

    /// The value of `true` or `false`.
    #[must_use]
    pub fn as_bool(self) -> Option<bool> {
        match self.node.what() {
            FALSE => Some(false),
            TRUE => Some(true),
            _ => None,
        }
    }

    /// The number that it is.
    #[must_use]
    pub fn as_number(self) -> Option<Number<'a>> {
        (self.node.what() == NUMBER).then(|| Number::new(self.text()))
    }

    /// The string that it is.
    #[must_use]
    pub fn as_string(self) -> Option<JsonStr<'a>> {
        matches!(self.node.what(), STRING | STRING_ESCAPED).then(|| self.node.string(self.text))
    }

    /// The elements of an array, in their order. Of anything else nothing.
    #[must_use]
    pub fn elements(self) -> Elements<'a> {
        let is_array = self.node.what() == ARRAY;
        Elements {
            nodes: if is_array { self.inner } else { &[] },
            text: self.text,
        }
    }

    /// The members of an object, in the order in which they were sent. Of anything else nothing.
    #[must_use]
    pub fn members(self) -> Members<'a> {
        let is_object = self.node.what() == OBJECT;
        Members {
            nodes: if is_object { self.inner } else { &[] },
            text: self.text,
        }
    }

    /// The names of an object's members, as values.
    pub fn names(self) -> impl Iterator<Item = Value<'a>> {
        let mut nodes = self.members().nodes;
        core::iter::from_fn(move || {
            let (name, rest) = Value::first(nodes, self.text)?;
            let (_, rest) = Value::first(rest, self.text)?;
            nodes = rest;
            Some(name)
        })
    }

    /// How many values and names there are in it, itself among them.
    #[must_use]
    pub fn size(self) -> usize {
        self.node.span as usize
    }

    /// The member of this name. It is searched for from the first one on.
    #[must_use]
    pub fn get(self, name: &str) -> Option<Value<'a>> {
        let found = self.members().find(|(member, _)| member.eq_str(name));
        found.map(|(_, value)| value)
    }

    /// How many elements or members it has.
    #[must_use]
    pub fn len(self) -> usize {
        self.node.count()
    }

    /// Whether it has no elements or members.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }
}

/// The elements of an array.
#[derive(Clone, Debug)]
pub struct Elements<'a> {
    nodes: &'a [Node],
    text: &'a str,
}

impl<'a> Iterator for Elements<'a> {
    type Item = Value<'a>;

    fn next(&mut self) -> Option<Value<'a>> {
        let (value, rest) = Value::first(self.nodes, self.text)?;
        self.nodes = rest;
        Some(value)
    }
}

/// The members of an object.
#[derive(Clone, Debug)]
pub struct Members<'a> {
    nodes: &'a [Node],
    text: &'a str,
}

impl<'a> Iterator for Members<'a> {
    type Item = (JsonStr<'a>, Value<'a>);

    fn next(&mut self) -> Option<(JsonStr<'a>, Value<'a>)> {
        let (name, rest) = self.nodes.split_first()?;
        let (value, rest) = Value::first(rest, self.text)?;
        self.nodes = rest;
        Some((name.string(self.text), value))
    }
}
