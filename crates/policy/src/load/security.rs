//! `[security_headers.NAME]`

use doorward_traffic::security::{Preset, SecurityHeaders};

use super::bounds::FIELD_EDITS_MAX;
use super::fields::{self, Side};
use crate::finding::Code;
use crate::source::{Fields, Source, suggestion};

pub(super) fn read(source: &mut Source<'_>, fields: Fields<'_, '_>) -> SecurityHeaders {
    let preset = match source.choice(fields, "preset", &["api", "web", "none"]) {
        0 => Preset::Api,
        1 => Preset::Web,
        _ => Preset::None,
    };
    let remove = fields::names(source, fields, "remove", FIELD_EDITS_MAX).unwrap_or_default();
    let set = fields::set(source, fields, Side::Response);
    fields::exclusive(source, fields, &remove, &set);
    source.finish(fields, "`security_headers`");
    let known: Vec<&str> = preset.fields().iter().map(|(name, _)| *name).collect();
    let offset = fields.get("remove").map_or(0, |value| value.offset);
    for name in remove.iter().filter(|name| !known.contains(&name.as_str())) {
        let message = format_args!("the preset has no `{name}` to be left out");
        let help = if known.is_empty() {
            "leave `remove` out".to_owned()
        } else {
            suggestion(name, &known, &"it has")
        };
        source.find_with(Code::BadValue, offset, &message, Some(&help), &[]);
    }
    let mut all: Vec<(String, String)> = preset
        .fields()
        .iter()
        .filter(|(name, _)| !remove.iter().any(|removed| removed == name))
        .filter(|(name, _)| !set.iter().any(|(set, _)| set == name))
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    all.extend(set);
    SecurityHeaders { fields: all }
}
