//! Where in the file something stands, of a policy that was read from it.

use crate::document::Document;
use crate::source::{Fields, Source};
use crate::value::{At, Value};

/// The lines of a policy file. Where a line is not found, there is none: nothing is decided by them.
pub(super) struct Lines<'s> {
    source: Source<'s>,
    document: Document<'s>,
}

/// A table of the file.
#[derive(Clone, Copy)]
pub(super) struct Place<'l> {
    lines: &'l Lines<'l>,
    fields: Fields<'l, 'l>,
}

impl<'s> Lines<'s> {
    pub(super) fn of(text: &'s str) -> Self {
        Self {
            source: Source::new(text),
            document: Document::parse(text, &mut |_| {}),
        }
    }

    fn root(&self) -> Place<'_> {
        Place {
            lines: self,
            fields: Fields::root(&self.document),
        }
    }

    /// The issuer of this name; of a tenant, the issuer that has it.
    pub(super) fn issuer(&self, name: &str) -> Option<Place<'_>> {
        let issuers = self.root().table("issuer")?;
        let whole = issuers.table(name);
        whole.or_else(|| issuers.table(name.rsplit_once('/')?.0))
    }

    /// `[KIND.NAME]`.
    pub(super) fn named(&self, kind: &str, name: &str) -> Option<Place<'_>> {
        self.root().table(kind)?.table(name)
    }

    /// A table of the whole file.
    pub(super) fn table(&self, name: &str) -> Option<Place<'_>> {
        self.root().table(name)
    }

    /// The `[[route]]` with this path that is for this method. No two of a path list the same one.
    pub(super) fn route(&self, path: &str, method: &str) -> Option<Place<'_>> {
        let root = self.root();
        let of_path = |place: &Place<'_>| place.text("path") == Some(path);
        let mut routes = root.tables("route").filter(of_path);
        let lists = |place: &Place<'_>| {
            let implied = method == "OPTIONS" && place.flag("public_options");
            implied || place.lists("methods", method)
        };
        let all: Vec<_> = routes.by_ref().collect();
        let listed = all.iter().find(|place| lists(place));
        let open = || {
            all.iter()
                .find(|place| place.fields.place_of("methods").is_none())
        };
        listed.or_else(open).or(all.first()).copied()
    }
}

impl<'l> Place<'l> {
    /// The line of the table.
    pub(super) fn line(self) -> Option<usize> {
        Some(self.lines.source.position(self.fields.offset).line)
    }

    /// The line of a key of it; of the table where it has none.
    pub(super) fn line_of(self, key: &str) -> Option<usize> {
        match self.entry(key) {
            Some((offset, _)) => Some(self.lines.source.position(offset).line),
            None => self.line(),
        }
    }

    /// A table in it.
    pub(super) fn table(self, key: &str) -> Option<Self> {
        let (_, value) = self.entry(key)?;
        let fields = self.fields.table(value)?;
        Some(Self { fields, ..self })
    }

    /// The tables of a list in it.
    pub(super) fn tables(self, key: &str) -> impl Iterator<Item = Self> {
        let values: &[At<Value<'l>>] = match self.entry(key) {
            Some((_, value)) => match &value.value {
                Value::Array { values, .. } => values,
                _ => &[],
            },
            None => &[],
        };
        values.iter().filter_map(move |value| {
            let fields = self.fields.table(value)?;
            Some(Self { fields, ..self })
        })
    }

    /// The text under a key.
    pub(super) fn text(self, key: &str) -> Option<&'l str> {
        match &self.entry(key)?.1.value {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    fn flag(self, key: &str) -> bool {
        matches!(self.entry(key), Some((_, value)) if matches!(value.value, Value::Boolean(true)))
    }

    fn lists(self, key: &str, wanted: &str) -> bool {
        let is_it = |value: &Value<'_>| matches!(value, Value::Text(text) if text == wanted);
        match self.entry(key).map(|(_, value)| &value.value) {
            Some(Value::Array { values, .. }) => values.iter().any(|one| is_it(&one.value)),
            Some(value) => is_it(value),
            None => false,
        }
    }

    /// Where a key stands, and its value.
    fn entry(self, key: &str) -> Option<(usize, &'l At<Value<'l>>)> {
        let mut entries = self.fields.entries.iter();
        let entry = entries.find(|entry| entry.name.value == key)?;
        Some((entry.name.offset, &entry.value))
    }
}
