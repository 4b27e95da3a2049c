//! What `doorward check` says besides: policies that can be used, and let in more or fewer than was meant.
//!
//! No component calls this, so that none has it in its file: it is for who writes a policy, and takes what
//! is known of providers by heart.

mod formats;
mod help;
mod preflights;
mod rates;
#[cfg(feature = "report")]
mod report;
mod tables;

use core::fmt::Display;

#[cfg(feature = "report")]
pub use self::report::advise_of_modes;
use self::tables::{each, tables, texts};
use super::bounds::POLICY_BYTES_MAX;
use super::route;
use crate::document::{Document, Entry};
use crate::finding::{Code, Findings};
use crate::source::{Fields, Related, Source, list, shown};
use crate::value::{At, Value};
use doorward_syntax::url::{UrlError, check_url};
use doorward_token::{ClaimPath, TENANT_PLACE};

/// An issuer of which everybody can have tokens.
struct Known {
    is: fn(&str) -> bool,
    /// Who gets in where no claim is asked for.
    everybody: &'static str,
    /// Claims that say whose a token is; the first ones are the best.
    telling: &'static [&'static str],
    /// Claims whose numbers and booleans are text.
    texts: &'static [&'static str],
    /// Whether its tokens are ID tokens.
    id_tokens: bool,
}

const KNOWN: [Known; 5] = [
    Known {
        is: |url| url == "https://token.actions.githubusercontent.com",
        everybody: "any workflow of any repository at GitHub",
        telling: &[
            "repository_owner_id",
            "repository_id",
            "sub",
            "repository_owner",
            "repository",
            "job_workflow_ref",
            "workflow_ref",
            "enterprise_id",
            "enterprise",
            "actor_id",
            "actor",
        ],
        texts: &[
            "actor_id",
            "enterprise_id",
            "ref_protected",
            "repository_id",
            "repository_owner_id",
            "run_attempt",
            "run_id",
            "run_number",
        ],
        id_tokens: true,
    },
    Known {
        is: |url| url == "https://gitlab.com",
        everybody: "any job of any project at GitLab",
        telling: &[
            "namespace_id",
            "project_id",
            "sub",
            "namespace_path",
            "project_path",
            "user_id",
            "user_login",
            "user_email",
            "ci_config_ref_uri",
        ],
        texts: &[
            "environment_protected",
            "job_id",
            "namespace_id",
            "pipeline_id",
            "project_id",
            "ref_protected",
            "user_id",
        ],
        id_tokens: true,
    },
    Known {
        is: |url| matches!(url, "https://accounts.google.com" | "accounts.google.com"),
        everybody: "everybody who has an account or a project at Google",
        telling: &["sub", "hd", "email", "azp", "google"],
        texts: &[],
        id_tokens: true,
    },
    Known {
        is: is_cluster,
        everybody: "any pod of the cluster",
        telling: &["sub", "\"kubernetes.io\".namespace"],
        texts: &[],
        id_tokens: true,
    },
    Known {
        is: |url| {
            url.contains(TENANT_PLACE)
                && [
                    "https://login.microsoftonline.com/",
                    "https://sts.windows.net/",
                ]
                .iter()
                .any(|host| url.starts_with(host))
        },
        everybody: "everybody who has an account at Microsoft",
        telling: &["tid", "oid", "sub", "groups"],
        texts: &[],
        id_tokens: false,
    },
];

/// Claims that are text with every issuer (RFC 7519, RFC 9068).
const TEXTS: [&str; 4] = ["azp", "client_id", "jti", "sub"];

/// How many claims a finding names.
const NAMED_MAX: usize = 2;

/// A cluster of Kubernetes, its own name or that of one that is managed.
fn is_cluster(url: &str) -> bool {
    let host = url.strip_prefix("https://").unwrap_or_default();
    let host = host.split('/').next().unwrap_or_default();
    host.starts_with("kubernetes.default.svc")
        || host.starts_with("oidc.eks.")
        || host == "container.googleapis.com"
        || host.ends_with(".oic.prod-aks.azure.com")
}

