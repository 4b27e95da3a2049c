//! Issuers of which there is one for each tenant.
//!
//! `tenants` and `{tenant}` in the addresses stand for an issuer each, with its own `iss` and keys.
//! What a token says of its tenant is thereby checked like every other `iss`.

use doorward_token::metadata::check_url;

use super::{ISSUERS_IN_ALL_MAX, TENANT_BYTES_MAX};
use crate::finding::Code;
use crate::source::{At, Fields, Source, concat, shown};

/// Each tenant of an issuer, or once `None` where it has none.
pub(super) fn read<'t>(source: &mut Source<'_>, fields: Fields<'t, '_>) -> Vec<Option<&'t str>> {
    let Some(value) = fields.get("tenants") else {
        return vec![None];
    };
    let entries = source.strings(value, "`tenants`", ISSUERS_IN_ALL_MAX);
    let mut tenants = Vec::new();
    for tenant in entries.unwrap_or_default() {
        if !is_name(tenant.value) {
            let message = format_args!(
                "`{}` is no tenant: use up to {TENANT_BYTES_MAX} letters, digits, `-`, `_` and `.`",
                shown(tenant.value)
            );
            source.find(Code::BadValue, tenant.offset, &message);
        }
        tenants.push(Some(tenant.value));
    }
    tenants
}

fn is_name(tenant: &str) -> bool {
    tenant.len() <= TENANT_BYTES_MAX
        && tenant
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
        // Two of these have a meaning of their own in a path.
        && tenant.bytes().any(|byte| byte != b'.')
}

/// A text with the tenant's name in its place. `{tenant}` without a tenant is reported, and where
/// `each` tenant needs a text of its own, a tenant without `{tenant}`.
pub(super) fn fill(
    source: &mut Source<'_>,
    what: &str,
    text: At<&str>,
    tenant: Option<&str>,
    each: bool,
) -> String {
    let place = text.value.find('{').unwrap_or_default();
    let (before, after) = text.value.split_at_checked(place).unwrap_or_default();
    let (message, help) = match (tenant, after.strip_prefix("{tenant}")) {
        (Some(tenant), Some(after)) => return concat(&[before, tenant, after]),
        (None, Some(_)) => (
            "has `{tenant}` in it, and there are no `tenants`",
            "list the tenants that are meant: `tenants = [\"…\"]`",
        ),
        (Some(_), None) if each => (
            "is the same for all `tenants`",
            "write `{tenant}` where the name of the tenant goes",
        ),
        _ => return text.value.to_owned(),
    };
    let message = format_args!("{what} {message}");
    source.find_with(Code::Conflict, text.offset, &message, Some(&help), &[]);
    String::new()
}

/// The same for an address, from which it must be allowed to fetch something.
pub(super) fn address(
    source: &mut Source<'_>,
    what: &str,
    url: At<&str>,
    tenant: Option<&str>,
    each: bool,
) -> String {
    let address = fill(source, what, url, tenant, each);
    // An empty one has a finding already, or gets it here.
    if address.is_empty() != url.value.is_empty() {
        return address;
    }
    if let Err(error) = check_url(&address) {
        let help = "https, or http on 127.0.0.1, [::1] or localhost";
        let message = format_args!("{what} `{}` {error}", shown(&address));
        source.find_with(Code::BadUrl, url.offset, &message, Some(&help), &[]);
    }
    address
}
