//! `[limits.NAME]`

use doorward_syntax::media_type::is_range;
use doorward_traffic::limits::{BodyPace, RequestLimits};

use super::bounds::{
    BODY_BYTES_MAX_MAX, BODY_RATE_MIN_MAX, BODY_TIME_MAX_S_MAX, CONTENT_TYPE_BYTES_MAX,
    CONTENT_TYPES_MAX, HEADER_BYTES_MAX_MAX, HEADER_COUNT_MAX_MAX,
};
use crate::finding::Code;
use crate::source::{Fields, Source, list, shown};
use crate::target::TARGET_BYTES_MAX;

pub(super) fn read(source: &mut Source<'_>, fields: Fields<'_, '_>) -> RequestLimits {
    let mut number = |key: &'static str, least: u64, most: u64| {
        fields.get(key)?;
        Some(source.number(fields, key, least..=most, most))
    };
    let size = |number: Option<u64>| number.and_then(|number| usize::try_from(number).ok());
    let narrow = |number: Option<u64>| number.and_then(|number| u32::try_from(number).ok());
    let default = BodyPace::default();
    let limits = RequestLimits {
        header_count_max: size(number("header_count_max", 1, HEADER_COUNT_MAX_MAX)),
        header_bytes_max: size(number("header_bytes_max", 1, HEADER_BYTES_MAX_MAX)),
        target_bytes_max: size(number("target_bytes_max", 1, TARGET_BYTES_MAX as u64)),
        body_bytes_max: number("body_bytes_max", 0, BODY_BYTES_MAX_MAX),
        body_pace: BodyPace {
            time_max_s: narrow(number("body_time_max_s", 0, BODY_TIME_MAX_S_MAX))
                .unwrap_or(default.time_max_s),
            rate_min: narrow(number("body_rate_min", 0, BODY_RATE_MIN_MAX))
                .unwrap_or(default.rate_min),
        },
        content_types: content_types(source, fields),
    };
    if fields.entries.is_empty() {
        let message = "`limits` limits nothing";
        let help = format_args!("add one or more of {}", list(&fields.asked()));
        let (code, offset) = (Code::MissingKey, fields.offset);
        source.find_with(code, offset, &message, Some(&help), &[]);
    }
    source.finish(fields, "`limits`");
    limits
}

fn content_types(source: &mut Source<'_>, fields: Fields<'_, '_>) -> Vec<String> {
    let Some(value) = fields.get("content_types") else {
        return Vec::new();
    };
    let entries = source.strings(value, "`content_types`", CONTENT_TYPES_MAX);
    let mut types = Vec::new();
    for entry in entries.unwrap_or_default() {
        if entry.value.len() > CONTENT_TYPE_BYTES_MAX || !is_range(entry.value) {
            let message = format_args!("`{}` is no media type", shown(entry.value));
            let help = "in lower case and without parameters: `application/json`, or `image/*`";
            source.find_with(Code::BadValue, entry.offset, &message, Some(&help), &[]);
        }
        types.push(entry.value.to_owned());
    }
    types
}
