//! The manifest as a whole: its sections, and what has to hold between them.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Read;
use std::ops::Range;
use std::path::{Path, PathBuf};

use toml::de::DeTable;

use super::reader::{Document, Table, Value};
use super::trigger::TriggerSection;
use super::{
    Application, Component, HttpTrigger, MANIFEST_BYTES_MAX, ManifestError, Route,
    VariableDeclaration, component,
};
use crate::nearest::nearest;
use crate::variables::check_template;

pub(super) fn load(path: &Path) -> Result<Application, ManifestError> {
    let path = std::path::absolute(path).map_err(|error| cannot_read(path, &error))?;
    let text = read_text(&path)?;
    let dir = path.parent().unwrap_or(Path::new("/")).to_owned();
    parse(&text, &path, dir)
}

fn read_text(path: &Path) -> Result<String, ManifestError> {
    let file = fs::File::open(path).map_err(|error| cannot_read(path, &error))?;
    let mut text = String::new();
    file.take(MANIFEST_BYTES_MAX + 1)
        .read_to_string(&mut text)
        .map_err(|error| cannot_read(path, &error))?;
    if text.len() as u64 > MANIFEST_BYTES_MAX {
        return Err(ManifestError::of_file(
            path,
            format!("the manifest is larger than {MANIFEST_BYTES_MAX} bytes"),
            None,
        ));
    }
    Ok(text)
}

fn cannot_read(path: &Path, error: &std::io::Error) -> ManifestError {
    ManifestError::of_file(
        path,
        format!("the manifest cannot be read: {error}"),
        Some("name another one with `--from path/to/spin.toml`".to_owned()),
    )
}

/// Reads `text`, the content of the manifest at `path` in the folder `dir`.
pub(super) fn parse(text: &str, path: &Path, dir: PathBuf) -> Result<Application, ManifestError> {
    let document = Document::new(text);
    let parsed = match DeTable::parse(text) {
        Ok(parsed) => parsed,
        Err(error) => {
            let span = error.span().unwrap_or(0..0);
            document.problem(&span, format!("not valid TOML: {}", error.message()));
            return Err(ManifestError::new(path, document.into_problems()));
        }
    };
    let root = Table::new(&document, 0..0, String::new(), parsed.get_ref());
    let application = read(&document, root, path, dir);
    let problems = document.into_problems();
    match application {
        Some(application) if problems.is_empty() => Ok(application),
        _ => Err(ManifestError::new(path, problems)),
    }
}

fn read(
    document: &Document<'_>,
    root: Table<'_, '_, '_, '_>,
    path: &Path,
    dir: PathBuf,
) -> Option<Application> {
    read_version(document, &root)?;
    let details = root
        .get("application")
        .and_then(|value| read_details(document, value));
    if root.get("application").is_none() {
        root.missing("application");
    }
    let base = details.as_ref().map_or("", |details| details.base.as_str());

    let variables = root
        .get("variables")
        .map_or_else(BTreeMap::new, |value| read_variables(document, value));
    let mut components = root.get("component").map_or_else(BTreeMap::new, |value| {
        component::read_all(document, value, path)
    });
    let mut section = TriggerSection::new(document, base, path, &mut components);
    match root.get("trigger") {
        Some(value) => section.read(value),
        None => root.missing("trigger"),
    }
    let triggers = section.finish();
    root.finish();

    check_templates(document, &variables, &components);
    check_references(document, &triggers, &components);
    check_routes(document, &triggers);

    let details = details?;
    Some(Application {
        name: details.name?,
        version: details.version,
        description: details.description,
        authors: details.authors,
        path: path.to_owned(),
        dir,
        variables,
        triggers: triggers.into_iter().map(|located| located.value).collect(),
        components: components
            .into_iter()
            .map(|(id, read)| (id, read.component))
            .collect(),
    })
}

/// Only manifest version 2 is read further: in another one every key would be unknown.
fn read_version(document: &Document<'_>, root: &Table<'_, '_, '_, '_>) -> Option<()> {
    let help = "this host reads version 2: `spin_manifest_version = 2`";
    let Some(value) = root.get("spin_manifest_version") else {
        document.problem_with_help(&(0..0), "the manifest has no `spin_manifest_version`", help);
        return None;
    };
    let version = value
        .get_ref()
        .as_integer()
        .map(|integer| integer.as_str().to_owned());
    if version.as_deref() == Some("2") {
        return Some(());
    }
    document.problem_with_help(&value.span(), "`spin_manifest_version` is not 2", help);
    None
}

struct Details {
    name: Option<String>,
    version: String,
    description: String,
    authors: Vec<String>,
    base: String,
}

fn read_details(document: &Document<'_>, value: &Value<'_>) -> Option<Details> {
    let table = document.table(value, "[application]")?;
    let details = Details {
        name: table.required_string("name"),
        version: table.string("version").unwrap_or_default(),
        description: table.string("description").unwrap_or_default(),
        authors: table.strings("authors"),
        base: table
            .get("trigger")
            .and_then(|value| read_trigger_settings(document, value))
            .unwrap_or_default(),
    };
    // Neither changes how an application runs: `targets` is for deployments, `tool` for others.
    let _ = (table.get("targets"), table.get("tool"));
    table.finish();
    Some(details)
}

