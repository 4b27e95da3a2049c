//! No folder is open, so no file exists.

use wasmtime::Result;
use wasmtime::component::{HasData, Linker, Resource};
use wasmtime_wasi::filesystem::Descriptor;
use wasmtime_wasi::p2::bindings::filesystem::preopens as p2;
use wasmtime_wasi::p3::bindings::filesystem::preopens as p3;

use crate::interfaces::import_name::denied_name;

struct NoFolder;

impl HasData for NoFolder {
    type Data<'a> = Self;
}

impl p2::Host for NoFolder {
    fn get_directories(&mut self) -> Result<Vec<(Resource<Descriptor>, String)>> {
        Ok(Vec::new())
    }
}

impl p3::Host for NoFolder {
    fn get_directories(&mut self) -> Result<Vec<(Resource<Descriptor>, String)>> {
        Ok(Vec::new())
    }
}

/// Defines the refusing twins.
pub fn define<T: Send + 'static>(linker: &mut Linker<T>) -> Result<()> {
    let mut twin = linker.instance(&denied_name("wasi:filesystem/preopens@0.2.0"))?;
    p2::add_to_linker_instance::<T, NoFolder>(&mut twin, |_| NoFolder)?;
    let mut twin = linker.instance(&denied_name("wasi:filesystem/preopens@0.3.0"))?;
    p3::add_to_linker_instance::<T, NoFolder>(&mut twin, |_| NoFolder)
}
