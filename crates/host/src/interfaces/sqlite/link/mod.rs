//! The functions of the interfaces, on [`View`](crate::interfaces::interface::View).

mod bindings;
mod spin;
mod spin_v2;
mod values;

use wasmtime::Result;
use wasmtime::component::Linker;

use self::bindings::fermyon::spin::sqlite as spin_v2_bindings;
use self::bindings::spin::sqlite::sqlite as spin_bindings;
use super::service::Sqlite;
use crate::interfaces::interface::{Getter, HostView, Linked};

/// Defines the interfaces, each under the name that `named` makes of its own.
pub fn define<T: HostView>(
    linker: &mut Linker<T>,
    named: fn(&str) -> String,
    view: Getter<T, Sqlite>,
) -> Result<()> {
    type Link = Linked<Sqlite>;
    let mut at = linker.instance(&named("spin:sqlite/sqlite@3.1.0"))?;
    spin_bindings::add_to_linker_instance::<T, Link>(&mut at, view)?;
    let mut at = linker.instance(&named("fermyon:spin/sqlite@2.0.0"))?;
    spin_v2_bindings::add_to_linker_instance::<T, Link>(&mut at, view)
}
