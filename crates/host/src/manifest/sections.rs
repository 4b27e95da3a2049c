//! The manifest as a whole: its sections, and what has to hold between them.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Read;
use std::ops::Range;
use std::path::{Path, PathBuf};

use toml::de::DeTable;

use super::error::ManifestError;
use super::model::{Application, Component, HttpTrigger, VariableDeclaration};
use super::read_parts::{Located, ReadComponent};
use super::reader::{Document, Table, Value};
use super::trigger::{TriggerSection, Triggers};
use super::{component, other_triggers, routes};
use crate::nearest::nearest;
use crate::template::check_template;

/// Timers of an application.
pub const TIMERS_MAX: usize = 64;
/// The largest `spin.toml` that is read, in bytes.
pub const MANIFEST_BYTES_MAX: u64 = 1024 * 1024;

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
    check_served(document, &triggers.http, &components);
    check_timers(document, &components);
    let mut notices: Vec<String> = triggers.notice.into_iter().collect();
    notices.extend(base_notice(base));
    notices.extend(routes::notices(document, &triggers.http));

    let details = details?;
    Some(Application {
        name: details.name?,
        version: details.version,
        description: details.description,
        authors: details.authors,
        path: path.to_owned(),
        dir,
        variables,
        triggers: triggers
            .http
            .into_iter()
            .map(|located| located.value)
            .collect(),
        components: components
            .into_iter()
            .map(|(id, read)| (id, read.component))
            .collect(),
        notices,
    })
}

/// Only manifest version 2 is read further: in another one every key would be unknown.
fn read_version(document: &Document<'_>, root: &Table<'_, '_, '_, '_>) -> Option<()> {
    let help = "this host reads version 2: `spin_manifest_version = 2`";
    // `spin_version` is what the oldest manifests call it.
    let version = root
        .get("spin_manifest_version")
        .or_else(|| root.get("spin_version"));
    let Some(value) = version else {
        document.problem_with_help(&(0..0), "the manifest has no `spin_manifest_version`", help);
        return None;
    };
    let integer = value
        .get_ref()
        .as_integer()
        .map(|integer| integer.as_str().to_owned());
    if integer.as_deref() == Some("2") {
        return Some(());
    }
    if value.get_ref().as_str() == Some("1") || integer.as_deref() == Some("1") {
        document.problem_with_help(
            &value.span(),
            "`spin_manifest_version` is 1, and this host reads version 2 only",
            "`spin doctor` rewrites the manifest as version 2",
        );
        return None;
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

/// `[application.trigger.http]`: the base of every route. Settings of other kinds of triggers are
/// theirs.
fn read_trigger_settings(document: &Document<'_>, value: &Value<'_>) -> Option<String> {
    let table = document.table(value, "[application.trigger]")?;
    for (span, kind, value) in table.entries() {
        if !other_triggers::is_misspelt(document, &span, kind) {
            let _ = document.table(value, &format!("[application.trigger.{kind}]"));
        }
    }
    let http = document.table(
        table.get(other_triggers::HTTP)?,
        "[application.trigger.http]",
    )?;
    let base = http.string("base");
    http.finish();
    base
}

/// Spin 4.1 refuses an application whose routes have a base.
fn base_notice(base: &str) -> Option<String> {
    (!matches!(base, "" | "/")).then(|| {
        format!(
            "`base` of [application.trigger.http] is served here, and Spin 4.1 does not start with it: put \
             {base:?} in front of each `route`"
        )
    })
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
    triggers: &Triggers,
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
    for (span, id) in &triggers.named_elsewhere {
        if !components.contains_key(id) {
            unknown(span, "the trigger", id);
        }
    }
    for trigger in &triggers.http {
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
        ("sqlite_databases", component.sqlite_databases.is_empty()),
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

/// What a component needs and this host does not have is a problem where the component runs. One that
/// only another kind of trigger uses is not run here.
fn check_served(
    document: &Document<'_>,
    triggers: &[Located<HttpTrigger>],
    components: &BTreeMap<String, ReadComponent>,
) {
    let used: BTreeSet<&str> = triggers
        .iter()
        .flat_map(|trigger| {
            let middleware = trigger.value.middleware.iter().map(|one| &one.component);
            std::iter::once(&trigger.value.component).chain(middleware)
        })
        .chain(with_timers(components))
        .map(String::as_str)
        .collect();
    let unserved = used
        .into_iter()
        .filter_map(|id| components.get(id))
        .flat_map(|read| &read.unserved);
    for unserved in unserved {
        document.problem_with_help(
            &unserved.span,
            unserved.message.as_str(),
            unserved.help.as_str(),
        );
    }
}

/// The components with a timer.
fn with_timers(components: &BTreeMap<String, ReadComponent>) -> impl Iterator<Item = &String> {
    let timed = components
        .iter()
        .filter(|(_, read)| !read.component.timers.is_empty());
    timed.map(|(id, _)| id)
}

fn check_timers(document: &Document<'_>, components: &BTreeMap<String, ReadComponent>) {
    let mut timers = components.values().flat_map(|read| &read.component.timers);
    if timers.nth(TIMERS_MAX).is_some() {
        document.problem(
            &(0..0),
            format!("the application has more than {TIMERS_MAX} timers"),
        );
    }
}
