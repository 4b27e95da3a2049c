//! `[[route]]`

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::issuer::ReadIssuer;
use super::{ISSUERS_MAX, METHODS_PER_PATTERN_MAX, ROUTES_MAX, SCOPE_BYTES_MAX, SCOPE_ENTRIES_MAX};
use crate::claim::{CLAIM_NAME_BYTES_MAX, CLAIM_VALUES_MAX, CLAIMS_MAX, RequiredClaim, Scalar};
use crate::finding::Code;
use crate::pattern::Pattern;
use crate::policy::{Access, Demands, IssuerId, Kind, METHODS_NEVER_LISTED};
use crate::source::{At, Fields, Source, list, nearest, shown};
use crate::target::check_method;

const KEYS: [&str; 7] = [
    "claims",
    "credential",
    "issuer",
    "methods",
    "path",
    "public",
    "scope",
];

/// The methods that IANA registers, without those that no rule can list.
const REGISTERED_METHODS: [&str; 37] = [
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
    pub(super) pattern: Option<Pattern>,
    pub(super) methods: Option<Vec<String>>,
    pub(super) issuers: Vec<IssuerId>,
    pub(super) kind: Option<Kind>,
}

pub(super) fn read(
    source: &mut Source<'_>,
    root: Fields<'_, '_>,
    issuers: &[ReadIssuer],
) -> Vec<ReadRoute> {
    let no_routes = |source: &mut Source<'_>, offset| {
        let message = "there are no routes: this policy would refuse every request";
        let help = "add a `[[route]]` with a `path`".to_owned();
        source.find_with(Code::NoRoutes, offset, message, Some(help), &[]);
    };
    let Some(value) = root.get("route") else {
        no_routes(source, 0);
        return Vec::new();
    };
    let DeValue::Array(array) = value.get_ref() else {
        if matches!(value.get_ref(), DeValue::Table(_)) {
            let message = "`route` is a list of tables";
            let help = "write `[[route]]`, with two brackets on either side".to_owned();
            let offset = root.key_offset("route").unwrap_or_default();
            source.find_with(Code::WrongType, offset, message, Some(help), &[]);
        } else {
            source.wrong_type(value, "`route`", "an array of tables", value.get_ref());
        }
        return Vec::new();
    };
    if array.is_empty() {
        no_routes(source, value.span().start);
    }
    if array.len() > ROUTES_MAX {
        let message = format!("there are more than {ROUTES_MAX} routes");
        source.find(Code::TooLarge, value.span().start, message);
        return Vec::new();
    }
    let mut routes = Vec::with_capacity(array.len());
    for value in array.iter() {
        if let DeValue::Table(table) = value.get_ref() {
            routes.push(read_one(source, table, value.span().start, issuers));
        } else {
            source.wrong_type(value, "an entry of `route`", "a table", value.get_ref());
        }
    }
    routes
}

fn read_one(
    source: &mut Source<'_>,
    table: &DeTable<'_>,
    offset: usize,
    issuers: &[ReadIssuer],
) -> ReadRoute {
    source.check_keys(table, &KEYS, "a route");
    let fields = Fields::new(table, offset);
    let (offset, pattern) = path(source, fields);
    let methods = match fields.get("methods") {
        Some(value) => methods(source, value).map(Some),
        None => Some(None),
    };
    let forwards_credential = credential(source, fields);
    let public = match fields.get("public") {
        Some(value) => source.boolean(value, "`public`"),
        None => Some(false),
    };
    let demands = Demands {
        issuers: Vec::new(),
        scope: fields
            .get("scope")
            .map_or_else(Vec::new, |v| scope(source, v)),
        claims: fields
            .get("claims")
            .map_or_else(Vec::new, |v| claims(source, v)),
    };
    let access = match public {
        Some(true) => {
            refuse_demands(source, fields);
            Some(Access::Public)
        }
        // A `public` that is not a boolean is a finding already.
        Some(false) => {
            let issuers = accepted(source, fields, offset, issuers);
            Some(Access::Protected(Demands { issuers, ..demands }))
        }
        None => None,
    };
    let accepted = match &access {
        Some(Access::Protected(demands)) => demands.issuers.clone(),
        _ => Vec::new(),
    };
    let kind = match (&methods, access, forwards_credential) {
        (Some(methods), Some(access), Some(forwards_credential)) => Some(Kind {
            methods: methods.clone().map(Vec::into_boxed_slice),
            access,
            forwards_credential,
        }),
        _ => None,
    };
    ReadRoute {
        offset,
        // Without its methods, a route cannot be compared with others.
        pattern: pattern.filter(|_| methods.is_some()),
        methods: methods.flatten(),
        issuers: accepted,
        kind,
    }
}

