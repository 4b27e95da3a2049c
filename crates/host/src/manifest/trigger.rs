//! `[[trigger.http]]`.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::path::Path;

use super::reader::{Document, Table, Value};
use super::sections::{Located, ReadComponent};
use super::{ConfigurationSet, HttpTrigger, Middleware, Route, component};
use crate::nearest::nearest;
use crate::router::RoutePattern;

/// Reads the triggers; components that are written inline join the others.
pub(super) struct TriggerSection<'x, 't> {
    document: &'x Document<'t>,
    base: &'x str,
    manifest: &'x Path,
    components: &'x mut BTreeMap<String, ReadComponent>,
    triggers: Vec<Located<HttpTrigger>>,
}

impl<'x, 't> TriggerSection<'x, 't> {
    pub(super) fn new(
        document: &'x Document<'t>,
        base: &'x str,
        manifest: &'x Path,
        components: &'x mut BTreeMap<String, ReadComponent>,
    ) -> Self {
        Self {
            document,
            base,
            manifest,
            components,
            triggers: Vec::new(),
        }
    }

    pub(super) fn finish(self) -> Vec<Located<HttpTrigger>> {
        self.triggers
    }

    pub(super) fn read(&mut self, value: &Value<'_>) {
        let document = self.document;
        let Some(kinds) = document.table(value, "[trigger]") else {
            return;
        };
        for (span, kind, _) in kinds.entries() {
            if kind != "http" {
                document.problem_with_help(
                    &span,
                    format!("`[[trigger.{kind}]]`: this host serves HTTP triggers only"),
                    "run the application with `spin up`, or take the trigger out",
                );
            }
        }
        let Some(value) = kinds.get("http") else {
            return;
        };
        let Some(items) = document.array(value, "[[trigger.http]]") else {
            return;
        };
        let given_ids = self.read_given_ids(value);
        for item in items {
            if let Some(table) = document.table(item, "[[trigger.http]]") {
                self.read_one(table, &given_ids);
            }
        }
    }

    /// The ids that are given, which no generated id may repeat.
    fn read_given_ids(&self, value: &Value<'_>) -> BTreeSet<String> {
        let mut ids = BTreeSet::new();
        for item in value.get_ref().as_array().into_iter().flatten() {
            let id = item.get_ref().as_table().and_then(|table| table.get("id"));
            let Some(id) = id.and_then(|id| Some((id.span(), id.get_ref().as_str()?))) else {
                continue;
            };
            if !ids.insert(id.1.to_owned()) {
                self.document
                    .problem(&id.0, format!("two triggers have the id `{}`", id.1));
            }
        }
        ids
    }

    fn read_one(&mut self, table: Table<'_, '_, '_, '_>, given_ids: &BTreeSet<String>) {
        let document = self.document;
        let given_id = table.string("id").filter(|id| !id.is_empty());
        let route_span = table
            .get("route")
            .map_or_else(|| table.span().clone(), |value| value.span());
        let route = self.read_route(&table);
        self.read_executor(&table);
        table.refuse(
            "static_response",
            "answers without a component, which this host does not do",
            "answer from a component instead",
        );
        if let Some(value) = table.get("components")
            && value.get_ref().as_table().is_none_or(|map| !map.is_empty())
        {
            table.refuse(
                "components",
                "means nothing for HTTP",
                "name the component that answers as `component`, middlewares under \
                 `dependencies.middleware`",
            );
        }
        let named = table
            .get("component")
            .and_then(|value| value.get_ref().as_str());
        let id = given_id
            .or_else(|| {
                let natural = format!("{}-http-trigger", named?);
                self.is_free(&natural, given_ids).then_some(natural)
            })
            .unwrap_or_else(|| self.counted_id(given_ids));
        let (component, component_span) = self.read_component(&table, &id);
        let (middleware, middleware_spans) = self.read_dependencies(&table, &id);
        let line = document.line(table.span());
        table.finish();
        let Some(route) = route else { return };
        self.triggers.push(Located {
            value: HttpTrigger {
                id,
                route,
                component,
                middleware,
                line,
            },
            route: route_span,
            component: component_span,
            middleware: middleware_spans,
        });
    }

    fn is_free(&self, id: &str, given_ids: &BTreeSet<String>) -> bool {
        !given_ids.contains(id) && self.triggers.iter().all(|other| other.value.id != id)
    }

    fn counted_id(&self, given_ids: &BTreeSet<String>) -> String {
        (1..)
            .map(|number: usize| format!("http-trigger{number}"))
            .find(|id| self.is_free(id, given_ids))
            .unwrap_or_default()
    }

    fn read_route(&self, table: &Table<'_, '_, '_, '_>) -> Option<Route> {
        let document = self.document;
        let Some(value) = table.get("route") else {
            table.missing("route");
            return None;
        };
        if value.get_ref().is_table() {
            let private = document.table(value, "`route`")?;
            let flag = private.boolean("private");
            private.finish();
            if flag == Some(true) {
                return Some(Route::Private);
            }
            document.problem(
                &value.span(),
                "`route` is a pattern such as \"/api/...\" or `{ private = true }`",
            );
            return None;
        }
        let raw = document.string(value, "`route`")?;
        match RoutePattern::parse(self.base, &raw) {
            Ok(pattern) => Some(Route::Pattern(pattern)),
            Err(error) => {
                document.problem(&value.span(), format!("the route {raw:?}: {error}"));
                None
            }
        }
    }

