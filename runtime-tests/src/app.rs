//! An application for one test: a folder with a `spin.toml`, a policy, and the built components.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// The sets that a gate has from the component it stands in front of.
pub const GATE_INHERITS: [&str; 5] = [
    "allowed_outbound_hosts",
    "environment",
    "files",
    "key_value_stores",
    "variables",
];

/// The runtime configuration's name.
const RUNTIME_CONFIG: &str = "runtime-config.toml";
/// The schemas that the shipped application mounts.
const EVENT_SCHEMAS: &str = "components/events/events.schemas";

/// An application, not yet running. Its folder goes away with it.
#[derive(Debug)]
pub struct App {
    folder: TempDir,
    key_values: Vec<(String, String)>,
    has_runtime_config: bool,
}

/// What an [`App`] is made of. The fields are what tests change; [`AppSpec::gated`] is the usual one.
#[derive(Debug, Clone)]
pub struct AppSpec {
    /// Component that handles the requests: `echo`, `whoami`, ….
    pub service: &'static str,
    /// Middlewares in front of it, outermost first.
    pub middleware: Vec<&'static str>,
    /// The route of the trigger.
    pub route: &'static str,
    /// `inherit_configuration` of each middleware.
    pub inherit: Vec<&'static str>,
    /// The policy, mounted at `/doorward.toml`; not mounted when there is none.
    pub policy: Option<String>,
    /// More files to mount at the root, by name.
    pub files: Vec<(String, Vec<u8>)>,
    /// `allowed_outbound_hosts`.
    pub outbound: Vec<String>,
    /// `key_value_stores`.
    pub stores: Vec<String>,
    /// `sqlite_databases`.
    pub databases: Vec<String>,
    /// Variables of the component, with their values.
    pub variables: Vec<(String, String)>,
    /// Environment variables of the component.
    pub environment: Vec<(String, String)>,
    /// What is in the store `default` before the application starts.
    pub key_values: Vec<(String, String)>,
    /// The runtime configuration, beside the manifest.
    pub runtime_config: Option<String>,
    /// The files of components that are not those of the workspace with their names.
    pub sources: Vec<(&'static str, PathBuf)>,
    /// Components beside it.
    pub others: Vec<Other>,
}

/// One more component of an application.
#[derive(Debug, Clone)]
pub struct Other {
    /// Its name.
    pub name: &'static str,
    /// Its file.
    pub source: PathBuf,
    /// The route of its trigger; none for a private one.
    pub route: Option<&'static str>,
    /// Middlewares in front of it, which no other component has.
    pub middleware: Vec<&'static str>,
    /// `allowed_outbound_hosts`.
    pub outbound: Vec<String>,
    /// `key_value_stores`.
    pub stores: Vec<String>,
    /// Environment variables.
    pub environment: Vec<(&'static str, &'static str)>,
}

impl Other {
    /// The built component `file` under a name of its own, with a private trigger and no grants.
    pub fn private(name: &'static str, file: &str) -> Self {
        Self {
            name,
            source: built(file),
            route: None,
            middleware: Vec::new(),
            outbound: Vec::new(),
            stores: Vec::new(),
            environment: Vec::new(),
        }
    }

    fn write(&self, text: &mut String) {
        let Self { name, .. } = self;
        let route = match self.route {
            Some(route) => quoted(route),
            None => "{ private = true }".to_owned(),
        };
        let middleware: Vec<String> = self
            .middleware
            .iter()
            .map(|name| format!("{{ component = \"{name}\" }}"))
            .collect();
        writeln!(
            text,
            "\n[[trigger.http]]\nroute = {route}\ncomponent = \"{name}\"\n\
             dependencies.middleware = [{}]\n\n[component.{name}]\nsource = {}\n\
             allowed_outbound_hosts = {}\nkey_value_stores = {}",
            middleware.join(", "),
            quoted(&self.source.to_string_lossy()),
            list(&self.outbound),
            list(&self.stores)
        )
        .unwrap();
        for (name, value) in &self.environment {
            writeln!(text, "environment.{name} = {}", quoted(value)).unwrap();
        }
        for name in &self.middleware {
            let source = quoted(&built(name).to_string_lossy());
            writeln!(text, "\n[component.{name}]\nsource = {source}").unwrap();
        }
    }
}

impl AppSpec {
    /// `service` behind the gate with `policy`, and with all grants that the gate can use.
    pub fn gated(service: &'static str, policy: impl Into<String>) -> Self {
        Self {
            service,
            middleware: vec!["gate"],
            route: "/...",
            inherit: GATE_INHERITS.to_vec(),
            policy: Some(policy.into()),
            files: Vec::new(),
            outbound: vec!["http://127.0.0.1:*".to_owned()],
            stores: vec!["default".to_owned()],
            databases: Vec::new(),
            variables: Vec::new(),
            environment: Vec::new(),
            key_values: Vec::new(),
            runtime_config: None,
            sources: Vec::new(),
            others: Vec::new(),
        }
    }

