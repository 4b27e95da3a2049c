//! `[telemetry]`

use core::fmt::Display;

use doorward_syntax::field_name::same_when_folded;
use doorward_syntax::url::{UrlParts, Wire};
use doorward_traffic::fields::is_hop_by_hop;

use super::bounds::{SERVICE_NAME_BYTES_MAX, TELEMETRY_HEADERS_MAX, TRACE_ONE_IN_MAX};
use super::{fields, values};
use crate::document::Entry;
use crate::finding::Code;
use crate::policy::Policy;
use crate::source::{At, Fields, Source, shown};
use crate::telemetry::TelemetryRule;

const WHAT: &str = "`telemetry`";
/// What `service.name` is where nothing is said.
const SERVICE_NAME_DEFAULT: &str = "doorward";
/// Of how many requests one has its spans sent where nothing is said.
const TRACE_ONE_IN_DEFAULT: u64 = 100;
/// The fields that the gate sets itself where it sends something.
const SET_BY_US: [&str; 5] = [
    "content-encoding",
    "content-length",
    "content-type",
    "host",
    "user-agent",
];

impl Policy {
    /// Where numbers and spans go; `None`: the policy does not say.
    #[must_use]
    pub fn telemetry(&self) -> Option<&TelemetryRule> {
        self.telemetry.as_ref()
    }
}

pub(super) fn read(source: &mut Source<'_>, root: Fields<'_, '_>) -> Option<TelemetryRule> {
    let fields = source.table_of(root, "telemetry")?;
    let wire = match source.flag(fields, "insecure_http", false) {
        true => Wire::Open,
        false => Wire::Safe,
    };
    let rule = TelemetryRule {
        otlp: otlp(source, fields, wire),
        wire,
        headers: headers(source, fields),
        service_name: service_name(source, fields),
        metrics: source.flag(fields, "metrics", true),
        trace_one_in: source.number(
            fields,
            "trace_one_in",
            0..=TRACE_ONE_IN_MAX,
            TRACE_ONE_IN_DEFAULT,
        ),
        in_store: source.flag(fields, "in_store", false),
    };
    if fields.get("otlp").is_none() {
        only_with_otlp(source, fields, rule.in_store);
    } else if !rule.metrics && rule.trace_one_in == 0 {
        let message = "neither numbers nor spans are sent to `otlp`";
        let help = "leave it out, or say `metrics = true` or `trace_one_in = 100`";
        let offset = fields.key_offset("otlp").unwrap_or(fields.offset);
        source.find_with(Code::Conflict, offset, &message, Some(&help), &[]);
    }
    source.finish(fields, WHAT);
    Some(rule)
}

/// What says something of `otlp` where there is none.
fn only_with_otlp(source: &mut Source<'_>, fields: Fields<'_, '_>, in_store: bool) {
    for key in [
        "insecure_http",
        "headers",
        "service_name",
        "metrics",
        "trace_one_in",
    ] {
        if let Some(offset) = fields.key_offset(key) {
            let message = format_args!("`{key}` is for what is sent to `otlp`, and there is none");
            let help = "add `otlp`, or leave it out";
            source.find_with(Code::Conflict, offset, &message, Some(&help), &[]);
        }
    }
    if !in_store {
        let message = "`telemetry` has neither `otlp` nor `in_store = true`";
        let help = "say where a collector is: `otlp = \"https://collector.example:4318\"`";
        source.find_with(Code::MissingKey, fields.offset, &message, Some(&help), &[]);
    }
}

/// The URL of a collector, to which the paths of the signals are added (OTLP 1.x, "OTLP/HTTP Request").
fn otlp(source: &mut Source<'_>, fields: Fields<'_, '_>, wire: Wire) -> Option<String> {
    let url = source.text(fields, "otlp")?;
    let base = url.value.strip_suffix('/').unwrap_or(url.value);
    if let Err(error) = UrlParts::over(base, wire) {
        let message = format_args!("`otlp` is no URL of a collector: {error}");
        let help = "write it as in `https://collector.example:4318`; one that is only reached over http, and not on \
                    loopback, needs `insecure_http = true`";
        source.find_with(Code::BadUrl, url.offset, &message, Some(&help), &[]);
    } else if base.contains(['?', '#']) {
        let message = "`otlp` has a query";
        let help = "`/v1/metrics` and `/v1/traces` are added to it; what lets us in belongs into `headers`";
        source.find_with(Code::BadUrl, url.offset, &message, Some(&help), &[]);
    } else if ["/v1/metrics", "/v1/traces"]
        .iter()
        .any(|end| base.ends_with(end))
    {
        let message = "`otlp` has the path of a signal";
        let help = "leave it out: `/v1/metrics` and `/v1/traces` are added";
        source.find_with(Code::BadUrl, url.offset, &message, Some(&help), &[]);
    }
    Some(base.to_owned())
}

/// Names of fields, and of variables with their values.
fn headers(source: &mut Source<'_>, fields: Fields<'_, '_>) -> Vec<(String, String)> {
    let Some(table) = source.table_of(fields, "headers") else {
        return Vec::new();
    };
    if table.entries.len() > TELEMETRY_HEADERS_MAX {
        let message = format_args!("`headers` has more than {TELEMETRY_HEADERS_MAX} entries");
        source.find(Code::TooLarge, table.offset, &message);
        return Vec::new();
    }
    let mut headers: Vec<(String, String)> = Vec::new();
    for Entry { name, value } in table.entries {
        let name = At {
            offset: name.offset,
            value: name.value.as_ref(),
        };
        let is_ours = SET_BY_US
            .iter()
            .any(|ours| same_when_folded(ours, name.value));
        if fields::name(source, name) && (is_ours || is_hop_by_hop(name.value)) {
            let message = format_args!("`{}` is set by the gate or the host", shown(name.value));
            source.find(Code::BadValue, name.offset, &message);
        }
        if headers
            .iter()
            .any(|(other, _)| same_when_folded(other, name.value))
        {
            let message = format_args!("`{}` is there twice", shown(name.value));
            source.find(Code::Repeated, name.offset, &message);
        }
        if let Some(variable) = source.string(value, "the variable of a header") {
            values::check_variable(source, "the variable of a header", variable);
            headers.push((name.value.to_owned(), variable.value.to_owned()));
        }
    }
    headers
}

fn service_name(source: &mut Source<'_>, fields: Fields<'_, '_>) -> String {
    let Some(name) = source.text(fields, "service_name") else {
        return SERVICE_NAME_DEFAULT.to_owned();
    };
    let good = (1..=SERVICE_NAME_BYTES_MAX).contains(&name.value.len())
        && name.value.bytes().all(|byte| byte.is_ascii_graphic());
    if !good {
        let message = format_args!(
            "`{}` is no name of a service: 1 to {SERVICE_NAME_BYTES_MAX} printable ASCII characters without spaces",
            shown(name.value)
        );
        source.find(Code::BadValue, name.offset, &message as &dyn Display);
    }
    name.value.to_owned()
}
