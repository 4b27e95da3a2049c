//! `[upstream.NAME]`

use doorward_syntax::field_name::same_when_folded;
use doorward_syntax::url::{COMPONENT_SUFFIX, UrlParts};
use doorward_traffic::retry::RetryRule;
use doorward_traffic::upstream::{Target, TargetList, Upstream, UpstreamCredential};

use super::bounds::{
    ATTEMPTS_MAX, BACKOFF_MS_MAX, BACKOFF_MS_MAX_MAX, CONNECT_TIMEOUT_MS_MAX, TARGETS_MAX,
    TIMEOUT_MS_MAX,
};
use super::fields::{self, Side};
use super::identity::has_own_meaning;
use super::values::variable;
use crate::finding::Code;
use crate::source::{At, Fields, Related, Source, shown};
use crate::target::CanonicalTarget;

const WHAT: &str = "an upstream";

// What is so where the policy does not say.
const CONNECT_TIMEOUT_MS_DEFAULT: u64 = 1000;
const FIRST_BYTE_TIMEOUT_MS_DEFAULT: u64 = 15_000;
const BETWEEN_BYTES_TIMEOUT_MS_DEFAULT: u64 = 30_000;
const DEADLINE_MS_DEFAULT: u64 = 30_000;
const ATTEMPTS_DEFAULT: u64 = 3;
const BACKOFF_MS_DEFAULT: u64 = 25;
const BACKOFF_MS_MAX_DEFAULT: u64 = 1000;

pub(super) fn read(source: &mut Source<'_>, name: &str, fields: Fields<'_, '_>) -> Upstream {
    let mut number = |key: &'static str, least: u64, most: u64, otherwise: u64| {
        source.number(fields, key, least..=most, otherwise)
    };
    let between_bytes_timeout_ms = number(
        "between_bytes_timeout_ms",
        0,
        TIMEOUT_MS_MAX,
        BETWEEN_BYTES_TIMEOUT_MS_DEFAULT,
    );
    let mut ms = |key, most, otherwise| number(key, 1, most, otherwise);
    let connect_timeout_ms = ms(
        "connect_timeout_ms",
        CONNECT_TIMEOUT_MS_MAX,
        CONNECT_TIMEOUT_MS_DEFAULT,
    );
    let first_byte_timeout_ms = ms(
        "first_byte_timeout_ms",
        TIMEOUT_MS_MAX,
        FIRST_BYTE_TIMEOUT_MS_DEFAULT,
    );
    let deadline_ms = ms("deadline_ms", TIMEOUT_MS_MAX, DEADLINE_MS_DEFAULT);
    let credential = credential(source, fields);
    let request_fields = fields::edits(source, fields, "request", Side::Request);
    if let Some(ours) = &credential
        && (request_fields.set.iter()).any(|(name, _)| same_when_folded(name, &ours.header))
        && let Some(offset) = fields.key_offset("request")
    {
        let message = format_args!(
            "`{}` is the header of `credential`, and set here in this or another spelling",
            shown(&ours.header)
        );
        let help = "leave it out here: no other value than the credential is sent in it";
        source.find_with(Code::Conflict, offset, &message, Some(&help), &[]);
    }
    let upstream = Upstream {
        name: name.to_owned(),
        // Where none is sound the policy is refused, and only what else is wrong is still to be found.
        targets: TargetList::of(targets(source, fields)).unwrap_or_else(|| nowhere().into()),
        tells_host: tells_host(source, fields),
        credential,
        request_fields,
        response_fields: fields::edits(source, fields, "response", Side::Response),
        connect_timeout_ms,
        first_byte_timeout_ms,
        between_bytes_timeout_ms,
        deadline_ms,
        retry: retry(source, fields),
        breaker: source.flag(fields, "breaker", true),
    };
    source.finish(fields, WHAT);
    upstream
}

fn retry(source: &mut Source<'_>, fields: Fields<'_, '_>) -> RetryRule {
    let attempts = source.number(fields, "attempts_max", 1..=ATTEMPTS_MAX, ATTEMPTS_DEFAULT);
    let backoff_ms = source.number(fields, "backoff_ms", 1..=BACKOFF_MS_MAX, BACKOFF_MS_DEFAULT);
    let backoff_ms_max = source.number(
        fields,
        "backoff_ms_max",
        1..=BACKOFF_MS_MAX_MAX,
        backoff_ms.max(BACKOFF_MS_MAX_DEFAULT),
    );
    if let Some(value) = fields.get("backoff_ms_max")
        && backoff_ms_max < backoff_ms
    {
        let message = format_args!("`backoff_ms_max` is below `backoff_ms`, which is {backoff_ms}");
        let first = fields.key_offset("backoff_ms");
        let first =
            first.map(|offset| (offset, &"`backoff_ms` is here" as &dyn core::fmt::Display));
        let related: Related<'_> = first.as_slice();
        source.find_with(Code::BadValue, value.offset, &message, None, related);
    }
    RetryRule {
        attempts_max: u8::try_from(attempts).unwrap_or(1),
        backoff_ms,
        backoff_ms_max,
    }
}

