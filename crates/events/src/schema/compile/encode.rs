//! From a schema to its node.

use std::collections::{BTreeMap, BTreeSet};

use super::pattern;
use super::pattern_error::PatternError;
use super::problem::{Problem, below};
use super::walk::{Document, Place};
use crate::json::{Kind, Number, Value};
use crate::schema::format::{NO_NODE, kinds, literals, tags};
use crate::schema::program::{DIVISOR_DIGITS_MAX, Divisor};

/// Bytes of a program.
#[derive(Default)]
pub(super) struct Bytes(pub(super) Vec<u8>);

impl Bytes {
    pub(super) fn byte(&mut self, byte: u8) {
        self.0.push(byte);
    }

    pub(super) fn number(&mut self, number: u32) {
        self.0.extend_from_slice(&number.to_le_bytes());
    }

    /// A count or a place, of which there are never 2^32.
    pub(super) fn count(&mut self, count: usize) {
        self.number(u32::try_from(count).unwrap_or(u32::MAX));
    }

    pub(super) fn blob(&mut self, bytes: &[u8]) {
        self.count(bytes.len());
        self.0.extend_from_slice(bytes);
    }

    pub(super) fn text(&mut self, text: &str) {
        self.blob(text.as_bytes());
    }
}

/// The patterns of a program, each once.
#[derive(Default)]
pub(super) struct Patterns {
    by_text: BTreeMap<String, u32>,
    pub(super) all: Vec<(String, Vec<u8>)>,
}

impl Patterns {
    fn place(&mut self, text: &str) -> Result<u32, PatternError> {
        if let Some(place) = self.by_text.get(text) {
            return Ok(*place);
        }
        let automaton = pattern::automaton(text)?;
        let place = u32::try_from(self.all.len()).unwrap_or(u32::MAX);
        self.by_text.insert(text.to_owned(), place);
        self.all.push((text.to_owned(), automaton));
        Ok(place)
    }
}

/// Writes the nodes of one document.
pub(super) struct Encoder<'e, 's> {
    pub(super) document: &'e Document<'s>,
    /// The number of the document's first node.
    pub(super) first: usize,
    pub(super) patterns: &'e mut Patterns,
    pub(super) problems: &'e mut Vec<Problem>,
}

/// The rules of one node.
struct Rules<'e, 's> {
    place: &'e Place<'s>,
    count: usize,
    bytes: Bytes,
}

impl Rules<'_, '_> {
    fn begin(&mut self, tag: u8) -> &mut Bytes {
        self.count += 1;
        self.bytes.byte(tag);
        &mut self.bytes
    }
}

/// The counts, by their keywords.
const COUNTS: [(&str, u8); 6] = [
    ("minLength", tags::MIN_LENGTH),
    ("maxLength", tags::MAX_LENGTH),
    ("minItems", tags::MIN_ITEMS),
    ("maxItems", tags::MAX_ITEMS),
    ("minProperties", tags::MIN_PROPERTIES),
    ("maxProperties", tags::MAX_PROPERTIES),
];
const LIMITS: [(&str, u8); 4] = [
    ("minimum", tags::MINIMUM),
    ("maximum", tags::MAXIMUM),
    ("exclusiveMinimum", tags::EXCLUSIVE_MINIMUM),
    ("exclusiveMaximum", tags::EXCLUSIVE_MAXIMUM),
];
const COMBINED: [(&str, u8); 3] = [
    ("allOf", tags::ALL_OF),
    ("anyOf", tags::ANY_OF),
    ("oneOf", tags::ONE_OF),
];