/// What was found in a policy, and what is to be said of it besides, in the order of the file.
///
/// `found` is what [`Policy::parse`](crate::Policy::parse) made of the same text: its error, or the warnings.
/// Of a policy with errors little more is said than what may have led to them.
#[must_use]
pub fn advise(text: &str, found: &Findings) -> Findings {
    let mut found = found.clone();
    found.set_help(|finding| help::of(text, finding));
    let found = &found;
    let mut source = Source::with_findings(text, found.clone());
    let unreadable = [Code::Syntax, Code::TooLarge];
    let findings = found.as_slice();
    if text.len() > POLICY_BYTES_MAX || findings.iter().any(|one| unreadable.contains(&one.code)) {
        return source.into_findings();
    }
    let document = Document::parse(text, &mut |_| {});
    let root = Fields::root(&document);
    let routes = tables(root, root.get("route"));
    let known = route::keys();
    for &route in &routes {
        misplaced(&mut source, route, "[route.claims]", &known);
        for asked in tables(route, route.get("allow")) {
            misplaced(&mut source, asked, "[route.allow.claims]", &known);
        }
    }
    if !found.has_errors() {
        let issuers = Issuer::all(root);
        for issuer in &issuers {
            insecure_http(&mut source, issuer);
            audiences(&mut source, issuer);
            kind_of_tokens(&mut source, issuer);
        }
        for &route in &routes {
            demands(&mut source, route, &issuers);
        }
        rates::advise(&mut source, root, &routes);
        preflights::advise(&mut source, root, &routes);
        formats::advise(&mut source, text, root);
    }
    source.into_findings()
}

/// Keys of a route that stand below the header of its claims, and are taken for claims. `known` are those
/// that a route can have.
fn misplaced(source: &mut Source<'_>, asked: Fields<'_, '_>, header: &str, known: &[&str]) {
    let Some(claims) = asked.get("claims").and_then(|value| asked.table(value)) else {
        return;
    };
    // Who writes `claims = { … }`, or the name in quotes, means a claim. That of scopes is an error.
    if !source.text_from(claims.offset).starts_with('[') {
        return;
    }
    for Entry { name, .. } in claims.entries {
        let key = name.value.as_ref();
        if known.contains(&key)
            && key != "scope"
            && !source.text_from(name.offset).starts_with(['"', '\''])
        {
            let message = format_args!("`{key}` is a claim here: it stands below `{header}`");
            let help = format_args!(
                "move it above `{header}`; a claim of that name is in quotes, `\"{key}\"`"
            );
            let related: Related<'_> = &[(claims.offset, &"the claims begin here")];
            let code = Code::MisplacedKey;
            source.find_with(code, name.offset, &message, Some(&help), related);
        }
    }
}

/// What the file says of an issuer.
struct Issuer<'t, 's> {
    name: &'t str,
    fields: Fields<'t, 's>,
    url: At<&'t str>,
    known: Option<&'static Known>,
}

impl<'t, 's> Issuer<'t, 's> {
    fn all(root: Fields<'t, 's>) -> Vec<Self> {
        let table = root.get("issuer").and_then(|value| root.table(value));
        let entries = table.map_or(&[][..], |table| table.entries);
        let read = |entry: &'t Entry<'s>| {
            let fields = root.table(&entry.value)?;
            let url = texts(fields.get("url")).into_iter().next()?;
            // Those of tenants that are listed are not everybody.
            let any = match fields.get("tenants").map(|tenants| &tenants.value) {
                Some(Value::Text(text)) => text == "any",
                tenants => tenants.is_none(),
            };
            let trimmed = url.value.trim_end_matches('/');
            let known = KNOWN.iter().find(|known| any && (known.is)(trimmed));
            Some(Self {
                name: entry.name.value.as_ref(),
                fields,
                url,
                known,
            })
        };
        entries.iter().filter_map(read).collect()
    }
}

