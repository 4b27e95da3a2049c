//! Every schema of a document, in the order in which they are written, and what each is called.

use std::collections::BTreeMap;

use super::keywords::{KEYWORDS, Within, unknown};
use super::problem::{Problem, below};
use super::uri;
use crate::json::{Kind, Value};

/// The only `$schema`.
pub const DIALECT: &str = "https://json-schema.org/draft/2020-12/schema";

/// A document, and what is in it.
pub(super) struct Document<'s> {
    /// How its file is called.
    pub(super) file: &'s str,
    pub(super) root: Value<'s>,
    pub(super) places: Vec<Place<'s>>,
    /// Where in `places` the schema is that begins at a byte.
    by_offset: BTreeMap<usize, usize>,
    /// Schemas by their `$id`, resolved.
    by_id: BTreeMap<String, Value<'s>>,
    /// And by their `$anchor`, with the `$id` of the schema that they are in.
    by_anchor: BTreeMap<(String, String), Value<'s>>,
}

/// A schema.
#[derive(Clone, Debug)]
pub(super) struct Place<'s> {
    pub(super) value: Value<'s>,
    pub(super) pointer: String,
    /// The URI that its references begin from.
    pub(super) base: String,
}

impl<'s> Document<'s> {
    /// Looks at all of a document. What is wrong is added to `problems`.
    pub(super) fn walk(file: &'s str, root: Value<'s>, problems: &mut Vec<Problem>) -> Self {
        let mut document = Self {
            file,
            root,
            places: Vec::new(),
            by_offset: BTreeMap::new(),
            by_id: BTreeMap::new(),
            by_anchor: BTreeMap::new(),
        };
        document.by_id.insert(String::new(), root);
        document.schema(root, String::new(), String::new(), problems);
        document
    }

    fn schema(
        &mut self,
        value: Value<'s>,
        pointer: String,
        base: String,
        problems: &mut Vec<Problem>,
    ) {
        let mut base = base;
        let mut problem = |pointer: String, reason: String| {
            problems.push(Problem {
                file: self.file.to_owned(),
                pointer,
                reason,
            });
        };
        if !matches!(value.kind(), Kind::Object | Kind::Bool) {
            problem(
                pointer,
                "a schema is an object, `true` or `false`".to_owned(),
            );
            return;
        }
        if let Some(id) = value.get("$id") {
            let id = id.as_string().map(|id| id.unescaped().into_owned());
            match id.as_deref().map(uri::split_fragment) {
                Some((id, None | Some(""))) => {
                    base = uri::resolve(&base, id);
                    if self.by_id.insert(base.clone(), value).is_some() {
                        problem(
                            below(&pointer, "$id"),
                            format!("two schemas have the `$id` {base}"),
                        );
                    }
                }
                _ => problem(
                    below(&pointer, "$id"),
                    "`$id` is a URI without a fragment".to_owned(),
                ),
            }
        }
        if let Some(anchor) = value.get("$anchor") {
            let name = anchor.as_string().map(|name| name.unescaped().into_owned());
            match name.filter(|name| is_anchor(name)) {
                Some(name) => {
                    if self.by_anchor.insert((base.clone(), name), value).is_some() {
                        let reason = "two schemas have this `$anchor`".to_owned();
                        problem(below(&pointer, "$anchor"), reason);
                    }
                }
                None => problem(
                    below(&pointer, "$anchor"),
                    "`$anchor` is a letter or `_` and then letters, digits, `-`, `_` and `.`"
                        .to_owned(),
                ),
            }
        }
        if let Some(dialect) = value.get("$schema") {
            let is_it = dialect.as_string().is_some_and(|uri| {
                let uri = uri.unescaped();
                uri.strip_suffix('#').unwrap_or(&uri) == DIALECT
            });
            if !is_it {
                problem(
                    below(&pointer, "$schema"),
                    format!("only {DIALECT} is supported"),
                );
            }
        }
        self.by_offset.insert(value.offset(), self.places.len());
        self.places.push(Place {
            value,
            pointer: pointer.clone(),
            base: base.clone(),
        });
        for (name, inner) in value.members() {
            let name = name.unescaped();
            let at = below(&pointer, &name);
            let problem = |reason: &str, problems: &mut Vec<Problem>| {
                problems.push(Problem {
                    file: self.file.to_owned(),
                    pointer: at.clone(),
                    reason: reason.to_owned(),
                });
            };
            match KEYWORDS.iter().find(|(keyword, ..)| *keyword == name) {
                None => problem(&unknown(&name), problems),
                Some((.., within)) => match (within, inner.kind()) {
                    (Within::Nothing, _) => {}
                    (Within::Schema, _) => self.schema(inner, at, base.clone(), problems),
                    (Within::List, Kind::Array) if !inner.is_empty() => {
                        for (index, inner) in inner.elements().enumerate() {
                            self.schema(inner, format!("{at}/{index}"), base.clone(), problems);
                        }
                    }
                    (Within::Map, Kind::Object) => {
                        for (name, inner) in inner.members() {
                            let at = below(&at, &name.unescaped());
                            self.schema(inner, at, base.clone(), problems);
                        }
                    }
                    (Within::List, _) => {
                        problem("it is an array with at least one schema", problems)
                    }
                    (Within::Map, _) => {
                        problem("it is an object whose members are schemas", problems)
                    }
                },
            }
        }
    }

    /// Which of `places` a schema is.
    pub(super) fn place_of(&self, value: Value<'s>) -> Option<usize> {
        self.by_offset.get(&value.offset()).copied()
    }

    /// Which of `places` a reference is to.
    ///
    /// # Errors
    /// It is to none, in a sentence.
    pub(super) fn referred(&self, reference: &str, base: &str) -> Result<usize, String> {
        let (target, fragment) = uri::split_fragment(reference);
        let target = uri::resolve(base, target);
        let Some(resource) = self.by_id.get(&target) else {
            return Err(format!(
                "{target} is not in this document: references to others are not followed, so put it into `$defs`"
            ));
        };
        let fragment = uri::decoded(fragment.unwrap_or_default())
            .ok_or("the fragment has percent-escapes that are none".to_owned())?;
        let value = if fragment.is_empty() {
            Some(*resource)
        } else if let Some(pointer) = fragment.strip_prefix('/') {
            follow(*resource, pointer)
        } else {
            // An `$anchor` of the document itself where it has no `$id`.
            self.by_anchor.get(&(target, fragment)).copied()
        };
        value
            .and_then(|value| self.place_of(value))
            .ok_or_else(|| format!("{reference:?} is no schema of this document"))
    }
}

/// What a JSON pointer without its first slash points to (RFC 6901 §4).
fn follow<'s>(from: Value<'s>, pointer: &str) -> Option<Value<'s>> {
    let mut value = from;
    for part in pointer.split('/') {
        let part = part.replace("~1", "/").replace("~0", "~");
        value = match value.kind() {
            Kind::Array => {
                let is_index = part == "0" || !part.starts_with(['0', '+']);
                let index: usize = part.parse().ok().filter(|_| is_index)?;
                value.elements().nth(index)?
            }
            _ => value.get(&part)?,
        };
    }
    Some(value)
}

fn is_anchor(name: &str) -> bool {
    let mut bytes = name.bytes();
    bytes
        .next()
        .is_some_and(|first| first.is_ascii_alphabetic() || first == b'_')
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
}
