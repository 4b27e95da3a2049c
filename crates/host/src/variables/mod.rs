//! The variables of an application and the templates that its components make of them.
//!
//! A value comes, in Spin's order, from `--variable name=value`, from the environment variable
//! `SPIN_VARIABLE_NAME`, or from the manifest's default. A component sees only the variables of
//! its own `[component.ID.variables]`, each a template such as `"https://{{ host }}/"`.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;

use crate::manifest::{Application, Component};
use crate::nearest::nearest;
pub use crate::template::{TemplateError, check_template};
use crate::template::{TemplatePart, parts};

/// The prefix of the environment variables that give values.
pub const ENVIRONMENT_PREFIX: &str = "SPIN_VARIABLE_";

/// Every variable of an application with its value.
///
/// `Debug` shows names only: any of the values may be a secret.
#[derive(Clone, PartialEq, Eq)]
pub struct Variables {
    values: BTreeMap<String, String>,
}

impl fmt::Debug for Variables {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.values.keys()).finish()
    }
}

/// Why the variables of an application have no values. Never holds a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum VariablesError {
    /// Variables are required and nothing gives their values.
    Missing {
        /// Their names.
        names: Vec<String>,
    },
    /// `--variable` names a variable that the manifest does not declare.
    Unknown {
        /// The name.
        name: String,
        /// A declared name that is near.
        nearest: Option<String>,
    },
    /// The environment variable of a variable is not UTF-8.
    NotUnicode {
        /// The name of the environment variable.
        environment: String,
    },
    /// A template that is not one.
    Template {
        /// The component and the key that hold it.
        place: String,
        /// What is wrong.
        error: TemplateError,
    },
}

impl fmt::Display for VariablesError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing { names } => {
                for (index, name) in names.iter().enumerate() {
                    if index > 0 {
                        writeln!(f)?;
                    }
                    write!(
                        f,
                        "the variable `{name}` is required and has no value: give it with \
                         `--variable {name}=…` or in the environment as {}",
                        environment_name(name)
                    )?;
                }
                Ok(())
            }
            Self::Unknown { name, nearest } => {
                write!(f, "--variable {name}: spin.toml declares no such variable")?;
                match nearest {
                    Some(near) => write!(f, "; did you mean `{near}`?"),
                    None => Ok(()),
                }
            }
            Self::NotUnicode { environment } => {
                write!(
                    f,
                    "the environment variable {environment} is not valid UTF-8"
                )
            }
            Self::Template { place, error } => write!(f, "{place}: {error}"),
        }
    }
}

impl std::error::Error for VariablesError {}

impl Variables {
    /// Finds the value of every variable of `application`: `given` first (the last of one name
    /// counts), then this process's environment, then the default.
    ///
    /// # Errors
    /// See [`VariablesError`].
    pub fn resolve(
        application: &Application,
        given: &[(String, String)],
    ) -> Result<Self, VariablesError> {
        Self::resolve_from(application, given, |name| std::env::var_os(name))
    }

    /// [`Variables::resolve`] with an environment of the caller's choice.
    ///
    /// # Errors
    /// See [`VariablesError`].
    pub fn resolve_from(
        application: &Application,
        given: &[(String, String)],
        environment: impl Fn(&str) -> Option<OsString>,
    ) -> Result<Self, VariablesError> {
        let declared = &application.variables;
        if let Some((name, _)) = given.iter().find(|(name, _)| !declared.contains_key(name)) {
            return Err(VariablesError::Unknown {
                name: name.clone(),
                nearest: nearest(name, declared.keys().map(String::as_str)).map(str::to_owned),
            });
        }
        let mut values = BTreeMap::new();
        let mut missing = Vec::new();
        for (name, declaration) in declared {
            let from_flags = given.iter().rev().find(|(key, _)| key == name);
            let value = if let Some((_, value)) = from_flags {
                Some(value.clone())
            } else if let Some(value) = environment(&environment_name(name)) {
                Some(
                    value
                        .into_string()
                        .map_err(|_| VariablesError::NotUnicode {
                            environment: environment_name(name),
                        })?,
                )
            } else {
                declaration.default.clone()
            };
            match value {
                Some(value) => {
                    values.insert(name.clone(), value);
                }
                None => missing.push(name.clone()),
            }
        }
        if missing.is_empty() {
            Ok(Self { values })
        } else {
            Err(VariablesError::Missing { names: missing })
        }
    }

    /// The variables that `component` sees, by the names that it uses.
    ///
    /// # Errors
    /// A template that is malformed or names a variable that does not exist; the manifest's reader
    /// has found these before.
    pub fn of_component(
        &self,
        component: &Component,
    ) -> Result<BTreeMap<String, String>, VariablesError> {
        component
            .variables
            .iter()
            .map(|(key, template)| {
                let value = self
                    .expand(template)
                    .map_err(|error| VariablesError::Template {
                        place: format!("component `{}`, variable `{key}`", component.id),
                        error,
                    })?;
                Ok((key.clone(), value))
            })
            .collect()
    }

    /// Puts the values into a template, such as an entry of `allowed_outbound_hosts`.
    ///
    /// # Errors
    /// See [`TemplateError`].
    pub fn expand(&self, template: &str) -> Result<String, TemplateError> {
        let mut text = String::new();
        for part in parts(template)? {
            match part {
                TemplatePart::Literal(literal) => text.push_str(literal),
                TemplatePart::Variable(name) => match self.values.get(name) {
                    Some(value) => text.push_str(value),
                    None => {
                        return Err(TemplateError::Unknown {
                            name: name.to_owned(),
                            nearest: nearest(name, self.values.keys().map(String::as_str))
                                .map(str::to_owned),
                        });
                    }
                },
            }
        }
        Ok(text)
    }
}

/// The environment variable that gives the value of a variable.
#[must_use]
pub fn environment_name(name: &str) -> String {
    format!("{ENVIRONMENT_PREFIX}{}", name.to_ascii_uppercase())
}

#[cfg(test)]
mod tests;
