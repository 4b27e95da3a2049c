//! `spin:variables/variables@3.0.0` for components, and the same variables as `fermyon:spin/variables@2.0.0`
//! and `wasi:config/store@0.2.0-draft-2024-09-27`.

use std::collections::BTreeMap;
use std::fmt;

use wasmtime::Result;
use wasmtime::component::{ComponentType, Lift, Linker, Lower};

use crate::state::HostState;

/// Bytes of a variable's name; longer ones cannot exist.
const NAME_BYTES_MAX: usize = 256;

/// The variables of one component with their values, resolved when the application started.
pub struct ComponentVariables(BTreeMap<String, String>);

impl ComponentVariables {
    /// Takes names and values.
    #[must_use]
    pub fn new(values: BTreeMap<String, String>) -> Self {
        Self(values)
    }

    fn get(&self, name: &str) -> Result<String, VariableError> {
        if !is_name(name) {
            return Err(VariableError::InvalidName(shortened(name)));
        }
        self.0.get(name).cloned().ok_or_else(|| undefined(name))
    }

    fn all(&self) -> Vec<(String, String)> {
        self.0.clone().into_iter().collect()
    }
}

// By hand: values may be secrets.
impl fmt::Debug for ComponentVariables {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

/// `spin:variables/variables.error`.
#[derive(Clone, ComponentType, Debug, Lift, Lower, PartialEq, Eq)]
#[component(variant)]
pub enum VariableError {
    /// The name cannot be one of a variable.
    #[component(name = "invalid-name")]
    InvalidName(String),
    /// The component has no such variable.
    #[component(name = "undefined")]
    Undefined(String),
    /// Not used by this host.
    #[component(name = "provider")]
    Provider(String),
    /// Not used by this host.
    #[component(name = "other")]
    Other(String),
}

/// Whether a text can name a variable: lower-case letters, digits and underscores, a letter first.
fn is_name(name: &str) -> bool {
    name.len() <= NAME_BYTES_MAX
        && name.starts_with(|first: char| first.is_ascii_lowercase())
        && name
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
}

fn shortened(name: &str) -> String {
    name.chars().take(NAME_BYTES_MAX).collect()
}

/// Defines the interface under `name`; `allowed` is false for its refusing twin, in which no
/// variable is defined.
pub(crate) fn add_to_linker(
    linker: &mut Linker<HostState>,
    name: &str,
    allowed: bool,
) -> Result<()> {
    linker
        .instance(name)?
        .func_wrap_concurrent("get", move |accessor, (name,): (String,)| {
            let value = accessor.with(|mut access| get(access.data_mut(), &name, allowed));
            Box::pin(async move { Ok((value,)) })
        })
}

/// Defines `fermyon:spin/variables@2.0.0` under `name`; `allowed` as in [`add_to_linker`].
pub(crate) fn add_v2_to_linker(
    linker: &mut Linker<HostState>,
    name: &str,
    allowed: bool,
) -> Result<()> {
    linker
        .instance(name)?
        .func_wrap("get", move |store, (name,): (String,)| {
            Ok((get(store.data(), &name, allowed),))
        })
}

/// `wasi:config/store.error`.
#[derive(Clone, ComponentType, Debug, Lift, Lower, PartialEq, Eq)]
#[component(variant)]
enum ConfigError {
    /// Not used by this host.
    #[component(name = "upstream")]
    Upstream(String),
    /// The component may not have the values.
    #[component(name = "io")]
    Io(String),
}

/// Defines `wasi:config/store@0.2.0-draft-2024-09-27` under `name`; `allowed` as in [`add_to_linker`], and
/// what the refusing twin says is an error, as in Spin: a key without a value is not the same.
///
/// A name that cannot be one of a variable is a key without a value, as in Spin.
pub(crate) fn add_config_to_linker(
    linker: &mut Linker<HostState>,
    name: &str,
    allowed: bool,
) -> Result<()> {
    let refused = || ConfigError::Io("\"wasi:config/store\" is not permitted".to_owned());
    let mut interface = linker.instance(name)?;
    interface.func_wrap("get", move |store, (name,): (String,)| {
        let value = match allowed {
            true => Ok(store.data().variables.get(&name).ok()),
            false => Err(refused()),
        };
        Ok((value,))
    })?;
    interface.func_wrap("get-all", move |store, (): ()| {
        let all = match allowed {
            true => Ok(store.data().variables.all()),
            false => Err(refused()),
        };
        Ok((all,))
    })
}

fn get(state: &HostState, name: &str, allowed: bool) -> Result<String, VariableError> {
    if allowed {
        return state.variables.get(name);
    }
    Err(undefined(name))
}

fn undefined(name: &str) -> VariableError {
    VariableError::Undefined(format!("no variable named {:?}", shortened(name)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn variables() -> ComponentVariables {
        ComponentVariables::new(BTreeMap::from([(
            "api_key".to_owned(),
            "s3cret".to_owned(),
        )]))
    }

    #[test]
    fn a_variable_of_the_component_has_its_value() {
        assert_eq!(variables().get("api_key"), Ok("s3cret".to_owned()));
    }

    #[test]
    fn a_variable_that_the_component_lacks_is_undefined() {
        assert!(matches!(
            variables().get("other"),
            Err(VariableError::Undefined(_))
        ));
    }

    #[test]
    fn a_text_that_cannot_be_a_name_is_an_invalid_name() {
        for name in ["", "Api", "1a", "a-b", "a b", "é", &"a".repeat(300)] {
            assert!(
                matches!(variables().get(name), Err(VariableError::InvalidName(_))),
                "{name:?} cannot name a variable"
            );
        }
    }

    #[test]
    fn debug_output_shows_no_value() {
        assert!(!format!("{:?}", variables()).contains("s3cret"));
    }
}
