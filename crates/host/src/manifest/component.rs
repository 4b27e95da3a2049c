//! `[component.ID]`.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::{Path, PathBuf};

use super::model::{Build, Component, FileEntry, Label};
use super::read_parts::ReadComponent;
use super::reader::{Document, Table, Value};
use super::source::{self, Source, Unserved};
use super::timers;

/// Reads `[component]`: every component, by its id.
pub(super) fn read_all(
    document: &Document<'_>,
    value: &Value<'_>,
    manifest: &Path,
) -> BTreeMap<String, ReadComponent> {
    let Some(table) = document.table(value, "[component]") else {
        return BTreeMap::new();
    };
    let mut components = BTreeMap::new();
    for (span, id, value) in table.entries() {
        check_id(document, &span, id);
        if let Some(read) = read(
            document,
            value,
            &format!("[component.{id}]"),
            id,
            &span,
            manifest,
        ) {
            components.insert(id.to_owned(), read);
        }
    }
    components
}

/// Reads one component, whether it stands in `[component.ID]` or inline in a trigger.
pub(super) fn read(
    document: &Document<'_>,
    value: &Value<'_>,
    place: &str,
    id: &str,
    span: &Range<usize>,
    manifest: &Path,
) -> Option<ReadComponent> {
    let table = document.table(value, place)?;
    let mut templates = Vec::new();
    let mut unserved = Vec::new();
    let (source, download) = match source::read(document, &table, &mut unserved) {
        Some(Source::File(path)) => (manifest.with_file_name(path), None),
        Some(Source::Download(download)) => (PathBuf::new(), Some(download)),
        None => (PathBuf::new(), None),
    };
    let variables = read_templates(document, &table, &mut templates);
    let hosts = table.spanned_strings("allowed_outbound_hosts");
    templates.extend(hosts.iter().map(|(span, host)| {
        let place = table.place_of("allowed_outbound_hosts");
        (place, span.clone(), host.clone())
    }));
    let component = Component {
        id: id.to_owned(),
        description: table.string("description").unwrap_or_default(),
        source,
        download,
        files: read_files(document, &table),
        exclude_files: table.strings("exclude_files"),
        environment: read_environment(document, &table),
        key_value_stores: read_labels(document, &table, "key_value_stores", "a store's"),
        sqlite_databases: read_labels(document, &table, "sqlite_databases", "a database's"),
        allowed_outbound_hosts: hosts.into_iter().map(|(_, host)| host).collect(),
        variables,
        build: table
            .get("build")
            .and_then(|value| read_build(document, value, &table.place_of("build"))),
        timers: table.get("tool").map_or_else(Vec::new, |value| {
            timers::read(document, value, &table.place_of("tool"))
        }),
        manifest: manifest.to_owned(),
        line: document.line(span),
    };
    unserved.extend(read_unserved(&table));
    check_others(document, &table);
    table.finish();
    Some(ReadComponent {
        component,
        templates,
        unserved,
    })
}

fn read_templates(
    document: &Document<'_>,
    table: &Table<'_, '_, '_, '_>,
    templates: &mut Vec<(String, Range<usize>, String)>,
) -> BTreeMap<String, String> {
    let place = table.place_of("variables");
    let Some(value) = table.get("variables") else {
        return BTreeMap::new();
    };
    let mut variables = BTreeMap::new();
    for (key_span, key, span, template) in document.string_map(value, &place) {
        check_variable_name(document, &key_span, &key);
        templates.push((format!("{place}.{key}"), span, template.clone()));
        variables.insert(key, template);
    }
    variables
}

fn read_environment(
    document: &Document<'_>,
    table: &Table<'_, '_, '_, '_>,
) -> BTreeMap<String, String> {
    let place = table.place_of("environment");
    let Some(value) = table.get("environment") else {
        return BTreeMap::new();
    };
    let mut environment = BTreeMap::new();
    for (span, name, _, value) in document.string_map(value, &place) {
        if name.is_empty() || name.contains(['=', '\0']) {
            document.problem(
                &span,
                format!("{place}: {name:?} is not a name that the environment can hold"),
            );
        }
        environment.insert(name, value);
    }
    environment
}

/// The labels of stores or of databases, each with its place.
fn read_labels(
    document: &Document<'_>,
    table: &Table<'_, '_, '_, '_>,
    key: &'static str,
    whose: &str,
) -> Vec<Label> {
    let labels = table.spanned_strings(key);
    for (span, label) in &labels {
        if kebab_problem(label, '-').is_some() && kebab_problem(label, '_').is_some() {
            document.problem(
                span,
                format!(
                    "{}: {label:?} is not {whose} label: letters and digits, words joined by \
                     `-` or by `_`",
                    table.place_of(key)
                ),
            );
        }
    }
    let label = |(span, label)| Label {
        label,
        line: document.line(&span),
    };
    labels.into_iter().map(label).collect()
}

