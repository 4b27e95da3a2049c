//! Generated from `wit/deps`.

wasmtime::component::bindgen!({
    path: [
        "../../wit/deps/spin-postgres@3.0.0",
        "../../wit/deps/spin-postgres@4.2.0",
    ],
    inline: "
        package doorward:host;
        world databases {
            import spin:postgres/postgres@3.0.0;
            import spin:postgres/postgres@4.2.0;
        }
    ",
    imports: {
        "spin:postgres/postgres@3.0.0.[drop]connection": trappable,
        "spin:postgres/postgres@4.2.0.[constructor]connection-builder": trappable,
        "spin:postgres/postgres@4.2.0.[drop]connection": trappable,
        "spin:postgres/postgres@4.2.0.[drop]connection-builder": trappable,
        "spin:postgres/postgres@4.2.0.[method]connection-builder.set-ca-root": trappable,
        default: async | trappable,
    },
    with: {
        "spin:postgres/postgres@3.0.0.connection": crate::interfaces::postgres::connection::Connection,
        "spin:postgres/postgres@4.2.0.connection": crate::interfaces::postgres::connection::Connection,
        "spin:postgres/postgres@4.2.0.connection-builder": crate::interfaces::postgres::service::Builder,
    },
});
