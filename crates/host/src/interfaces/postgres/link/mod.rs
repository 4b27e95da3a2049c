//! The functions of the interface, on [`View`](crate::interfaces::interface::View).

mod bindings;
mod convert;
mod spin;

use wasmtime::Result;
use wasmtime::component::Linker;

use self::bindings::spin::postgres::postgres::add_to_linker_instance;
use super::service::Postgres;
use crate::interfaces::interface::{Getter, HostView, Linked};

/// Defines the interface under the name that `named` makes of its own.
pub fn define<T: HostView>(
    linker: &mut Linker<T>,
    named: fn(&str) -> String,
    view: Getter<T, Postgres>,
) -> Result<()> {
    let mut at = linker.instance(&named("spin:postgres/postgres@4.2.0"))?;
    add_to_linker_instance::<T, Linked<Postgres>>(&mut at, view)
}