/// `[application.trigger.http]`: the base of every route.
fn read_trigger_settings(document: &Document<'_>, value: &Value<'_>) -> Option<String> {
    let table = document.table(value, "[application.trigger]")?;
    let base = table.get("http").and_then(|value| {
        let http = document.table(value, "[application.trigger.http]")?;
        let base = http.string("base");
        http.finish();
        base
    });
    table.finish();
    base
}

fn read_variables(
    document: &Document<'_>,
    value: &Value<'_>,
) -> BTreeMap<String, VariableDeclaration> {
    let Some(table) = document.table(value, "[variables]") else {
        return BTreeMap::new();
    };
    let mut variables = BTreeMap::new();
    for (span, name, value) in table.entries() {
        component::check_variable_name(document, &span, name);
        let Some(entry) = document.table(value, &format!("[variables] `{name}`")) else {
            continue;
        };
        let declaration = VariableDeclaration {
            default: entry.string("default"),
            required: entry.boolean("required").unwrap_or(false),
            secret: entry.boolean("secret").unwrap_or(false),
            description: entry.string("description").unwrap_or_default(),
            line: document.line(&span),
        };
        entry.finish();
        if declaration.required == declaration.default.is_some() {
            document.problem(
                &span,
                format!(
                    "the variable `{name}` needs either `required = true` or a `default`, and not \
                     both"
                ),
            );
        }
        variables.insert(name.to_owned(), declaration);
    }
    variables
}

/// A part of the application with the places of what it refers to.
pub(super) struct Located<T> {
    pub(super) value: T,
    /// Where the route is written.
    pub(super) route: Range<usize>,
    /// Where the component is named; empty for one written inline.
    pub(super) component: Range<usize>,
    /// Where each middleware's component is named.
    pub(super) middleware: Vec<Range<usize>>,
}

/// A component with the places of its templates.
pub(super) struct ReadComponent {
    pub(super) component: Component,
    /// What each template is called, where it is, and the template.
    pub(super) templates: Vec<(String, Range<usize>, String)>,
}

fn check_templates(
    document: &Document<'_>,
    variables: &BTreeMap<String, VariableDeclaration>,
    components: &BTreeMap<String, ReadComponent>,
) {
    let declared: BTreeSet<&str> = variables.keys().map(String::as_str).collect();
    for (place, span, template) in components.values().flat_map(|read| &read.templates) {
        if let Err(error) = check_template(template, &declared) {
            document.problem(span, format!("{place}: {error}"));
        }
    }
}

fn check_references(
    document: &Document<'_>,
    triggers: &[Located<HttpTrigger>],
    components: &BTreeMap<String, ReadComponent>,
) {
    let unknown = |span: &Range<usize>, what: &str, id: &str| {
        let message = format!("{what} names the component `{id}`, which does not exist");
        match nearest(id, components.keys().map(String::as_str)) {
            Some(near) => {
                document.problem_with_help(span, message, format!("did you mean `{near}`?"));
            }
            None => document.problem_with_help(
                span,
                message,
                format!("declare it as `[component.{id}]`"),
            ),
        }
    };
    for trigger in triggers {
        let id = &trigger.value.component;
        if !id.is_empty() && !components.contains_key(id) {
            unknown(&trigger.component, "the trigger", id);
        }
        for (middleware, span) in trigger.value.middleware.iter().zip(&trigger.middleware) {
            match components.get(&middleware.component) {
                None => unknown(span, "the middleware", &middleware.component),
                Some(read) => check_middleware(document, span, &read.component),
            }
        }
    }
}

/// A middleware gets its grants from the primary component alone: grants of its own would look as
/// if they counted. Spin refuses them too.
fn check_middleware(document: &Document<'_>, span: &Range<usize>, component: &Component) {
    let own: Vec<&str> = [
        (
            "allowed_outbound_hosts",
            component.allowed_outbound_hosts.is_empty(),
        ),
        ("environment", component.environment.is_empty()),
        ("files", component.files.is_empty()),
        ("key_value_stores", component.key_value_stores.is_empty()),
        ("variables", component.variables.is_empty()),
    ]
    .into_iter()
    .filter_map(|(name, empty)| (!empty).then_some(name))
    .collect();
    if !own.is_empty() {
        document.problem_with_help(
            span,
            format!(
                "`{}` cannot be a middleware, because it has grants of its own: {}",
                component.id,
                own.join(", ")
            ),
            "give them to the primary component and name the sets in `inherit_configuration`",
        );
    }
}

/// Two routes that match the same paths leave one of them dead; Spin warns, this host refuses.
fn check_routes(document: &Document<'_>, triggers: &[Located<HttpTrigger>]) {
    for (index, trigger) in triggers.iter().enumerate() {
        let Route::Pattern(pattern) = &trigger.value.route else {
            continue;
        };
        let earlier = triggers.iter().take(index).find(|other| {
            matches!(&other.value.route, Route::Pattern(first) if first.same_paths(pattern))
        });
        if let Some(earlier) = earlier {
            document.problem(
                &trigger.route,
                format!(
                    "the route `{}` of `{}` matches the same paths as the one on line {}, of `{}`",
                    pattern.raw(),
                    trigger.value.component,
                    document.line(&earlier.route),
                    earlier.value.component
                ),
            );
        }
        if pattern.is_reserved() {
            document.problem(
                &trigger.route,
                format!(
                    "the route `{}` is under /.well-known/spin/, which the host answers itself",
                    pattern.raw()
                ),
            );
        }
    }
}
