//! The functions of the interfaces, on [`View`].

mod bindings;

use wasmtime::Result;
use wasmtime::component::{Accessor, Linker};

use self::bindings::fermyon::spin::variables as spin_v2;
use self::bindings::spin::variables::variables as spin;
use self::bindings::wasi::config::store as config;
use super::service::{SpinVariables, VariableError, undefined};
use crate::interfaces::interface::{Getter, HostView, Linked, View};

/// Defines the interfaces, each under the name that `named` makes of its own.
pub fn define<T: HostView>(
    linker: &mut Linker<T>,
    named: fn(&str) -> String,
    view: Getter<T, SpinVariables>,
) -> Result<()> {
    type Link = Linked<SpinVariables>;
    let mut at = linker.instance(&named("spin:variables/variables@3.0.0"))?;
    spin::add_to_linker_instance::<T, Link>(&mut at, view)?;
    let mut at = linker.instance(&named("fermyon:spin/variables@2.0.0"))?;
    spin_v2::add_to_linker_instance::<T, Link>(&mut at, view)?;
    let mut at = linker.instance(&named("wasi:config/store@0.2.0-draft-2024-09-27"))?;
    config::add_to_linker_instance::<T, Link>(&mut at, view)
}

impl View<'_, SpinVariables> {
    fn value(&self, name: &str) -> Result<String, VariableError> {
        match &self.instance {
            Some(variables) => variables.get(name),
            None => Err(undefined(name)),
        }
    }
}

impl From<VariableError> for spin::Error {
    fn from(error: VariableError) -> Self {
        match error {
            VariableError::InvalidName(name) => Self::InvalidName(name),
            VariableError::Undefined(what) => Self::Undefined(what),
        }
    }
}

impl From<VariableError> for spin_v2::Error {
    fn from(error: VariableError) -> Self {
        match error {
            VariableError::InvalidName(name) => Self::InvalidName(name),
            VariableError::Undefined(what) => Self::Undefined(what),
        }
    }
}

impl spin::Host for View<'_, SpinVariables> {}

impl<T> spin::HostWithStore<T> for Linked<SpinVariables> {
    async fn get(accessor: &Accessor<T, Self>, name: String) -> Result<String, spin::Error> {
        let value = accessor.with(|mut access| access.get().value(&name));
        value.map_err(spin::Error::from)
    }
}

impl spin_v2::Host for View<'_, SpinVariables> {
    fn get(&mut self, name: String) -> Result<String, spin_v2::Error> {
        self.value(&name).map_err(spin_v2::Error::from)
    }
}

// The refusing twin says an error, as in Spin: a key without a value is not the same. A name that cannot be one
// of a variable is a key without a value, as in Spin.
impl config::Host for View<'_, SpinVariables> {
    fn get(&mut self, name: String) -> Result<Option<String>, config::Error> {
        let variables = self.instance.as_ref().ok_or_else(not_permitted)?;
        Ok(variables.get(&name).ok())
    }

    fn get_all(&mut self) -> Result<Vec<(String, String)>, config::Error> {
        let variables = self.instance.as_ref().ok_or_else(not_permitted)?;
        Ok(variables.all())
    }
}

fn not_permitted() -> config::Error {
    config::Error::Io("\"wasi:config/store\" is not permitted".to_owned())
}

#[cfg(test)]
mod tests {
    use wasmtime::component::ResourceTable;

    use super::*;

    #[test]
    fn a_refusing_twin_defines_no_variable_and_says_so_where_the_interface_can() {
        let mut table = ResourceTable::new();
        let mut twin = View::<SpinVariables> {
            table: &mut table,
            instance: None,
        };
        assert!(matches!(
            twin.value("name"),
            Err(VariableError::Undefined(_))
        ));
        assert!(matches!(
            config::Host::get(&mut twin, "name".to_owned()),
            Err(config::Error::Io(_))
        ));
        assert!(matches!(
            config::Host::get_all(&mut twin),
            Err(config::Error::Io(_))
        ));
    }
}
