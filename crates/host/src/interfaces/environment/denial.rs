//! An empty environment, no arguments, no working directory.

use wasmtime::Result;
use wasmtime::component::{HasData, Linker};
use wasmtime_wasi::p2::bindings::cli::environment as p2;
use wasmtime_wasi::p3::bindings::cli::environment as p3;

use crate::interfaces::import_name::denied_name;

struct Empty;

impl HasData for Empty {
    type Data<'a> = Self;
}

impl p2::Host for Empty {
    fn get_environment(&mut self) -> Result<Vec<(String, String)>> {
        Ok(Vec::new())
    }

    fn get_arguments(&mut self) -> Result<Vec<String>> {
        Ok(Vec::new())
    }

    fn initial_cwd(&mut self) -> Result<Option<String>> {
        Ok(None)
    }
}

impl p3::Host for Empty {
    fn get_environment(&mut self) -> Result<Vec<(String, String)>> {
        Ok(Vec::new())
    }

    fn get_arguments(&mut self) -> Result<Vec<String>> {
        Ok(Vec::new())
    }

    fn get_initial_cwd(&mut self) -> Result<Option<String>> {
        Ok(None)
    }
}

/// Defines the refusing twins.
pub fn define<T: Send + 'static>(linker: &mut Linker<T>) -> Result<()> {
    let mut twin = linker.instance(&denied_name("wasi:cli/environment@0.2.0"))?;
    p2::add_to_linker_instance::<T, Empty>(&mut twin, |_| Empty)?;
    let mut twin = linker.instance(&denied_name("wasi:cli/environment@0.3.0"))?;
    p3::add_to_linker_instance::<T, Empty>(&mut twin, |_| Empty)
}
