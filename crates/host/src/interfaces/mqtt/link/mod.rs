//! The functions of the interfaces, on [`View`](crate::interfaces::interface::View).

mod bindings;
mod spin;
mod spin_v2;

use wasmtime::Result;
use wasmtime::component::Linker;

use self::bindings::fermyon::spin::mqtt as spin_v2_bindings;
use self::bindings::spin::mqtt::mqtt as spin_bindings;
use super::service::Mqtt;
use crate::interfaces::interface::{Getter, HostView, Linked};

/// Defines the interfaces, each under the name that `named` makes of its own.
pub fn define<T: HostView>(
    linker: &mut Linker<T>,
    named: fn(&str) -> String,
    view: Getter<T, Mqtt>,
) -> Result<()> {
    type Link = Linked<Mqtt>;
    let mut at = linker.instance(&named("spin:mqtt/mqtt@3.0.0"))?;
    spin_bindings::add_to_linker_instance::<T, Link>(&mut at, view)?;
    let mut at = linker.instance(&named("fermyon:spin/mqtt@2.0.0"))?;
    spin_v2_bindings::add_to_linker_instance::<T, Link>(&mut at, view)
}