    fn read_executor(&self, table: &Table<'_, '_, '_, '_>) {
        let document = self.document;
        let Some(value) = table.get("executor") else {
            return;
        };
        let Some(executor) = document.table(value, "`executor`") else {
            return;
        };
        let kind = executor.required_string("type");
        // Arguments of the `wagi` executor: refused with it, not as unknown keys.
        let _ = (executor.get("argv"), executor.get("entrypoint"));
        executor.finish();
        if let Some(kind) = kind.filter(|kind| kind != "http" && kind != "spin") {
            document.problem_with_help(
                &value.span(),
                format!("the executor `{kind}` is not served"),
                "components answer through wasi:http: `executor = { type = \"http\" }`, or no \
                 `executor` at all",
            );
        }
    }

    /// The component that answers: named, or written inline and then added to the others.
    fn read_component(
        &mut self,
        table: &Table<'_, '_, '_, '_>,
        trigger_id: &str,
    ) -> (String, Range<usize>) {
        let document = self.document;
        let Some(value) = table.get("component") else {
            table.missing("component");
            return (String::new(), table.span().clone());
        };
        let span = value.span();
        if !value.get_ref().is_table() {
            let id = document.string(value, "`component`").unwrap_or_default();
            return (id, span);
        }
        let natural = format!("{trigger_id}-component");
        let id = if self.components.contains_key(&natural) {
            (1..)
                .map(|number: usize| format!("inline-component{number}"))
                .find(|id| !self.components.contains_key(id))
                .unwrap_or_default()
        } else {
            natural
        };
        let read = component::read(document, value, "`component`", &id, &span, self.manifest);
        if let Some(read) = read {
            self.components.insert(id.clone(), read);
        }
        (id, span)
    }

    fn read_dependencies(
        &mut self,
        table: &Table<'_, '_, '_, '_>,
        trigger_id: &str,
    ) -> (Vec<Middleware>, Vec<Range<usize>>) {
        let document = self.document;
        let nothing = (Vec::new(), Vec::new());
        let Some(value) = table.get("dependencies") else {
            return nothing;
        };
        let Some(dependencies) = document.table(value, "`dependencies` of a trigger") else {
            return nothing;
        };
        let items = dependencies
            .get("middleware")
            .and_then(|value| document.array(value, "`dependencies.middleware`"));
        let read = items
            .into_iter()
            .flatten()
            .filter_map(|item| self.read_middleware(item, trigger_id))
            .unzip();
        dependencies.finish();
        read
    }

    fn read_middleware(
        &mut self,
        item: &Value<'_>,
        trigger_id: &str,
    ) -> Option<(Middleware, Range<usize>)> {
        let document = self.document;
        let entry = document.table(item, "an entry of `dependencies.middleware`")?;
        for key in ["url", "digest", "registry", "package", "version"] {
            entry.refuse(
                key,
                "makes the middleware a download; this host fetches nothing that it then runs",
                "declare it as a component and name it: { component = \"…\" }",
            );
        }
        let inherit = read_inherit(document, &entry);
        let span = entry
            .get("component")
            .map_or_else(|| item.span(), |value| value.span());
        let component = match entry.string("path") {
            Some(path) => Some(self.add_by_path(&path, trigger_id, &span)),
            None => entry.required_string("component"),
        };
        entry.finish();
        Some((
            Middleware {
                component: component?,
                inherit,
                line: document.line(&item.span()),
            },
            span,
        ))
    }

    /// `{ path = "some.wasm" }`: a component that is nothing but its file.
    fn add_by_path(&mut self, path: &str, trigger_id: &str, span: &Range<usize>) -> String {
        let id = format!("{trigger_id}: {path}");
        let component = super::Component {
            id: id.clone(),
            description: String::new(),
            source: self.manifest.with_file_name(path),
            files: Vec::new(),
            exclude_files: Vec::new(),
            environment: BTreeMap::new(),
            key_value_stores: Vec::new(),
            allowed_outbound_hosts: Vec::new(),
            variables: BTreeMap::new(),
            build: None,
            manifest: self.manifest.to_owned(),
            line: self.document.line(span),
        };
        self.components.insert(
            id.clone(),
            ReadComponent {
                component,
                templates: Vec::new(),
            },
        );
        id
    }
}

/// `inherit_configuration`: true, false, or the names of sets.
fn read_inherit(
    document: &Document<'_>,
    entry: &Table<'_, '_, '_, '_>,
) -> BTreeSet<ConfigurationSet> {
    let Some(value) = entry.get("inherit_configuration") else {
        return BTreeSet::new();
    };
    if let Some(all) = value.get_ref().as_bool() {
        return ConfigurationSet::ALL.into_iter().filter(|_| all).collect();
    }
    let place = "`inherit_configuration`";
    let mut sets = BTreeSet::new();
    for (span, name) in document.spanned_strings(value, place) {
        match ConfigurationSet::ALL.iter().find(|set| set.name() == name) {
            Some(set) => {
                sets.insert(*set);
            }
            None => {
                let names = ConfigurationSet::ALL.map(ConfigurationSet::name);
                let help = match nearest(&name, names) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => format!("the sets are: {}", names.join(", ")),
                };
                document.problem_with_help(
                    &span,
                    format!(
                        "{place} has no set `{name}`; Spin ignores a name that it does not know, \
                         and the middleware would be denied what it needs"
                    ),
                    help,
                );
            }
        }
    }
    sets
}
