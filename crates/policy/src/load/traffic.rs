//! What routes say of traffic, and `[defaults]` for those that do not

use core::fmt::Display;

use doorward_traffic::rate::{Counts, RateKey, RateLimit};
use doorward_traffic::shared_cache::SharedCache;
use doorward_traffic::upstream::UpstreamId;

use super::bounds::RATE_LIMITS_PER_ROUTE_MAX;
use super::named::{self, Names, TableKind};
use super::rate_limit::is_of_credential;
#[cfg(feature = "report")]
use super::report;
use super::token_from::ReadSources;
use super::{cors, limits, rate_limit, retry_on, rewrite, security, split, token_from, upstream};
use crate::finding::Code;
use crate::identity::ReservedNames;
use crate::pattern::Pattern;
use crate::source::{Fields, Related, Source, shown};
use crate::traffic::{Id, Named, TrafficRule};
use crate::value::Value;

/// What routes refer to, and what is so for those that do not say.
pub(super) struct ReadTraffic<'t, 's> {
    pub(super) names: Names<'t, 's>,
    pub(super) named: Named,
    pub(super) defaults: TrafficRule,
    /// Where `rate_limit` of the defaults is.
    defaults_offset: usize,
    /// Where the defaults look for tokens, if they say so.
    pub(super) default_sources: Option<ReadSources>,
}

/// `key_header` is the name of the header that API keys are in.
pub(super) fn read<'t, 's>(
    source: &mut Source<'_>,
    root: Fields<'t, 's>,
    key_header: Option<&str>,
) -> ReadTraffic<'t, 's> {
    let names = named::read(source, root);
    let [
        upstreams,
        all_cors,
        rate_limits,
        all_limits,
        security_headers,
    ] = &names;
    // Before the limits, which say which keys they do not know.
    #[cfg(feature = "report")]
    let rate_reports = rate_limits
        .iter()
        .filter_map(|entry| Some(report::until(source, entry.fields?)))
        .collect();
    // Where one is no table, the positions of the names are others, and the policy is refused.
    let (rate_limits, rate_claims) = rate_limits
        .iter()
        .filter_map(|entry| {
            Some(rate_limit::read(
                source,
                entry.name,
                entry.fields?,
                key_header,
            ))
        })
        .unzip();
    let named = Named {
        upstreams: upstreams
            .iter()
            .filter_map(|entry| Some(upstream::read(source, entry.name, entry.fields?).into()))
            .collect(),
        cors: all_cors
            .iter()
            .filter_map(|entry| Some(cors::read(source, entry.fields?)))
            .collect(),
        rate_limits,
        rate_claims,
        #[cfg(feature = "report")]
        rate_reports,
        limits: all_limits
            .iter()
            .filter_map(|entry| Some(limits::read(source, entry.fields?)))
            .collect(),
        security_headers: security_headers
            .iter()
            .filter_map(|entry| Some(security::read(source, entry.fields?)))
            .collect(),
        default_cors: None,
    };
    let mut read = ReadTraffic {
        names,
        named,
        defaults: TrafficRule::default(),
        defaults_offset: 0,
        default_sources: None,
    };
    if let Some(fields) = source.table_of(root, "defaults") {
        read.defaults_offset = fields.get("rate_limit").map_or(0, |value| value.offset);
        read.defaults = chosen(source, fields, &read, false);
        read.named.default_cors = read.defaults.cors;
        read.default_sources = token_from::read(source, fields);
        source.finish(fields, "`defaults`");
    }
    read
}

impl ReadTraffic<'_, '_> {
    /// The headers by which requests are counted, and where the policy says so.
    pub(super) fn rate_limit_headers(&self) -> impl Iterator<Item = (&str, usize)> {
        let [_, _, entries, ..] = &self.names;
        let limits = entries.iter().zip(&self.named.rate_limits);
        limits.filter_map(|(entry, limit)| {
            let RateKey::Header(name) = &limit.key else {
                return None;
            };
            Some((name.as_str(), entry.fields?.place_of("key")?))
        })
    }
}

