//! `[proxy]`

use doorward_traffic::address::{HOPS_MAX, NETWORKS_MAX, Network, TrustedProxies};

use super::TRAFFIC_NAME_BYTES_MAX;
use crate::finding::Code;
use crate::source::{Fields, Source, shown};
use crate::target::is_token_byte;
use crate::traffic::ProxyRule;

pub(super) fn read(source: &mut Source<'_>, root: Fields<'_, '_>) -> ProxyRule {
    let mut rule = ProxyRule::default();
    let Some(fields) = source.table_of(root, "proxy") else {
        return rule;
    };
    let known = ["name", "trusted_hops", "trusted_networks"];
    source.check_keys(fields, &known, "`proxy`");
    if let Some(name) = source.text(fields, "name") {
        let good = (1..=TRAFFIC_NAME_BYTES_MAX).contains(&name.value.len())
            && name.value.bytes().all(is_token_byte);
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