fn read_files(document: &Document<'_>, table: &Table<'_, '_, '_, '_>) -> Vec<FileEntry> {
    let place = table.place_of("files");
    let Some(items) = table
        .get("files")
        .and_then(|value| document.array(value, &place))
    else {
        return Vec::new();
    };
    items
        .filter_map(|item| {
            let line = document.line(&item.span());
            if let Some(pattern) = item.get_ref().as_str() {
                return Some(FileEntry::Pattern {
                    pattern: pattern.to_owned(),
                    line,
                });
            }
            if !item.get_ref().is_table() {
                document.problem(
                    &item.span(),
                    format!(
                        "each entry of {place} is a pattern or {{ source = \"…\", destination = \
                         \"…\" }}"
                    ),
                );
                return None;
            }
            let entry = document.table(item, &format!("an entry of {place}"))?;
            let source = entry.required_string("source");
            let destination = entry.required_string("destination");
            entry.finish();
            Some(FileEntry::Placement {
                source: source?,
                destination: destination?,
                line,
            })
        })
        .collect()
}

fn read_build(document: &Document<'_>, value: &Value<'_>, place: &str) -> Option<Build> {
    let table = document.table(value, place)?;
    let command = match table.get("command") {
        None => {
            table.missing("command");
            Vec::new()
        }
        Some(value) if value.get_ref().is_array() => table.strings("command"),
        Some(_) => table.string("command").into_iter().collect(),
    };
    let build = Build {
        command,
        workdir: table.string("workdir").map(PathBuf::from),
        watch: table.strings("watch"),
    };
    table.finish();
    Some(build)
}

/// Keys of Spin that change what the component does and that this host does not serve. Trivially
/// empty ones change nothing and pass.
fn read_unserved(table: &Table<'_, '_, '_, '_>) -> Vec<Unserved> {
    [
        (
            "ai_models",
            "grants models, and this host has none",
            "run the application with `spin up`, or take the key out",
        ),
        (
            "dependencies",
            "composes other components into this one, which this host does for \
             `dependencies.middleware` of a trigger only",
            "compose them beforehand (`wac plug COMPONENT --plug DEPENDENCY -o COMPOSED`) and give the \
             composed file as `source`, or run the application with `spin up`",
        ),
        (
            "allowed_http_hosts",
            "is the deprecated form of `allowed_outbound_hosts`",
            "write `allowed_outbound_hosts = [\"https://host\"]`",
        ),
    ]
    .into_iter()
    .filter_map(|(key, why, help)| {
        let value = table.get(key)?.get_ref();
        let trivially_empty = value.as_array().is_some_and(|list| list.is_empty())
            || value.as_table().is_some_and(|map| map.is_empty());
        (!trivially_empty).then(|| Unserved {
            span: table.key_span(key).unwrap_or_default(),
            message: format!("{} {why}", table.place_of(key)),
            help: help.to_owned(),
        })
    })
    .collect()
}

/// Keys that do not change how this host runs a component.
fn check_others(document: &Document<'_>, table: &Table<'_, '_, '_, '_>) {
    // Without dependencies there is nothing that could inherit.
    let _ = table.boolean("dependencies_inherit_configuration");
    // For deployments.
    let _ = table.get("targets");
    if let Some(value) = table.get("profile") {
        check_profiles(document, value, &table.place_of("profile"));
    }
}

/// `profile.NAME` overrides a few keys under `spin up --profile NAME`. This host runs the default
/// profile, so only the keys' names are checked.
fn check_profiles(document: &Document<'_>, value: &Value<'_>, place: &str) {
    let Some(profiles) = document.table(value, place) else {
        return;
    };
    for (_, name, value) in profiles.entries() {
        let Some(profile) = document.table(value, &format!("{place}.{name}")) else {
            continue;
        };
        for key in ["source", "environment", "dependencies", "build"] {
            let _ = profile.get(key);
        }
        profile.finish();
    }
}

/// A component's id: words of letters and digits, each starting with a letter, joined by `-`.
pub(super) fn check_id(document: &Document<'_>, span: &Range<usize>, id: &str) {
    if let Some(problem) = kebab_problem(id, '-') {
        document.problem(span, format!("{id:?} is not a component's id: {problem}"));
    }
}

fn kebab_problem(id: &str, separator: char) -> Option<String> {
    for word in id.split(separator) {
        let starts_well = word.starts_with(|c: char| c.is_ascii_alphabetic());
        if !starts_well || !word.chars().all(|c| c.is_ascii_alphanumeric()) {
            return Some(format!(
                "it is made of words joined by `{separator}`, each a letter followed by letters \
                 and digits"
            ));
        }
        let lower = word.chars().any(|c| c.is_ascii_lowercase());
        let upper = word.chars().any(|c| c.is_ascii_uppercase());
        if lower && upper {
            return Some(format!("{word:?} mixes lower and upper case"));
        }
    }
    None
}

/// A variable's name: lower case letters, digits and single underscores, a letter first.
pub(super) fn check_variable_name(document: &Document<'_>, span: &Range<usize>, name: &str) {
    let characters = name
        .chars()
        .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
    let well_formed = characters
        && name
            .split('_')
            .all(|word| word.starts_with(|c: char| c.is_ascii_lowercase()));
    if !well_formed {
        document.problem(
            span,
            format!(
                "{name:?} is not a variable's name: words of lower case letters and digits, each \
                 starting with a letter, joined by single underscores"
            ),
        );
    }
}