/// What a table names of each kind, or else what the defaults do. `false` is nothing, where `or_false`.
fn chosen(
    source: &mut Source<'_>,
    fields: Fields<'_, '_>,
    read: &ReadTraffic<'_, '_>,
    or_false: bool,
) -> TrafficRule {
    let defaults = &read.defaults;
    let mut one = |kind: TableKind, otherwise: Option<Id>| {
        let key = kind.key();
        match fields.get(key) {
            None => otherwise,
            Some(value) => match value.value {
                Value::Boolean(false) if or_false => None,
                Value::Text(_) => {
                    let text = source.text(fields, key)?;
                    named::find(source, &read.names, kind, text)
                }
                _ => {
                    let wanted = if or_false {
                        "a name, or `false`"
                    } else {
                        "a name"
                    };
                    source.wrong_type(value, &format!("`{key}`"), wanted);
                    None
                }
            },
        }
    };
    TrafficRule {
        cors: one(TableKind::Cors, defaults.cors),
        limits: one(TableKind::Limits, defaults.limits),
        security_headers: one(TableKind::SecurityHeaders, defaults.security_headers),
        upstream: one(TableKind::Upstream, defaults.upstream),
        rate_limits: match fields.get("rate_limit").map(|value| (value, &value.value)) {
            None => defaults.rate_limits.clone(),
            Some((_, Value::Boolean(false))) if or_false => Vec::new(),
            Some((value, _)) => {
                let entries = source.strings(value, "`rate_limit`", RATE_LIMITS_PER_ROUTE_MAX);
                let mut ids = Vec::new();
                for entry in entries.unwrap_or_default() {
                    ids.extend(named::find(
                        source,
                        &read.names,
                        TableKind::RateLimit,
                        entry,
                    ));
                }
                ids
            }
        },
        ..TrafficRule::default()
    }
}

/// What a route says besides traffic, as far as that makes a difference.
pub(super) struct About<'r> {
    /// Where its path is.
    pub(super) offset: usize,
    /// That of its path, where it is a good one.
    pub(super) pattern: Option<&'r Pattern>,
    pub(super) is_public: bool,
    pub(super) forwards_credential: bool,
}

/// What a route says of traffic.
pub(super) fn route(
    source: &mut Source<'_>,
    fields: Fields<'_, '_>,
    read: &ReadTraffic<'_, '_>,
    about: &About<'_>,
) -> TrafficRule {
    let mut rule = chosen(source, fields, read, true);
    if needs_upstream(source, fields, &rule) {
        rule.rewrite = rewrite::read(source, fields, about.pattern);
        rule.rewrite_response = rewrite::response(source, fields, rule.rewrite.is_some());
        rule.retry_on = retry_on::read(source, fields);
        rule.split = split::read(source, fields, &read.names, rule.upstream);
        rule.mirror = mirror(source, fields, &read.names, rule.upstream);
    }
    rule.shared_cache = match source.choice(fields, "shared_cache", &["never", "origin"]) {
        1 => SharedCache::Origin,
        _ => SharedCache::Never,
    };
    if about.is_public {
        public(source, fields, read, about, &rule);
    }
    if about.forwards_credential {
        forwards(source, fields, read, &rule);
    }
    rule
}

/// Whether the rule has an upstream, as far as is known; if not, what makes no sense without is reported.
fn needs_upstream(source: &mut Source<'_>, fields: Fields<'_, '_>, rule: &TrafficRule) -> bool {
    let said = fields.get("upstream").map(|value| &value.value);
    let named = !matches!(said, None | Some(Value::Boolean(_)));
    if rule.upstream.is_some() || named {
        return true;
    }
    for key in [
        "strip_prefix",
        "replace",
        "rewrite_response",
        "retry_on",
        "split",
        "mirror",
    ] {
        if let Some(offset) = fields.key_offset(key) {
            let message = format_args!("`{key}` needs an `upstream`, and the route has none");
            let help = "add `upstream` to the route or to `[defaults]`";
            source.find_with(Code::MissingKey, offset, &message, Some(&help), &[]);
        }
    }
    false
}