impl<'s> Encoder<'_, 's> {
    /// The node of one schema, which [`Document::walk`] has found.
    pub(super) fn node(&mut self, place: &Place<'s>) -> Bytes {
        let mut node = Bytes::default();
        if let Some(takes_all) = place.value.as_bool() {
            node.byte(if takes_all { kinds::ALL } else { 0 });
            node.number(0);
            return node;
        }
        node.byte(self.kinds(place));
        let mut rules = Rules {
            place,
            count: 0,
            bytes: Bytes::default(),
        };
        self.reference(&mut rules);
        self.values(&mut rules);
        self.numbers(&mut rules);
        self.texts(&mut rules);
        self.arrays(&mut rules);
        self.objects(&mut rules);
        self.combinations(&mut rules);
        node.count(rules.count);
        node.0.extend_from_slice(&rules.bytes.0);
        node
    }

    fn problem(&mut self, place: &Place<'_>, keyword: &str, reason: impl Into<String>) {
        self.problems.push(Problem {
            file: self.document.file.to_owned(),
            pointer: below(&place.pointer, keyword),
            reason: reason.into(),
        });
    }

    /// The number of the node of a schema within this one.
    fn inner(&self, value: Value<'s>) -> u32 {
        let place = self.document.place_of(value);
        let node = place.map(|place| self.first + place);
        node.and_then(|node| u32::try_from(node).ok())
            .unwrap_or(NO_NODE)
    }

    fn optional(&self, value: Option<Value<'s>>) -> u32 {
        value.map_or(NO_NODE, |value| self.inner(value))
    }

    fn list(&self, list: Value<'s>, bytes: &mut Bytes) {
        bytes.count(list.len());
        for value in list.elements() {
            bytes.number(self.inner(value));
        }
    }

    /// `type` (validation §6.1.1).
    fn kinds(&mut self, place: &Place<'s>) -> u8 {
        let Some(named) = place.value.get("type") else {
            return kinds::ALL;
        };
        let kind = |value: Value<'_>| {
            Some(match &*value.as_string()?.unescaped() {
                "null" => kinds::NULL,
                "boolean" => kinds::BOOL,
                "number" => kinds::NUMBER,
                "integer" => kinds::INTEGER,
                "string" => kinds::STRING,
                "array" => kinds::ARRAY,
                "object" => kinds::OBJECT,
                _ => return None,
            })
        };
        let all: Option<Vec<u8>> = match named.kind() {
            Kind::Array => named.elements().map(kind).collect(),
            _ => kind(named).map(|kind| vec![kind]),
        };
        match all.filter(|all| !all.is_empty()) {
            Some(all) => all.iter().fold(0, |all, kind| all | kind),
            None => {
                self.problem(
                    place,
                    "type",
                    "it is one of null, boolean, object, array, number, string and integer, or an array of them",
                );
                kinds::ALL
            }
        }
    }

    fn reference(&mut self, rules: &mut Rules<'_, 's>) {
        let place = rules.place;
        let Some(reference) = place.value.get("$ref") else {
            return;
        };
        let target = match reference.as_string() {
            Some(text) => self.document.referred(&text.unescaped(), &place.base),
            None => Err("it is a URI reference, in a string".to_owned()),
        };
        match target {
            Ok(target) => rules.begin(tags::REF).count(self.first + target),
            Err(reason) => self.problem(place, "$ref", reason),
        }
    }

    fn values(&mut self, rules: &mut Rules<'_, 's>) {
        let place = rules.place;
        if let Some(value) = place.value.get("const") {
            literal(value, rules.begin(tags::CONST));
        }
        if let Some(values) = place.value.get("enum") {
            if values.kind() != Kind::Array {
                self.problem(place, "enum", "it is an array of values");
            }
            let bytes = rules.begin(tags::ENUM);
            bytes.count(values.len());
            values.elements().for_each(|value| literal(value, bytes));
        }
    }

    fn numbers(&mut self, rules: &mut Rules<'_, 's>) {
        let place = rules.place;
        for (keyword, tag) in LIMITS {
            match place.value.get(keyword).map(Value::as_number) {
                None => {}
                Some(Some(number)) => rules.begin(tag).text(number.text()),
                Some(None) => self.problem(place, keyword, "it is a number"),
            }
        }
        match place
            .value
            .get("multipleOf")
            .map(|value| value.as_number().and_then(Divisor::new))
        {
            None => {}
            Some(Some(divisor)) => rules.begin(tags::MULTIPLE_OF).text(divisor.number.text()),
            Some(None) => self.problem(
                place,
                "multipleOf",
                format!("it is a number above 0, of at most {DIVISOR_DIGITS_MAX} digits"),
            ),
        }
        for (keyword, tag) in COUNTS {
            if let Some(count) = self.count(place, keyword) {
                rules.begin(tag).number(count);
            }
        }
    }

    /// A count. What is larger than any value can be is no less true of the largest number of 32 bits.
    fn count(&mut self, place: &Place<'s>, keyword: &str) -> Option<u32> {
        let value = place.value.get(keyword)?;
        let number = value.as_number().filter(|number| number.is_integer());
        let Some(number) = number.filter(|number| !number.decimal().negative) else {
            self.problem(place, keyword, "it is a whole number, not below 0");
            return None;
        };
        let count = number.as_i64().and_then(|count| u32::try_from(count).ok());
        Some(count.unwrap_or(u32::MAX))
    }

    fn texts(&mut self, rules: &mut Rules<'_, 's>) {
        let place = rules.place;
        if let Some(pattern) = place.value.get("pattern") {
            match pattern.as_string() {
                Some(pattern) => match self.patterns.place(&pattern.unescaped()) {
                    Ok(pattern) => rules.begin(tags::PATTERN).number(pattern),
                    Err(error) => self.problem(place, "pattern", error.to_string()),
                },
                None => self.problem(place, "pattern", "it is a regular expression, in a string"),
            }
        }
    }

    fn arrays(&mut self, rules: &mut Rules<'_, 's>) {
        let place = rules.place;
        match place.value.get("uniqueItems").map(Value::as_bool) {
            None | Some(Some(false)) => {}
            Some(Some(true)) => {
                rules.begin(tags::UNIQUE_ITEMS);
            }
            Some(None) => self.problem(place, "uniqueItems", "it is `true` or `false`"),
        }
        let (first, rest) = (place.value.get("prefixItems"), place.value.get("items"));
        if first.is_some() || rest.is_some() {
            let bytes = rules.begin(tags::ELEMENTS);
            match first {
                Some(first) => self.list(first, bytes),
                None => bytes.number(0),
            }
            bytes.number(self.optional(rest));
        }
        let least = self.count(place, "minContains");
        let most = self.count(place, "maxContains");
        if let Some(value) = place.value.get("contains") {
            let bytes = rules.begin(tags::CONTAINS);
            bytes.number(self.inner(value));
            bytes.number(least.unwrap_or(1));
            bytes.number(most.unwrap_or(u32::MAX));
        }
    }

    fn objects(&mut self, rules: &mut Rules<'_, 's>) {
        let place = rules.place;
        let schema = place.value;
        let required = self.names(place, "required", schema.get("required"));
        let properties = schema.get("properties");
        let patterns = schema.get("patternProperties");
        let (others, names) = (
            schema.get("additionalProperties"),
            schema.get("propertyNames"),
        );
        let given = [properties, patterns, others, names];
        if given.iter().any(Option::is_some) || !required.is_empty() {
            let mut named: Vec<(String, u32, bool)> = Vec::new();
            for (name, value) in properties.into_iter().flat_map(Value::members) {
                let name = name.unescaped().into_owned();
                let is_required = required.contains(&name);
                named.push((name, self.inner(value), is_required));
            }
            for name in &required {
                if !named.iter().any(|(other, ..)| other == name) {
                    named.push((name.clone(), NO_NODE, true));
                }
            }
            let mut matched = Vec::new();
            for (pattern, value) in patterns.into_iter().flat_map(Value::members) {
                let pattern = pattern.unescaped();
                match self.patterns.place(&pattern) {
                    Ok(number) => matched.push((number, self.inner(value))),
                    Err(error) => {
                        let keyword = format!(
                            "patternProperties/{}",
                            below("", &pattern).trim_start_matches('/')
                        );
                        let pointer = format!("{}/{keyword}", place.pointer);
                        let file = self.document.file.to_owned();
                        self.problems.push(Problem {
                            file,
                            pointer,
                            reason: error.to_string(),
                        });
                    }
                }
            }
            let bytes = rules.begin(tags::MEMBERS);
            bytes.count(named.len());
            for (name, node, is_required) in named {
                bytes.text(&name);
                bytes.number(node);
                bytes.byte(u8::from(is_required));
            }
            bytes.count(matched.len());
            for (pattern, node) in matched {
                bytes.number(pattern);
                bytes.number(node);
            }
            bytes.number(self.optional(others));
            bytes.number(self.optional(names));
        }
        if let Some(dependent) = schema.get("dependentRequired") {
            if dependent.kind() != Kind::Object {
                self.problem(
                    place,
                    "dependentRequired",
                    "it is an object whose members are arrays of names",
                );
            }
            for (name, names) in dependent.members() {
                let names = self.names(place, "dependentRequired", Some(names));
                let bytes = rules.begin(tags::DEPENDENT_REQUIRED);
                bytes.text(&name.unescaped());
                bytes.count(names.len());
                names.iter().for_each(|name| bytes.text(name));
            }
        }
        for (name, value) in schema
            .get("dependentSchemas")
            .into_iter()
            .flat_map(Value::members)
        {
            let bytes = rules.begin(tags::DEPENDENT_SCHEMA);
            bytes.text(&name.unescaped());
            bytes.number(self.inner(value));
        }
    }

    /// A list of names, none of which is there twice.
    fn names(
        &mut self,
        place: &Place<'s>,
        keyword: &str,
        list: Option<Value<'s>>,
    ) -> BTreeSet<String> {
        let mut names = BTreeSet::new();
        let Some(list) = list else {
            return names;
        };
        let name = |value: Value<'_>| Some(value.as_string()?.unescaped().into_owned());
        let all = list
            .elements()
            .all(|value| name(value).is_some_and(|name| names.insert(name)));
        if !all || list.kind() != Kind::Array {
            self.problem(place, keyword, "it is an array of names, each only once");
        }
        names
    }

    fn combinations(&mut self, rules: &mut Rules<'_, 's>) {
        let schema = rules.place.value;
        for (keyword, tag) in COMBINED {
            if let Some(list) = schema.get(keyword) {
                self.list(list, rules.begin(tag));
            }
        }
        if let Some(value) = schema.get("not") {
            rules.begin(tags::NOT).number(self.inner(value));
        }
        if let Some(condition) = schema.get("if") {
            let bytes = rules.begin(tags::IF);
            bytes.number(self.inner(condition));
            bytes.number(self.optional(schema.get("then")));
            bytes.number(self.optional(schema.get("else")));
        }
    }
}

fn literal(value: Value<'_>, bytes: &mut Bytes) {
    match value.kind() {
        Kind::Null => bytes.byte(literals::NULL),
        Kind::Bool if value.as_bool() == Some(true) => bytes.byte(literals::TRUE),
        Kind::Bool => bytes.byte(literals::FALSE),
        Kind::Number => {
            bytes.byte(literals::NUMBER);
            bytes.text(value.as_number().map_or("0", Number::text));
        }
        Kind::String => {
            bytes.byte(literals::STRING);
            bytes.text(
                &value
                    .as_string()
                    .map(|string| string.unescaped())
                    .unwrap_or_default(),
            );
        }
        Kind::Array => {
            bytes.byte(literals::ARRAY);
            bytes.count(value.len());
            value.elements().for_each(|value| literal(value, bytes));
        }
        Kind::Object => {
            bytes.byte(literals::OBJECT);
            bytes.count(value.len());
            let mut members: Vec<_> = (value.members())
                .map(|(name, value)| (name.unescaped(), value))
                .collect();
            members.sort_by(|(a, _), (b, _)| a.cmp(b));
            for (name, value) in members {
                bytes.text(&name);
                literal(value, bytes);
            }
        }
    }
}
