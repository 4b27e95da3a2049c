//! Templates over the variables of an application, such as `"https://{{ host }}/"`.

use std::collections::BTreeSet;
use std::fmt;

use crate::nearest::nearest;

/// Why a template cannot be resolved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TemplateError {
    /// `{{` without `}}`.
    Unclosed,
    /// `{{ }}`.
    Empty,
    /// No variable of the application has this name.
    Unknown {
        /// The name.
        name: String,
        /// A declared name that is near.
        nearest: Option<String>,
    },
}

impl fmt::Display for TemplateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unclosed => f.write_str("`{{` has no `}}` after it"),
            Self::Empty => f.write_str("`{{ }}` names no variable"),
            Self::Unknown { name, nearest } => {
                write!(f, "`{{{{ {name} }}}}`: [variables] declares no `{name}`")?;
                match nearest {
                    Some(near) => write!(f, "; did you mean `{near}`?"),
                    None => Ok(()),
                }
            }
        }
    }
}

impl std::error::Error for TemplateError {}

/// Checks a template against the variables that are declared.
///
/// # Errors
/// See [`TemplateError`].
pub fn check_template(template: &str, declared: &BTreeSet<&str>) -> Result<(), TemplateError> {
    for part in parts(template)? {
        if let TemplatePart::Variable(name) = part
            && !declared.contains(name)
        {
            return Err(TemplateError::Unknown {
                name: name.to_owned(),
                nearest: nearest(name, declared.iter().copied()).map(str::to_owned),
            });
        }
    }
    Ok(())
}

/// A part of a template.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TemplatePart<'t> {
    /// Text as it is.
    Literal(&'t str),
    /// The name of a variable.
    Variable(&'t str),
}

/// The parts of a template, in order.
///
/// # Errors
/// See [`TemplateError`].
pub fn parts(template: &str) -> Result<Vec<TemplatePart<'_>>, TemplateError> {
    let mut parts = Vec::new();
    let mut rest = template;
    while let Some((literal, after)) = rest.split_once("{{") {
        if !literal.is_empty() {
            parts.push(TemplatePart::Literal(literal));
        }
        let (name, after) = after.split_once("}}").ok_or(TemplateError::Unclosed)?;
        match name.trim() {
            "" => return Err(TemplateError::Empty),
            name => parts.push(TemplatePart::Variable(name)),
        }
        rest = after;
    }
    if !rest.is_empty() {
        parts.push(TemplatePart::Literal(rest));
    }
    Ok(parts)
}
