//! For wasmCloud, of which there is no host here: what is made for it asks for nothing that it does not have.

use crate::scene::{composed, secret_policy};
use doorward_host::names::{exports, imports};
use doorward_runtime_tests::cases;
use doorward_runtime_tests::run::Group;

pub const GROUP: Group<'_> = Group {
    prepare: || Ok(()),
    cases: cases![; in_process: what_is_made_for_wasmcloud_imports_only_what_it_has],
};

/// What it has, as `crates/wash-runtime` of its release 2.7 links it: WASI 0.2 and 0.3, and these drafts.
const HAS: [&str; 3] = [
    "wasi:config/store@0.2.0-rc.1",
    "wasi:keyvalue/store@0.2.0-draft",
    "wasi:http/",
];
const HAS_WASI: [&str; 6] = [
    "wasi:cli/",
    "wasi:clocks/",
    "wasi:filesystem/",
    "wasi:io/",
    "wasi:random/",
    "wasi:sockets/",
];

async fn what_is_made_for_wasmcloud_imports_only_what_it_has() {
    for component in ["whoami", "echo", "gateway"] {
        let composed = composed(component, &secret_policy(""), &["--for", "wasmcloud"]);
        let bytes = std::fs::read(&composed.file).expect("it was written");
        assert_eq!(
            exports(&bytes).expect("it is a component"),
            ["wasi:http/handler@0.3.0"],
            "{component}"
        );
        let imports = imports(&bytes).expect("it is a component");
        for import in &imports {
            let has = HAS.iter().chain(&HAS_WASI);
            let is_there = has.clone().any(|name| import.starts_with(name));
            assert!(is_there, "{component} imports {import}");
            let is_handler = import.contains("handler");
            assert!(!is_handler, "{component} imports {import}");
        }
        for needed in &HAS[..2] {
            assert!(
                imports.iter().any(|name| name == needed),
                "{component}: {needed}"
            );
        }
    }
}
