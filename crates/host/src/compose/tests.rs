#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use super::*;

/// A component in text form, as bytes. The interfaces have simpler types than the real ones: only
/// names matter when composing, as long as both sides agree.
fn component(text: &str) -> Vec<u8> {
    wat::parse_str(text).unwrap()
}

fn handler_import() -> String {
    format!(r#"(import "{HANDLER}" (instance $next (export "handle" (func))))"#)
}

fn primary() -> Vec<u8> {
    component(&format!(
        r#"(component
            (import "wasi:cli/environment@0.2.6" (instance (export "get-environment" (func))))
            (import "spin:variables/variables@3.0.0" (instance (export "get" (func))))
            (core module $m (func (export "handle")))
            (core instance $i (instantiate $m))
            (func $handle (canon lift (core func $i "handle")))
            (instance $handler (export "handle" (func $handle)))
            (export "{HANDLER}" (instance $handler))
        )"#
    ))
}

fn middleware() -> Vec<u8> {
    component(&format!(
        r#"(component
            {}
            (import "wasi:clocks/wall-clock@0.2.6" (instance (export "now" (func))))
            (import "spin:variables/variables@3.0.0" (instance (export "get" (func))))
            (import "wasi:filesystem/preopens@0.2.6" (instance (export "get-directories" (func))))
            (export "{HANDLER}" (instance $next))
        )"#,
        handler_import()
    ))
}

fn composed(chain: &[(&str, &[u8], &[ConfigurationSet])], primary: &[u8]) -> Result<Vec<u8>> {
    let sets: Vec<BTreeSet<ConfigurationSet>> = chain
        .iter()
        .map(|(_, _, sets)| sets.iter().copied().collect())
        .collect();
    let middlewares: Vec<MiddlewarePart<'_>> = chain
        .iter()
        .zip(&sets)
        .map(|((id, bytes, _), inherit)| MiddlewarePart {
            part: Part { id, bytes },
            inherit,
        })
        .collect();
    let primary = Part {
        id: "whoami",
        bytes: primary,
    };
    Ok(compose(&middlewares, primary)?.bytes)
}

fn sorted_imports(bytes: &[u8]) -> Vec<String> {
    let mut names = imports(bytes).unwrap();
    names.sort();
    names
}

#[test]
fn a_component_without_middleware_stays_as_it_is() {
    let primary = primary();
    assert_eq!(composed(&[], &primary).unwrap(), primary);
}

#[test]
fn what_a_middleware_does_not_inherit_is_another_import_than_the_primary_has() {
    let bytes = composed(&[("gate", &middleware(), &[])], &primary()).unwrap();
    assert_eq!(
        sorted_imports(&bytes),
        [
            "doorward-denied:spin-variables/variables@3.0.0",
            "doorward-denied:wasi-filesystem/preopens@0.2.6",
            "spin:variables/variables@3.0.0",
            "wasi:cli/environment@0.2.6",
            "wasi:clocks/wall-clock@0.2.6",
        ]
    );
}

#[test]
fn what_a_middleware_inherits_is_the_primary_s_import() {
    let sets = [ConfigurationSet::Files, ConfigurationSet::Variables];
    let bytes = composed(&[("gate", &middleware(), &sets)], &primary()).unwrap();
    assert_eq!(
        sorted_imports(&bytes),
        [
            "spin:variables/variables@3.0.0",
            "wasi:cli/environment@0.2.6",
            "wasi:clocks/wall-clock@0.2.6",
            "wasi:filesystem/preopens@0.2.6",
        ]
    );
}

#[test]
fn each_middleware_of_a_chain_inherits_on_its_own() {
    let middleware = middleware();
    let bytes = composed(
        &[
            ("outer", &middleware, &[ConfigurationSet::Files]),
            ("inner", &middleware, &[ConfigurationSet::Variables]),
        ],
        &primary(),
    )
    .unwrap();
    assert_eq!(
        sorted_imports(&bytes),
        [
            "doorward-denied:spin-variables/variables@3.0.0",
            "doorward-denied:wasi-filesystem/preopens@0.2.6",
            "spin:variables/variables@3.0.0",
            "wasi:cli/environment@0.2.6",
            "wasi:clocks/wall-clock@0.2.6",
            "wasi:filesystem/preopens@0.2.6",
        ]
    );
}