fn tells_host(source: &mut Source<'_>, fields: Fields<'_, '_>) -> bool {
    let Some(host) = source.text(fields, "host") else {
        return true;
    };
    if host.value != "forwarded" && host.value != "hidden" {
        let message = format_args!("`host` cannot be `{}`", shown(host.value));
        let help = "`forwarded` or `hidden`: WASI sends the host that it connects to as `Host`; the \
                    client's is in `X-Forwarded-Host`, or nowhere";
        source.find_with(Code::BadValue, host.offset, &message, Some(&help), &[]);
    }
    host.value == "forwarded"
}

fn nowhere() -> Target {
    Target {
        tls: true,
        authority: String::new(),
        base_path: String::new(),
    }
}

fn targets(source: &mut Source<'_>, fields: Fields<'_, '_>) -> Vec<Target> {
    let help = "add one or more absolute URLs at which it is asked";
    source.is_there(fields, "url", WHAT, help);
    let Some(value) = fields.get("url") else {
        return Vec::new();
    };
    let mut targets: Vec<Target> = Vec::new();
    let mut offsets: Vec<usize> = Vec::new();
    let entries = source.strings(value, "`url`", TARGETS_MAX);
    for entry in entries.unwrap_or_default() {
        let Some(target) = target(source, entry) else {
            continue;
        };
        let same = targets.iter().position(|earlier| *earlier == target);
        if let Some(earlier) = same.and_then(|place| offsets.get(place)) {
            let message = format_args!("`{}` is a target already", shown(entry.value));
            let related: Related<'_> = &[(*earlier, &"it is here in another spelling")];
            source.find_with(Code::Repeated, entry.offset, &message, None, related);
        }
        targets.push(target);
        offsets.push(entry.offset);
    }
    targets
}

fn target(source: &mut Source<'_>, url: At<&str>) -> Option<Target> {
    let mut bad = |what: &dyn core::fmt::Display| {
        let message = format_args!("`url` `{}` {what}", shown(url.value));
        let help = "an absolute URL: `https://`, or `http://` where the network is your own";
        source.find_with(Code::BadUrl, url.offset, &message, Some(&help), &[]);
    };
    let parts = match UrlParts::of_any(url.value) {
        Ok(parts) => parts,
        Err(error) => {
            bad(&error);
            return None;
        }
    };
    if parts.query.is_some() {
        bad(&"has a query");
        return None;
    }
    // What comes before every path must not make it one that two parsers read differently.
    if !parts.path.is_empty()
        && let Err(error) = CanonicalTarget::parse(parts.path)
    {
        bad(&format_args!(
            "has a path that no request could have: {error}"
        ));
        return None;
    }
    let authority = if parts.has_default_port() {
        parts.host
    } else {
        parts.authority
    };
    let authority = authority.to_ascii_lowercase();
    let tls = parts.scheme == "https";
    let component = authority.strip_suffix(COMPONENT_SUFFIX);
    // In any other form hosts look for it in the network.
    if parts.is_component()
        && (tls || component.is_none_or(|name| name.is_empty() || name.contains('.')))
    {
        bad(
            &"is no component: write `http://NAME.spin.internal`, chaining has no TLS and no ports",
        );
        return None;
    }
    let path = parts.path;
    Some(Target {
        tls,
        authority,
        base_path: path.strip_suffix('/').unwrap_or(path).to_owned(),
    })
}

/// `[upstream.NAME.credential]`
fn credential(source: &mut Source<'_>, upstream: Fields<'_, '_>) -> Option<UpstreamCredential> {
    const WHAT: &str = "`credential`";
    let fields = source.table_of(upstream, "credential")?;
    let help = "the name of the Spin variable with what the upstream asks for";
    source.is_there(fields, "secret", WHAT, help);
    let variable = variable(source, fields, "secret");
    let prefix = match source.choice(fields, "scheme", &["Bearer", "Basic"]) {
        0 => "Bearer ",
        _ => "Basic ",
    };
    let header = source.text(fields, "header");
    source.finish(fields, WHAT);
    let header = header.filter(|header| header.value != "authorization");
    let Some(header) = header else {
        return Some(UpstreamCredential {
            header: "authorization".to_owned(),
            prefix: prefix.to_owned(),
            variable,
        });
    };
    if fields::name(source, header) && has_own_meaning(header.value) {
        let message = format_args!("`{}` has a meaning of its own", header.value);
        let help = "leave `header` out for `authorization`, or name the one of the upstream's keys";
        let (code, offset) = (Code::ForbiddenHeader, header.offset);
        source.find_with(code, offset, &message, Some(&help), &[]);
    }
    if let Some(offset) = fields.key_offset("scheme") {
        let message = "only `authorization` has a `scheme`";
        let help = "leave out `scheme` or `header`";
        let related: Related<'_> = &[(header.offset, &"it is another header")];
        source.find_with(Code::Conflict, offset, &message, Some(&help), related);
    }
    Some(UpstreamCredential {
        header: header.value.to_owned(),
        prefix: String::new(),
        variable,
    })
}