fn mirror(
    source: &mut Source<'_>,
    fields: Fields<'_, '_>,
    names: &Names<'_, '_>,
    upstream: Option<UpstreamId>,
) -> Option<UpstreamId> {
    let text = source.text(fields, "mirror")?;
    let mirror = named::find(source, names, TableKind::Upstream, text)?;
    if Some(mirror) == upstream {
        let message = "`mirror` is the upstream of the route: it would get every request twice";
        source.find(Code::Conflict, text.offset, &message);
    }
    Some(mirror)
}

/// A public route knows nothing of its callers but their address and what they send.
fn public(
    source: &mut Source<'_>,
    fields: Fields<'_, '_>,
    read: &ReadTraffic<'_, '_>,
    about: &About<'_>,
    rule: &TrafficRule,
) {
    let own = fields.get("rate_limit").map(|value| value.offset);
    let public = fields.key_offset("public").unwrap_or(fields.offset);
    for &id in &rule.rate_limits {
        let Some(limit) = read.named.rate_limits.get(usize::from(id)) else {
            continue;
        };
        let of_credential = is_of_credential(&limit.key);
        let idle = limit.counts == Counts::FailedAuthentication && own.is_some();
        if !of_credential && !idle {
            continue;
        }
        let RateLimit { name, .. } = limit;
        let why = if of_credential {
            "counts by a credential"
        } else {
            "counts failed authentication"
        };
        let message = format_args!("`{}` {why}, and a public route has none", shown(name));
        let help = "leave it out here, or say `rate_limit = false`";
        let other: (usize, &dyn Display) = match own {
            Some(_) => (public, &"the route is public"),
            None => (read.defaults_offset, &"it is one of the defaults"),
        };
        let offset = own.unwrap_or(about.offset);
        source.find_with(Code::Conflict, offset, &message, Some(&help), &[other]);
    }
}

/// The client's credential and one of ours cannot both be handed on.
fn forwards(
    source: &mut Source<'_>,
    fields: Fields<'_, '_>,
    read: &ReadTraffic<'_, '_>,
    rule: &TrafficRule,
) {
    let second = rule.split.as_ref().map(|split| split.to);
    for id in [rule.upstream, second, rule.mirror].into_iter().flatten() {
        let upstream = read.named.upstreams.get(usize::from(id));
        let Some(upstream) = upstream.filter(|upstream| upstream.credential.is_some()) else {
            continue;
        };
        let offset = fields.key_offset("credential").unwrap_or(fields.offset);
        let message = format_args!(
            "the client's credential is handed on, and `{}` has a `credential` of ours in its place",
            shown(&upstream.name)
        );
        let help = "leave out one of them";
        let [upstreams, ..] = &read.names;
        let table = upstreams
            .get(usize::from(id))
            .and_then(|entry| entry.fields?.place_of("credential"));
        let related: Related<'_> = &[(table.unwrap_or_default(), &"it is here")];
        source.find_with(Code::Conflict, offset, &message, Some(&help), related);
        return;
    }
}

/// Only a credential says what is in an identity header, and the headers of API keys and tokens are a
/// credential's. `identity` are the names of the first, `reserved` of both.
pub(super) fn reserved_fields(
    source: &mut Source<'_>,
    read: &ReadTraffic<'_, '_>,
    identity: &ReservedNames,
    reserved: &ReservedNames,
) {
    let [entries, ..] = &read.names;
    for (upstream, entry) in read.named.upstreams.iter().zip(entries) {
        let edits = &upstream.request_fields;
        let set = edits.set.iter().map(|(name, _)| name);
        let mut edited = set.chain(&edits.remove);
        let edited = edited.find(|name| reserved.contains(name));
        let credential = upstream.credential.as_ref().map(|ours| &ours.header);
        let credential = credential.filter(|name| identity.contains(name));
        for (name, key) in [(edited, "request"), (credential, "credential")] {
            let Some(name) = name else { continue };
            let place = entry.fields.and_then(|fields| fields.place_of(key));
            let offset = place.unwrap_or(entry.offset);
            let message = format_args!(
                "`{name}` is a header that `[identity]`, `[api_keys]` or `token_from` has a use for: only \
                 a credential says what is in it"
            );
            source.find(Code::Conflict, offset, &message);
        }
    }
}
