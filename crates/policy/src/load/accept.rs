//! Whose credentials of which kind a route accepts: `accept` and `issuer`

use super::bounds::ISSUERS_IN_ALL_MAX;
use super::issuer::ReadIssuer;
use super::traffic::ReadTraffic;
use crate::api_keys::ApiKeys;
use crate::credential::kind::{CredentialKind, Kinds};
use crate::finding::Code;
use crate::policy::{Demands, IssuerGroup};
use crate::source::{At, Fields, Source, list, shown, suggestion};

/// What of the rest of the file a route refers to.
pub(super) struct Around<'f> {
    pub(super) issuers: &'f [ReadIssuer],
    pub(super) names: Vec<&'f str>,
    /// `None` where the file has no `[api_keys]`.
    pub(super) api_keys: Option<&'f ApiKeys>,
    pub(super) traffic: &'f ReadTraffic<'f, 'f>,
}

impl Around<'_> {
    /// Whether it is one issuer for all its tenants, however many there are.
    pub(super) fn is_any_tenant(&self, group: IssuerGroup) -> bool {
        let mut issuers = self.issuers.iter();
        let issuer = issuers.find(|issuer| issuer.group.overlaps(group));
        let issuer = issuer.and_then(ReadIssuer::any);
        issuer.is_some_and(|issuer| issuer.expectations().any_tenant)
    }
}

/// Fills in which kinds of credential are accepted, and whose. `offset` is where the route's path is, or
/// the alternative.
pub(super) fn read(
    source: &mut Source<'_>,
    fields: Fields<'_, '_>,
    offset: usize,
    around: &Around<'_>,
    demands: &mut Demands,
) {
    let listed = fields.get("accept").map(|value| {
        let entries = source.strings(value, "`accept`", CredentialKind::ALL.len());
        entries.unwrap_or_default()
    });
    let mut opaque = None;
    match &listed {
        None => {
            demands.accept.push(CredentialKind::Jwt);
            opaque = Some(offset);
        }
        Some(entries) => {
            for &entry in entries {
                let Some(kind) = kind(source, entry, around, demands.accept) else {
                    continue;
                };
                if kind == CredentialKind::Opaque {
                    opaque = Some(entry.offset);
                }
                demands.accept.push(kind);
            }
        }
    }
    let unknown = demands.accept == Kinds::default();
    if unknown || demands.accept.iter().any(CredentialKind::is_bearer) {
        demands.issuers = accepted(source, fields, offset, around);
        let of_route = |read: &&ReadIssuer| {
            let mut groups = demands.issuers.iter();
            groups.any(|group| group.overlaps(read.group))
        };
        let issuers = around.issuers.iter().filter(of_route);
        let bytes_max = issuers.filter_map(|read| Some(read.any()?.expectations().token_bytes_max));
        demands.token_bytes_max = bytes_max.max().unwrap_or_default();
        if let Some(offset) = opaque {
            introspecting(source, offset, around, demands);
        }
        return;
    }
    if let Some(issuer) = fields.key_offset("issuer") {
        let message = "`issuer` says whose tokens are accepted, and `accept` lists no tokens";
        let help = "leave it out, or add `jwt` or `opaque` to `accept`";
        source.find_with(Code::Conflict, issuer, &message, Some(&help), &[]);
    }
    if let Some(claim) = demands.claims.iter().find(|claim| !claim.is_of_subject()) {
        let offset = fields.key_offset("claims").unwrap_or(offset);
        let message = format_args!("an API key has no claim `{}`", shown(claim.path.as_str()));
        let help = "ask for scopes; `sub` is the name of the key";
        source.find_with(Code::Conflict, offset, &message, Some(&help), &[]);
    }
}

/// A kind of credential that goes together with `before`, and for which there is all that it needs.
fn kind(
    source: &mut Source<'_>,
    entry: At<&str>,
    around: &Around<'_>,
    before: Kinds,
) -> Option<CredentialKind> {
    let names = CredentialKind::ALL.map(CredentialKind::name);
    let mut kinds = CredentialKind::ALL.into_iter();
    let Some(kind) = kinds.find(|kind| kind.name() == entry.value) else {
        let help = suggestion(entry.value, &names, &"there are");
        let message = format_args!("there is no kind of credential `{}`", shown(entry.value));
        source.find_with(Code::BadValue, entry.offset, &message, Some(&help), &[]);
        return None;
    };
    let (code, message, help) = match (kind, around.api_keys) {
        (CredentialKind::Jwt, _) if before.contains(CredentialKind::Opaque) => (
            Code::Unreachable,
            "after `opaque` never decides: every bearer token is taken for an opaque one",
            "put `jwt` first, or leave it out",
        ),
        (CredentialKind::Basic, None) => (
            Code::MissingKey,
            "needs `[api_keys]`",
            "add `[api_keys]`, if only that line",
        ),
        (CredentialKind::ApiKey, None) => (
            Code::MissingKey,
            "needs `[api_keys]`",
            "add `[api_keys]` with `header` or `query`",
        ),
        (CredentialKind::ApiKey, Some(ApiKeys { place: None, .. })) => (
            Code::MissingKey,
            "needs a place where requests have the key",
            "add `header` or `query` to `[api_keys]`",
        ),
        _ => return Some(kind),
    };
    let message = format_args!("`{}` {message}", kind.name());
    source.find_with(code, entry.offset, &message, Some(&help), &[]);
    Some(kind)
}

