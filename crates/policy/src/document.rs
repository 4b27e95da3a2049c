//! The policy file as a tree of values, each with its place.
//!
//! `toml_parser` says what stands in the file and in which order; here it is put together, and keys
//! that are there twice are found. Why not by the crate `toml`, is in
//! `docs/decisions/0010-toml-in-the-components.md`.

use core::cell::Cell;
use std::borrow::Cow;

use toml_parser::decoder::Encoding;
use toml_parser::parser::{EventReceiver, parse_document};
use toml_parser::{ErrorSink, ParseError, Span};

use crate::scalar::{CONTROL, bare_key, is_forbidden, quoted, unquoted};
use crate::value::{At, TableId, Value};

/// Most keys of one table: as many as there can be upstreams. Keys are kept in order, so many more of them
/// would take long to read.
pub(crate) const TABLE_KEYS_MAX: usize = 256;
/// How deep arrays and inline tables can be in each other: reading them is recursive.
const DEPTH_MAX: usize = 32;
/// The whole file.
pub(crate) const ROOT: TableId = 0;

pub(crate) struct Table<'s> {
    /// In the order of their names.
    entries: Vec<Entry<'s>>,
    made: Made,
}

pub(crate) struct Entry<'s> {
    pub(crate) name: At<Cow<'s, str>>,
    pub(crate) value: At<Value<'s>>,
}

/// How a table came to be, which says who can add to it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Made {
    /// By a header of its own, or as the whole file.
    Header,
    /// By the header of a table within it.
    Implied,
    /// By a key with dots.
    Dotted,
    /// By `{…}`.
    Inline,
}

pub(crate) struct Document<'s> {
    tables: Vec<Table<'s>>,
    /// What the tables were asked for by name, whether it is there or not.
    pub(crate) asked: Cell<Vec<(TableId, &'static str)>>,
    /// Where the first key stands that is one too many for its table.
    pub(crate) overfull: Option<usize>,
}

impl<'s> Document<'s> {
    /// Reads a text. When errors were reported, the document has not all that is in the text.
    pub(crate) fn parse(text: &'s str, errors: &mut dyn ErrorSink) -> Self {
        let mut builder = Builder {
            text,
            document: Self {
                tables: Vec::new(),
                asked: Cell::default(),
                overfull: None,
            },
            current: ROOT,
            header_offset: 0,
            keys: Vec::new(),
            slot: None,
            open: Vec::new(),
        };
        builder.document.add(Made::Header);
        let tokens = toml_parser::Source::new(text).lex().into_vec();
        parse_document(&tokens, &mut builder, errors);
        builder.document
    }

    /// The entries of a table, in the order of their names.
    pub(crate) fn table(&self, id: TableId) -> &[Entry<'s>] {
        self.tables
            .get(id)
            .map_or(&[], |table| table.entries.as_slice())
    }

    fn add(&mut self, made: Made) -> TableId {
        self.tables.push(Table {
            entries: Vec::new(),
            made,
        });
        self.tables.len() - 1
    }

    /// Where a name is in a table, or would be.
    fn search(&self, table: TableId, name: &str) -> Result<usize, usize> {
        self.table(table)
            .binary_search_by(|entry| entry.name.value.as_ref().cmp(name))
    }

    fn put(&mut self, table: TableId, position: usize, entry: Entry<'s>) {
        if let Some(table) = self.tables.get_mut(table) {
            if table.entries.len() < TABLE_KEYS_MAX {
                table.entries.insert(position, entry);
            } else {
                self.overfull.get_or_insert(entry.name.offset);
            }
        }
    }

