#![expect(clippy::unwrap_used, reason = "tests")]

use super::*;
use crate::embed::{Room, embed, room};
use doorward_syntax::embedded::{Contents, MARK};

/// A component whose `prepare` does this before it says so. `number` gives what is at address 100 of its memory.
fn component(prepare: &str) -> Vec<u8> {
    wat::parse_str(component_text(prepare)).unwrap()
}

fn component_text(prepare: &str) -> String {
    format!(
        r#"(component
            (import "test:host/clock" (instance $clock (export "now" (func (result u32)))))
            (core func $now (canon lower (func $clock "now")))
            (core module $m
                (import "clock" "now" (func $now (result i32)))
                (memory (export "memory") 1)
                (global $count (mut i32) (i32.const 0))
                (data (i32.const 200) "no policy")
                (func (export "prepare") (result i32)
                    (global.set $count (i32.add (global.get $count) (i32.const 1)))
                    {prepare})
                (func (export "number") (result i32) (i32.load (i32.const 100)))
                (func (export "count") (result i32) (global.get $count))
            )
            (core instance $i (instantiate $m
                (with "clock" (instance (export "now" (func $now))))
            ))
            (alias core export $i "memory" (core memory $memory))
            (func (export "prepare") (result (result (error string)))
                (canon lift (core func $i "prepare") (memory $memory)))
            (func (export "number") (result u32) (canon lift (core func $i "number")))
            (func (export "count") (result u32) (canon lift (core func $i "count")))
        )"#
    )
}

const DONE: &str = "(i32.const 0)";

/// What a fresh instance gives for each of these functions.
fn fresh(bytes: &[u8], names: [&str; 2]) -> [u32; 2] {
    let engine = Engine::default();
    let component = Component::new(&engine, bytes).unwrap();
    let mut linker = Linker::new(&engine);
    linker.define_unknown_imports_as_traps(&component).unwrap();
    let mut store = Store::new(&engine, ());
    let instance = linker.instantiate(&mut store, &component).unwrap();
    names.map(|name| {
        let function = instance.get_typed_func::<(), (u32,)>(&mut store, name);
        function.unwrap().call(&mut store, ()).unwrap().0
    })
}

fn why_not(bytes: &[u8]) -> String {
    format!("{:#}", preinitialise(bytes).unwrap_err())
}

#[test]
fn an_instance_begins_with_what_was_worked_out() {
    let write = format!("(i32.store (i32.const 100) (i32.const 42)) {DONE}");
    let built = component(&write);
    assert_eq!(fresh(&built, ["number", "count"]), [0, 0]);
    let prepared = preinitialise(&built).unwrap();
    assert_eq!(fresh(&prepared, ["number", "count"]), [42, 1]);
    assert_eq!(exports(&prepared).unwrap(), exports(&built).unwrap());
    assert_eq!(preinitialise(&built).unwrap(), prepared, "byte for byte");
}

#[test]
fn a_component_that_was_prepared_takes_no_other_policy() {
    let mark: String = MARK.iter().map(|byte| format!("\\{byte:02x}")).collect();
    let text = component_text(DONE).replace(
        "(data (i32.const 200)",
        &format!(
            r#"(data (i32.const 1000) "\00\00\00\00\00\00\00\00{mark}") (data (i32.const 200)"#
        ),
    );
    let built = wat::parse_str(text).unwrap();
    let contents = Contents {
        nameless_clients: false,
        files: vec![("/doorward.toml", b"policy")],
    };
    let embedded = embed(&built, &contents).unwrap();
    let prepared = preinitialise(&embedded).unwrap();
    assert_eq!(room(&prepared).unwrap(), Room::Taken);
    let error = embed(&prepared, &contents).unwrap_err().to_string();
    assert!(error.contains("already"), "{error}");
}

#[test]
fn memory_that_was_asked_for_is_there_in_an_instance() {
    let grow = format!(
        "(drop (memory.grow (i32.const 3))) (i32.store (i32.const 200000) (i32.const 7))
         (i32.store (i32.const 100) (memory.size)) {DONE}"
    );
    let prepared = preinitialise(&component(&grow)).unwrap();
    assert_eq!(fresh(&prepared, ["number", "count"]), [4, 1]);
}

#[test]
fn an_import_that_is_called_is_named() {
    let asks = format!("(i32.store (i32.const 100) (call $now)) {DONE}");
    let error = why_not(&component(&asks));
    assert!(error.contains("test:host/clock#now"), "{error}");
}

#[test]
fn what_the_component_says_is_passed_on() {
    // An error of nine bytes at address 200.
    let says = "(i32.store8 (i32.const 0) (i32.const 1)) (i32.store (i32.const 4) (i32.const 200))
                (i32.store (i32.const 8) (i32.const 9)) (i32.const 0)";
    let error = why_not(&component(says));
    assert!(error.ends_with("cannot be used: no policy"), "{error}");
}

#[test]
fn what_has_no_end_or_no_bound_is_ended() {
    for (prepare, expected) in [
        ("(loop (br 0)) (i32.const 0)", "fuel"),
        (
            "(drop (memory.grow (i32.const 4000))) (i32.const 0)",
            "memory",
        ),
    ] {
        let error = within(&component(prepare), 1_000_000).unwrap_err();
        let error = format!("{error:#}");
        assert!(error.contains(expected), "{expected}: {error}");
    }
}

#[test]
fn what_cannot_be_prepared_is_told() {
    let other = r#"(component (core module $m (func (export "prepare")))
        (core instance $i (instantiate $m)) (func (export "prepare") (canon lift (core func $i "prepare"))))"#;
    let nested = r#"(component (component (core module)) (core module $m (func (export "prepare")))
        (core instance $i (instantiate $m)) (func (export "prepare") (canon lift (core func $i "prepare"))))"#;
    for (bytes, expected) in [
        (
            wat::parse_str("(component)").unwrap(),
            "does not export `prepare`",
        ),
        (
            wat::parse_str(other).unwrap(),
            "is not `func() -> result<_, string>`",
        ),
        (wat::parse_str(nested).unwrap(), "no image can be made"),
        (b"text".to_vec(), "not a WebAssembly component"),
    ] {
        let error = why_not(&bytes);
        assert!(error.contains(expected), "{expected}: {error}");
    }
}
