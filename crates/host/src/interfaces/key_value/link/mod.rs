//! The functions of the interfaces, on [`View`](crate::interfaces::interface::View).

mod bindings;
mod spin;
mod spin_v2;
mod wasi;

use wasmtime::Result;
use wasmtime::component::Linker;

use self::bindings::fermyon::spin::key_value as spin_v2_bindings;
use self::bindings::spin::key_value::key_value as spin_bindings;
use self::bindings::wasi::keyvalue::{atomics, batch, store};
use super::service::KeyValue;
use crate::interfaces::interface::{Getter, HostView, Linked};

/// Defines the interfaces, each under the name that `named` makes of its own.
pub fn define<T: HostView>(
    linker: &mut Linker<T>,
    named: fn(&str) -> String,
    view: Getter<T, KeyValue>,
) -> Result<()> {
    type Link = Linked<KeyValue>;
    let mut at = linker.instance(&named("spin:key-value/key-value@3.0.0"))?;
    spin_bindings::add_to_linker_instance::<T, Link>(&mut at, view)?;
    let mut at = linker.instance(&named("fermyon:spin/key-value@2.0.0"))?;
    spin_v2_bindings::add_to_linker_instance::<T, Link>(&mut at, view)?;
    let mut at = linker.instance(&named("wasi:keyvalue/store@0.2.0-draft2"))?;
    store::add_to_linker_instance::<T, Link>(&mut at, view)?;
    let mut at = linker.instance(&named("wasi:keyvalue/atomics@0.2.0-draft2"))?;
    atomics::add_to_linker_instance::<T, Link>(&mut at, view)?;
    let mut at = linker.instance(&named("wasi:keyvalue/batch@0.2.0-draft2"))?;
    batch::add_to_linker_instance::<T, Link>(&mut at, view)
}
