//! What breaks a client when one document takes the place of another.
//!
//! A client may go on sending what it sent, and can read what it is sent: so a request may ask for less and allow more,
//! and a response may promise more and hold less that is new. What is compared is what our documents use; a keyword of a
//! schema that is not known here and differs counts as a break, so that none slips through.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

/// Which way something goes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    /// From the client.
    Request,
    /// To the client.
    Response,
}

/// The operations that a path may have.
const METHODS: [&str; 7] = ["get", "put", "post", "delete", "options", "head", "patch"];
/// What is there for people, and binds nobody.
const PROSE: [&str; 6] = [
    "description",
    "title",
    "summary",
    "example",
    "examples",
    "default",
];
/// Bounds, with whether the larger one allows more.
const BOUNDS: [(&str, bool); 6] = [
    ("maximum", true),
    ("maxLength", true),
    ("maxItems", true),
    ("minimum", false),
    ("minLength", false),
    ("minItems", false),
];
/// References within references: more of them than that is a circle.
const DEPTH_MAX: usize = 32;

/// Each place where a client of `old` is not served by `new`.
pub fn breaks(old: &Value, new: &Value) -> Vec<String> {
    let mut found = Found {
        old,
        new,
        breaks: Vec::new(),
    };
    found.paths();
    found.breaks
}

struct Found<'d> {
    old: &'d Value,
    new: &'d Value,
    breaks: Vec<String>,
}

impl<'d> Found<'d> {
    fn says(&mut self, at: &str, what: impl AsRef<str>) {
        self.breaks.push(format!("{at}: {}", what.as_ref()));
    }

    fn paths(&mut self) {
        for (path, old) in members(&self.old["paths"]) {
            let new = &self.new["paths"][path];
            for method in METHODS {
                let old = &old[method];
                if old.is_null() {
                    continue;
                }
                let at = format!("{} {path}", method.to_uppercase());
                match new[method].is_null() {
                    true => self.says(&at, "is not there any more"),
                    false => self.operation(&at, old, &new[method]),
                }
            }
        }
    }

    fn operation(&mut self, at: &str, old: &'d Value, new: &'d Value) {
        // Generated clients have functions of this name.
        if old["operationId"] != new["operationId"] {
            self.says(at, "has another operationId");
        }
        self.security(at, old, new);
        self.parameters(at, old, new);
        self.request_body(at, old, new);
        self.responses(at, old, new);
    }

    /// A requirement of the new one has to be met by who meets one of the old one.
    fn security(&mut self, at: &str, old: &Value, new: &Value) {
        let of = |operation: &Value, document: &Value| -> Vec<Value> {
            let own = operation.get("security").or(document.get("security"));
            own.and_then(Value::as_array).cloned().unwrap_or_default()
        };
        let (before, after) = (of(old, self.old), of(new, self.new));
        let asks_no_more = |after: &Value, before: &Value| {
            members(after).all(|(scheme, scopes)| {
                let had = before[scheme].as_array();
                let scopes = scopes.as_array().into_iter().flatten();
                had.is_some_and(|had| scopes.into_iter().all(|scope| had.contains(scope)))
            })
        };
        let nobody = [Value::Object(Map::new())];
        let before = if before.is_empty() {
            &nobody[..]
        } else {
            &before
        };
        let is_enough = |before: &Value| {
            after.is_empty() || after.iter().any(|after| asks_no_more(after, before))
        };
        if !before.iter().all(is_enough) {
            self.says(at, "asks for another scheme or scope");
        }
    }

    fn parameters(&mut self, at: &str, old: &'d Value, new: &'d Value) {
        let before = self.resolved(self.old, &old["parameters"]);
        let after = self.resolved(self.new, &new["parameters"]);
        let name =
            |parameter: &Value| format!("{} parameter {}", parameter["in"], parameter["name"]);
        let find = |all: &[&'d Value], name_of: &str| {
            let mut all = all.iter().copied();
            all.find(|parameter| name(parameter) == name_of)
        };
        for old in &before {
            let at = format!("{at}: {}", name(old));
            match find(&after, &name(old)) {
                None => self.says(&at, "is not there any more"),
                Some(new) => {
                    if is_true(&new["required"]) && !is_true(&old["required"]) {
                        self.says(&at, "is required now");
                    }
                    self.schema(&at, Way::Request, &old["schema"], &new["schema"], 0);
                }
            }
        }
        for new in &after {
            if is_true(&new["required"]) && find(&before, &name(new)).is_none() {
                self.says(at, format!("{} is new and required", name(new)));
            }
        }
    }