    /// The gateway with `policy`, and with all grants that it can use.
    pub fn gateway(policy: impl Into<String>) -> Self {
        Self {
            middleware: vec![],
            ..Self::gated("gateway", policy)
        }
    }

    /// `service`, which has the gate linked in, with `policy`, and with all grants that the gate can use.
    pub fn linked(service: &'static str, policy: impl Into<String>) -> Self {
        Self {
            middleware: vec![],
            ..Self::gated(service, policy)
        }
    }

    /// The intake of events alone, with these variables, with the shipped schemas and all grants that its sinks can use.
    pub fn intake(variables: &[(&str, &str)]) -> Self {
        let mut spec = Self::gated("events", "");
        spec.policy = None;
        spec.middleware = vec![];
        spec.databases = vec!["default".to_owned()];
        for scheme in ["postgres", "redis", "mqtt"] {
            spec.outbound.push(format!("{scheme}://127.0.0.1:*"));
        }
        let schemas = std::fs::read(workspace().join(EVENT_SCHEMAS)).expect("they are shipped");
        spec.files = vec![("events.schemas".to_owned(), schemas)];
        let variables = variables.iter();
        spec.variables = variables
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        spec
    }

    /// Writes the application's folder.
    pub fn write(&self) -> App {
        let folder = tempfile::tempdir().expect("make a folder for the application");
        if let Some(policy) = &self.policy {
            std::fs::write(folder.path().join("doorward.toml"), policy).expect("write the policy");
        }
        for (name, bytes) in &self.files {
            std::fs::write(folder.path().join(name), bytes).expect("write a file");
        }
        std::fs::write(folder.path().join("spin.toml"), self.manifest()).expect("write spin.toml");
        if let Some(config) = &self.runtime_config {
            std::fs::write(folder.path().join(RUNTIME_CONFIG), config)
                .expect("write the runtime configuration");
        }
        App {
            folder,
            key_values: self.key_values.clone(),
            has_runtime_config: self.runtime_config.is_some(),
        }
    }

    fn source(&self, name: &str) -> String {
        let own = self.sources.iter().find(|(of, _)| *of == name);
        let source = own.map_or_else(|| built(name), |(_, source)| source.clone());
        quoted(&source.to_string_lossy())
    }

    fn manifest(&self) -> String {
        let mut text = String::from(
            "spin_manifest_version = 2\n\n[application]\nname = \"runtime-test\"\nversion = \"0.1.0\"\n",
        );
        if !self.variables.is_empty() {
            text.push_str("\n[variables]\n");
            for (name, value) in &self.variables {
                writeln!(text, "{name} = {{ default = {} }}", quoted(value)).unwrap();
            }
        }
        let middleware: Vec<String> = self
            .middleware
            .iter()
            .map(|name| {
                format!(
                    "{{ component = \"{name}\", inherit_configuration = {} }}",
                    list(&self.inherit)
                )
            })
            .collect();
        writeln!(
            text,
            "\n[[trigger.http]]\nroute = \"{}\"\ncomponent = \"{}\"",
            self.route, self.service
        )
        .unwrap();
        if !middleware.is_empty() {
            writeln!(
                text,
                "dependencies.middleware = [{}]",
                middleware.join(", ")
            )
            .unwrap();
        }
        writeln!(
            text,
            "\n[component.{}]\nsource = {}",
            self.service,
            self.source(self.service)
        )
        .unwrap();
        let mut mounts = Vec::new();
        let policy = self.policy.iter().map(|_| "doorward.toml");
        for name in policy.chain(self.files.iter().map(|(name, _)| name.as_str())) {
            mounts.push(format!(
                "{{ source = \"{name}\", destination = \"/{name}\" }}"
            ));
        }
        writeln!(text, "files = [{}]", mounts.join(", ")).unwrap();
        writeln!(text, "allowed_outbound_hosts = {}", list(&self.outbound)).unwrap();
        writeln!(text, "key_value_stores = {}", list(&self.stores)).unwrap();
        if !self.databases.is_empty() {
            writeln!(text, "sqlite_databases = {}", list(&self.databases)).unwrap();
        }
        if !self.environment.is_empty() {
            writeln!(text, "\n[component.{}.environment]", self.service).unwrap();
            for (name, value) in &self.environment {
                writeln!(text, "{name} = {}", quoted(value)).unwrap();
            }
        }
        if !self.variables.is_empty() {
            writeln!(text, "\n[component.{}.variables]", self.service).unwrap();
            for (name, _) in &self.variables {
                writeln!(text, "{name} = \"{{{{ {name} }}}}\"").unwrap();
            }
        }
        for name in &self.middleware {
            writeln!(text, "\n[component.{name}]\nsource = {}", self.source(name)).unwrap();
        }
        for other in &self.others {
            other.write(&mut text);
        }
        text
    }
}

impl App {
    /// The application that the repository ships, with other texts in its manifest and its policy, and with these files.
    pub fn shipped(changes: &[(&str, &str)], files: &[(PathBuf, &str)]) -> Self {
        let folder = tempfile::tempdir().expect("make a folder for the application");
        let release = target_dir().join("wasm32-wasip2/release");
        let release = ("target/wasm32-wasip2/release", &*release.to_string_lossy());
        // What it mounts besides the policy.
        let mounted = [(workspace().join(EVENT_SCHEMAS), EVENT_SCHEMAS)];
        for name in ["spin.toml", "doorward.toml"] {
            let text = std::fs::read_to_string(workspace().join(name)).expect("it is shipped");
            let all = changes.iter().chain([&release]);
            let text = all.fold(text, |text, (from, to)| text.replace(from, to));
            std::fs::write(folder.path().join(name), text).expect("write a file");
        }
        for (source, name) in mounted.iter().chain(files) {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().expect("a folder")).expect("make its folder");
            std::fs::copy(source, path).expect("copy a file");
        }
        Self {
            folder,
            key_values: Vec::new(),
            has_runtime_config: false,
        }
    }

