//! Generated from `wit/deps`.

wasmtime::component::bindgen!({
    path: [
        "../../wit/deps/fermyon-spin@2.0.0",
        "../../wit/deps/keyvalue@0.2.0-draft2",
        "../../wit/deps/spin-key-value@3.0.0",
    ],
    inline: "
        package doorward:host;
        world stores {
            import fermyon:spin/key-value@2.0.0;
            import spin:key-value/key-value@3.0.0;
            import wasi:keyvalue/atomics@0.2.0-draft2;
            import wasi:keyvalue/batch@0.2.0-draft2;
            import wasi:keyvalue/store@0.2.0-draft2;
        }
    ",
    imports: {
        "wasi:keyvalue/atomics.[static]cas.new": trappable,
        "spin:key-value": trappable,
        "fermyon:spin/key-value.[drop]store": trappable,
        "wasi:keyvalue/store.[drop]bucket": trappable,
        "wasi:keyvalue/atomics.[drop]cas": trappable,
        default: async | trappable,
    },
    with: {
        "fermyon:spin/key-value.store": crate::interfaces::key_value::store::Store,
        "spin:key-value/key-value.store": crate::interfaces::key_value::store::Store,
        "wasi:keyvalue/store.bucket": crate::interfaces::key_value::store::Store,
        "wasi:keyvalue/atomics.cas": crate::interfaces::key_value::service::Cas,
    },
});
