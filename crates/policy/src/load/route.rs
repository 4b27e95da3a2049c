//! `[[route]]`

use core::fmt::Display;

use doorward_traffic::spoofing::method_fields;

use super::accept::Around;
use super::allow::{self, Asked};
use super::bounds::{METHODS_PER_PATTERN_MAX, ROUTES_MAX};
#[cfg(feature = "report")]
use super::report;
use super::token_from::{self, ReadSources};
use super::{traffic, values};
use crate::document::Document;
use crate::finding::Code;
use crate::open::Open;
use crate::pattern::Pattern;
use crate::policy::{Access, Demands, METHODS_NEVER_LISTED};
#[cfg(feature = "report")]
use crate::report::RouteMode;
use crate::source::{At, Fields, Related, Source, nearest, shown, suggestion};
use crate::target::check_method;
use crate::token_from::TokenFrom;
use crate::traffic::TrafficRule;
use crate::value::Value;

/// What a public route cannot have.
const DEMANDS: [&str; 7] = [
    "accept",
    "allow",
    "issuer",
    "scope",
    "claims",
    "shared_cache",
    token_from::KEY,
];

/// The methods that IANA registers, without those that no rule can list.
pub(crate) const REGISTERED_METHODS: [&str; 37] = [
    "ACL",
    "BASELINE-CONTROL",
    "BIND",
    "CHECKIN",
    "CHECKOUT",
    "COPY",
    "DELETE",
    "GET",
    "HEAD",
    "LABEL",
    "LINK",
    "LOCK",
    "MERGE",
    "MKACTIVITY",
    "MKCALENDAR",
    "MKCOL",
    "MKREDIRECTREF",
    "MKWORKSPACE",
    "MOVE",
    "OPTIONS",
    "ORDERPATCH",
    "PATCH",
    "POST",
    "PROPFIND",
    "PROPPATCH",
    "PUT",
    "QUERY",
    "REBIND",
    "REPORT",
    "SEARCH",
    "UNBIND",
    "UNCHECKOUT",
    "UNLINK",
    "UNLOCK",
    "UPDATE",
    "UPDATEREDIRECTREF",
    "VERSION-CONTROL",
];

/// A route of the file. One with errors keeps its pattern, so that others are compared with it.
pub(super) struct ReadRoute {
    /// Where its path is, or the route itself when it has none.
    pub(super) offset: usize,
    /// The path as it is written.
    pub(super) path: String,
    pub(super) pattern: Option<Pattern>,
    /// `None`: all of them.
    pub(super) methods: Option<Vec<String>>,
    /// `None` when it is not known.
    pub(super) access: Option<Access>,
    /// What goes on without a credential.
    pub(super) open: Open,
    /// What it says itself of where tokens are.
    pub(super) token_from: Option<ReadSources>,
    /// Where tokens are looked for, once that is known.
    pub(super) from: TokenFrom,
    pub(super) forwards_credential: bool,
    pub(super) forwards_escapes: bool,
    pub(super) override_headers: Vec<String>,
    pub(super) traffic: TrafficRule,
    #[cfg(feature = "report")]
    pub(super) mode: RouteMode,
}

pub(super) fn read(
    source: &mut Source<'_>,
    root: Fields<'_, '_>,
    around: &Around<'_>,
) -> Vec<ReadRoute> {
    let value = root.get("route");
    let values = match value.map(|value| &value.value) {
        None => &[],
        Some(Value::Array { values, .. }) => values.as_slice(),
        Some(Value::Table(_)) => {
            let message = "`route` is a list of tables";
            let help = "write `[[route]]`, with two brackets on either side";
            let offset = root.key_offset("route").unwrap_or_default();
            source.find_with(Code::WrongType, offset, &message, Some(&help), &[]);
            return Vec::new();
        }
        Some(_) => {
            if let Some(value) = value {
                source.wrong_type(value, "`route`", "an array of tables");
            }
            return Vec::new();
        }
    };
    let offset = value.map_or(0, |value| value.offset);
    if values.len() > ROUTES_MAX {
        let message = format_args!("there are more than {ROUTES_MAX} routes");
        source.find(Code::TooLarge, offset, &message);
        return Vec::new();
    }
    let mut routes = Vec::with_capacity(values.len());
    for value in values {
        if let Some(fields) = root.table(value) {
            routes.push(read_one(source, fields, around));
            source.finish(fields, "a route");
        } else {
            source.wrong_type(value, "an entry of `route`", "a table");
        }
    }
    routes
}