/// What only the draft and the release of WASI have in common are their types.
const DRAFT: &str = "0.3.0-rc-2026-03-15";

fn draft_imports() -> String {
    [
        "wasi:cli/environment",
        "wasi:filesystem/preopens",
        "wasi:http/client",
    ]
    .map(|name| {
        format!(
            r#"(import "{name}@{DRAFT}" (instance (export "draft" (func))))
                   (import "{name}@0.3.0" (instance (export "released" (func))))"#
        )
    })
    .concat()
}

#[test]
fn a_draft_is_linked_as_the_release_beside_the_release_itself() {
    let primary = component(&format!(
        r#"(component
            {}
            (import "wasi:clocks/types@{DRAFT}" (instance))
            (import "wasi:http/types@0.3.0-rc-2025-09-16" (instance))
            (import "spin:llm/llm@2.0.0" (instance (export "infer" (func)))))"#,
        draft_imports()
    ));
    let composed = compose(
        &[],
        Part {
            id: "python",
            bytes: &primary,
        },
    )
    .unwrap();
    assert_eq!(
        sorted_imports(&composed.bytes),
        [
            "spin:llm/llm@2.0.0",
            "wasi:cli/environment@0.3.0",
            "wasi:cli/environment@0.3.20260315",
            "wasi:clocks/types@0.3.20260315",
            "wasi:filesystem/preopens@0.3.0",
            "wasi:filesystem/preopens@0.3.20260315",
            "wasi:http/client@0.3.0",
            "wasi:http/client@0.3.20260315",
            "wasi:http/types@0.3.0-rc-2025-09-16",
        ]
    );
    assert_eq!(
        composed.absent,
        ["wasi:http/types@0.3.0-rc-2025-09-16", "spin:llm/llm@2.0.0"]
    );
}

#[test]
fn what_a_middleware_does_not_inherit_is_denied_through_drafts_as_well() {
    let middleware = component(&format!(
        r#"(component {} {}
            (import "wasi:config/store@0.2.0-draft-2024-09-27" (instance (export "get" (func))))
            (import "wasi:keyvalue/store@0.2.0-draft2" (instance (export "open" (func))))
            (import "wasi:keyvalue/atomics@0.2.0-draft2" (instance (export "increment" (func))))
            (import "wasi:keyvalue/batch@0.2.0-draft2" (instance (export "get-many" (func))))
            (import "fermyon:spin/key-value@2.0.0" (instance (export "open" (func))))
            (import "fermyon:spin/variables@2.0.0" (instance (export "get" (func))))
            (export "{HANDLER}" (instance $next)))"#,
        handler_import(),
        draft_imports()
    ));
    let bytes = composed(&[("gate", &middleware, &[])], &primary()).unwrap();
    let (denied, granted): (Vec<String>, Vec<String>) = sorted_imports(&bytes)
        .into_iter()
        .partition(|name| name.starts_with("doorward-denied:"));
    assert_eq!(
        granted,
        [
            "spin:variables/variables@3.0.0",
            "wasi:cli/environment@0.2.6"
        ],
        "what the primary component imports, and nothing else"
    );
    assert_eq!(
        denied,
        [
            "doorward-denied:fermyon-spin/key-value@2.0.0",
            "doorward-denied:fermyon-spin/variables@2.0.0",
            "doorward-denied:wasi-cli/environment@0.3.0",
            "doorward-denied:wasi-cli/environment@0.3.20260315",
            "doorward-denied:wasi-config/store@0.2.0-draft-2024-09-27",
            "doorward-denied:wasi-filesystem/preopens@0.3.0",
            "doorward-denied:wasi-filesystem/preopens@0.3.20260315",
            "doorward-denied:wasi-http/client@0.3.0",
            "doorward-denied:wasi-http/client@0.3.20260315",
            "doorward-denied:wasi-keyvalue/atomics@0.2.0-draft2",
            "doorward-denied:wasi-keyvalue/batch@0.2.0-draft2",
            "doorward-denied:wasi-keyvalue/store@0.2.0-draft2",
        ]
    );
}

