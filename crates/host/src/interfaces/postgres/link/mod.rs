//! The functions of the interfaces, on [`View`](crate::interfaces::interface::View).

mod bindings;
mod convert;
mod spin;
mod spin_v3;

use wasmtime::Result;
use wasmtime::component::Linker;

use self::bindings::spin::postgres3_0_0::postgres as spin_v3_bindings;
use self::bindings::spin::postgres4_2_0::postgres as spin_bindings;
use super::service::Postgres;
use crate::interfaces::interface::{Getter, HostView, Linked};

/// Defines the interfaces, each under the name that `named` makes of its own.
pub fn define<T: HostView>(
    linker: &mut Linker<T>,
    named: fn(&str) -> String,
    view: Getter<T, Postgres>,
) -> Result<()> {
    type Link = Linked<Postgres>;
    let mut at = linker.instance(&named("spin:postgres/postgres@4.2.0"))?;
    spin_bindings::add_to_linker_instance::<T, Link>(&mut at, view)?;
    let mut at = linker.instance(&named("spin:postgres/postgres@3.0.0"))?;
    spin_v3_bindings::add_to_linker_instance::<T, Link>(&mut at, view)
}