/// Keys that come over http from elsewhere than this machine, and the key that allows it where none do.
fn insecure_http(source: &mut Source<'_>, issuer: &Issuer<'_, '_>) {
    let Some(allowed) = issuer.fields.get("insecure_http") else {
        return;
    };
    if !matches!(allowed.value, Value::Boolean(true)) {
        return;
    }
    let elsewhere = ["jwks_file", "secret"].map(|key| issuer.fields.get(key).is_some());
    let from = texts(issuer.fields.get("jwks_url")).into_iter().next();
    let from = match from {
        Some(url) => Some(url),
        None if elsewhere.contains(&true) => None,
        None => Some(issuer.url),
    };
    // Each tenant's address is as safe as that of another one.
    let is_open = |url: &At<&str>| {
        let of_one = url.value.replace(TENANT_PLACE, "a");
        check_url(&of_one) == Err(UrlError::NotEncrypted)
    };
    if let Some(url) = from.filter(is_open) {
        let message = format_args!(
            "the keys of `{}` come over http: whoever is between can put others in their place, and pass as anybody",
            shown(issuer.name)
        );
        let help = "only for a network of your own that nobody else is on; otherwise https, or `jwks_file`";
        let related: Related<'_> = &[(allowed.offset, &"allowed here")];
        source.find_with(
            Code::InsecureHttp,
            url.offset,
            &message,
            Some(&help),
            related,
        );
    } else {
        let message =
            "`insecure_http` changes nothing: no keys come over http from another machine";
        let help = "leave it out, so that it allows nothing later";
        source.find_with(Code::NoEffect, allowed.offset, &message, Some(&help), &[]);
    }
}

/// Audiences that tokens for others have, too.
fn audiences(source: &mut Source<'_>, issuer: &Issuer<'_, '_>) {
    let url = issuer.url.value;
    let (realm, cluster) = (url.contains("/realms/"), is_cluster(url));
    let of_all = |audience: &str| {
        (realm && audience == "account")
            || (cluster && (audience == url || is_cluster(audience)))
            || (audience.strip_prefix(url)).is_some_and(|rest| {
                matches!(rest, "/resources" | "resources" | "/userinfo" | "userinfo")
            })
            || audience == "32555940559.apps.googleusercontent.com"
    };
    for audience in texts(issuer.fields.get("audience")) {
        if of_all(audience.value) {
            let message = format_args!(
                "`{}` is in the tokens that this issuer makes for others, too",
                shown(audience.value)
            );
            let help = "name an audience that only tokens for this application have";
            let code = Code::SharedAudience;
            source.find_with(code, audience.offset, &message, Some(&help), &[]);
        }
    }
}

/// Issuers of ID tokens, of which the policy does not say so.
fn kind_of_tokens(source: &mut Source<'_>, issuer: &Issuer<'_, '_>) {
    if issuer.known.is_some_and(|known| known.id_tokens) && issuer.fields.get("tokens").is_none() {
        let message = format_args!("the tokens of `{}` are ID tokens", shown(issuer.name));
        let help = "add `tokens = \"id\"`: without it those that are marked as such are refused";
        let code = Code::TokenKind;
        source.find_with(code, issuer.url.offset, &message, Some(&help), &[]);
    }
}

