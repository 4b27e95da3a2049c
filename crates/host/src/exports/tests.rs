#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeSet;

use super::*;

/// A component with an instance of this name among its exports.
fn exporting(name: &str) -> Vec<u8> {
    wat::parse_str(format!(
        r#"(component
            (component $inner (instance $i) (export "wasi:http/handler@0.3.0" (instance $i)))
            (core module)
            (instance $i)
            (export "{name}" (instance $i))
        )"#
    ))
    .unwrap()
}

fn check(middlewares: &[&[u8]], primary: &[u8]) -> Result<()> {
    let inherit = BTreeSet::new();
    let middlewares: Vec<MiddlewarePart<'_>> = middlewares
        .iter()
        .map(|bytes| MiddlewarePart {
            part: Part { id: "gate", bytes },
            inherit: &inherit,
        })
        .collect();
    let primary = Part {
        id: "js",
        bytes: primary,
    };
    check_way(&middlewares, primary)
}

#[test]
fn before_the_handler_of_wasi_0_2_stands_no_middleware() {
    let gate = exporting("wasi:http/handler@0.3.0");
    for version in ["0.2", "0.2.0", "0.2.3", "0.2.10"] {
        let older = exporting(&format!("wasi:http/incoming-handler@{version}"));
        check(&[], &older).unwrap();
        let error = check(&[&gate], &older).unwrap_err().to_string();
        for expected in [
            "component `js` exports `wasi:http/incoming-handler@0.2`, so no middleware can stand before it",
            "route = { private = true }\n    component = \"js\"",
            "allowed_outbound_hosts = [\"http://js.spin.internal\"]",
            "[upstream.js]\n    url = \"http://js.spin.internal\"",
        ] {
            assert!(error.contains(expected), "{version}: {error}");
        }
        let error = check(&[&older], &gate).unwrap_err().to_string();
        assert!(error.contains("`gate` exports"), "{error}");
        assert!(error.contains("cannot be a middleware"), "{error}");
    }
}

#[test]
fn before_the_handler_of_a_draft_stands_no_middleware() {
    let gate = exporting("wasi:http/handler@0.3.0");
    for version in ["0.3.0-rc-2026-03-15", "0.3.0-rc-2025-09-16"] {
        let handler = format!("wasi:http/handler@{version}");
        let draft = exporting(&handler);
        check(&[], &draft).unwrap();
        let error = check(&[&gate], &draft).unwrap_err().to_string();
        assert!(
            error.contains(&format!("`js` exports `{handler}`")),
            "{error}"
        );
        assert!(error.contains("put it behind the gateway"), "{error}");
        let error = check(&[&draft], &gate).unwrap_err().to_string();
        assert!(error.contains("`gate` exports"), "{error}");
    }
}

#[test]
fn other_components_are_composed() {
    let gate = exporting("wasi:http/handler@0.3.0");
    for name in [
        "wasi:http/handler@0.3.0",
        "wasi:http/incoming-handler@0.20.0",
        "wasi:http/incoming-handler@0.3.0",
        "other:http/incoming-handler@0.2.0",
    ] {
        let composed = check(&[&gate], &exporting(name));
        assert!(composed.is_ok(), "{name}: {composed:?}");
    }
}

#[test]
fn what_is_no_component_is_an_error_that_names_it() {
    let gate = exporting("wasi:http/handler@0.3.0");
    let error = check(&[&gate], b"\0asm\x0d\0\x01\0\x0b\x7f").unwrap_err();
    assert!(format!("{error:#}").contains("`js` cannot be read"));
}