    fn request_body(&mut self, at: &str, old: &'d Value, new: &'d Value) {
        let old = resolve(self.old, &old["requestBody"]);
        let new = resolve(self.new, &new["requestBody"]);
        let at = format!("{at}: body");
        if is_true(&new["required"]) && !is_true(&old["required"]) {
            self.says(&at, "is required now");
        }
        self.content(&at, Way::Request, old, new);
    }

    fn responses(&mut self, at: &str, old: &'d Value, new: &'d Value) {
        for (status, old) in members(&old["responses"]) {
            let new = &new["responses"][status];
            let at = format!("{at}: {status}");
            if new.is_null() {
                self.says(&at, "is not there any more");
                continue;
            }
            let (old, new) = (resolve(self.old, old), resolve(self.new, new));
            self.content(&at, Way::Response, old, new);
            for (name, old) in members(&old["headers"]) {
                let at = format!("{at}: field {name}");
                let new = &new["headers"][name];
                if new.is_null() {
                    self.says(&at, "is not there any more");
                    continue;
                }
                let (old, new) = (resolve(self.old, old), resolve(self.new, new));
                self.schema(&at, Way::Response, &old["schema"], &new["schema"], 0);
            }
        }
        // A client may take what has an unknown status for what its class means (RFC 9110 §15), and new refusals come
        // with new rules; so a new status is no break.
    }

    fn content(&mut self, at: &str, way: Way, old: &'d Value, new: &'d Value) {
        for (media_type, old) in members(&old["content"]) {
            let new = &new["content"][media_type];
            match new.is_null() {
                true => self.says(at, format!("is no {media_type} any more")),
                false => self.schema(at, way, &old["schema"], &new["schema"], 0),
            }
        }
    }

    fn schema(&mut self, at: &str, way: Way, old: &'d Value, new: &'d Value, depth: usize) {
        let (old, new) = (resolve(self.old, old), resolve(self.new, new));
        if old == new && !has_reference(old) {
            return;
        }
        if depth > DEPTH_MAX {
            return;
        }
        let known = [
            "type",
            "enum",
            "required",
            "properties",
            "items",
            "oneOf",
            "additionalProperties",
        ];
        self.values(at, way, "type", old, new);
        self.values(at, way, "enum", old, new);
        self.bounds(at, way, old, new);
        self.members_of(at, way, old, new, depth);
        if !old["items"].is_null() || !new["items"].is_null() {
            let at = format!("{at}[]");
            self.schema(&at, way, &old["items"], &new["items"], depth + 1);
        }
        self.alternatives(at, way, old, new, depth);
        let all = members(old).chain(members(new)).map(|(name, _)| name);
        let other: BTreeSet<&String> = all
            .filter(|name| !known.contains(&name.as_str()) && !PROSE.contains(&name.as_str()))
            .filter(|name| BOUNDS.iter().all(|(bound, _)| bound != name))
            .collect();
        for name in other {
            // To ask for less of a request, or to promise more of a response, is to have a rule less, or one more.
            let is_looser = match way {
                Way::Request => new[name].is_null(),
                Way::Response => old[name].is_null(),
            };
            if old[name] != new[name] && !is_looser {
                self.says(at, format!("{name} is {} now", new[name]));
            }
        }
    }

    /// `type` and `enum`: which values there may be. None: any.
    fn values(&mut self, at: &str, way: Way, keyword: &str, old: &Value, new: &Value) {
        let of = |schema: &Value| match &schema[keyword] {
            Value::Null => None,
            Value::Array(values) => Some(values.iter().map(Value::to_string).collect()),
            value => Some(BTreeSet::from([value.to_string()])),
        };
        let (old, new): (Option<BTreeSet<String>>, Option<BTreeSet<String>>) = (of(old), of(new));
        let (from, to) = match way {
            Way::Request => (old, new),
            Way::Response => (new, old),
        };
        let is_within = match (&from, &to) {
            (_, None) => true,
            (None, Some(_)) => false,
            (Some(from), Some(to)) => from.is_subset(to),
        };
        if !is_within {
            let what = match way {
                Way::Request => "does not take any more what it took",
                Way::Response => "may be what it never was",
            };
            self.says(at, format!("{what} ({keyword})"));
        }
    }

