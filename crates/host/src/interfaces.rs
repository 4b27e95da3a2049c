//! The interfaces that a component may import, and which set of a component's configuration each
//! one gives access to.

use crate::manifest::ConfigurationSet;

/// What every component of a trigger exports, and what a middleware imports as the next one.
pub const HANDLER: &str = "wasi:http/handler@0.3.0";

/// Namespace of the interfaces that refuse.
const DENIED_NAMESPACE: &str = "doorward-denied";

/// Interfaces with a line of versions that the host provides, and the set that they belong to.
const GUARDED: &[(&str, &str, ConfigurationSet)] = &[
    (
        "wasi:http/client",
        "0.3",
        ConfigurationSet::AllowedOutboundHosts,
    ),
    (
        "wasi:http/outgoing-handler",
        "0.2",
        ConfigurationSet::AllowedOutboundHosts,
    ),
    ("wasi:cli/environment", "0.2", ConfigurationSet::Environment),
    ("wasi:cli/environment", "0.3", ConfigurationSet::Environment),
    ("wasi:filesystem/preopens", "0.2", ConfigurationSet::Files),
    ("wasi:filesystem/preopens", "0.3", ConfigurationSet::Files),
    (
        "spin:key-value/key-value",
        "3",
        ConfigurationSet::KeyValueStores,
    ),
    ("spin:variables/variables", "3", ConfigurationSet::Variables),
];

/// Packages with a line of versions of which the host provides every interface. Sockets are
/// provided and always refuse: outbound traffic is HTTP.
const PACKAGES: &[(&str, &str)] = &[
    ("wasi:cli", "0.2"),
    ("wasi:cli", "0.3"),
    ("wasi:clocks", "0.2"),
    ("wasi:clocks", "0.3"),
    ("wasi:filesystem", "0.2"),
    ("wasi:filesystem", "0.3"),
    ("wasi:io", "0.2"),
    ("wasi:random", "0.2"),
    ("wasi:random", "0.3"),
    ("wasi:sockets", "0.2"),
    ("wasi:sockets", "0.3"),
];

/// Single interfaces with a line of versions that the host provides.
const INTERFACES: &[(&str, &str)] = &[("wasi:http/types", "0.2"), ("wasi:http/types", "0.3")];

/// The set that an interface belongs to; none when it needs no grant.
#[must_use]
pub fn set_of(import: &str) -> Option<ConfigurationSet> {
    let (name, version) = split_version(import);
    GUARDED
        .iter()
        .find(|(guarded, line, _)| *guarded == name && is_of_line(version, line))
        .map(|(_, _, set)| *set)
}

/// Whether the host defines this interface. The types are checked when the component is linked.
#[must_use]
pub fn is_provided(import: &str) -> bool {
    let (name, version) = split_version(import);
    let package = name.split_once('/').map_or(name, |(package, _)| package);
    set_of(import).is_some()
        || INTERFACES
            .iter()
            .any(|(provided, line)| *provided == name && is_of_line(version, line))
        || PACKAGES
            .iter()
            .any(|(provided, line)| *provided == package && is_of_line(version, line))
}

/// The name of the refusing twin of an interface: `wasi:cli/environment@0.2.6` becomes
/// `doorward-denied:wasi-cli/environment@0.2.6`.
#[must_use]
pub fn denied_name(import: &str) -> String {
    format!("{DENIED_NAMESPACE}:{}", import.replacen(':', "-", 1))
}

fn split_version(import: &str) -> (&str, &str) {
    import.split_once('@').unwrap_or((import, ""))
}

/// Whether a version belongs to a line of compatible ones: `0.2.6` to `0.2`, `3.0.0` to `3`. A
/// pre-release belongs to none.
fn is_of_line(version: &str, line: &str) -> bool {
    version
        .strip_prefix(line)
        .is_some_and(|rest| rest.starts_with('.') && !rest.contains('-'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn interfaces_that_give_access_belong_to_a_set() {
        for (import, set) in [
            (
                "wasi:http/client@0.3.0",
                ConfigurationSet::AllowedOutboundHosts,
            ),
            (
                "wasi:http/outgoing-handler@0.2.4",
                ConfigurationSet::AllowedOutboundHosts,
            ),
            ("wasi:cli/environment@0.2.6", ConfigurationSet::Environment),
            ("wasi:cli/environment@0.3.0", ConfigurationSet::Environment),
            ("wasi:filesystem/preopens@0.2.12", ConfigurationSet::Files),
            ("wasi:filesystem/preopens@0.3.0", ConfigurationSet::Files),
            (
                "spin:key-value/key-value@3.0.0",
                ConfigurationSet::KeyValueStores,
            ),
            (
                "spin:variables/variables@3.0.0",
                ConfigurationSet::Variables,
            ),
        ] {
            assert_eq!(set_of(import), Some(set), "{import} should need a grant");
            assert!(is_provided(import), "{import} should be provided");
        }
    }

    #[test]
    fn other_wasi_interfaces_need_no_grant() {
        for import in [
            "wasi:http/types@0.3.0",
            "wasi:clocks/monotonic-clock@0.2.6",
            "wasi:random/random@0.3.0",
            "wasi:io/streams@0.2.6",
            "wasi:filesystem/types@0.2.6",
        ] {
            assert_eq!(set_of(import), None, "{import} should need no grant");
            assert!(is_provided(import), "{import} should be provided");
        }
    }

    #[test]
    fn anything_else_is_not_provided() {
        for import in [
            "spin:sqlite/sqlite@3.1.0",
            "spin:variables/variables@2.0.0",
            "spin:variables/other@3.0.0",
            "fermyon:spin/variables@2.0.0",
            "wasi:http/client@0.3.0-rc-2026-03-15",
            "wasi:http/client@0.30.0",
            "wasi:http/client",
            "wasi:cli/environment@0.20.0",
            "wasi:http/handler@0.3.0",
            "env",
            "",
        ] {
            assert!(!is_provided(import), "{import:?} should not be provided");
        }
    }

    #[test]
    fn a_refusing_twin_keeps_interface_and_version() {
        assert_eq!(
            denied_name("wasi:cli/environment@0.2.6"),
            "doorward-denied:wasi-cli/environment@0.2.6"
        );
    }
}