#[test]
fn the_handler_of_a_draft_is_exported_as_the_release_s() {
    let draft = format!(
        r#"(component
            (import "wasi:cli/environment@{DRAFT}" (instance $i (export "get-environment" (func))))
            (export "wasi:http/handler@{DRAFT}" (instance $i))"#
    );
    for (text, exported) in [
        (format!("{draft})"), vec![HANDLER.to_owned()]),
        (
            format!(r#"{draft} (export "{HANDLER}" (instance $i)))"#),
            vec![format!("wasi:http/handler@{DRAFT}"), HANDLER.to_owned()],
        ),
    ] {
        let bytes = composed(&[], &component(&text)).unwrap();
        assert_eq!(exports(&bytes).unwrap(), exported, "{text}");
    }
}

#[test]
fn renaming_changes_nothing_but_names() {
    let middleware = middleware();
    let everything = ConfigurationSet::ALL.into_iter().collect();
    assert_eq!(deny(&middleware, &everything).unwrap(), middleware);
}

#[test]
fn imports_of_a_component_inside_are_its_own() {
    let bytes = component(
        r#"(component
            (component
                (import "spin:variables/variables@3.0.0" (instance (export "get" (func)))))
        )"#,
    );
    assert_eq!(imports(&bytes).unwrap(), Vec::<String>::new());
    assert_eq!(deny(&bytes, &BTreeSet::new()).unwrap(), bytes);
}

#[test]
fn what_cannot_be_composed_is_an_error_that_names_the_component() {
    let primary = primary();
    let middleware = middleware();
    let no_handler = component("(component)");
    let foreign = component(
        r#"(component
            (import "spin:llm/llm@2.0.0" (instance (export "open" (func)))))"#,
    );
    let unknown = component(
        r#"(component
            (import "acme:shop/orders@1.0.0" (instance (export "open" (func)))))"#,
    );
    let draft_middleware = component(
        r#"(component
            (import "wasi:http/handler@0.3.0-rc-2026-03-15" (instance (export "handle" (func)))))"#,
    );
    let forger = component(
        r#"(component
            (import "doorward-denied:wasi-cli/environment@0.3.0"
                (instance (export "get-environment" (func)))))"#,
    );
    let not_a_middleware = component(&format!(
        r#"(component
            (import "{HANDLER}" (instance $next (export "other" (func))))
            (export "{HANDLER}" (instance $next)))"#
    ));
    let module = wat::parse_str("(module)").unwrap();
    let truncated = primary.get(..primary.len() - 3).unwrap();
    for (chain, primary, says) in [
        (
            &[][..],
            unknown.as_slice(),
            "`whoami` imports `acme:shop/orders@1.0.0`",
        ),
        (
            &[],
            &draft_middleware,
            "`whoami` imports `wasi:http/handler@0.3.0-rc-2026-03-15`",
        ),
        (
            &[],
            &forger,
            "`whoami` imports `doorward-denied:wasi-cli/environment@0.3.0`",
        ),
        (
            &[],
            &middleware,
            "`whoami` imports `wasi:http/handler@0.3.0`",
        ),
        (&[], &module, "not a WebAssembly component"),
        (&[], b"", "not a WebAssembly component"),
        (&[], truncated, "`whoami` cannot be read"),
        (
            &[("gate", &foreign)],
            &primary,
            "`gate` imports `spin:llm/llm@2.0.0`",
        ),
        (
            &[("gate", &primary)],
            &primary,
            "`gate` cannot be a middleware",
        ),
        (
            &[("gate", &not_a_middleware)],
            &primary,
            "`gate` cannot be a middleware",
        ),
        (&[("gate", &module)], &primary, "`gate` cannot be read"),
        (
            &[("gate", &middleware)],
            &no_handler,
            "`whoami` does not export",
        ),
    ] as [(&[(&str, &[u8])], &[u8], &str); 12]
    {
        let chain: Vec<_> = chain
            .iter()
            .map(|(id, bytes)| (*id, *bytes, &[][..]))
            .collect();
        let error = format!("{:#}", composed(&chain, primary).unwrap_err());
        assert!(
            error.contains(says),
            "the error should say {says:?}: {error}"
        );
    }
}
