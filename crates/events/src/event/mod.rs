//! A CloudEvent 1.0.2 in JSON: what is wrong with one, and the record that is made of it.
//!
//! Everything that is wrong is found in one go, up to [`FAULTS_MAX`](crate::fault::FAULTS_MAX). The rules are those of the
//! core specification for attributes and of section 3 of the JSON event format, and [`bounds`].

mod attributes;
pub mod bounds;
pub mod data;

use attributes::{Reason, string};
use bounds::EXTENSIONS_MAX;
use data::DataCheck;

use crate::compact;
use crate::fault::Faults;
use crate::json::{Kind, Value};
use crate::record::Batch;

/// What is asked of events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rules {
    /// Whether each has to say its `specversion`. What is said to be a CloudEvent has to; plain JSON may leave it out.
    pub specversion_required: bool,
    /// How far ahead of now `time` may be, in milliseconds.
    pub time_ahead_ms: u64,
    /// How long ago `time` may be, in milliseconds.
    pub time_behind_ms: u64,
}

/// An event with which nothing is wrong.
#[derive(Clone, Copy, Debug)]
pub struct Event<'a> {
    value: Value<'a>,
    id: Value<'a>,
    source: Value<'a>,
    kind: Value<'a>,
    time_ms: Option<u64>,
}

/// The members that a record has first, in their order, and the one that it has from us: "Recorded Time" is an extension
/// of CloudEvents.
const SPEC_VERSION: &str = "specversion";
const ID: &str = "id";
const SOURCE: &str = "source";
const TYPE: &str = "type";
const RECORDED_TIME: &str = "recordedtime";

/// Reads an event. `scratch` is a text that is used again. `None` where something is wrong with it, which is then among the
/// faults.
pub fn read<'a>(
    value: Value<'a>,
    rules: &Rules,
    now_ms: u64,
    check: &mut dyn DataCheck,
    scratch: &mut String,
    faults: &mut Faults,
) -> Option<Event<'a>> {
    if value.kind() != Kind::Object {
        faults.event("is not a JSON object");
        return None;
    }
    let mut found = Members::default();
    for (name, member) in value.members() {
        let name = name.unescaped();
        if let Err(reason) = found.take(&name, member, rules, now_ms, scratch) {
            faults.member(&name, reason);
        }
    }
    let required = [
        (
            SPEC_VERSION,
            found.has_specversion || !rules.specversion_required,
        ),
        (ID, found.id.is_some()),
        (SOURCE, found.source.is_some()),
        (TYPE, found.kind.is_some()),
    ];
    for (name, is_there) in required {
        if !is_there {
            faults.member(name, "is missing");
        }
    }
    if found.data.is_some() && found.has_base64 {
        faults.member(
            "data_base64",
            "is there, and so is data: only one of them may be",
        );
    }
    if found.extensions > EXTENSIONS_MAX {
        faults.event(format!("has more than {EXTENSIONS_MAX} extensions"));
    }
    let kind = found.kind?;
    if faults.is_empty() {
        let checked = check.check(string(kind, scratch).ok()?, found.data);
        if let Err(fault) = checked {
            match fault.pointer {
                Some(pointer) => faults.at(format!("/data{pointer}"), fault.reason),
                None => faults.member(TYPE, fault.reason),
            }
        }
    }
    let event = Event {
        value,
        id: found.id?,
        source: found.source?,
        kind,
        time_ms: found.time_ms,
    };
    faults.is_empty().then_some(event)
}

/// The members of an event, as far as they were read.
#[derive(Default)]
struct Members<'a> {
    has_specversion: bool,
    id: Option<Value<'a>>,
    source: Option<Value<'a>>,
    kind: Option<Value<'a>>,
    time_ms: Option<u64>,
    data: Option<Value<'a>>,
    has_base64: bool,
    extensions: usize,
}

impl<'a> Members<'a> {
    /// Takes a member. `null` is an attribute that is not there (JSON format section 2.2), and data that is `null`.
    fn take(
        &mut self,
        name: &str,
        value: Value<'a>,
        rules: &Rules,
        now_ms: u64,
        scratch: &mut String,
    ) -> Result<(), Reason> {
        if name == "data" {
            self.data = Some(value);
            return Ok(());
        }
        let is_null = value.kind() == Kind::Null;
        match name {
            SPEC_VERSION | ID | SOURCE | TYPE | "time" | "datacontenttype" | "dataschema"
            | "subject" | "data_base64"
                if is_null =>
            {
                Ok(())
            }
            SPEC_VERSION => {
                self.has_specversion = true;
                attributes::version(string(value, scratch)?)
            }
            ID => {
                self.id = Some(value);
                attributes::id(string(value, scratch)?)
            }
            SOURCE => {
                self.source = Some(value);
                attributes::source(string(value, scratch)?)
            }
            TYPE => {
                self.kind = Some(value);
                attributes::kind(string(value, scratch)?)
            }
            "time" => {
                let text = string(value, scratch)?;
                let (ahead_ms, behind_ms) = (rules.time_ahead_ms, rules.time_behind_ms);
                self.time_ms = Some(attributes::time(text, now_ms, ahead_ms, behind_ms)?);
                Ok(())
            }
            "datacontenttype" => attributes::content_type(string(value, scratch)?),
            "dataschema" => attributes::data_schema(string(value, scratch)?),
            "subject" => attributes::subject(string(value, scratch)?),
            "data_base64" => {
                self.has_base64 = true;
                attributes::data_base64(string(value, scratch)?)
            }
            _ => {
                self.extensions += 1;
                attributes::extension_name(name)?;
                attributes::extension(value, scratch)
            }
        }
    }
}

/// Adds the record of an event: in one line, its `specversion`, `id`, `source` and `type` first, the rest as it was sent,
/// and when it was recorded, whatever it says of that itself. Numbers and escapes stay as they are.
pub fn write(event: &Event<'_>, recorded_at: &str, batch: &mut Batch) {
    let mut draft = batch.begin();
    let json = draft.json();
    json.push_str("{\"specversion\":\"1.0\"");
    for (name, value) in [(ID, event.id), (SOURCE, event.source), (TYPE, event.kind)] {
        push_member(json, name, value);
    }
    for (name, value) in event.value.members() {
        let is_known = [SPEC_VERSION, ID, SOURCE, TYPE, RECORDED_TIME]
            .iter()
            .any(|known| name.eq_str(known));
        if is_known || value.kind() == Kind::Null && !name.eq_str("data") {
            continue;
        }
        push_member(json, name.raw(), value);
    }
    json.push_str(",\"recordedtime\":\"");
    json.push_str(recorded_at);
    json.push_str("\"}");
    for value in [event.id, event.source, event.kind] {
        draft.attribute(|text| {
            if let Some(string) = value.as_string() {
                match string.has_escapes() {
                    true => text.extend(string.chars()),
                    false => text.push_str(string.raw()),
                }
            }
        });
    }
    draft.finish(event.time_ms);
}

/// Adds a member, whose name is written as it is.
fn push_member(json: &mut String, name: &str, value: Value<'_>) {
    json.push_str(",\"");
    json.push_str(name);
    json.push_str("\":");
    match value.kind() {
        Kind::Array | Kind::Object => compact::push(json, value.text()),
        _ => json.push_str(value.text()),
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests;
