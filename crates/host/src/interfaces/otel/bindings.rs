//! Generated from `wit/deps`.

wasmtime::component::bindgen!({
    path: [
        "../../wit/deps/io@0.2.0",
        "../../wit/deps/clocks@0.2.0",
        "../../wit/deps/otel@0.2.0-rc.2",
    ],
    inline: "
        package doorward:host;
        world telemetry {
            import wasi:otel/metrics@0.2.0-rc.2;
        }
    ",
    require_store_data_send: true,
    with: {
        "wasi:clocks": wasmtime_wasi::p2::bindings::clocks,
        "wasi:io": wasmtime_wasi::p2::bindings::io,
    },
});
