//! The template for `spin new`, rendered as Spin does: as much of Liquid as it uses.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "test code stops at the first thing that is not as the test needs it"
)]

use std::collections::BTreeMap;

use crate::tree::{root, text_of};

/// The folder of the template.
pub const TEMPLATE: &str = "templates/doorward-gate";

/// What is asked for, and what is answered where nothing is.
#[must_use]
pub fn parameters() -> BTreeMap<String, Option<String>> {
    let manifest = text_of(&root().join(TEMPLATE).join("metadata/spin-template.toml"));
    let manifest: toml::Table = toml::from_str(&manifest).unwrap();
    let parameters = manifest.get("parameters").and_then(toml::Value::as_table);
    let default = |parameter: &toml::Value| {
        let default = parameter.get("default").and_then(toml::Value::as_str);
        default.map(str::to_owned)
    };
    let parameters = parameters.unwrap().iter();
    parameters
        .map(|(name, parameter)| (name.clone(), default(parameter)))
        .collect()
}

/// The names of the files that it makes.
#[must_use]
pub fn files() -> Vec<String> {
    let folder = std::fs::read_dir(root().join(TEMPLATE).join("content")).unwrap();
    let names = folder.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned());
    let mut names: Vec<String> = names.collect();
    names.sort();
    names
}

/// A file of it, with these answers; the others are what the template says.
///
/// # Panics
///
/// Where it uses something of Liquid that is not here, or a name that nobody has answered.
#[must_use]
pub fn rendered(file: &str, project: &str, answers: &[(&str, &str)]) -> String {
    let mut values: BTreeMap<String, String> = parameters()
        .into_iter()
        .filter_map(|(name, default)| Some((name, default?)))
        .collect();
    values.insert("project-name".to_owned(), project.to_owned());
    values.insert("authors".to_owned(), String::new());
    for (name, value) in answers {
        assert!(parameters().contains_key(*name), "nobody asks for {name}");
        values.insert((*name).to_owned(), (*value).to_owned());
    }
    let text = text_of(&root().join(TEMPLATE).join("content").join(file));
    substituted(&chosen(&text, &values), &values)
}

/// `{% if NAME == "" %}…{% else %}…{% endif %}`, and with `!=`. They are not in each other.
fn chosen(text: &str, values: &BTreeMap<String, String>) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("{% if ") {
        let (condition, after) = after.split_once(" %}").unwrap();
        let (block, after) = after.split_once("{% endif %}").unwrap();
        let (then, otherwise) = block.split_once("{% else %}").unwrap_or((block, ""));
        let (name, is_equal) = match condition.split_once(" == \"\"") {
            Some((name, "")) => (name, true),
            _ => (condition.strip_suffix(" != \"\"").unwrap(), false),
        };
        let value = values
            .get(name)
            .unwrap_or_else(|| panic!("no answer to {name}"));
        out.push_str(before);
        out.push_str(if value.is_empty() == is_equal {
            then
        } else {
            otherwise
        });
        rest = after;
    }
    out + rest
}

/// `{{ NAME }}`, and with filters.
fn substituted(text: &str, values: &BTreeMap<String, String>) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("{{ ") {
        let (expression, after) = after.split_once(" }}").unwrap();
        let (name, filters) = expression.split_once(" | ").unwrap_or((expression, ""));
        let value = values
            .get(name)
            .unwrap_or_else(|| panic!("no answer to {name}"));
        out.push_str(before);
        match filters {
            "" => out.push_str(value),
            "kebab_case" => {
                let is_kebab = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
                assert!(
                    value.chars().all(is_kebab),
                    "{value} is another one in Spin"
                );
                out.push_str(value);
            }
            r#"split: "/" | slice: 0, 3 | join: "/""# => {
                let parts: Vec<&str> = value.split('/').take(3).collect();
                out.push_str(&parts.join("/"));
            }
            other => panic!("a filter that is not here: {other}"),
        }
        rest = after;
    }
    out + rest
}
