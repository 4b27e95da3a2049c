//! What a manifest says.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::{Path, PathBuf};

use super::source::Download;
use super::static_response::StaticResponse;
use super::timers::Timer;
use crate::route_pattern::RoutePattern;

/// An application: routes, components and what each component is granted.
#[derive(Clone, Debug, PartialEq)]
pub struct Application {
    /// `application.name`.
    pub name: String,
    /// `application.version`, empty where the manifest has none.
    pub version: String,
    /// `application.description`, empty where the manifest has none.
    pub description: String,
    /// `application.authors`.
    pub authors: Vec<String>,
    /// The manifest file itself.
    pub path: PathBuf,
    /// The folder that holds the manifest, absolute: relative paths of the manifest start here.
    pub dir: PathBuf,
    /// `[variables]`: the variables of the application, by name.
    pub variables: BTreeMap<String, VariableDeclaration>,
    /// `[[trigger.http]]`, in the order of the file.
    pub triggers: Vec<HttpTrigger>,
    /// `[component.ID]` and the components written inline in a trigger, by their id.
    pub components: BTreeMap<String, Component>,
    /// What Spin would do with this manifest and this host does not, and what is in it without effect:
    /// one line each, for people.
    pub notices: Vec<String>,
}

/// One entry of `[variables]`. Exactly one of `default` and `required` is given.
///
/// `Debug` never shows the default of a secret.
#[derive(Clone, PartialEq, Eq)]
pub struct VariableDeclaration {
    /// The value where nothing else gives one.
    pub default: Option<String>,
    /// Whether a value has to be given when the application starts.
    pub required: bool,
    /// Whether the value must never be shown.
    pub secret: bool,
    /// What the variable is for.
    pub description: String,
    /// The line of the declaration, counted from 1.
    pub line: usize,
}

impl fmt::Debug for VariableDeclaration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let default = match &self.default {
            Some(_) if self.secret => Some("(secret)"),
            other => other.as_deref(),
        };
        f.debug_struct("VariableDeclaration")
            .field("default", &default)
            .field("required", &self.required)
            .field("secret", &self.secret)
            .field("line", &self.line)
            .finish_non_exhaustive()
    }
}

/// One `[[trigger.http]]`: a route and what handles it.
#[derive(Clone, Debug, PartialEq)]
pub struct HttpTrigger {
    /// The id given or, as Spin names it, one made from the component.
    pub id: String,
    /// Which requests come here.
    pub route: Route,
    /// The id of the component that answers; empty where `static_response` does.
    pub component: String,
    /// `static_response`: the answer to every request, without a component.
    pub static_response: Option<StaticResponse>,
    /// The middlewares in front of it, outermost first.
    pub middleware: Vec<Middleware>,
    /// The line of the trigger, counted from 1.
    pub line: usize,
}

/// Where the requests of a trigger come from.
#[derive(Clone, Debug, PartialEq)]
pub enum Route {
    /// `{ private = true }`: no request from outside, only service chaining.
    Private,
    /// Requests whose path matches; the application's base is already in front.
    Pattern(RoutePattern),
}

/// One entry of `dependencies.middleware`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Middleware {
    /// The id of the component.
    pub component: String,
    /// The sets of the *primary* component's configuration that it may use; all others are denied.
    pub inherit: BTreeSet<ConfigurationSet>,
    /// The line of the entry, counted from 1.
    pub line: usize,
}

/// A set of grants that a middleware can inherit from the primary component.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ConfigurationSet {
    /// `ai_models`. Accepted here because it is a name that Spin knows; it inherits nothing, as
    /// this host refuses a component that names a model.
    AiModels,
    /// `allowed_outbound_hosts`.
    AllowedOutboundHosts,
    /// `environment`.
    Environment,
    /// `files`.
    Files,
    /// `key_value_stores`.
    KeyValueStores,
    /// `sqlite_databases`.
    SqliteDatabases,
    /// `variables`.
    Variables,
}

impl ConfigurationSet {
    /// Every set, in the order of their names.
    pub const ALL: [Self; 7] = [
        Self::AiModels,
        Self::AllowedOutboundHosts,
        Self::Environment,
        Self::Files,
        Self::KeyValueStores,
        Self::SqliteDatabases,
        Self::Variables,
    ];