fn read_one(source: &mut Source<'_>, fields: Fields<'_, '_>, around: &Around<'_>) -> ReadRoute {
    let public_options = source.flag(fields, "public_options", false);
    let mut route = ReadRoute {
        offset: fields.offset,
        path: String::new(),
        pattern: None,
        methods: None,
        access: None,
        open: match source.choice(fields, "auth", &["required", "optional"]) {
            // So does OPTIONS.
            1 => Open::Anonymous,
            _ if public_options => Open::Options,
            _ => Open::Nothing,
        },
        token_from: token_from::read(source, fields),
        from: TokenFrom::AUTHORIZATION,
        forwards_credential: source.choice(fields, "credential", &["strip", "forward"]) == 1,
        forwards_escapes: source.choice(fields, "escapes", &["canonical", "forward"]) == 1,
        override_headers: override_headers(source, fields, public_options),
        traffic: TrafficRule::default(),
        #[cfg(feature = "report")]
        mode: report::of_route(source, fields),
    };
    path(source, fields, &mut route);
    if let Some(value) = fields.get("methods") {
        route.methods = methods(source, value);
        if route.methods.is_none() {
            // Without its methods, a route cannot be compared with others.
            route.pattern = None;
        }
    }
    if public_options
        && let Some(methods) = &mut route.methods
        && !methods.iter().any(|method| method == "OPTIONS")
    {
        methods.push("OPTIONS".to_owned());
    }
    let public = match fields.get("public") {
        Some(value) => source.boolean(value, "`public`"),
        None => Some(false),
    };
    let read = Asked::read(source, fields, route.pattern.as_ref());
    route.access = match public {
        Some(true) => {
            refuse_demands(source, fields);
            Some(Access::Public)
        }
        Some(false) => {
            let demands = match fields.get("allow") {
                Some(value) => {
                    let (path, pattern) = (&route.path, route.pattern.as_ref());
                    allow::read(source, fields, value, around, path, pattern)
                }
                None => {
                    let read = read.with_accept(source, fields, route.offset, around);
                    allow::subjects(source, core::slice::from_ref(&read), around);
                    read.demands
                }
            };
            if route.open == Open::Anonymous {
                warn_of_demands(source, fields, &demands);
            }
            Some(Access::Protected(demands))
        }
        // A `public` that is not a boolean is a finding already, and what it is about is not looked at.
        None => {
            for key in DEMANDS {
                fields.get(key);
            }
            None
        }
    };
    let about = traffic::About {
        offset: route.offset,
        pattern: route.pattern.as_ref(),
        is_public: matches!(route.access, Some(Access::Public)),
        forwards_credential: route.forwards_credential,
    };
    route.traffic = traffic::route(source, fields, around.traffic, &about);
    route
}

fn path(source: &mut Source<'_>, fields: Fields<'_, '_>, route: &mut ReadRoute) {
    let help = "add the path or pattern that the rule is for";
    let text = source.needed(fields, "path", "the route", help);
    if let Some(value) = fields.get("path") {
        route.offset = value.offset;
    }
    if let Some(text) = text
        && let Some(pattern) = values::pattern(source, text)
    {
        route.path = text.value.to_owned();
        route.pattern = Some(pattern);
    }
}

fn methods(source: &mut Source<'_>, value: &At<Value<'_>>) -> Option<Vec<String>> {
    let entries = source.strings(value, "`methods`", METHODS_PER_PATTERN_MAX)?;
    let checked: Vec<_> = entries
        .into_iter()
        .map(|entry| method(source, entry))
        .collect();
    checked.into_iter().collect()
}

/// The fields in which a client may say that the method is another one.
fn override_headers(
    source: &mut Source<'_>,
    fields: Fields<'_, '_>,
    public_options: bool,
) -> Vec<String> {
    const KEY: &str = "override_headers";
    let Some(value) = fields.get(KEY) else {
        return Vec::new();
    };
    // Without a credential it would be any other method, too.
    let options = if public_options {
        "public_options"
    } else {
        "methods"
    };
    for key in ["methods", options] {
        let Some(at) = fields.key_offset(key) else {
            continue;
        };
        let message = format_args!(
            "`override_headers` lets a client ask for another method than `{key}` lists"
        );
        let help = "leave out one of them";
        let related: Related<'_> = &[(at, &"the methods are here")];
        let offset = fields.key_offset(KEY).unwrap_or(value.offset);
        source.find_with(Code::Conflict, offset, &message, Some(&help), related);
        break;
    }
    let known: Vec<&str> = method_fields().collect();
    let mut names = Vec::new();
    let what = format!("`{KEY}`");
    for entry in source
        .strings(value, &what, known.len())
        .unwrap_or_default()
    {
        if known.contains(&entry.value) {
            names.push(entry.value.to_owned());
        } else {
            let message = format_args!("no method is asked for in `{}`", shown(entry.value));
            let help = suggestion(entry.value, &known, &"there are");
            source.find_with(Code::BadValue, entry.offset, &message, Some(&help), &[]);
        }
    }
    names
}