    /// The table that a part of a header, or of a key with dots, leads to. There is none where the
    /// name is taken by something that cannot be added to.
    fn descend(&mut self, from: TableId, name: &At<Cow<'s, str>>, dotted: bool) -> Option<TableId> {
        let position = match self.search(from, &name.value) {
            Ok(position) => position,
            Err(position) => {
                let made = if dotted { Made::Dotted } else { Made::Implied };
                let id = self.add(made);
                let value = At {
                    offset: name.offset,
                    value: Value::Table(id),
                };
                let name = name.clone();
                self.put(from, position, Entry { name, value });
                return Some(id);
            }
        };
        let mut value = &self.table(from).get(position)?.value.value;
        if let Value::Array { values, of_tables } = value
            && *of_tables
        {
            value = &values.last()?.value;
        }
        let Value::Table(id) = *value else {
            return None;
        };
        let table = self.tables.get_mut(id)?;
        match table.made {
            Made::Inline => None,
            // A key with dots cannot add to a table that has a header.
            Made::Header if dotted => None,
            Made::Implied if dotted => {
                table.made = Made::Dotted;
                Some(id)
            }
            _ => Some(id),
        }
    }
}

/// Puts together what the parser comes across.
struct Builder<'s> {
    text: &'s str,
    document: Document<'s>,
    /// The table under whose header we are.
    current: TableId,
    header_offset: usize,
    /// The parts of the header or key that is being read.
    keys: Vec<At<Cow<'s, str>>>,
    /// Where the next value goes, unless it goes into an array.
    slot: Option<Slot<'s>>,
    /// The arrays and inline tables that we are in.
    open: Vec<Open<'s>>,
}

struct Slot<'s> {
    table: TableId,
    name: At<Cow<'s, str>>,
}

struct Open<'s> {
    slot: Option<Slot<'s>>,
    value: At<Value<'s>>,
}

impl<'s> Builder<'s> {
    fn text(&self, span: Span) -> &'s str {
        let text = self.text.get(span.start()..span.end());
        text.unwrap_or_default()
    }

    /// From `table` along the keys that were read to the last one.
    fn walk(
        &mut self,
        mut table: TableId,
        dotted: bool,
        errors: &mut dyn ErrorSink,
    ) -> Option<Slot<'s>> {
        let mut keys = core::mem::take(&mut self.keys);
        let name = keys.pop()?;
        for key in &keys {
            let Some(next) = self.document.descend(table, key, dotted) else {
                report(TAKEN, key.offset, errors);
                return None;
            };
            table = next;
        }
        Some(Slot { table, name })
    }

    /// A header opens a table: a new one, the next of an array, or one that was only implied.
    fn open_table(&mut self, in_array: bool, errors: &mut dyn ErrorSink) {
        let slot = self.walk(ROOT, false, errors);
        // What follows goes nowhere when there is no such table.
        self.current = self.document.add(Made::Header);
        let Some(Slot { table, name }) = slot else {
            return;
        };
        let opened = At {
            offset: self.header_offset,
            value: Value::Table(self.current),
        };
        let position = match self.document.search(table, &name.value) {
            Ok(position) => position,
            Err(position) => {
                let value = if in_array {
                    At {
                        offset: self.header_offset,
                        value: Value::Array {
                            values: vec![opened],
                            of_tables: true,
                        },
                    }
                } else {
                    opened
                };
                self.document.put(table, position, Entry { name, value });
                return;
            }
        };
        let there = self.document.tables.get_mut(table);
        let there = there.and_then(|table| table.entries.get_mut(position));
        let Some(there) = there else { return };
        match &mut there.value.value {
            Value::Array {
                values,
                of_tables: true,
            } if in_array => values.push(opened),
            Value::Table(id) if !in_array => {
                let (id, offset) = (*id, name.offset);
                // From now on, its own header is its place.
                there.name = name;
                there.value.offset = self.header_offset;
                match self.document.tables.get_mut(id) {
                    Some(table) if table.made == Made::Implied => {
                        table.made = Made::Header;
                        self.current = id;
                    }
                    _ => report(TAKEN, offset, errors),
                }
            }
            _ => report(TAKEN, name.offset, errors),
        }
    }

    /// A value is complete.
    fn value(&mut self, value: At<Value<'s>>, errors: &mut dyn ErrorSink) {
        if let Some(open) = self.open.last_mut()
            && let Value::Array { values, .. } = &mut open.value.value
        {
            values.push(value);
            return;
        }
        // There is no slot where its key is an error.
        let Some(Slot { table, name }) = self.slot.take() else {
            return;
        };
        match self.document.search(table, &name.value) {
            Ok(_) => report(TAKEN, name.offset, errors),
            Err(position) => self.document.put(table, position, Entry { name, value }),
        }
    }

    fn open(&mut self, offset: usize, inline_table: bool, errors: &mut dyn ErrorSink) -> bool {
        if self.open.len() >= DEPTH_MAX {
            report("this is nested too deeply", offset, errors);
            return false;
        }
        let value = if inline_table {
            Value::Table(self.document.add(Made::Inline))
        } else {
            Value::Array {
                values: Vec::new(),
                of_tables: false,
            }
        };
        let slot = self.slot.take();
        let value = At { offset, value };
        self.open.push(Open { slot, value });
        true
    }

    fn close(&mut self, errors: &mut dyn ErrorSink) {
        if let Some(open) = self.open.pop() {
            self.slot = open.slot;
            self.value(open.value, errors);
        }
    }

    fn start_header(&mut self, span: Span) {
        self.open.clear();
        self.keys.clear();
        self.header_offset = span.start();
    }
}

