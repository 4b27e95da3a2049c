//! Spin's template: its policy passes `check` without a finding, and its manifest grants what the policy needs.

#![expect(clippy::unwrap_used, reason = "tests")]

use doorward_policy::{Policy, advise};
use doorward_tests::spin_template::{files, parameters, rendered};

const ISSUERS: [(&str, &str); 4] = [
    ("https://login.acme.example", "https://login.acme.example"),
    (
        "https://acme.eu.auth0.example/",
        "https://acme.eu.auth0.example",
    ),
    (
        "https://login.acme.example:8443/realms/acme",
        "https://login.acme.example:8443",
    ),
    ("http://127.0.0.1:3001", "http://127.0.0.1:3001"),
];

#[test]
fn the_policy_of_the_template_passes_check_and_its_manifest_reaches_the_issuer() {
    for (issuer, origin) in ISSUERS {
        for (keys, hosts) in [
            ("", vec![origin]),
            ("https://k.example", vec![origin, "https://k.example"]),
        ] {
            let answers = [
                ("issuer", issuer),
                ("audience", "https://api.acme.example"),
                ("keys-origin", keys),
            ];
            let text = rendered("doorward.toml", "shop", &answers);
            let policy = Policy::parse(&text).unwrap();
            let found = advise(&text, policy.warnings());
            assert!(found.is_empty(), "{found}");
            assert!(
                policy
                    .issuers()
                    .iter()
                    .map(|one| one.url.as_str())
                    .eq([issuer])
            );

            let manifest: toml::Table =
                toml::from_str(&rendered("spin.toml", "shop", &answers)).unwrap();
            let component = manifest
                .get("component")
                .and_then(|all| all.get("shop"))
                .unwrap();
            let granted = component.get("allowed_outbound_hosts").unwrap().clone();
            assert_eq!(granted, toml::Value::from(hosts), "{issuer}");
            let files = format!("{:?}", component.get("files"));
            assert!(
                files.contains("\"doorward.toml\"") && files.contains("\"/doorward.toml\""),
                "{files}"
            );
        }
    }
}

#[test]
fn the_gate_is_named_in_one_line_by_its_file_or_by_address_and_digest() {
    let digest = format!("sha256:{}", "0a".repeat(32));
    let answers = [("issuer", "https://a.example"), ("audience", "a")];
    let named = |more: &[(&str, &str)]| {
        let text = rendered("spin.toml", "shop", &[&answers, more].concat());
        let manifest: toml::Table = toml::from_str(&text).unwrap();
        let triggers = manifest
            .get("trigger")
            .and_then(|all| all.get("http"))
            .cloned()
            .unwrap();
        let middleware = triggers
            .as_array()
            .unwrap()
            .first()
            .unwrap()
            .get("dependencies")
            .unwrap();
        let middleware = middleware
            .get("middleware")
            .and_then(toml::Value::as_array)
            .unwrap();
        let mut one = middleware
            .first()
            .and_then(toml::Value::as_table)
            .unwrap()
            .clone();
        let inherited = one.remove("inherit_configuration").unwrap();
        assert_eq!(
            inherited.as_array().unwrap().len(),
            5,
            "all that the gate uses"
        );
        assert!(
            manifest.get("component").unwrap().get("gate").is_none(),
            "no block of its own"
        );
        let text =
            |(key, value): (&String, &toml::Value)| format!("{key} = {}", value.as_str().unwrap());
        one.iter().map(text).collect::<Vec<_>>()
    };
    assert_eq!(named(&[]), ["path = gate.wasm"]);
    let url = "https://releases.acme.example/gate.wasm";
    assert_eq!(
        named(&[("gate", url), ("gate-digest", &digest)]),
        [format!("digest = {digest}"), format!("url = {url}")]
    );
}

#[test]
fn it_asks_for_issuer_and_audience_and_says_what_to_do_in_five_lines() {
    let needed: Vec<String> = parameters()
        .into_iter()
        .filter(|(_, default)| default.is_none())
        .map(|(name, _)| name)
        .collect();
    assert_eq!(needed, ["audience", "issuer"]);
    assert_eq!(files(), ["README.md", "doorward.toml", "spin.toml"]);
    let answers = [("issuer", "https://a.example"), ("audience", "a")];
    let text = rendered("README.md", "shop", &answers);
    let numbered = text
        .lines()
        .filter(|line| line.starts_with(|c: char| c.is_ascii_digit()));
    assert_eq!(numbered.count(), 5, "{text}");
}
