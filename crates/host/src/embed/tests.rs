#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use super::*;
use doorward_syntax::embedded::MARK;
use wasmtime::component::Component;
use wasmtime::component::Linker;
use wasmtime::{Engine, Store};

/// A component whose memory has so many pages, with the place at address 1000, after `before`; `peek` gives the byte at
/// an address of its memory.
fn component(memory: &str, before: &str, more: &str) -> Vec<u8> {
    let mark: String = MARK.iter().map(|byte| format!("\\{byte:02x}")).collect();
    let zeros = "\\00".repeat(8);
    wat::parse_str(format!(
        r#"(component
            (core module $m
                (memory (export "memory") {memory})
                (func (export "peek") (param i32) (result i32) (i32.load8_u (local.get 0)))
                (func (export "pages") (result i32) (memory.size))
                {before}
                (data (i32.const 1000) "{zeros}{mark}")
                {more}
            )
            (core instance $i (instantiate $m))
            (func (export "peek") (param "at" u32) (result u8) (canon lift (core func $i "peek")))
            (func (export "pages") (result u32) (canon lift (core func $i "pages")))
        )"#
    ))
    .unwrap()
}

fn contents(file: &[u8]) -> Contents<'_> {
    Contents {
        nameless_clients: false,
        files: vec![("/file", file)],
    }
}

/// The contents as the instance sees them, and the pages of its memory.
fn seen(component: &[u8]) -> (Vec<u8>, u32) {
    let engine = Engine::default();
    let component = Component::new(&engine, component).unwrap();
    let mut store = Store::new(&engine, ());
    let instance = Linker::new(&engine)
        .instantiate(&mut store, &component)
        .unwrap();
    let peek = instance
        .get_typed_func::<(u32,), (u8,)>(&mut store, "peek")
        .unwrap();
    let mut byte = |at: u32| peek.call(&mut store, (at,)).unwrap().0;
    let number = [1000, 1004].map(|from: u32| {
        let bytes = [0, 1, 2, 3].map(|place| byte(from + place));
        u32::from_le_bytes(bytes)
    });
    let [address, length] = number;
    let bytes = (address..address + length).map(&mut byte).collect();
    let pages = instance
        .get_typed_func::<(), (u32,)>(&mut store, "pages")
        .unwrap();
    let pages = pages.call(&mut store, ()).unwrap().0;
    (bytes, pages)
}

#[test]
fn an_instance_finds_what_was_embedded_at_the_old_end_of_its_memory() {
    let small = b"issuer".to_vec();
    let large: Vec<u8> = (0..200_000_u32).map(|n| n.to_le_bytes()[0]).collect();
    let passive = r#"(data "passive") (func (data.drop 0))"#;
    // An address whose sign bit would be that of its last seven bits.
    for (memory, before, file, pages) in [
        ("1", "", &small, 2),
        ("1", "", &large, 5),
        ("2 7", "", &large, 6),
        ("1", passive, &small, 2),
        ("1", r#"(data (i32.const 8) "before")"#, &small, 2),
        ("64", "", &small, 65),
        ("128", "", &small, 129),
    ] {
        let what = format!("{memory} {before}, {} bytes", file.len());
        let contents = contents(file);
        let bytes = embed(&component(memory, before, ""), &contents).unwrap();
        let (seen, seen_pages) = seen(&bytes);
        assert_eq!(Contents::read(&seen), Some(contents.clone()), "{what}");
        assert_eq!(seen_pages, pages, "{what}");
    }
}

#[test]
fn a_place_is_empty_until_something_is_in_it() {
    let empty = component("1", "", "");
    assert_eq!(room(&empty).unwrap(), Room::Empty);
    let full = embed(&empty, &contents(b"file")).unwrap();
    assert_eq!(room(&full).unwrap(), Room::Taken);
    let error = embed(&full, &contents(b"other")).unwrap_err().to_string();
    assert!(error.contains("already"), "{error}");
    let other = wat::parse_str("(component (core module (memory 1)))").unwrap();
    assert_eq!(room(&other).unwrap(), Room::None);
}

#[test]
fn what_cannot_hold_files_is_refused_with_the_reason() {
    let mark: String = MARK.iter().map(|byte| format!("\\{byte:02x}")).collect();
    let second = format!(r#"(data (i32.const 2000) "\00\00\00\00\00\00\00\00{mark}")"#);
    let cut_off =
        format!(r#"(component (core module (memory 1) (data (i32.const 0) "\00{mark}")))"#);
    let no_memory = format!(
        r#"(component (core module (import "" "" (memory 1)) (data (i32.const 0) "\00\00\00\00\00\00\00\00{mark}")))"#
    );
    let passive =
        format!(r#"(component (core module (memory 1) (data "\00\00\00\00\00\00\00\00{mark}")))"#);
    for (component, expected) in [
        (component("1", "", &second), "two places"),
        (component("1 1", "", ""), "cannot have 2 pages"),
        (wat::parse_str(cut_off).unwrap(), "cut off"),
        (wat::parse_str(no_memory).unwrap(), "one memory"),
        (wat::parse_str(passive).unwrap(), "when it begins"),
        (wat::parse_str("(component)").unwrap(), "no place"),
        (
            wat::parse_str("(module)").unwrap(),
            "not a WebAssembly component",
        ),
        (b"text".to_vec(), "not a WebAssembly component"),
    ] {
        let error = embed(&component, &contents(b"file")).unwrap_err();
        let error = format!("{error:#}");
        assert!(error.contains(expected), "{expected}: {error}");
    }
}

#[test]
fn damaged_components_are_errors_and_never_worse() {
    let whole = component("1", "", "");
    let contents = contents(b"file");
    for length in 0..whole.len() {
        let cut = &whole[..length];
        let _ = (room(cut), embed(cut, &contents));
    }
    for at in 0..whole.len() {
        let mut other = whole.clone();
        other[at] ^= 0xff;
        let _ = (room(&other), embed(&other, &contents));
    }
    assert_eq!(room(&whole).unwrap(), Room::Empty);
}
