//! What issuers are called: `url` and `issuer`, which no two of them share.

use doorward_syntax::url::{URL_BYTES_MAX, UrlParts, Wire};
use doorward_token::TENANT_PLACE;
use doorward_token::api_key::API_KEY_ISSUER;

use super::bounds::ISSUER_SPELLINGS_MAX;
use super::tenants::{Tenant, address, fill};
use crate::finding::Code;
use crate::policy::KeySource;
use crate::source::{At, Fields, Source};

/// The issuer's identifier. Where its metadata are fetched it is their address, otherwise it can be any
/// text.
pub(super) fn url(
    source: &mut Source<'_>,
    what: &str,
    fields: Fields<'_, '_>,
    tenant: Tenant<'_>,
    keys: &KeySource,
    wire: Wire,
) -> String {
    let help = "add the issuer's identifier, as tokens have it in `iss`";
    let Some(url) = source.needed(fields, "url", what, help) else {
        return String::new();
    };
    if matches!(tenant, Tenant::Any)
        && !matches!(keys, KeySource::JwksUrl(_) | KeySource::JwksFile(_))
    {
        let offset = fields.key_offset("tenants").unwrap_or(url.offset);
        let message = "`tenants = \"any\"` needs `jwks_url` or `jwks_file`: whoever could be a tenant could \
                       otherwise say where its keys are";
        let help = "add the address of the key set that is for all tenants";
        source.find_with(Code::MissingKey, offset, &message, Some(&help), &[]);
    } else if *keys == KeySource::Discovery {
        if url.value.contains('?') {
            // RFC 8414 section 2.
            let message = "an issuer's `url` has no query";
            source.find(Code::BadUrl, url.offset, &message);
        }
        return address(source, "`url`", url, tenant, true, Some(wire));
    }
    check(source, "`url`", url);
    fill(source, "`url`", url, tenant, true)
}

/// What else tokens may have in `iss`.
pub(super) fn spellings(
    source: &mut Source<'_>,
    fields: Fields<'_, '_>,
    tenant: Tenant<'_>,
    url: &str,
) -> Vec<String> {
    let Some(value) = fields.get("issuer") else {
        return Vec::new();
    };
    let entries = source.strings(value, "`issuer`", ISSUER_SPELLINGS_MAX);
    let mut spellings = Vec::new();
    for entry in entries.unwrap_or_default() {
        check(source, "an entry of `issuer`", entry);
        if entry.value == url {
            let message = "`url` is accepted in `iss` already";
            source.find(Code::Repeated, entry.offset, &message);
            continue;
        }
        spellings.push(entry.value.to_owned());
    }
    if !matches!(tenant, Tenant::None) {
        let message =
            "`issuer` and `tenants` exclude each other: several tenants would have the same name";
        let offset = fields.key_offset("issuer").unwrap_or(value.offset);
        let help = "make an issuer of each tenant that has several names";
        source.find_with(Code::Conflict, offset, &message, Some(&help), &[]);
    }
    spellings
}

/// Whether this can be a name: it must not be a riddle in the log.
fn check(source: &mut Source<'_>, what: &str, name: At<&str>) {
    let text = name.value;
    let near = |at: usize| {
        let start = TENANT_PLACE.len() - 1;
        let found = text.get(at..at + start);
        found.is_some_and(|found| {
            TENANT_PLACE.starts_with(&found.to_ascii_lowercase())
                && text.get(at..at + start + 1) != Some(TENANT_PLACE)
        })
    };
    let problem = if text.is_empty() {
        "is empty"
    } else if text.len() > URL_BYTES_MAX {
        "is too long"
    } else if text.contains(char::is_control) {
        "has a control character in it"
    } else if text == API_KEY_ISSUER {
        "is whose API keys are"
    } else if text.match_indices('{').any(|(at, _)| near(at)) {
        "has in it what is nearly `{tenant}`"
    } else if UrlParts::of_any(text).is_ok_and(|parts| parts.is_component()) {
        "is a component of the application (only upstreams can be)"
    } else {
        return;
    };
    let message = format_args!("{what} {problem}");
    let help = format_args!("what tokens have in `iss`: 1 to {URL_BYTES_MAX} bytes");
    source.find_with(Code::BadValue, name.offset, &message, Some(&help), &[]);
}
