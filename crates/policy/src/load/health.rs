//! `[health]`

use doorward_traffic::address::{Network, TrustedProxies};
use doorward_traffic::rate::RateLimit;

use super::accept;
use super::bounds::HEALTH_REQUIRE_MAX;
use super::issuer::ReadIssuer;
use super::named::{self, Names, TableKind};
use super::route::ReadRoute;
use super::values::one_path;
use crate::credential::kind::CredentialKind;
use crate::finding::Code;
use crate::health::{HealthDetails, HealthQuestion, HealthRule};
use crate::matcher::{Found, Matcher};
use crate::policy::{Access, Demands, IssuerGroup, IssuerId, LogoutPath, Policy};
use crate::source::{At, Fields, Related, Source, list, shown, suggestion};

impl Policy {
    /// What the gate answers to who asks how it is; `None`: nothing.
    #[must_use]
    pub fn health(&self) -> Option<&HealthRule> {
        self.health.as_ref()
    }

    /// What this request target asks of the gate itself; `None` where it is no such address. A query changes
    /// nothing; any other spelling of the path is another path.
    #[must_use]
    pub fn health_at(&self, target: &str) -> Option<(&HealthRule, HealthQuestion)> {
        let rule = self.health.as_ref()?;
        let path = target.split('?').next();
        if rule.ready.as_deref() == path {
            Some((rule, HealthQuestion::Ready))
        } else if rule.live.as_deref() == path {
            Some((rule, HealthQuestion::Live))
        } else {
            None
        }
    }

    /// Whether requests are decided by what is in the store, or counted in it.
    #[must_use]
    pub fn uses_store(&self) -> bool {
        let keys_in_store = self.api_keys.as_ref().is_some_and(|keys| keys.store);
        let shares = |limit: &RateLimit| limit.shared;
        self.revocation.is_some() || keys_in_store || self.named.rate_limits.iter().any(shares)
    }
}

const WHAT: &str = "`health`";

/// What else is answered, and by whom.
pub(super) struct Answered<'r> {
    pub(super) issuers: &'r [ReadIssuer],
    pub(super) logout_paths: &'r [LogoutPath],
    pub(super) routes: &'r [ReadRoute],
    pub(super) matcher: &'r Matcher,
    /// The routes, in the order in which the matcher counts them.
    pub(super) order: &'r [u32],
}

pub(super) fn read(
    source: &mut Source<'_>,
    root: Fields<'_, '_>,
    answered: &Answered<'_>,
    names: &Names<'_, '_>,
    trusted: &TrustedProxies,
) -> Option<HealthRule> {
    let fields = source.table_of(root, "health")?;
    let ready = path(source, fields, "ready", answered);
    let live = path(source, fields, "live", answered);
    match (ready, live) {
        (None, None) => {
            let message = "`health` has neither `ready` nor `live`";
            let help = "say at which paths the gate is to answer, such as `ready = \"/ready\"`";
            source.find_with(Code::MissingKey, fields.offset, &message, Some(&help), &[]);
        }
        (Some(ready), Some(live)) if ready.value.eq_ignore_ascii_case(live.value) => {
            let message = "`ready` and `live` are the same path";
            let related: Related<'_> = &[(ready.offset, &"`ready`")];
            source.find_with(Code::Conflict, live.offset, &message, None, related);
        }
        _ => {}
    }
    let mut rule = HealthRule {
        ready: ready.map(|path| path.value.to_owned()),
        live: live.map(|path| path.value.to_owned()),
        details: details(source, fields, trusted),
        requires_store: false,
        upstreams: Vec::new(),
        issuers: Vec::new(),
    };
    require(source, fields, answered, names, &mut rule);
    if let Some(offset) = fields.key_offset("require")
        && ready.is_none()
    {
        let message = "`require` says without what `ready` fails, and there is no `ready`";
        let help = "add `ready`, or leave `require` out";
        source.find_with(Code::Conflict, offset, &message, Some(&help), &[]);
    }
    source.finish(fields, WHAT);
    Some(rule)
}

/// A path that the gate answers, and nobody else.
fn path<'t>(
    source: &mut Source<'_>,
    fields: Fields<'t, '_>,
    key: &'static str,
    answered: &Answered<'_>,
) -> Option<At<&'t str>> {
    let path = source.text(fields, key)?;
    one_path(source, &format!("`{key}` of `health`"), path);
    let same = |other: &str| other.eq_ignore_ascii_case(path.value);
    let help = "the gate answers there itself: give one of them another path";
    if let Some(logout) = answered.logout_paths.iter().find(|at| same(&at.path)) {
        let mut issuers = answered.issuers.iter();
        let issuer = issuers.find(|read| read.group.ids() == logout.issuers);
        let message = format_args!("`{}` is where logout tokens are sent, too", path.value);
        let other = issuer.map_or(0, |read| read.logout_offset);
        let related: Related<'_> = &[(other, &"the path for logout tokens")];
        source.find_with(Code::Conflict, path.offset, &message, Some(&help), related);
    }
    if let Some(route) = answered.routes.iter().find(|route| same(&route.path)) {
        let message = format_args!("`{}` is `{key}` of `health`, and a rule, too", path.value);
        let rule = format_args!("`{}`, the rule", route.path);
        let related: Related<'_> = &[(route.offset, &rule)];
        let code = Code::Contradiction;
        source.find_with(code, path.offset, &message, Some(&help), related);
    } else if let Found::Rules(rules) = answered.matcher.find(path.value, false)
        && let Some(route) = answered.order.get(rules.start)
        && let Some(route) = answered.routes.get(*route as usize)
    {
        let message = format_args!(
            "`{}` is answered by the gate: a service behind `{}` that has this path is not asked for it",
            path.value, route.path
        );
        let help = "take a path that the service does not have";
        let rule = format_args!("`{}`, the rule", route.path);
        let related: Related<'_> = &[(route.offset, &rule)];
        source.find_with(Code::Shadowed, path.offset, &message, Some(&help), related);
    }
    Some(path)
}

