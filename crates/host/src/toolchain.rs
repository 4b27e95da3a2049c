//! The `wasm32-wasip2` target of the Rust toolchain: found, or set up.
