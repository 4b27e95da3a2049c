//! `[proxy]`

use std::sync::Arc;

use doorward_syntax::tokens::is_tchar;
use doorward_traffic::address::{HOPS_MAX, NETWORKS_MAX, Network, TrustedProxies};

use doorward_traffic::spoofing::says_identity;
use doorward_traffic::upstream::Upstream;

use super::bounds::{PROXY_IDENTITY_HEADERS_MAX, TRAFFIC_NAME_BYTES_MAX};
use super::fields;
use crate::finding::Code;
use crate::identity::ReservedNames;
use crate::source::{Fields, Source, shown};
use crate::traffic::ProxyRule;

/// The table, of which a part is read later.
pub(super) struct ReadProxy<'t, 's> {
    rule: ProxyRule,
    /// `None` where the file has no such table.
    fields: Option<Fields<'t, 's>>,
}

pub(super) fn read<'t, 's>(source: &mut Source<'_>, root: Fields<'t, 's>) -> ReadProxy<'t, 's> {
    let fields = source.table_of(root, "proxy");
    let rule = fields.map(|fields| rule(source, fields));
    ReadProxy {
        rule: rule.unwrap_or_default(),
        fields,
    }
}

fn rule(source: &mut Source<'_>, fields: Fields<'_, '_>) -> ProxyRule {
    let mut rule = ProxyRule::default();
    if let Some(name) = source.text(fields, "name") {
        let good = (1..=TRAFFIC_NAME_BYTES_MAX).contains(&name.value.len())
            && name.value.bytes().all(is_tchar);
        if !good {
            let message = format_args!(
                "`{}` is no name for a proxy: up to {TRAFFIC_NAME_BYTES_MAX} characters of a token \
                 (RFC 9110 section 5.6.2)",
                shown(name.value)
            );
            source.find(Code::BadValue, name.offset, &message);
        }
        rule.name = name.value.to_owned();
    }
    let hops = source.number(fields, "trusted_hops", 0..=u64::from(HOPS_MAX), 0);
    rule.trusted = TrustedProxies {
        hops: u8::try_from(hops).unwrap_or_default(),
        networks: networks(source, fields),
    };
    if let Some(offset) = fields.key_offset("trusted_networks")
        && hops == 0
    {
        let message = "`trusted_networks` says where trusted proxies are, and there are none";
        let help = "say how many proxies in a row there are with `trusted_hops`";
        source.find_with(Code::Conflict, offset, &message, Some(&help), &[]);
    }
    rule
}

fn networks(source: &mut Source<'_>, fields: Fields<'_, '_>) -> Vec<Network> {
    let Some(value) = fields.get("trusted_networks") else {
        return Vec::new();
    };
    let entries = source.strings(value, "`trusted_networks`", NETWORKS_MAX);
    let mut networks = Vec::new();
    for entry in entries.unwrap_or_default() {
        match entry.value.parse::<Network>() {
            Ok(network) => networks.push(network),
            Err(error) => {
                let message = format_args!("`{}` {error}", shown(entry.value));
                let help = "an address, or a network such as `10.0.0.0/8`";
                source.find_with(Code::BadValue, entry.offset, &message, Some(&help), &[]);
            }
        }
    }
    networks
}

impl ReadProxy<'_, '_> {
    /// Reads what is left of the table. `reserved` are the headers that the policy has another use for.
    pub(super) fn finish(
        mut self,
        source: &mut Source<'_>,
        reserved: &ReservedNames,
        upstreams: &[Arc<Upstream>],
    ) -> ProxyRule {
        if let Some(fields) = self.fields {
            identity_headers(source, fields, &mut self.rule, reserved, upstreams);
            source.finish(fields, "`proxy`");
        }
        self.rule
    }
}

/// `identity_headers`: in which fields proxies in the trusted networks say who the caller is.
fn identity_headers(
    source: &mut Source<'_>,
    proxy: Fields<'_, '_>,
    rule: &mut ProxyRule,
    reserved: &ReservedNames,
    upstreams: &[Arc<Upstream>],
) {
    const KEY: &str = "identity_headers";
    let Some(value) = proxy.get(KEY) else {
        return;
    };
    if proxy.get("trusted_networks").is_none() {
        let message = "`identity_headers` says whom proxies may name, and any client could be one";
        let help = "say where they are with `trusted_networks`";
        let offset = proxy.key_offset(KEY).unwrap_or(value.offset);
        source.find_with(Code::MissingKey, offset, &message, Some(&help), &[]);
    } else if rule.trusted.networks.iter().any(Network::is_everywhere) {
        let message = "`identity_headers` says whom proxies may name, and `trusted_networks` has every \
                       address in it: any client could be one";
        let help = "name the networks in which the proxies are";
        source.find_with(Code::Conflict, value.offset, &message, Some(&help), &[]);
    }
    let what = format!("`{KEY}`");
    let entries = source.strings(value, &what, PROXY_IDENTITY_HEADERS_MAX);
    for entry in entries.unwrap_or_default() {
        let name = entry.value;
        if !fields::name(source, entry) {
            continue;
        }
        let shown = shown(name);
        // What ends so is the beginning of names, and none itself.
        if !says_identity(name) || name.ends_with('-') {
            let message =
                format_args!("`{shown}` is no header in which proxies say who the caller is");
            let help = "such as `x-forwarded-user` or `x-ssl-client-cert`; nothing else is removed from \
                        requests for it";
            source.find_with(Code::BadValue, entry.offset, &message, Some(&help), &[]);
        } else if reserved.contains(name)
            || upstreams
                .iter()
                .any(|upstream| upstream.takes_from_policy(name))
        {
            let message =
                format_args!("`{shown}` is a header that the policy itself sets or removes");
            let help = "leave it out here or there";
            source.find_with(Code::Conflict, entry.offset, &message, Some(&help), &[]);
        }
        rule.identity_headers.push(name.to_owned());
    }
}
