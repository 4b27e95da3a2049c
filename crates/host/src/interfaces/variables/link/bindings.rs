//! Generated from `wit/deps`.

wasmtime::component::bindgen!({
    path: [
        "../../wit/deps/config@0.2.0-draft-2024-09-27",
        "../../wit/deps/fermyon-spin@2.0.0",
        "../../wit/deps/spin-variables@3.0.0",
    ],
    inline: "
        package doorward:host;
        world variables {
            import fermyon:spin/variables@2.0.0;
            import spin:variables/variables@3.0.0;
            import wasi:config/store@0.2.0-draft-2024-09-27;
        }
    ",
});
