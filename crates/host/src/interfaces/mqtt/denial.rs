//! No connection can be opened, so there is none to ask by.

use wasmtime::Result;
use wasmtime::component::Linker;

use super::link;
use crate::interfaces::import_name::denied_name;
use crate::interfaces::interface::{HostView, nothing_granted};

/// Defines the refusing twin.
pub fn define<T: HostView>(linker: &mut Linker<T>) -> Result<()> {
    link::define(linker, denied_name, nothing_granted)
}
