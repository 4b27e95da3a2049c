//! `[[route.allow]]`: alternatives, of which a credential has to satisfy one as a whole

use core::fmt::Display;

use super::accept::{self, Around};
use super::bounds::{ALTERNATIVES_MAX, ISSUERS_IN_ALL_MAX, SCOPE_BYTES_MAX};
use super::{claims, values};
use crate::credential::kind::CredentialKind;
use crate::finding::Code;
use crate::pattern::Pattern;
use crate::policy::{Demands, IssuerGroup};
use crate::source::{At, Fields, Related, Source};
use crate::value::Value;

/// What a route leaves to its alternatives, where it has any.
const KEYS: [&str; 4] = ["accept", "claims", "issuer", "scope"];

/// What is asked of credentials in one place.
pub(super) struct Asked {
    pub(super) demands: Demands,
    /// Where `sub` is compared with a segment of the path, if it is.
    pub(super) subject: Option<usize>,
    offset: usize,
}

impl Asked {
    /// Reads what they must have.
    pub(super) fn read(
        source: &mut Source<'_>,
        fields: Fields<'_, '_>,
        pattern: Option<&Pattern>,
    ) -> Self {
        let scope = fields.get("scope");
        let scope = scope.map(|value| values::scope(source, value, SCOPE_BYTES_MAX));
        let read = claims::read(source, fields, pattern);
        Self {
            demands: Demands {
                scope: scope.unwrap_or_default(),
                claims: read.claims,
                ..Demands::default()
            },
            subject: read.subject,
            offset: fields.offset,
        }
    }

    /// Reads which kinds they are of, and whose they are.
    pub(super) fn with_accept(
        mut self,
        source: &mut Source<'_>,
        fields: Fields<'_, '_>,
        offset: usize,
        around: &Around<'_>,
    ) -> Self {
        accept::read(source, fields, offset, around, &mut self.demands);
        self
    }
}

/// Reads the alternatives of a route, and what they accept together. `path` and `pattern` are the route's.
pub(super) fn read(
    source: &mut Source<'_>,
    fields: Fields<'_, '_>,
    value: &At<Value<'_>>,
    around: &Around<'_>,
    path: &str,
    pattern: Option<&Pattern>,
) -> Demands {
    let before = source.findings_count();
    let allow = fields.key_offset("allow").unwrap_or(value.offset);
    for key in KEYS {
        if let Some(offset) = fields.key_offset(key) {
            let message = format_args!("a route with alternatives has no `{key}` of its own");
            let help = "put it into each `[[route.allow]]` that it is meant for";
            let related: Related<'_> = &[(allow, &"the alternatives")];
            source.find_with(Code::Conflict, offset, &message, Some(&help), related);
        }
    }
    let Value::Array { values, .. } = &value.value else {
        let message = "`allow` is a list of tables";
        let help = "write `[[route.allow]]`, with two brackets on either side";
        source.find_with(Code::WrongType, value.offset, &message, Some(&help), &[]);
        return Demands::default();
    };
    if values.is_empty() || values.len() > ALTERNATIVES_MAX {
        let message = format_args!("`allow` must have between 1 and {ALTERNATIVES_MAX} entries");
        source.find(Code::BadValue, value.offset, &message);
        return Demands::default();
    }
    let mut alternatives = Vec::with_capacity(values.len());
    for value in values {
        let Some(fields) = fields.table(value) else {
            source.wrong_type(value, "an entry of `allow`", "a table");
            continue;
        };
        let read = Asked::read(source, fields, pattern);
        alternatives.push(read.with_accept(source, fields, value.offset, around));
        source.finish(fields, "an alternative");
    }
    let mut together = together(source, &alternatives);
    if source.findings_count() == before {
        needless(source, &alternatives, path);
    }
    subjects(source, &alternatives, around);
    together.allow = alternatives.into_iter().map(|one| one.demands).collect();
    together
}

/// What the alternatives accept together, in the order in which they mention it.
fn together(source: &mut Source<'_>, alternatives: &[Asked]) -> Demands {
    let mut all = Demands::default();
    for (
        index,
        Asked {
            demands, offset, ..
        },
    ) in alternatives.iter().enumerate()
    {
        let mut before = alternatives.iter().take(index);
        let opaque = before.find(|one| one.demands.accept.contains(CredentialKind::Opaque));
        let opaque: (usize, &dyn Display) = match opaque {
            Some(one) => (one.offset, &"the alternative that accepts `opaque`"),
            None => (0, &""),
        };
        let has = |demands: &Demands, kind| demands.accept.contains(kind);
        if has(demands, CredentialKind::Jwt)
            && has(&all, CredentialKind::Opaque)
            && !has(&all, CredentialKind::Jwt)
        {
            let message = "`jwt` never decides here: an alternative before takes every bearer token for \
                           an opaque one";
            let help = "put an alternative with `jwt` first";
            source.find_with(Code::Unreachable, *offset, &message, Some(&help), &[opaque]);
        }
        match (all.introspects, demands.introspects) {
            (None, asked) => all.introspects = asked,
            (Some(before), Some(asked)) if before != asked => {
                let message = "two issuers could be asked about an opaque token, which does not say \
                               whose it is";
                let help = "accept `opaque` of one of them on this route: `accept` says which kinds \
                            an alternative is for";
                source.find_with(Code::Conflict, *offset, &message, Some(&help), &[opaque]);
            }
            _ => {}
        }
        all.token_bytes_max = all.token_bytes_max.max(demands.token_bytes_max);
        for kind in demands.accept.iter() {
            all.accept.push(kind);
        }
        for &group in &demands.issuers {
            add(&mut all.issuers, group);
        }
    }
    all
}

