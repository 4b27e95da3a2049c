//! Generated from `wit/deps`.

wasmtime::component::bindgen!({
    path: [
        "../../wit/deps/fermyon-spin@2.0.0",
        "../../wit/deps/spin-sqlite@3.1.0",
    ],
    inline: "
        package doorward:host;
        world databases {
            import fermyon:spin/sqlite@2.0.0;
            import spin:sqlite/sqlite@3.1.0;
        }
    ",
    imports: {
        "fermyon:spin/sqlite.[drop]connection": trappable,
        "spin:sqlite/sqlite.[drop]connection": trappable,
        default: async | trappable,
    },
    with: {
        "fermyon:spin/sqlite.connection": crate::interfaces::sqlite::connection::Connection,
        "spin:sqlite/sqlite.connection": crate::interfaces::sqlite::connection::Connection,
    },
});