fn path(source: &mut Source<'_>, fields: Fields<'_, '_>) -> (usize, Option<Pattern>) {
    let Some(value) = fields.get("path") else {
        let help = "add the path or pattern that the rule is for".to_owned();
        let message = "the route has no `path`";
        source.find_with(Code::MissingKey, fields.offset, message, Some(help), &[]);
        return (fields.offset, None);
    };
    let Some(text) = source.string(value, "`path`") else {
        return (value.span().start, None);
    };
    match Pattern::parse(text.value) {
        Ok(pattern) => (text.offset, Some(pattern)),
        Err(error) => {
            let message = shown(&error.to_string());
            source.find_with(Code::BadPattern, text.offset, message, error.help(), &[]);
            (text.offset, None)
        }
    }
}

fn methods(source: &mut Source<'_>, value: &Spanned<DeValue<'_>>) -> Option<Vec<String>> {
    let entries = source.strings(value, "`methods`", true, METHODS_PER_PATTERN_MAX)?;
    let checked: Vec<_> = entries
        .into_iter()
        .map(|entry| method(source, entry))
        .collect();
    checked.into_iter().collect()
}

fn method(source: &mut Source<'_>, entry: At<&str>) -> Option<String> {
    let name = entry.value;
    let upper = name.to_ascii_uppercase();
    let refuse = |source: &mut Source<'_>, message: String, help: Option<String>| {
        source.find_with(Code::BadValue, entry.offset, message, help, &[]);
        None
    };
    if check_method(name).is_err() {
        return refuse(source, format!("`{}` is no method", shown(name)), None);
    }
    if METHODS_NEVER_LISTED.contains(&upper.as_str()) {
        let help = match upper.as_str() {
            "TRACE" => "TRACE answers with the headers that the upstream received",
            _ => "CONNECT asks for a host, not for a path",
        };
        let message = format!("no rule can list {upper}");
        return refuse(source, message, Some(help.to_owned()));
    }
    if upper != name {
        let message = format!("`{name}` has lower-case letters: methods are case-sensitive");
        return refuse(source, message, Some(format!("write `{upper}`")));
    }
    if !REGISTERED_METHODS.contains(&name) {
        let help = nearest(name, &REGISTERED_METHODS).map(|near| format!("did you mean `{near}`?"));
        let message = format!("`{name}` is not a registered method");
        source.find_with(Code::UnregisteredMethod, entry.offset, message, help, &[]);
    }
    Some(name.to_owned())
}

fn credential(source: &mut Source<'_>, fields: Fields<'_, '_>) -> Option<bool> {
    let Some(value) = fields.get("credential") else {
        return Some(false);
    };
    let text = source.string(value, "`credential`")?;
    match text.value {
        "strip" => Some(false),
        "forward" => Some(true),
        other => {
            let message = format!("`credential` cannot be `{}`", shown(other));
            let help =
                "`strip` removes the token from the request, `forward` hands it on".to_owned();
            source.find_with(Code::BadValue, text.offset, message, Some(help), &[]);
            None
        }
    }
}

fn scope(source: &mut Source<'_>, value: &Spanned<DeValue<'_>>) -> Vec<String> {
    let entries = source.strings(value, "`scope`", true, SCOPE_ENTRIES_MAX);
    let mut scopes = Vec::new();
    for entry in entries.unwrap_or_default() {
        // RFC 6749 section 3.3: scope-token = 1*( %x21 / %x23-5B / %x5D-7E )
        let bad = entry
            .value
            .chars()
            .find(|&c| !c.is_ascii_graphic() || c == '"' || c == '\\');
        if bad == Some(' ') {
            let parts: Vec<_> = entry
                .value
                .split(' ')
                .filter(|part| !part.is_empty())
                .collect();
            let help = format!("write each scope on its own: {}", list(&parts));
            let message = "a scope has no space in it";
            source.find_with(Code::BadValue, entry.offset, message, Some(help), &[]);
        } else if bad.is_some() || entry.value.len() > SCOPE_BYTES_MAX {
            let message = format!(
                "`{}` is no scope: up to {SCOPE_BYTES_MAX} printable ASCII characters without `\"` \
                 and `\\`",
                shown(entry.value)
            );
            source.find(Code::BadValue, entry.offset, message);
        }
        scopes.push(entry.value.to_owned());
    }
    scopes
}

