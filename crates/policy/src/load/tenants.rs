//! Issuers of which there is one for each tenant.
//!
//! `tenants` and `{tenant}` in the addresses stand for an issuer each, with its own `iss` and keys.
//! What a token says of its tenant is thereby checked like every other `iss`.

use super::{ISSUERS_IN_ALL_MAX, TENANT_BYTES_MAX};
use crate::finding::Code;
use crate::source::{At, Fields, Source, shown};

/// What stands for a tenant's name.
const PLACE: &str = "{tenant}";

/// `tenants`, where the issuer has it.
pub(super) struct Tenants<'t>(Option<Vec<&'t str>>);

/// A text that may differ from tenant to tenant.
#[derive(Clone, Copy)]
pub(super) struct Template<'t>(pub(super) &'t str);

impl Template<'_> {
    pub(super) fn of(self, tenant: Option<&str>) -> String {
        match tenant {
            Some(tenant) => self.0.replace(PLACE, tenant),
            None => self.0.to_owned(),
        }
    }
}

impl<'t> Tenants<'t> {
    /// `None` where there are tenants and they are not good.
    pub(super) fn read(source: &mut Source<'_>, fields: Fields<'t, '_>) -> Option<Self> {
        let Some(value) = fields.get("tenants") else {
            return Some(Self(None));
        };
        let entries = source.strings(value, "`tenants`", ISSUERS_IN_ALL_MAX)?;
        for tenant in &entries {
            if !is_name(tenant.value) {
                let message = format_args!(
                    "`{}` is no tenant: use up to {TENANT_BYTES_MAX} letters, digits, `-`, `_` and \
                     `.`",
                    shown(tenant.value)
                );
                source.find(Code::BadValue, tenant.offset, &message);
                return None;
            }
        }
        Some(Self(Some(
            entries.iter().map(|entry| entry.value).collect(),
        )))
    }

    /// How many issuers that makes.
    pub(super) fn count(&self) -> usize {
        self.0.as_ref().map_or(1, Vec::len)
    }

    /// Each tenant, or once `None` where there are none.
    pub(super) fn iter(&self) -> impl Iterator<Item = Option<&'t str>> {
        let tenants = self.0.as_deref().unwrap_or_default();
        let alone = self.0.is_none().then_some(None);
        tenants.iter().copied().map(Some).chain(alone)
    }

    /// A text with `{tenant}` in it: not without tenants, and where `each` differs for every one of
    /// them also not the other way round.
    pub(super) fn template(
        &self,
        source: &mut Source<'_>,
        what: &str,
        text: At<&'t str>,
        each: bool,
    ) -> Option<Template<'t>> {
        let (message, help) = match (&self.0, text.value.contains(PLACE)) {
            (None, true) => (
                "has `{tenant}` in it, and there are no `tenants`",
                "list the tenants that are meant: `tenants = [\"…\"]`",
            ),
            (Some(_), false) if each => (
                "is the same for all `tenants`",
                "write `{tenant}` where the name of the tenant goes",
            ),
            _ => return Some(Template(text.value)),
        };
        let message = format_args!("{what} {message}");
        source.find_with(Code::Conflict, text.offset, &message, Some(&help), &[]);
        None
    }
}

fn is_name(tenant: &str) -> bool {
    tenant.len() <= TENANT_BYTES_MAX
        && tenant
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
        // Two of these have a meaning of their own in a path.
        && tenant.bytes().any(|byte| byte != b'.')
}