impl EventReceiver for Builder<'_> {
    fn std_table_open(&mut self, span: Span, _: &mut dyn ErrorSink) {
        self.start_header(span);
    }

    fn std_table_close(&mut self, _: Span, errors: &mut dyn ErrorSink) {
        self.open_table(false, errors);
    }

    fn array_table_open(&mut self, span: Span, _: &mut dyn ErrorSink) {
        self.start_header(span);
    }

    fn array_table_close(&mut self, _: Span, errors: &mut dyn ErrorSink) {
        self.open_table(true, errors);
    }

    fn inline_table_open(&mut self, span: Span, errors: &mut dyn ErrorSink) -> bool {
        self.open(span.start(), true, errors)
    }

    fn inline_table_close(&mut self, _: Span, errors: &mut dyn ErrorSink) {
        self.close(errors);
    }

    fn array_open(&mut self, span: Span, errors: &mut dyn ErrorSink) -> bool {
        self.open(span.start(), false, errors)
    }

    fn array_close(&mut self, _: Span, errors: &mut dyn ErrorSink) {
        self.close(errors);
    }

    fn simple_key(&mut self, span: Span, encoding: Option<Encoding>, errors: &mut dyn ErrorSink) {
        let (text, offset) = (self.text(span), span.start());
        let name = match encoding {
            None => bare_key(text).map(Cow::Borrowed),
            Some(encoding) => quoted(text, encoding, false),
        };
        match name {
            Ok(value) => self.keys.push(At { offset, value }),
            Err(problem) => report(problem, offset, errors),
        }
    }

    fn key_val_sep(&mut self, _: Span, errors: &mut dyn ErrorSink) {
        let table = match self.open.last().map(|open| &open.value.value) {
            Some(Value::Table(id)) => *id,
            _ => self.current,
        };
        self.slot = self.walk(table, true, errors);
    }

    fn scalar(&mut self, span: Span, encoding: Option<Encoding>, errors: &mut dyn ErrorSink) {
        let (text, offset) = (self.text(span), span.start());
        let value = match encoding {
            None => unquoted(text),
            Some(encoding) => quoted(text, encoding, true).map(Value::Text),
        };
        match value {
            Ok(value) => self.value(At { offset, value }, errors),
            Err(problem) => report(problem, offset, errors),
        }
    }

    fn comment(&mut self, span: Span, errors: &mut dyn ErrorSink) {
        if self.text(span).bytes().any(is_forbidden) {
            report(CONTROL, span.start(), errors);
        }
    }

    fn newline(&mut self, span: Span, errors: &mut dyn ErrorSink) {
        if self.text(span) == "\r" {
            report(
                "a carriage return without a line feed",
                span.start(),
                errors,
            );
        }
    }
}

const TAKEN: &str = "duplicate key";

fn report(message: &'static str, offset: usize, errors: &mut dyn ErrorSink) {
    let span = Span::new_unchecked(offset, offset);
    errors.report_error(ParseError::new(message).with_unexpected(span));
}
