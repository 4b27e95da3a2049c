//! The policy file, key by key.
//!
//! ```toml
//! [issuer.acme]                                # a name of your own, used by routes and in the log
//! url       = "https://login.acme.example"     # equal to `iss`; https, or http on loopback
//! audience  = ["https://api.acme.example"]     # `aud` names one of them; a string alone will do
//! algorithms = ["ES256", "EdDSA"]              # default: every one with a public key
//! leeway_s  = 60                               # how far the clocks may be apart; at most 300
//! access_token_profile = false                 # true: tokens follow RFC 9068
//! # Keys: by discovery, unless one of these is there.
//! # jwks_url  = "https://login.acme.example/keys"
//! # jwks_file = "/keys.json"                   # a file that is mounted into the component
//! # secret    = "acme_secret"                  # the name of a Spin variable, for HS256 and its kind
//!
//! [[route]]
//! path    = "/api/v1/users/{id}"               # `{name}`: one segment; `**` at the end: the rest
//! methods = ["GET"]                            # default: all but CONNECT and TRACE
//! issuer  = ["acme"]                           # can be left out where there is only one
//! scope   = ["read:users"]                     # all of them
//! credential = "strip"                         # or "forward": whether the upstream sees the token
//! [route.claims]
//! tenant = "blue"                              # exactly this value
//! plan   = ["pro", "team"]                     # one of these
//!
//! [[route]]
//! path   = "/public/**"
//! public = true                                # no token is asked for, or looked at
//!
//! [identity]
//! x-auth-subject = "sub"                       # a header, and the claim that it tells the upstream
//! x-auth-roles   = { claim = "roles", format = "list" }   # or "text", "json"
//! ```
//!
//! What no route lists is refused. Unknown keys, contradictions and rules that can never decide are
//! errors ([`crate::Code`] lists all), and a policy with an error decides nothing.

mod check;
mod identity;
mod issuer;
mod route;

use toml_parser::{Expected, ParseError};

use crate::document::{Document, TABLE_KEYS_MAX};
use crate::finding::{Code, Findings};
use crate::identity::ReservedNames;
use crate::policy::{Kind, Policy, Rules, StoreRule};
use crate::source::{Fields, Source};

/// Longest policy file, in bytes.
pub const POLICY_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Most issuers.
pub const ISSUERS_MAX: usize = 64;
/// Most routes.
pub const ROUTES_MAX: usize = 16_384;
/// Most methods of all rules for one path pattern together.
pub const METHODS_PER_PATTERN_MAX: usize = 64;
/// Most scopes that one rule can ask for.
pub const SCOPE_ENTRIES_MAX: usize = 64;
/// Longest scope, in bytes.
pub const SCOPE_BYTES_MAX: usize = 256;
/// Most audiences of one issuer.
pub const AUDIENCE_ENTRIES_MAX: usize = 64;
/// Longest name of an issuer, in bytes.
pub const ISSUER_NAME_BYTES_MAX: usize = 64;

pub(crate) fn policy(text: &str) -> Result<Policy, Findings> {
    if text.len() > POLICY_BYTES_MAX {
        let mut source = Source::new("");
        let bytes = text.len();
        let message = format_args!("the file has {bytes} bytes, more than {POLICY_BYTES_MAX}");
        source.find(Code::TooLarge, 0, &message);
        return Err(source.into_findings());
    }
    let mut source = Source::new(text);
    let document = Document::parse(text, &mut |error| syntax(&mut source, &error));
    if let Some(offset) = document.overfull {
        let message = format_args!("a table with more than {TABLE_KEYS_MAX} keys");
        source.find(Code::TooLarge, offset, &message);
    }
    if source.has_findings() {
        // What could be read of the rest would only give rise to misleading findings.
        return Err(source.into_findings());
    }
    let root = Fields::root(&document);
    source.check_keys(root, &["identity", "issuer", "route"], "a policy");

    let issuers = issuer::read(&mut source, root);
    let routes = route::read(&mut source, root, &issuers);
    let identity = identity::read(&mut source, root);
    let (matcher, order) = check::rules(&mut source, &routes);
    check::use_of_issuers(&mut source, &issuers, &routes);

    let findings = source.into_findings();
    if findings.has_errors() {
        return Err(findings);
    }
    let mut routes: Vec<_> = routes.into_iter().map(Some).collect();
    let mut rules = Rules::default();
    for index in order {
        let route = routes.get_mut(index as usize).and_then(Option::take);
        if let Some(route) = route
            && let Some(access) = route.access
        {
            let kind = Kind {
                methods: route.methods.map(Vec::into_boxed_slice),
                access,
                forwards_credential: route.forwards_credential,
            };
            rules.push(route.path, kind);
        }
    }
    let reserved = ReservedNames::new(identity.iter().map(|header| header.name.as_str()));
    let issuers: Vec<_> = issuers.into_iter().filter_map(|read| read.issuer).collect();
    let mut issuers_by_url: Vec<u32> = (0..issuers.len() as u32).collect();
    issuers_by_url.sort_by_key(|&id| issuers.get(id as usize).map(|issuer| issuer.url.as_str()));
    Ok(Policy {
        issuers,
        issuers_by_url,
        store: StoreRule::default(),
        revocation: None,
        api_keys: None,
        logout_paths: Vec::new(),
        rules,
        matcher,
        identity,
        reserved,
        warnings: findings,
    })
}

fn syntax(source: &mut Source<'_>, error: &ParseError) {
    let mut message = error.description().to_owned();
    for (index, expected) in error.expected().unwrap_or_default().iter().enumerate() {
        message.push_str(if index == 0 { ", expected " } else { ", " });
        match expected {
            Expected::Literal("\n") => message.push_str("newline"),
            Expected::Literal(literal) => message.extend(["`", literal, "`"]),
            Expected::Description(description) => message.push_str(description),
            _ => message.push('…'),
        }
    }
    let offset = error.unexpected().map_or(0, |span| span.start());
    source.find(Code::Syntax, offset, &message);
}