    /// The name in `inherit_configuration`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::AiModels => "ai_models",
            Self::AllowedOutboundHosts => "allowed_outbound_hosts",
            Self::Environment => "environment",
            Self::Files => "files",
            Self::KeyValueStores => "key_value_stores",
            Self::SqliteDatabases => "sqlite_databases",
            Self::Variables => "variables",
        }
    }
}

/// One `[component.ID]`.
///
/// `Debug` leaves out the values of `environment`: they may hold a secret.
#[derive(Clone, PartialEq)]
pub struct Component {
    /// The id, unique in the application.
    pub id: String,
    /// What it is for.
    pub description: String,
    /// The `.wasm` file, absolute. It need not exist before the component is built. Empty for a
    /// `download` until [`crate::download::fetch_all`] has put it somewhere.
    pub source: PathBuf,
    /// Where the file comes from, for one that is fetched.
    pub download: Option<Download>,
    /// `files` as they are written; [`Component::file_mounts`] says which files they are.
    pub files: Vec<FileEntry>,
    /// `exclude_files`: patterns that take files out of `files` again.
    pub exclude_files: Vec<String>,
    /// `environment`: the environment variables it sees.
    pub environment: BTreeMap<String, String>,
    /// `key_value_stores`: the stores it may open.
    pub key_value_stores: Vec<Label>,
    /// `sqlite_databases`: the databases it may open.
    pub sqlite_databases: Vec<Label>,
    /// `allowed_outbound_hosts`: as written, templates not yet resolved.
    pub allowed_outbound_hosts: Vec<String>,
    /// `variables`: its variables, each a template over the variables of the application.
    pub variables: BTreeMap<String, String>,
    /// `[component.ID.build]`.
    pub build: Option<Build>,
    /// `[[component.ID.tool.doorward.timer]]`, in the order of the file.
    pub timers: Vec<Timer>,
    /// The manifest file, absolute.
    pub manifest: PathBuf,
    /// The line of the component, counted from 1.
    pub line: usize,
}

impl fmt::Debug for Component {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Component")
            .field("id", &self.id)
            .field("source", &self.source)
            .field("files", &self.files)
            .field("environment", &self.environment.keys())
            .field("key_value_stores", &self.key_value_stores)
            .field("sqlite_databases", &self.sqlite_databases)
            .field("allowed_outbound_hosts", &self.allowed_outbound_hosts)
            .field("variables", &self.variables.keys())
            .field("line", &self.line)
            .finish_non_exhaustive()
    }
}

impl Component {
    /// The folder that holds the manifest: relative paths start here.
    #[must_use]
    pub fn dir(&self) -> &Path {
        self.manifest.parent().unwrap_or(Path::new("/"))
    }
}

/// One entry of `key_value_stores` or of `sqlite_databases`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Label {
    /// The label of the store or of the database.
    pub label: String,
    /// The line, counted from 1.
    pub line: usize,
}

/// One entry of `files`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FileEntry {
    /// `"assets/*.png"`: a file, a folder or a pattern; the path in the guest is the same.
    Pattern {
        /// Relative to the application's folder.
        pattern: String,
        /// The line, counted from 1.
        line: usize,
    },
    /// `{ source = "assets", destination = "/" }`.
    Placement {
        /// A file or a folder, relative to the application's folder.
        source: String,
        /// Where it appears in the guest.
        destination: String,
        /// The line, counted from 1.
        line: usize,
    },
}

/// One file that a component sees.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct FileMount {
    /// The file on the host, absolute.
    pub source: PathBuf,
    /// Its path in the guest: absolute, `/` between the names, never `..`.
    pub destination: String,
}

/// `[component.ID.build]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Build {
    /// The commands, each a line for the shell, run one after the other.
    pub command: Vec<String>,
    /// Where they run, relative to the application's folder.
    pub workdir: Option<PathBuf>,
    /// Patterns of the files that it is built from, relative to where the commands run: what `spin watch` and `doorward up
    /// --watch` look at.
    pub watch: Vec<String>,
}