fn details(
    source: &mut Source<'_>,
    fields: Fields<'_, '_>,
    trusted: &TrustedProxies,
) -> HealthDetails {
    match source.choice(fields, "details", &["none", "trusted", "all"]) {
        0 => return HealthDetails::None,
        1 => {}
        _ => return HealthDetails::All,
    }
    let offset = fields.key_offset("details").unwrap_or(fields.offset);
    let networks = &trusted.networks;
    if networks.is_empty() {
        let message =
            "`details = \"trusted\"` is for peers in `trusted_networks`, and there are none";
        let help = "say where they are with `trusted_networks` of `[proxy]`";
        source.find_with(Code::MissingKey, offset, &message, Some(&help), &[]);
    } else if networks.iter().any(Network::is_everywhere) {
        let message = "`details = \"trusted\"` is for peers in `trusted_networks`, which has every address in it";
        let help = "name the networks in which they are, or say `details = \"all\"`";
        source.find_with(Code::Conflict, offset, &message, Some(&help), &[]);
    }
    HealthDetails::Trusted
}

/// Without what the gate is not ready. Where no issuer is named: those whose signed tokens a route accepts, but those
/// of which each tenant is one, since what one of many tenants does with its keys is not for all to suffer.
fn require(
    source: &mut Source<'_>,
    fields: Fields<'_, '_>,
    answered: &Answered<'_>,
    names: &Names<'_, '_>,
    rule: &mut HealthRule,
) {
    let value = fields.get("require");
    let entries = value.and_then(|value| source.strings(value, "`require`", HEALTH_REQUIRE_MAX));
    let mut names_issuers = false;
    for entry in entries.unwrap_or_default() {
        let (kind, name) = match entry.value.split_once(':') {
            Some((kind, name)) => (kind, name),
            None => (entry.value, ""),
        };
        let named = At {
            offset: entry.offset,
            value: name,
        };
        match kind {
            "store" if entry.value == "store" => rule.requires_store = true,
            "upstream" if !name.is_empty() => {
                let id = named::find(source, names, TableKind::Upstream, named);
                rule.upstreams.extend(id.map(usize::from));
            }
            "issuer" if !name.is_empty() => {
                names_issuers = true;
                issuer(source, named, answered, rule);
            }
            _ => {
                let message =
                    format_args!("`{}` is nothing that can be required", shown(entry.value));
                let help = format_args!(
                    "there are {}",
                    list(&["store", "upstream:NAME", "issuer:NAME"])
                );
                source.find_with(Code::BadValue, entry.offset, &message, Some(&help), &[]);
            }
        }
    }
    if !names_issuers {
        let read = answered.issuers.iter().map(|read| read.group);
        let by_default = read.filter(|group| group.count == 1 && signs(answered, *group));
        rule.issuers = by_default.flat_map(IssuerGroup::ids).collect();
    }
}

fn issuer(source: &mut Source<'_>, name: At<&str>, answered: &Answered<'_>, rule: &mut HealthRule) {
    let Some(group) = accept::named(answered.issuers, name.value) else {
        let names = answered.issuers.iter().map(|read| read.name.as_str());
        let help = suggestion(name.value, &names.collect::<Vec<_>>(), &"there are");
        let message = format_args!("there is no issuer `{}`", shown(name.value));
        source.find_with(Code::UnknownIssuer, name.offset, &message, Some(&help), &[]);
        return;
    };
    if !signs(answered, group) {
        let message = format_args!("no route accepts signed tokens of `{}`", shown(name.value));
        let help = "nobody needs its keys: leave it out";
        source.find_with(Code::Conflict, name.offset, &message, Some(&help), &[]);
    }
    let more: Vec<IssuerId> = group
        .ids()
        .filter(|id| !rule.issuers.contains(id))
        .collect();
    if rule.issuers.len() + more.len() > HEALTH_REQUIRE_MAX {
        let message =
            format_args!("more than {HEALTH_REQUIRE_MAX} issuers are required, tenants counted");
        let help = "name the tenants without which nothing goes: `issuer:NAME/TENANT`";
        source.find_with(Code::TooLarge, name.offset, &message, Some(&help), &[]);
        return;
    }
    rule.issuers.extend(more);
}

/// Whether a route accepts tokens that one of these issuers signed.
fn signs(answered: &Answered<'_>, issuers: IssuerGroup) -> bool {
    let of_one = |demands: &Demands| {
        demands.accept.contains(CredentialKind::Jwt)
            && demands.issuers.iter().any(|group| group.overlaps(issuers))
    };
    answered.routes.iter().any(|route| match &route.access {
        Some(Access::Protected(demands)) if demands.allow.is_empty() => of_one(demands),
        Some(Access::Protected(demands)) => demands.allow.iter().any(of_one),
        _ => false,
    })
}
