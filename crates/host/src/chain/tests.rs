#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use super::*;

const SETTINGS: &str = "test:settings/settings@1.0.0";
const STORE: &str = "test:store/store@1.0.0";

/// A component with a handler that imports the next one, where `imports` has it, and has these exports beside it.
fn component(imports: &[&str], exports: &[&str]) -> Vec<u8> {
    let imports: String = imports
        .iter()
        .map(|name| format!(r#"(import "{name}" (instance (export "call" (func))))"#))
        .collect();
    let exports: String = exports
        .iter()
        .map(|name| format!(r#"(export "{name}" (instance $made))"#))
        .collect();
    wat::parse_str(format!(
        r#"(component
            {imports}
            (core module $m (func (export "call")))
            (core instance $i (instantiate $m))
            (func $call (canon lift (core func $i "call")))
            (instance $made (export "call" (func $call)))
            {exports}
        )"#
    ))
    .unwrap()
}

fn part<'a>(id: &'a str, bytes: &'a [u8]) -> Part<'a> {
    Part { id, bytes }
}

fn sorted(mut names: Vec<String>) -> Vec<String> {
    names.sort();
    names
}

#[test]
fn what_parts_import_is_met_by_an_adapter_and_the_rest_stays_an_import() {
    let gate = component(&[HANDLER, SETTINGS, "test:clock/clock@1.0.0"], &[HANDLER]);
    let service = component(&[SETTINGS, "test:files/files@1.0.0"], &[HANDLER]);
    let settings = component(&["test:environment/environment@1.0.0"], &[SETTINGS]);
    let unused = component(&["test:network/network@1.0.0"], &[STORE]);
    let composed = chain(
        &[part("gate", &gate), part("service", &service)],
        &[part("settings", &settings), part("store", &unused)],
    )
    .unwrap();
    assert_eq!(exports(&composed).unwrap(), [HANDLER]);
    assert_eq!(
        sorted(imports(&composed).unwrap()),
        [
            "test:clock/clock@1.0.0",
            "test:environment/environment@1.0.0",
            "test:files/files@1.0.0",
        ]
    );
    wasmtime::component::Component::new(&wasmtime::Engine::default(), &composed).unwrap();
}

#[test]
fn a_part_alone_has_its_adapters_too() {
    let gateway = component(&[SETTINGS], &[HANDLER]);
    let settings = component(&[], &[SETTINGS]);
    let composed = chain(&[part("gateway", &gateway)], &[part("settings", &settings)]).unwrap();
    assert_eq!(exports(&composed).unwrap(), [HANDLER]);
    assert_eq!(imports(&composed).unwrap(), Vec::<String>::new());
    let alone = chain(&[part("gateway", &gateway)], &[]).unwrap();
    assert_eq!(alone, gateway);
}

#[test]
fn what_cannot_be_made_one_is_refused_with_the_part_named() {
    let gate = component(&[HANDLER, SETTINGS], &[HANDLER]);
    let service = component(&[], &[HANDLER]);
    let settings = component(&[], &[SETTINGS]);
    let no_function = wat::parse_str(format!(
        r#"(component (instance $i) (export "{SETTINGS}" (instance $i)))"#
    ))
    .unwrap();
    let (gate, service) = (part("gate", &gate), part("service", &service));
    let settings = part("settings", &settings);
    for (parts, adapters, says) in [
        (
            &[service, service][..],
            &[][..],
            "`service` cannot be a middleware",
        ),
        (
            &[gate, service],
            &[settings, settings],
            "two adapters export `test:settings/settings@1.0.0`",
        ),
        (
            &[gate, service],
            &[part("wrong", &no_function)],
            "`gate` does not import `test:settings/settings@1.0.0` as it is exported to it",
        ),
        (
            &[gate, settings],
            &[],
            "`settings` does not export `wasi:http/handler@0.3.0`",
        ),
        (&[gate, part("text", b"text")], &[], "`text` cannot be read"),
        (&[], &[], "nothing to compose"),
    ] {
        let error = format!("{:#}", chain(parts, adapters).unwrap_err());
        assert!(error.contains(says), "{says}: {error}");
    }
}
