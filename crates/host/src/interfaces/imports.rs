//! The interfaces that a component may import, and which set of a component's configuration each
//! one gives access to.

use super::import_name::{is_denied, is_of_line, linked_version, split_version};
use super::registry::GUARDED;
use crate::manifest::ConfigurationSet;

/// Packages of Spin's world. Some languages import all of it, whatever they use.
const PLATFORM: &[&str] = &[
    "fermyon:spin",
    "wasi:cli",
    "wasi:clocks",
    "wasi:config",
    "wasi:filesystem",
    "wasi:http",
    "wasi:io",
    "wasi:keyvalue",
    "wasi:otel",
    "wasi:random",
    "wasi:sockets",
];

/// What only another component can be: the next handler of a chain.
const HANDLERS: &[&str] = &["wasi:http/handler", "wasi:http/incoming-handler"];

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
const INTERFACES: &[(&str, &str)] = &[
    ("wasi:http/types", "0.2"),
    ("wasi:http/types", "0.3"),
    ("wasi:otel/metrics", "0.2.0-rc.2"),
    ("wasi:otel/types", "0.2.0-rc.2"),
];

/// The set that an interface belongs to; none when it needs no grant.
#[must_use]
pub fn set_of(import: &str) -> Option<ConfigurationSet> {
    let (name, version) = split_version(import);
    GUARDED
        .iter()
        .find(|(names, _)| {
            names
                .iter()
                .any(|(guarded, line)| *guarded == name && is_of_line(version, line))
        })
        .map(|(_, set)| *set)
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

/// The name that an import of a draft is linked as, where that is another one: that of the release's line,
/// also for a refusing twin.
#[must_use]
pub fn linked_name(import: &str) -> Option<String> {
    let (name, version) = import.split_once('@')?;
    let linked = linked_version(version)?;
    (is_denied(name) || is_provided(import)).then(|| format!("{name}@{linked}"))
}

/// Whether an import that the host does not provide may be linked as one that cannot be called: it is of
/// Spin's world, and not what only another component can be.
#[must_use]
pub fn may_be_absent(import: &str) -> bool {
    let (name, _) = split_version(import);
    let Some((package, _)) = name.split_once('/') else {
        return false;
    };
    !is_provided(import)
        && !HANDLERS.contains(&name)
        && (PLATFORM.contains(&package) || package.starts_with("spin:"))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;
    use crate::interfaces::import_name::HANDLER;

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
            (
                "spin:redis/redis@3.0.0",
                ConfigurationSet::AllowedOutboundHosts,
            ),
            (
                "spin:postgres/postgres@3.0.0",
                ConfigurationSet::AllowedOutboundHosts,
            ),
            (
                "spin:postgres/postgres@4.0.0",
                ConfigurationSet::AllowedOutboundHosts,
            ),
            (
                "spin:postgres/postgres@4.2.0",
                ConfigurationSet::AllowedOutboundHosts,
            ),
            (
                "spin:mqtt/mqtt@3.0.0",
                ConfigurationSet::AllowedOutboundHosts,
            ),
            (
                "fermyon:spin/mqtt@2.0.0",
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
            (
                "fermyon:spin/key-value@2.0.0",
                ConfigurationSet::KeyValueStores,
            ),
            ("fermyon:spin/variables@2.0.0", ConfigurationSet::Variables),
            (
                "spin:sqlite/sqlite@3.1.0",
                ConfigurationSet::SqliteDatabases,
            ),
            (
                "fermyon:spin/sqlite@2.0.0",
                ConfigurationSet::SqliteDatabases,
            ),
            (
                "wasi:keyvalue/store@0.2.0-draft2",
                ConfigurationSet::KeyValueStores,
            ),
            (
                "wasi:keyvalue/atomics@0.2.0-draft2",
                ConfigurationSet::KeyValueStores,
            ),
            (
                "wasi:keyvalue/batch@0.2.0-draft2",
                ConfigurationSet::KeyValueStores,
            ),
            (
                "wasi:config/store@0.2.0-draft-2024-09-27",
                ConfigurationSet::Variables,
            ),
            (
                "wasi:http/client@0.3.0-rc-2026-03-15",
                ConfigurationSet::AllowedOutboundHosts,
            ),
            (
                "wasi:cli/environment@0.3.0-rc-2026-03-15",
                ConfigurationSet::Environment,
            ),
            (
                "wasi:filesystem/preopens@0.3.0-rc-2026-03-15",
                ConfigurationSet::Files,
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
            "spin:sqlite/sqlite@2.0.0",
            "spin:postgres/postgres@2.0.0",
            "spin:redis/redis@2.0.0",
            "spin:redis/inbound-redis@3.0.0",
            "spin:variables/variables@2.0.0",
            "spin:variables/other@3.0.0",
            "fermyon:spin/variables",
            "fermyon:spin/key-value@1.0.0",
            "wasi:http/client@0.3.0-rc-2025-09-16",
            "wasi:keyvalue/store@0.2.0-draft",
            "wasi:keyvalue/store@0.2.0",
            "wasi:config/store@0.2.0-rc.1",
            "wasi:io/error@0.3.0-rc-2026-03-15",
            "wasi:http/handler@0.3.0-rc-2026-03-15",
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
    fn only_what_is_of_spin_s_world_may_be_absent() {
        for (import, may_be) in [
            ("fermyon:spin/llm@2.0.0", true),
            ("fermyon:spin/redis", true),
            ("spin:mysql/mysql@3.0.0", true),
            ("spin:variables/variables@4.0.0", true),
            ("wasi:otel/tracing@0.2.0-rc.2", true),
            ("wasi:http/types@0.2.0-rc-2023-11-10", true),
            ("wasi:http/handler@0.3.0", false),
            ("wasi:http/handler@0.3.0-rc-2026-03-15", false),
            ("wasi:http/incoming-handler@0.2.6", false),
            ("wasi:http/client@0.3.0", false),
            ("wasi:http/client@0.3.0-rc-2026-03-15", false),
            ("wasi:nn/graph@0.2.0", false),
            ("spinning:wheel/wheel@1.0.0", false),
            ("doorward-denied:wasi-cli/environment@0.3.0", false),
            ("spin:llm", false),
            ("env", false),
            ("", false),
        ] {
            assert_eq!(may_be_absent(import), may_be, "{import:?} may be absent");
        }
    }

    #[test]
    fn whatever_our_own_components_import_is_there() {
        let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
        let mut seen = 0;
        for entry in std::fs::read_dir(format!("{root}/components")).unwrap() {
            let name = entry.unwrap().file_name().into_string().unwrap();
            // What is made for hosts of another kind.
            if name.starts_with("adapter-") {
                continue;
            }
            let name = name.replace('-', "_");
            let list = format!("{root}/runtime-tests/golden/{name}.imports");
            for import in std::fs::read_to_string(&list).unwrap().lines() {
                assert!(
                    import == HANDLER || is_provided(import),
                    "`{name}` would be served without `{import}`"
                );
                seen += 1;
            }
        }
        assert!(seen > 0, "no import was found");
    }
}