fn claims(source: &mut Source<'_>, value: &Spanned<DeValue<'_>>) -> Vec<RequiredClaim> {
    let DeValue::Table(table) = value.get_ref() else {
        let wanted = "a table of claims and their values";
        source.wrong_type(value, "`claims`", wanted, value.get_ref());
        return Vec::new();
    };
    if table.is_empty() || table.len() > CLAIMS_MAX {
        let message = format!("`claims` must have between 1 and {CLAIMS_MAX} entries");
        source.find(Code::BadValue, value.span().start, message);
    }
    let mut claims = Vec::new();
    for (key, value) in table {
        check_claim_name(source, key.get_ref(), key.span().start);
        let values: Vec<&Spanned<DeValue<'_>>> = match value.get_ref() {
            DeValue::Array(array) => array.iter().collect(),
            _ => vec![value],
        };
        if values.is_empty() || values.len() > CLAIM_VALUES_MAX {
            let name = shown(key.get_ref());
            let message = format!("`{name}` must list between 1 and {CLAIM_VALUES_MAX} values");
            source.find(Code::BadValue, value.span().start, message);
        }
        let scalars = values.into_iter().filter_map(|value| scalar(source, value));
        claims.push(RequiredClaim {
            name: key.get_ref().to_string(),
            one_of: scalars.collect(),
        });
    }
    claims
}

fn check_claim_name(source: &mut Source<'_>, name: &str, offset: usize) {
    let help = match name {
        "iss" => "name the issuer with `issuer`",
        "aud" => "that is the issuer's `audience`",
        "exp" | "nbf" | "iat" => "times are always checked",
        "scope" | "scp" => "ask for scopes with `scope`",
        "" => "a claim has a name",
        name if name.len() > CLAIM_NAME_BYTES_MAX => "the name is too long",
        _ => return,
    };
    let message = format!("a rule cannot ask for the claim `{}`", shown(name));
    source.find_with(Code::BadValue, offset, message, Some(help.to_owned()), &[]);
}

fn scalar(source: &mut Source<'_>, value: &Spanned<DeValue<'_>>) -> Option<Scalar> {
    match value.get_ref() {
        DeValue::String(text) => Some(Scalar::Text(text.to_string())),
        DeValue::Boolean(boolean) => Some(Scalar::Boolean(*boolean)),
        DeValue::Integer(_) => {
            let integer = source.integer(value, "the value of a claim")?;
            Some(Scalar::Integer(integer.value))
        }
        other => {
            let wanted = "a string, a whole number, a boolean or an array of these";
            source.wrong_type(value, "the value of a claim", wanted, other);
            None
        }
    }
}

/// A public route is asked for nothing, so it cannot demand anything.
fn refuse_demands(source: &mut Source<'_>, fields: Fields<'_, '_>) {
    let public = fields.key_offset("public").unwrap_or(fields.offset);
    for key in ["issuer", "scope", "claims"] {
        if let Some(offset) = fields.key_offset(key) {
            let message = format!("a public route has no `{key}`: no token is looked at");
            let help = format!("leave out `public` or `{key}`");
            let related = [(public, "the route is public".to_owned())];
            source.find_with(Code::PublicDemand, offset, message, Some(help), &related);
        }
    }
}

/// The issuers that a rule accepts: those that it names, or the only one there is.
fn accepted(
    source: &mut Source<'_>,
    fields: Fields<'_, '_>,
    offset: usize,
    issuers: &[ReadIssuer],
) -> Vec<IssuerId> {
    let names: Vec<&str> = issuers.iter().map(|issuer| issuer.name.as_str()).collect();
    let Some(value) = fields.get("issuer") else {
        if names.len() == 1 {
            return vec![0];
        }
        let (message, help) = if names.is_empty() {
            (
                "the route needs a token, and there is no issuer",
                "add an `[issuer.NAME]`, or make the route `public = true`".to_owned(),
            )
        } else {
            (
                "the route does not say whose tokens it accepts",
                format!("add `issuer`, with one or more of {}", list(&names)),
            )
        };
        source.find_with(Code::MissingKey, offset, message, Some(help), &[]);
        return Vec::new();
    };
    let entries = source.strings(value, "`issuer`", true, ISSUERS_MAX);
    let mut accepted = Vec::new();
    for entry in entries.unwrap_or_default() {
        if let Some(id) = names.iter().position(|name| *name == entry.value) {
            accepted.push(id);
            continue;
        }
        let help = match nearest(entry.value, &names) {
            Some(near) => format!("did you mean `{near}`?"),
            None if names.is_empty() => "add an `[issuer.NAME]`".to_owned(),
            None => format!("there are {}", list(&names)),
        };
        let message = format!("there is no issuer `{}`", shown(entry.value));
        source.find_with(Code::UnknownIssuer, entry.offset, message, Some(help), &[]);
    }
    accepted
}
