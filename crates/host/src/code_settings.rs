//! What compiled code depends on beside the processor.

use wasmtime::Config;

/// The settings with which every component is compiled, at the start or ahead.
pub fn code_settings() -> Config {
    let mut config = Config::new();
    config
        .wasm_component_model_async(true)
        .epoch_interruption(true);
    config
}
