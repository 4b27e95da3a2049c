#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use wasmtime::component::{Instance, Val};
use wasmtime::{Config, Engine, Store};

use super::*;

/// A component that calls what the host does not have: a plain function, an async one, one that makes a
/// resource; and that uses a resource of an interface which the host has.
const CALLER: &str = r#"(component
    (import "wasi:io/error@0.2.0" (instance $io (export "error" (type (sub resource)))))
    (alias export $io "error" (type $error))
    (import "spin:types/types@1.0.0" (instance
        (type $size (record (field "bytes" u32)))
        (export "size" (type (eq $size)))))
    (import "spin:llm/llm@2.0.0" (instance $llm
        (export "connection" (type $connection (sub resource)))
        (alias outer 1 $error (type $outer))
        (export "error" (type (eq $outer)))
        (export "infer" (func (param "prompt" string)))
        (export "embed" (func async))
        (export "[static]connection.open" (func (result (own $connection))))
    ))
    (core module $memory
        (memory (export "memory") 1)
        (func (export "realloc") (param i32 i32 i32 i32) (result i32) i32.const 0))
    (core instance $memory (instantiate $memory))
    (core func $infer (canon lower (func $llm "infer")
        (memory $memory "memory") (realloc (func $memory "realloc"))))
    (core func $embed (canon lower (func $llm "embed")))
    (core func $open (canon lower (func $llm "[static]connection.open")))
    (core module $m
        (import "llm" "infer" (func $infer (param i32 i32)))
        (import "llm" "embed" (func $embed))
        (import "llm" "open" (func $open (result i32)))
        (func (export "infer") i32.const 0 i32.const 0 call $infer)
        (func (export "embed") call $embed)
        (func (export "open") call $open drop)
        (func (export "nothing")))
    (core instance $i (instantiate $m (with "llm" (instance
        (export "infer" (func $infer)) (export "embed" (func $embed)) (export "open" (func $open))))))
    (func (export "infer") (canon lift (core func $i "infer")))
    (func (export "embed") async (canon lift (core func $i "embed")))
    (func (export "open") (canon lift (core func $i "open")))
    (func (export "nothing") (canon lift (core func $i "nothing")))
)"#;

enum IoError {}

struct Host {
    engine: Engine,
    linker: Linker<()>,
}

impl Host {
    fn new() -> Self {
        let mut config = Config::new();
        config.wasm_component_model_async(true);
        let engine = Engine::new(&config).unwrap();
        let mut linker = Linker::new(&engine);
        linker
            .instance("wasi:io/error@0.2.0")
            .unwrap()
            .resource("error", ResourceType::host::<IoError>(), |_, _| Ok(()))
            .unwrap();
        Self { engine, linker }
    }

    fn define(&mut self, text: &str, absent: &[&str]) -> Result<(Component, Vec<String>)> {
        let component = Component::new(&self.engine, wat::parse_str(text).unwrap())?;
        let absent: Vec<String> = absent.iter().map(|name| (*name).to_owned()).collect();
        let callable = define(&mut self.linker, &component, &absent)?;
        Ok((component, callable))
    }

    async fn instance(&self, component: &Component) -> (Store<()>, Instance) {
        let mut store = Store::new(&self.engine, ());
        let instance = self
            .linker
            .instantiate_async(&mut store, component)
            .await
            .unwrap();
        (store, instance)
    }
}

const ABSENT: &[&str] = &["spin:llm/llm@2.0.0", "spin:types/types@1.0.0"];

#[tokio::test]
async fn a_call_of_what_the_host_does_not_have_names_it() {
    let mut host = Host::new();
    let (component, _) = host.define(CALLER, ABSENT).unwrap();
    for (export, function) in [
        ("infer", "`infer`"),
        ("embed", "`embed`"),
        ("open", "`[static]connection.open`"),
    ] {
        let (mut store, instance) = host.instance(&component).await;
        let called = instance.get_func(&mut store, export).unwrap();
        let mut results: [Val; 0] = [];
        let error = called
            .call_async(&mut store, &[], &mut results)
            .await
            .unwrap_err();
        let error = error.root_cause().to_string();
        assert!(
            error.contains(function) && error.contains("`spin:llm/llm@2.0.0`"),
            "{export} should name the function and its interface: {error}"
        );
    }
}

#[tokio::test]
async fn who_does_not_call_it_is_served() {
    let mut host = Host::new();
    let (component, _) = host.define(CALLER, ABSENT).unwrap();
    let (mut store, instance) = host.instance(&component).await;
    let nothing = instance.get_func(&mut store, "nothing").unwrap();
    let called = nothing.call_async(&mut store, &[], &mut []).await;
    assert!(called.is_ok(), "{called:?}");
}

#[test]
fn only_interfaces_that_can_be_called_are_told() {
    let (_, callable) = Host::new().define(CALLER, ABSENT).unwrap();
    assert_eq!(callable, ["spin:llm/llm@2.0.0"]);
}

#[test]
fn nothing_is_defined_but_what_is_said_to_be_absent() {
    let mut host = Host::new();
    let (component, callable) = host.define(CALLER, &["spin:types/types@1.0.0"]).unwrap();
    assert_eq!(callable, Vec::<String>::new());
    let error = format!(
        "{:#}",
        host.linker.instantiate_pre(&component).err().unwrap()
    );
    assert!(
        error.contains("spin:llm/llm@2.0.0"),
        "what is missing should be named: {error}"
    );
}

#[test]
fn what_is_neither_a_function_nor_a_type_cannot_be_absent() {
    let module = r#"(component
        (import "spin:llm/llm@2.0.0" (instance (export "code" (core module)))))"#;
    let error = Host::new().define(module, ABSENT).err().unwrap();
    assert!(error.to_string().contains("`code`"), "{error}");
}
