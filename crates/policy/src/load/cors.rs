//! `[cors.NAME]`

use doorward_traffic::cors::{CorsRule, OriginPattern};

use super::bounds::{CORS_FIELDS_MAX, CORS_MAX_AGE_S_MAX, CORS_ORIGINS_MAX};
use super::fields;
use crate::finding::Code;
use crate::source::{Fields, Source, shown};

/// For how long a browser may remember an answer where the policy does not say, in seconds.
const MAX_AGE_S_DEFAULT: u64 = 600;

pub(super) fn read(source: &mut Source<'_>, fields: Fields<'_, '_>) -> CorsRule {
    const WHAT: &str = "`cors`";
    let help = "list the origins of the pages that are meant";
    source.is_there(fields, "origins", WHAT, help);
    let credentials = source.flag(fields, "credentials", false);
    let max_age_s = source.seconds(
        fields,
        "max_age_s",
        0..=CORS_MAX_AGE_S_MAX,
        MAX_AGE_S_DEFAULT,
    );
    let request_headers = fields::names(source, fields, "request_headers", CORS_FIELDS_MAX);
    if let Some(value) = fields.get("request_headers")
        && let Some(names) = &request_headers
        && names.iter().any(|name| name == "*")
    {
        let message = "`*` is the name of one field where there are credentials";
        let help = "leave `request_headers` out: then a page may set whatever it asks for";
        source.find_with(Code::BadValue, value.offset, &message, Some(&help), &[]);
    }
    let exposed = fields::names(source, fields, "exposed_headers", CORS_FIELDS_MAX);
    let rule = CorsRule {
        origins: origins(source, fields, credentials),
        credentials,
        request_headers,
        exposed_headers: exposed.unwrap_or_default(),
        max_age_s: u32::try_from(max_age_s).unwrap_or_default(),
    };
    source.finish(fields, WHAT);
    rule
}

fn origins(
    source: &mut Source<'_>,
    fields: Fields<'_, '_>,
    credentials: bool,
) -> Vec<OriginPattern> {
    let Some(value) = fields.get("origins") else {
        return Vec::new();
    };
    let entries = source.strings(value, "`origins`", CORS_ORIGINS_MAX);
    let mut origins = Vec::new();
    for entry in entries.unwrap_or_default() {
        match OriginPattern::parse(entry.value) {
            // The Fetch standard, section "CORS protocol and credentials".
            Ok(OriginPattern::Any) if credentials => {
                let message = "`*` does not go together with `credentials`: every page could act for \
                               whoever opens it";
                let help = "list the origins that are meant";
                source.find_with(Code::Conflict, entry.offset, &message, Some(&help), &[]);
            }
            Ok(origin) => origins.push(origin),
            Err(error) => {
                let message = format_args!("`{}` {error}", shown(entry.value));
                let help = "an origin as browsers write it: `https://app.example`, \
                            `https://*.app.example`, or `*`";
                source.find_with(Code::BadValue, entry.offset, &message, Some(&help), &[]);
            }
        }
    }
    origins
}
