//! The unit for systemd, as far as it can be read without one: what it starts is a command that there is, and no wall is
//! missing. The runtime tests have systemd's own judgement of it, where there is one.

use doorward_tests::tree::{root, text_of};

/// What it must say, whatever else.
const WALLS: [&str; 14] = [
    "DynamicUser=yes",
    "NoNewPrivileges=yes",
    "ProtectSystem=strict",
    "ProtectHome=yes",
    "PrivateTmp=yes",
    "PrivateDevices=yes",
    "CapabilityBoundingSet=",
    "RestrictNamespaces=yes",
    "RestrictSUIDSGID=yes",
    "ProtectKernelTunables=yes",
    "ProtectKernelModules=yes",
    "ProtectControlGroups=yes",
    "SystemCallFilter=@system-service",
    "UMask=0077",
];

#[test]
fn the_unit_has_its_walls_and_starts_what_there_is() {
    let unit = text_of(&root().join("deploy/systemd/doorward.service"));
    for wall in WALLS {
        assert!(unit.lines().any(|line| line == wall), "{wall} is missing");
    }
    let flags = text_of(&root().join("crates/doorward/src/up/mod.rs"))
        + &text_of(&root().join("crates/doorward/src/up/management.rs"));
    let started = unit.lines().filter(|line| line.starts_with("ExecStart="));
    let started: Vec<&str> = started.collect();
    assert_eq!(started.len(), 1, "{started:?}");
    for line in started {
        assert!(
            line.starts_with("ExecStart=/usr/bin/doorward up "),
            "{line}"
        );
        for flag in line
            .split_whitespace()
            .filter_map(|word| word.strip_prefix("--"))
        {
            let field = format!("\n    {}: ", flag.replace('-', "_"));
            assert!(flags.contains(&field), "there is no --{flag}");
        }
    }
    let check = "ExecStartPre=/usr/bin/doorward check /srv/doorward/doorward.toml";
    assert!(
        unit.lines().any(|line| line == check),
        "the policy is checked first"
    );
}