/// Finds the issuer that is asked about opaque tokens. `offset` is where they are accepted: without
/// `accept`, that follows from the issuers.
fn introspecting(
    source: &mut Source<'_>,
    offset: usize,
    around: &Around<'_>,
    demands: &mut Demands,
) {
    let mut found: Option<IssuerGroup> = None;
    let mut idle = None;
    for group in &demands.issuers {
        let mut issuers = around.issuers.iter();
        let issuer = issuers.find(|issuer| issuer.group.overlaps(*group));
        let Some(issuer) = issuer.and_then(ReadIssuer::any) else {
            continue;
        };
        if issuer.introspection.is_none() {
            idle = idle.or(Some(issuer));
            continue;
        }
        if group.count > 1 || found.is_some() {
            let message = "several issuers could be asked about an opaque token, which does not say \
                           whose it is";
            let help = "accept one of them here (a tenant is `issuer/tenant`), or list `accept` \
                        without `opaque`";
            source.find_with(Code::Conflict, offset, &message, Some(&help), &[]);
            return;
        }
        found = Some(*group);
    }
    match found {
        Some(group) => {
            demands.accept.push(CredentialKind::Opaque);
            demands.introspects = Some(group.first as usize);
            if let Some(idle) = idle.filter(|_| !demands.accept.contains(CredentialKind::Jwt)) {
                let message = format_args!(
                    "no token of `{}` is accepted: it has no `introspection`, and the route lists \
                     no `jwt`",
                    shown(&idle.name)
                );
                let help = "add `jwt` before `opaque`, or leave the issuer out";
                source.find_with(Code::Conflict, offset, &message, Some(&help), &[]);
            }
        }
        None if demands.accept.contains(CredentialKind::Opaque) && !demands.issuers.is_empty() => {
            let message = "the route accepts `opaque`, and none of its issuers has `introspection`";
            let help = "add `[issuer.NAME.introspection]`, or leave out `opaque`";
            source.find_with(Code::MissingKey, offset, &message, Some(&help), &[]);
        }
        None => {}
    }
}

/// The issuers that a rule accepts: those that it names, or the only one there is.
fn accepted(
    source: &mut Source<'_>,
    fields: Fields<'_, '_>,
    offset: usize,
    around: &Around<'_>,
) -> Vec<IssuerGroup> {
    let names = around.names.as_slice();
    let Some(value) = fields.get("issuer") else {
        let (message, help) = match around.issuers {
            [only] => return vec![only.group],
            [] => (
                "the route needs a token, and there is no issuer",
                "add an `[issuer.NAME]`, or make the route `public = true`".to_owned(),
            ),
            _ => (
                "the route does not say whose tokens it accepts",
                format!("add `issuer`, with one or more of {}", list(names)),
            ),
        };
        source.find_with(Code::MissingKey, offset, &message, Some(&help), &[]);
        return Vec::new();
    };
    let entries = source.strings(value, "`issuer`", ISSUERS_IN_ALL_MAX);
    let mut accepted: Vec<IssuerGroup> = Vec::new();
    for entry in entries.unwrap_or_default() {
        if let Some(group) = named(around.issuers, entry.value) {
            if accepted.iter().any(|earlier| earlier.overlaps(group)) {
                let message = format_args!("`{}` is accepted already", shown(entry.value));
                source.find(Code::Repeated, entry.offset, &message);
            }
            accepted.push(group);
            continue;
        }
        let help = if names.is_empty() {
            "add an `[issuer.NAME]`".to_owned()
        } else {
            suggestion(entry.value, names, &"there are")
        };
        let message = format_args!("there is no issuer `{}`", shown(entry.value));
        source.find_with(
            Code::UnknownIssuer,
            entry.offset,
            &message,
            Some(&help),
            &[],
        );
    }
    accepted
}

/// An issuer with all its tenants, or one tenant.
pub(super) fn named(issuers: &[ReadIssuer], name: &str) -> Option<IssuerGroup> {
    let issuer = name.split('/').next().unwrap_or_default();
    let issuer = issuers.iter().find(|read| read.name == issuer)?;
    if issuer.name == name {
        return Some(issuer.group);
    }
    if issuer.issuers.is_empty() {
        // It has findings of its own.
        return Some(issuer.group);
    }
    let tenant = issuer.issuers.iter().position(|one| one.name == name)?;
    Some(IssuerGroup {
        first: issuer.group.first + tenant as u32,
        count: 1,
    })
}
