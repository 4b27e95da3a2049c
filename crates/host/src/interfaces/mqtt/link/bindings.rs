//! Generated from `wit/deps`.

wasmtime::component::bindgen!({
    path: [
        "../../wit/deps/fermyon-spin@2.0.0",
        "../../wit/deps/spin-mqtt@3.0.0",
    ],
    inline: "
        package doorward:host;
        world brokers {
            import fermyon:spin/mqtt@2.0.0;
            import spin:mqtt/mqtt@3.0.0;
        }
    ",
    imports: {
        "fermyon:spin/mqtt.[method]connection.publish": async | trappable,
        default: trappable,
    },
    with: {
        "fermyon:spin/mqtt.connection": crate::interfaces::mqtt::service::OpenConnection,
        "spin:mqtt/mqtt.connection": crate::interfaces::mqtt::service::OpenConnection,
    },
});