/// What a route, or each of its alternatives, asks of tokens.
fn demands(source: &mut Source<'_>, route: Fields<'_, '_>, issuers: &[Issuer<'_, '_>]) {
    if route
        .get("public")
        .is_some_and(|public| matches!(public.value, Value::Boolean(true)))
    {
        return;
    }
    let path = texts(route.get("path")).into_iter().next();
    let path = path.map_or(route.offset, |path| path.offset);
    let alternatives = tables(route, route.get("allow"));
    let whole = [route];
    let (asked, alternative) = match alternatives.as_slice() {
        [] => (whole.as_slice(), false),
        alternatives => (alternatives, true),
    };
    let optional = texts(route.get("auth"))
        .first()
        .is_some_and(|auth| auth.value == "optional");
    for &fields in asked {
        let kinds = texts(fields.get("accept"));
        let of_issuers = |kind: &At<&str>| matches!(kind.value, "jwt" | "opaque");
        if !kinds.is_empty() && !kinds.iter().any(of_issuers) {
            continue;
        }
        let named = texts(fields.get("issuer"));
        let accepted = issuers.iter().filter(|issuer| {
            let is_it = |name: &At<&str>| name.value.split('/').next() == Some(issuer.name);
            named.is_empty() || named.iter().any(is_it)
        });
        let offset = if alternative { fields.offset } else { path };
        let claims = fields.get("claims").and_then(|value| fields.table(value));
        let accepted: Vec<&Issuer<'_, '_>> = accepted.collect();
        for issuer in accepted.iter().filter(|_| !optional) {
            open_to_all(source, issuer, claims, offset);
        }
        if let Some(claims) = claims {
            never_equal(source, &accepted, claims);
        }
    }
}

/// A route without a rule that tells whose a token is, of an issuer of which everybody can have one.
fn open_to_all(
    source: &mut Source<'_>,
    issuer: &Issuer<'_, '_>,
    claims: Option<Fields<'_, '_>>,
    offset: usize,
) {
    let Some(known) = issuer.known else { return };
    let tells = |entry: &Entry<'_>| {
        let claim = ClaimPath::parse(&entry.name.value);
        let claim = claim.as_ref().map_or("", ClaimPath::claim);
        let is_it =
            |known: &&str| ClaimPath::parse(known).is_ok_and(|known| known.claim() == claim);
        // What is only not to be there says nothing of who may come.
        let condition = claims.and_then(|claims| claims.table(&entry.value));
        let positive = condition.is_none_or(|fields| {
            let mut keys = fields.entries.iter().map(|entry| entry.name.value.as_ref());
            keys.any(|key| matches!(key, "any" | "all" | "equals" | "present"))
        });
        positive && known.telling.iter().any(is_it)
    };
    if claims.is_some_and(|claims| claims.entries.iter().any(tells)) {
        return;
    }
    let message = format_args!("{} gets in here", known.everybody);
    let best: Vec<&str> = known.telling.iter().take(NAMED_MAX).copied().collect();
    let help = format_args!(
        "ask in `claims` for what says whose a token is, such as {}; `sub = {{ present = true }}` says \
         that everybody is meant",
        list(&best),
    );
    let related: Related<'_> = &[(issuer.url.offset, &"the issuer")];
    source.find_with(Code::OpenToAll, offset, &message, Some(&help), related);
}

/// Numbers and booleans in rules on claims that are text.
fn never_equal(source: &mut Source<'_>, issuers: &[&Issuer<'_, '_>], claims: Fields<'_, '_>) {
    for Entry { name, value } in claims.entries {
        let name = name.value.as_ref();
        let of_one = |issuer: &&Issuer<'_, '_>| {
            issuer
                .known
                .is_some_and(|known| known.texts.contains(&name))
        };
        if !TEXTS.contains(&name) && !issuers.iter().any(of_one) {
            continue;
        }
        let mut compared = each(Some(value)).iter().collect::<Vec<_>>();
        if let Some(fields) = claims.table(value) {
            let keys = ["all", "any", "none"];
            compared = keys.iter().flat_map(|key| each(fields.get(key))).collect();
        }
        for value in compared {
            let text: &dyn Display = match &value.value {
                Value::Integer(Some(number)) => number,
                Value::Boolean(boolean) => boolean,
                _ => continue,
            };
            let type_name = value.value.type_name();
            let message = format_args!("`{name}` is text in the token, and this is {type_name}");
            let help = format_args!("write it in quotes: `\"{text}\"`");
            source.find_with(Code::NeverEqual, value.offset, &message, Some(&help), &[]);
        }
    }
}
