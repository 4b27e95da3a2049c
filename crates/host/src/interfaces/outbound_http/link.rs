//! HTTP as `wasmtime-wasi-http` links it, types included; the requests go to what the instance's view names.

use wasmtime::Result;
use wasmtime::component::Linker;
use wasmtime_wasi_http::{WasiHttpView, p2, p3};

/// Defines the interfaces.
pub fn define<T: WasiHttpView + Send + 'static>(linker: &mut Linker<T>) -> Result<()> {
    p2::add_only_http_to_linker_async(linker)?;
    p3::add_to_linker(linker)
}
