//! `[[trigger.http]]`.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::path::{Path, PathBuf};

use super::middleware::{self, NamedBy};
use super::model::{Component, HttpTrigger, Middleware, Route};
use super::other_triggers::{self, HTTP};
use super::read_parts::{Located, ReadComponent};
use super::reader::{Document, Table, Value};
use super::source::Source;
use super::{component, static_response};
use crate::route_pattern::RoutePattern;

/// Reads the triggers; components that are written inline join the others.
pub(super) struct TriggerSection<'x, 't> {
    document: &'x Document<'t>,
    base: &'x str,
    manifest: &'x Path,
    components: &'x mut BTreeMap<String, ReadComponent>,
    read: Triggers,
}

/// What `[trigger]` holds.
#[derive(Default)]
pub(super) struct Triggers {
    /// `[[trigger.http]]`, in the order of the file.
    pub(super) http: Vec<Located<HttpTrigger>>,
    /// The components that triggers of other kinds name, and where.
    pub(super) named_elsewhere: Vec<other_triggers::NamedElsewhere>,
    /// The line about triggers that are not served.
    pub(super) notice: Option<String>,
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
            read: Triggers::default(),
        }
    }

    pub(super) fn finish(self) -> Triggers {
        self.read
    }

    pub(super) fn read(&mut self, value: &Value<'_>) {
        let document = self.document;
        let Some(kinds) = document.table(value, "[trigger]") else {
            return;
        };
        let (named, notice) = other_triggers::read(document, &kinds);
        self.read.named_elsewhere = named;
        self.read.notice = notice;
        let http = kinds.get(HTTP);
        if http.is_none_or(|value| {
            value
                .get_ref()
                .as_array()
                .is_some_and(|list| list.is_empty())
        }) {
            document.problem_with_help(
                kinds.span(),
                "the application has no HTTP trigger, and this host serves no other",
                "run it with `spin up`, or give it a `[[trigger.http]]`",
            );
        }
        let Some(value) = http else { return };
        let Some(items) = document.array(value, "[[trigger.http]]") else {
            return;
        };
        let given_ids = self.read_given_ids(&kinds);
        for item in items {
            if let Some(table) = document.table(item, "[[trigger.http]]") {
                self.read_one(table, &given_ids);
            }
        }
    }

    /// The ids that are given, whatever the kind of the trigger: no generated id may repeat one. Of two
    /// HTTP triggers with one id, Spin can take one for the other.
    fn read_given_ids(&self, kinds: &Table<'_, '_, '_, '_>) -> BTreeSet<String> {
        let mut ids = BTreeSet::new();
        for (_, kind, value) in kinds.entries() {
            let mut of_kind = BTreeSet::new();
            for trigger in value.get_ref().as_array().into_iter().flatten() {
                let id = trigger
                    .get_ref()
                    .as_table()
                    .and_then(|table| table.get("id"));
                let given = id.and_then(|id| Some((id.span(), id.get_ref().as_str()?)));
                let Some((span, id)) = given.filter(|(_, id)| !id.is_empty()) else {
                    continue;
                };
                if !of_kind.insert(id) && kind == HTTP {
                    self.document.problem_with_help(
                        &span,
                        format!("two triggers have the id `{id}`"),
                        "give each its own, or none",
                    );
                }
            }
            ids.extend(of_kind.into_iter().map(str::to_owned));
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
        if let Some(value) = table.get("components")
            && value.get_ref().as_table().is_none_or(|map| !map.is_empty())
        {
            table.refuse(
                "components",
                "means nothing for HTTP, and Spin leaves it out without a word",
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
        let static_response = static_response::read(document, &table);
        let (component, component_span) =
            self.read_component(&table, &id, static_response.is_some());
        let (middleware, middleware_spans) = self.read_dependencies(&table, &id);
        if static_response.is_some() && !middleware.is_empty() {
            document.problem_with_help(
                table.span(),
                "no middleware is asked before a `static_response`, so what this trigger lists would check nothing",
                "take the middlewares out, or answer from a component",
            );
        }
        let line = document.line(table.span());
        table.finish();
        let Some(route) = route else { return };
        self.read.http.push(Located {
            value: HttpTrigger {
                id,
                route,
                component,
                static_response,
                middleware,
                line,
            },
            route: route_span,
            component: component_span,
            middleware: middleware_spans,
        });
    }

    fn is_free(&self, id: &str, given_ids: &BTreeSet<String>) -> bool {
        !given_ids.contains(id) && self.read.http.iter().all(|other| other.value.id != id)
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
        is_static: bool,
    ) -> (String, Range<usize>) {
        let document = self.document;
        let Some(value) = table.get("component") else {
            if !is_static {
                table.missing("component");
            }
            return (String::new(), table.span().clone());
        };
        let span = value.span();
        if is_static {
            document.problem_with_help(
                &span,
                "a trigger has a `component` or a `static_response`, and not both",
                "leave the one that is to answer",
            );
            return (String::new(), span);
        }
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
        let entry = middleware::read(self.document, item, trigger_id)?;
        let component = match entry.component {
            NamedBy::Id(id) => id,
            NamedBy::File(id, source) => self.add_file(id, source, entry.line),
        };
        let middleware = Middleware {
            component,
            inherit: entry.inherit,
            line: entry.line,
        };
        Some((middleware, entry.span))
    }

    /// A component that is nothing but its file.
    fn add_file(&mut self, id: String, source: Source, line: usize) -> String {
        let (source, download) = match source {
            Source::File(path) => (self.manifest.with_file_name(path), None),
            Source::Download(download) => (PathBuf::new(), Some(download)),
        };
        let component = Component {
            id: id.clone(),
            description: String::new(),
            source,
            download,
            files: Vec::new(),
            exclude_files: Vec::new(),
            environment: BTreeMap::new(),
            key_value_stores: Vec::new(),
            sqlite_databases: Vec::new(),
            allowed_outbound_hosts: Vec::new(),
            variables: BTreeMap::new(),
            build: None,
            timers: Vec::new(),
            manifest: self.manifest.to_owned(),
            line,
        };
        let read = ReadComponent {
            component,
            templates: Vec::new(),
            unserved: Vec::new(),
        };
        self.components.insert(id.clone(), read);
        id
    }
}