fn method(source: &mut Source<'_>, entry: At<&str>) -> Option<String> {
    let name = entry.value;
    let upper = name.to_ascii_uppercase();
    if check_method(name).is_err() {
        let message = format_args!("`{}` is no method", shown(name));
        source.find(Code::BadValue, entry.offset, &message);
        return None;
    }
    if METHODS_NEVER_LISTED.contains(&upper.as_str()) {
        let help = match upper.as_str() {
            "TRACE" => "TRACE answers with the headers that the upstream received",
            _ => "CONNECT asks for a host, not for a path",
        };
        let message = format_args!("no rule can list {upper}");
        source.find_with(Code::BadValue, entry.offset, &message, Some(&help), &[]);
        return None;
    }
    if upper != name {
        let message = format_args!("`{name}` has lower-case letters: methods are case-sensitive");
        let help = format_args!("write `{upper}`");
        source.find_with(Code::BadValue, entry.offset, &message, Some(&help), &[]);
        return None;
    }
    if !REGISTERED_METHODS.contains(&name) {
        let near = nearest(name, &REGISTERED_METHODS);
        let help = near.map(|near| format!("did you mean `{near}`?"));
        let help = help.as_ref().map(|help| help as &dyn Display);
        let message = format_args!("`{name}` is not a registered method");
        source.find_with(Code::UnregisteredMethod, entry.offset, &message, help, &[]);
    }
    Some(name.to_owned())
}

/// Who has no credential is asked for nothing, which may not be what was meant.
fn warn_of_demands(source: &mut Source<'_>, fields: Fields<'_, '_>, demands: &Demands) {
    let asks = |demands: &Demands| !demands.scope.is_empty() || !demands.claims.is_empty();
    let allow = demands.allow.iter().any(asks).then_some("allow");
    for key in ["scope", "claims"].into_iter().chain(allow) {
        if let Some(offset) = fields.key_offset(key) {
            let message = format_args!(
                "`{key}` binds only those who have a credential: without one a request passes"
            );
            let help = "leave out `auth = \"optional\"` where everybody is meant";
            let code = Code::OptionalDemand;
            source.find_with(code, offset, &message, Some(&help), &[]);
        }
    }
}

/// A public route is asked for nothing, so it cannot demand anything.
fn refuse_demands(source: &mut Source<'_>, fields: Fields<'_, '_>) {
    let public = fields.key_offset("public").unwrap_or(fields.offset);
    if let Some(offset) = fields.key_offset("auth") {
        let message = "a public route has no `auth`: no credential is looked at";
        let help = "leave out `public`, and a credential is looked at where there is one, or leave out \
                    `auth`";
        let related: Related<'_> = &[(public, &"the route is public")];
        source.find_with(Code::Conflict, offset, &message, Some(&help), related);
    }
    for key in DEMANDS {
        if let Some(offset) = fields.key_offset(key) {
            let message = format_args!("a public route has no `{key}`: no credential is looked at");
            let help = format_args!("leave out `public` or `{key}`");
            source.find_with(
                Code::PublicDemand,
                offset,
                &message,
                Some(&help),
                &[(public, &"the route is public")],
            );
        }
    }
}

/// The keys that a route can have: those that are asked for where it has none.
pub(super) fn keys() -> Vec<&'static str> {
    let document = Document::parse("[route]", &mut |_| {});
    let (mut source, root) = (Source::new(""), Fields::root(&document));
    let traffic = traffic::read(&mut source, root, None);
    let around = Around {
        issuers: &[],
        names: Vec::new(),
        api_keys: None,
        traffic: &traffic,
    };
    let route = root.get("route").and_then(|value| root.table(value));
    route.map_or_else(Vec::new, |route| {
        read_one(&mut source, route, &around);
        route.asked()
    })
}
