//! Generated from `wit/deps`.

wasmtime::component::bindgen!({
    path: "../../wit/deps/spin-postgres@4.2.0",
    inline: "
        package doorward:host;
        world databases {
            import spin:postgres/postgres@4.2.0;
        }
    ",
    imports: {
        "spin:postgres/postgres.[constructor]connection-builder": trappable,
        "spin:postgres/postgres.[drop]connection": trappable,
        "spin:postgres/postgres.[drop]connection-builder": trappable,
        "spin:postgres/postgres.[method]connection-builder.set-ca-root": trappable,
        default: async | trappable,
    },
    with: {
        "spin:postgres/postgres.connection": crate::interfaces::postgres::connection::Connection,
        "spin:postgres/postgres.connection-builder": crate::interfaces::postgres::service::Builder,
    },
});
