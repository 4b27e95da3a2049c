//! Generated from `wit/deps`.

wasmtime::component::bindgen!({
    path: "../../wit/deps/spin-redis@3.0.0",
    inline: "
        package doorward:host;
        world redises {
            import spin:redis/redis@3.0.0;
        }
    ",
    imports: { default: trappable },
    with: {
        "spin:redis/redis.connection": crate::interfaces::redis::service::OpenConnection,
    },
});
