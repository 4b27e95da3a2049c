//! Issuers of which there is one for each tenant.
//!
//! `tenants` and `{tenant}` in the addresses stand for an issuer each, with its own `iss` and keys.
//! What a token says of its tenant is thereby checked like every other `iss`.
//!
//! `tenants = "any"` stands for all there are, also for those that nobody knows yet. They have one key set,
//! and `iss` has to be `url` with what the token has as `tid` in the place of `{tenant}`.

use doorward_syntax::split::split_once;
use doorward_syntax::url::{UrlError, UrlParts, Wire};
use doorward_token::{TENANT_BYTES_MAX, TENANT_PLACE, is_tenant};

use super::bounds::ISSUERS_IN_ALL_MAX;
use crate::finding::Code;
use crate::source::{At, Fields, Source, concat, shown};
use crate::value::Value;

/// Which tenant of an issuer it is about.
#[derive(Clone, Copy)]
pub(super) enum Tenant<'t> {
    /// The issuer has none.
    None,
    /// This one.
    Named(&'t str),
    /// All there are.
    Any,
}

/// Each tenant of an issuer, or once what is not one of many.
pub(super) fn read<'t>(source: &mut Source<'_>, fields: Fields<'t, '_>) -> Vec<Tenant<'t>> {
    let Some(value) = fields.get("tenants") else {
        return vec![Tenant::None];
    };
    if matches!(&value.value, Value::Text(text) if text == "any") {
        return vec![Tenant::Any];
    }
    let entries = source.strings(value, "`tenants`", ISSUERS_IN_ALL_MAX);
    let mut tenants = Vec::new();
    for tenant in entries.unwrap_or_default() {
        if !is_tenant(tenant.value) {
            let message = format_args!(
                "`{}` is no tenant: use up to {TENANT_BYTES_MAX} letters, digits, `-`, `_` and `.`",
                shown(tenant.value)
            );
            source.find(Code::BadValue, tenant.offset, &message);
        }
        tenants.push(Tenant::Named(tenant.value));
    }
    tenants
}

/// A text with the tenant's name in its place. `{tenant}` without a tenant is reported, and where
/// `each` tenant needs a text of its own, a tenant without `{tenant}`. Where any tenant is meant, such a
/// text keeps its `{tenant}`, and no other may have one.
pub(super) fn fill(
    source: &mut Source<'_>,
    what: &str,
    text: At<&str>,
    tenant: Tenant<'_>,
    each: bool,
) -> String {
    let (message, help) = match (tenant, split_once(text.value, TENANT_PLACE)) {
        (Tenant::Named(_) | Tenant::Any, Some((_, after)))
            if split_once(after, TENANT_PLACE).is_some() =>
        {
            (
                "has `{tenant}` in it twice",
                "write it where the name of the tenant goes, once",
            )
        }
        (Tenant::Named(tenant), Some((before, after))) => {
            return concat(&[before, tenant, after]);
        }
        (Tenant::Any, Some(_)) if !each => (
            "has `{tenant}` in it, and is one for `tenants = \"any\"`",
            "write the address that is for all tenants, or list the `tenants`",
        ),
        (Tenant::None, Some(_)) => (
            "has `{tenant}` in it, and there are no `tenants`",
            "list the tenants that are meant: `tenants = [\"…\"]`",
        ),
        (Tenant::Named(_) | Tenant::Any, None) if each => (
            "is the same for all `tenants`",
            "write `{tenant}` where the name of the tenant goes",
        ),
        _ => return text.value.to_owned(),
    };
    let message = format_args!("{what} {message}");
    source.find_with(Code::Conflict, text.offset, &message, Some(&help), &[]);
    String::new()
}

/// The same for an address, from which it must be allowed to fetch something. `wire` is what may be on the way to it;
/// `None`: only what is safe, whatever the issuer says.
pub(super) fn address(
    source: &mut Source<'_>,
    what: &str,
    url: At<&str>,
    tenant: Tenant<'_>,
    each: bool,
    wire: Option<Wire>,
) -> String {
    let address = fill(source, what, url, tenant, each);
    // An empty one has a finding already, or gets it here.
    if address.is_empty() != url.value.is_empty() {
        return address;
    }
    if let Err(error) = UrlParts::over(&address, wire.unwrap_or(Wire::Safe)) {
        let help = match error {
            UrlError::NotEncrypted if wire.is_some() => {
                "https, or http on 127.0.0.1, [::1] or localhost; `insecure_http = true` of the issuer takes http \
                 from any host, for a network of your own"
            }
            _ => "https, or http on 127.0.0.1, [::1] or localhost",
        };
        let message = format_args!("{what} `{}` {error}", shown(&address));
        source.find_with(Code::BadUrl, url.offset, &message, Some(&help), &[]);
    }
    address
}
