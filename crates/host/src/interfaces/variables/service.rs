//! The variables of one component, whatever the interface through which they are read.

use std::collections::BTreeMap;
use std::fmt;

/// Bytes of a variable's name; longer ones cannot exist.
const NAME_BYTES_MAX: usize = 256;

/// The variables.
pub struct SpinVariables;

/// The variables of one component with their values, resolved when the application started.
pub struct ComponentVariables(BTreeMap<String, String>);

impl ComponentVariables {
    /// Takes names and values.
    #[must_use]
    pub fn new(values: BTreeMap<String, String>) -> Self {
        Self(values)
    }

    /// The value of a variable.
    ///
    /// # Errors
    ///
    /// When the name cannot be one, or the component has no such variable.
    pub fn get(&self, name: &str) -> Result<String, VariableError> {
        if !is_name(name) {
            return Err(VariableError::InvalidName(shortened(name)));
        }
        self.0.get(name).cloned().ok_or_else(|| undefined(name))
    }

    /// Every variable with its value.
    #[must_use]
    pub fn all(&self) -> Vec<(String, String)> {
        self.0.clone().into_iter().collect()
    }
}

// By hand: values may be secrets.
impl fmt::Debug for ComponentVariables {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

/// Why there is no value. Each interface says it in its own words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum VariableError {
    /// The name cannot be one of a variable.
    InvalidName(String),
    /// The component has no such variable.
    Undefined(String),
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

/// Why a variable that a component does not have gives nothing.
#[must_use]
pub fn undefined(name: &str) -> VariableError {
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