    fn bounds(&mut self, at: &str, way: Way, old: &Value, new: &Value) {
        for (bound, larger_allows_more) in BOUNDS {
            let (before, after) = (old[bound].as_f64(), new[bound].as_f64());
            let (from, to) = match way {
                Way::Request => (before, after),
                Way::Response => (after, before),
            };
            let is_within = match (from, to) {
                (_, None) => true,
                (None, Some(_)) => false,
                (Some(from), Some(to)) if larger_allows_more => from <= to,
                (Some(from), Some(to)) => from >= to,
            };
            if !is_within {
                let shown =
                    |bound: Option<f64>| bound.map_or("none".to_owned(), |it| it.to_string());
                let what = format!("{bound} is {} and was {}", shown(after), shown(before));
                self.says(at, what);
            }
        }
    }

    fn members_of(&mut self, at: &str, way: Way, old: &'d Value, new: &'d Value, depth: usize) {
        let (before, after) = (required(old), required(new));
        let (lost, what) = match way {
            Way::Request => (after.difference(&before), "is required now"),
            Way::Response => (before.difference(&after), "may be missing now"),
        };
        for name in lost {
            self.says(&format!("{at}.{name}"), what);
        }
        for (name, old) in members(&old["properties"]) {
            let at = format!("{at}.{name}");
            match &new["properties"][name] {
                Value::Null => self.says(&at, "is not there any more"),
                new => self.schema(&at, way, old, new, depth + 1),
            }
        }
        // A client that takes no other members could not read new ones, and may not send others from now on.
        let is_closed = |schema: &Value| schema["additionalProperties"] == Value::Bool(false);
        match way {
            Way::Request if is_closed(new) && !is_closed(old) => {
                self.says(at, "takes no other members any more");
            }
            Way::Response if is_closed(old) && !is_closed(new) => {
                self.says(at, "may have other members now");
            }
            _ if old["additionalProperties"].is_object()
                || new["additionalProperties"].is_object() =>
            {
                let (old, new) = (&old["additionalProperties"], &new["additionalProperties"]);
                if old != new {
                    self.says(at, "has other rules for other members");
                }
            }
            _ => {}
        }
    }

    /// Alternatives are told apart by what they are a reference to, or by their type.
    fn alternatives(&mut self, at: &str, way: Way, old: &'d Value, new: &'d Value, depth: usize) {
        let key = |schema: &Value| match schema["$ref"].as_str() {
            Some(reference) => reference.to_owned(),
            None => schema["type"].to_string(),
        };
        let (before, after) = (elements(&old["oneOf"]), elements(&new["oneOf"]));
        let is_new = before.is_empty() != after.is_empty();
        if is_new {
            return self.says(
                at,
                "has alternatives where it had none, or none where it had some",
            );
        }
        for old in before {
            match after.iter().find(|new| key(new) == key(old)) {
                Some(new) => self.schema(at, way, old, new, depth + 1),
                None if way == Way::Request => {
                    self.says(at, format!("does not take {} any more", key(old)));
                }
                None => {}
            }
        }
        for new in after {
            let is_known = before.iter().any(|old| key(old) == key(new));
            if way == Way::Response && !is_known {
                self.says(at, format!("may be {} now", key(new)));
            }
        }
    }

    fn resolved(&self, document: &'d Value, all: &'d Value) -> Vec<&'d Value> {
        elements(all)
            .iter()
            .map(|one| resolve(document, one))
            .collect()
    }
}

/// What a reference within the document points to.
fn resolve<'d>(document: &'d Value, value: &'d Value) -> &'d Value {
    let reference = value["$ref"].as_str();
    let pointer = reference.and_then(|reference| reference.strip_prefix('#'));
    pointer
        .and_then(|pointer| document.pointer(pointer))
        .unwrap_or(value)
}

fn has_reference(value: &Value) -> bool {
    match value {
        Value::Object(members) => {
            members.contains_key("$ref") || members.values().any(has_reference)
        }
        Value::Array(elements) => elements.iter().any(has_reference),
        _ => false,
    }
}

fn members(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flatten()
}

fn elements(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn required(schema: &Value) -> BTreeSet<&str> {
    elements(&schema["required"])
        .iter()
        .filter_map(Value::as_str)
        .collect()
}

fn is_true(value: &Value) -> bool {
    value == &Value::Bool(true)
}