    /// What is in this folder already.
    pub fn in_folder(folder: TempDir) -> Self {
        Self {
            folder,
            key_values: Vec::new(),
            has_runtime_config: false,
        }
    }

    /// Adds to its manifest, for who serves it from now on.
    pub fn add_to_manifest(&self, text: &str) {
        let mut manifest = std::fs::read_to_string(self.manifest()).expect("read spin.toml");
        manifest.push_str(text);
        std::fs::write(self.manifest(), manifest).expect("write spin.toml");
    }

    /// Gives it another policy, for who serves it from now on.
    pub fn has_policy(&mut self, policy: impl AsRef<[u8]>) {
        std::fs::write(self.folder().join("doorward.toml"), policy).expect("write the policy");
    }

    /// The manifest.
    pub fn manifest(&self) -> PathBuf {
        self.folder.path().join("spin.toml")
    }

    /// What is in the store `default` before the application starts.
    pub fn key_values(&self) -> &[(String, String)] {
        &self.key_values
    }

    /// The runtime configuration, where it has one.
    pub fn runtime_config(&self) -> Option<PathBuf> {
        let file = self.folder.path().join(RUNTIME_CONFIG);
        self.has_runtime_config.then_some(file)
    }

    /// The folder that the manifest is in.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }
}

/// The path of a built component.
pub fn built(name: &str) -> PathBuf {
    target_dir()
        .join("wasm32-wasip2/release")
        .join(format!("{}.wasm", name.replace('-', "_")))
}

/// The workspace's folder.
pub fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("runtime-tests is in the workspace")
        .to_owned()
}

/// What the manifest of the users has to have so that others are told: the component that delivers, with their settings.
pub fn outbox() -> String {
    format!(
        "\n[[trigger.http]]\nroute = \"/internal/outbox/...\"\ncomponent = \"users-outbox\"\n\n\
         [component.users-outbox]\nsource = {:?}\nsqlite_databases = [\"default\"]\n\
         allowed_outbound_hosts = [\"postgres://127.0.0.1:*\", \"http://127.0.0.1:*\"]\n\n\
         [component.users-outbox.variables]\nusers_database = \"{{{{ users_database }}}}\"\n\
         users_events_url = \"{{{{ users_events_url }}}}\"\n\
         users_events_authorization = \"{{{{ users_events_authorization }}}}\"\n",
        built("users-outbox")
    )
}

/// Where everything is built.
pub fn target_dir() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| workspace().join("target"), PathBuf::from)
}

fn quoted(text: &str) -> String {
    // A TOML basic string escapes what a JSON string escapes.
    serde_json::Value::from(text).to_string()
}

fn list<T: AsRef<str>>(items: &[T]) -> String {
    let items: Vec<String> = items.iter().map(|item| quoted(item.as_ref())).collect();
    format!("[{}]", items.join(", "))
}
