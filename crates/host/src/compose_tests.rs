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
    compose(&middlewares, primary)
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
            (import "spin:sqlite/sqlite@3.1.0" (instance (export "open" (func)))))"#,
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
            foreign.as_slice(),
            "`whoami` imports `spin:sqlite/sqlite@3.1.0`",
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
            "`gate` imports `spin:sqlite/sqlite@3.1.0`",
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
    ] as [(&[(&str, &[u8])], &[u8], &str); 10]
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