/// Adds issuers, each of them once.
fn add(issuers: &mut Vec<IssuerGroup>, group: IssuerGroup) {
    if !issuers.iter().any(|known| known.overlaps(group)) {
        issuers.push(group);
        return;
    }
    let one = |first| IssuerGroup { first, count: 1 };
    let tenants = (group.first..group.first + group.count).map(one);
    let is_new = |tenant: &IssuerGroup| !issuers.iter().any(|known| known.covers(*tenant));
    let missing: Vec<IssuerGroup> = tenants.filter(is_new).collect();
    issuers.extend(missing);
}

/// Reports alternatives that let nobody through whom the others do not.
fn needless(source: &mut Source<'_>, alternatives: &[Asked], path: &str) {
    for (index, one) in alternatives.iter().enumerate() {
        let others = alternatives.iter().enumerate();
        let others = others.filter(|(other, lenient)| {
            // Of two that are the same, the first one stays.
            let lesser = || {
                *other < index
                    || !asks_no_more(&one.demands, &lenient.demands)
                    || !cover(&[one], &lenient.demands)
            };
            *other != index && asks_no_more(&lenient.demands, &one.demands) && lesser()
        });
        let lenient: Vec<&Asked> = others.map(|(_, lenient)| lenient).collect();
        let alone = lenient.iter().find(|other| cover(&[other], &one.demands));
        let by = match alone {
            Some(alone) => core::slice::from_ref(alone),
            None if cover(&lenient, &one.demands) => lenient.as_slice(),
            None => continue,
        };
        let line = source.position(by.first().map_or(0, |by| by.offset)).line;
        let more = if by.len() > 1 { " and others" } else { "" };
        let message = format_args!(
            "everybody whom this alternative admits is admitted by the one at line {line}{more}"
        );
        let help = "leave it out, or ask for more in the others";
        let other = format_args!("an alternative of `{path}` that asks for no more");
        let related: Vec<(usize, &dyn Display)> = by
            .iter()
            .map(|by| (by.offset, &other as &dyn Display))
            .collect();
        let code = Code::Unreachable;
        source.find_with(code, one.offset, &message, Some(&help), related.as_slice());
    }
}

/// Whether whoever has what the other demands has what these demand, as far as their text shows.
fn asks_no_more(these: &Demands, other: &Demands) -> bool {
    these.scope.iter().all(|scope| other.scope.contains(scope))
        && these
            .claims
            .iter()
            .all(|claim| claim.is_implied_by(&other.claims))
}

/// Whether what `one` accepts is accepted by some of these.
fn cover(these: &[&Asked], one: &Demands) -> bool {
    one.accept.iter().all(|kind| {
        let with_kind = these.iter().map(|these| &these.demands);
        let mut with_kind = with_kind.filter(|these| these.accept.contains(kind));
        match kind {
            CredentialKind::Jwt => {
                let mut missing = positions(&one.issuers);
                for these in with_kind {
                    for (missing, there) in missing.iter_mut().zip(positions(&these.issuers)) {
                        *missing &= !there;
                    }
                }
                missing.iter().all(|missing| !missing)
            }
            CredentialKind::Opaque => with_kind.any(|these| these.introspects == one.introspects),
            CredentialKind::ApiKey | CredentialKind::Basic => with_kind.next().is_some(),
        }
    })
}

/// For each position of an issuer, whether it is among these.
fn positions(groups: &[IssuerGroup]) -> Vec<bool> {
    let mut there = vec![false; ISSUERS_IN_ALL_MAX];
    for group in groups {
        let ids = group.ids();
        for place in there.iter_mut().take(ids.end).skip(ids.start) {
            *place = true;
        }
    }
    there
}

/// Warns where `sub` is compared with the path by demands that accept credentials of several: whose name
/// it is, the path does not say.
pub(super) fn subjects(source: &mut Source<'_>, asked: &[Asked], around: &Around<'_>) {
    let mut issuers: Vec<IssuerGroup> = Vec::new();
    let mut place = None;
    let mut takes_keys = false;
    for one in asked {
        let Some(offset) = one.subject else { continue };
        place = place.or(Some(offset));
        takes_keys |= one.demands.accept.iter().any(|kind| !kind.is_bearer());
        for &group in &one.demands.issuers {
            if !issuers.iter().any(|known| known.covers(group)) {
                issuers.push(group);
            }
        }
    }
    let count = |group: &IssuerGroup| match around.is_any_tenant(*group) {
        true => 2,
        false => group.count,
    };
    let names = issuers.iter().map(count).sum::<u32>() + u32::from(takes_keys);
    if let Some(offset) = place.filter(|_| names > 1) {
        let message = "`sub` is compared with the path, and several issuers give that name: tenants \
                       and API keys count as such";
        let help = "accept one of them here, or compare a claim that is unique among them";
        source.find_with(Code::AmbiguousSubject, offset, &message, Some(&help), &[]);
    }
}
