//! The policy file, key by key.
//!
//! ```toml
//! [issuer.acme]                                # a name of your own, used by routes and in the log
//! url       = "https://login.acme.example"     # equal to `iss`; https, or http on loopback
//! audience  = ["https://api.acme.example"]     # `aud` names one of them; a string alone will do
//! algorithms = ["ES256", "EdDSA"]              # default: every one with a public key
//! leeway_s  = 60                               # how far the clocks may be apart; at most 300
//! access_token_profile = false                 # true: tokens follow RFC 9068
//! stale_if_error_s = 86400                     # how long old keys do while it fails; 0 to 604800
//! unknown_key_cooldown_s = 30                  # how soon an unknown key is asked for again; 5 to 3600
//! # Keys: by discovery, unless one of these is there.
//! # jwks_url  = "https://login.acme.example/keys"
//! # jwks_file = "/keys.json"                   # a file that is mounted into the component
//! # secret    = "acme_secret"                  # the name of a Spin variable, for HS256 and its kind
//!
//! [issuer.acme.introspection]                  # it is asked about opaque tokens (RFC 7662)
//! client_id = "gate"                           # as whom
//! authentication = "client_secret_basic"       # or "client_secret_post", "private_key_jwt"
//! secret    = "acme_client_secret"             # the name of a Spin variable
//! # key     = "acme_client_key"                # instead, for private_key_jwt: a private JWK
//! # endpoint = "https://login.acme.example/introspect"   # default: by discovery
//! cache_s   = 60                               # how long an answer is good at most; 0 to 3600
//! negative_cache_s = 5                         # how long a token stays inactive; 0 to 60
//! missing_audience = "refuse"                  # or "accept": it answers only for tokens meant for us
//!
//! [issuer.acme.logout]                         # OpenID Connect Back-Channel Logout; needs [revocation]
//! path      = "/logout/acme"                   # literal; the gate itself answers POST there
//! client_id = ["shop"]                         # `aud` of a logout token names one of them
//!
//! [issuer.login]                               # an issuer for each tenant: login/blue and login/red
//! url       = "https://login.example/{tenant}" # `{tenant}` can also be in `jwks_url`, `jwks_file` and
//! audience  = "api"                            # `introspection.endpoint`
//! tenants   = ["blue", "red"]
//!
//! [api_keys]
//! header = "x-api-key"                         # or query = "api_key"; neither: only as Basic
//! store  = true                                # whether keys are also looked for in the store
//! [[api_keys.key]]                             # a key, as `doorward key new` prints it
//! name = "ci"                                  # its subject, and its user name for Basic
//! id   = "4YbV0cQm8XzK"
//! hash = "sha256:47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU"
//! scope = ["read:items"]
//! expires = "2027-01-01T00:00:00Z"             # default: never
//!
//! [store]                                      # the key-value store that instances share
//! name = "default"                             # its label
//! refresh_s = 5                                # how soon a change is seen; 1 to 60
//! stale_if_error_s = 60                        # how long it is done without it; 0 to 3600
//!
//! [revocation]                                 # tokens can be taken back; needs the store
//! token_lifetime_max_s = 604800                # no token may live longer; 60 to 2592000
//!
//! [[route]]
//! path    = "/api/v1/users/{id}"               # `{name}`: one segment; `**` at the end: the rest
//! methods = ["GET"]                            # default: all but CONNECT and TRACE
//! issuer  = ["acme", "login/blue"]             # "login" is all its tenants; can be left out where
//!                                              # there is only one issuer
//! accept  = ["jwt", "opaque", "api-key"]       # or "basic"; in the order of challenges. Default:
//!                                              # "jwt", then "opaque" if an issuer can be asked
//! scope   = ["read:users"]                     # all of them
//! credential = "strip"                         # or "forward": whether the upstream sees it
//! [route.claims]
//! tenant = "blue"                              # exactly this value
//! plan   = ["pro", "team"]                     # one of these
//!
//! [[route]]
//! path   = "/public/**"
//! public = true                                # no credential is asked for, or looked at
//!
//! [identity]
//! x-auth-subject = "sub"                       # a header, and the claim that it tells the upstream
//! x-auth-roles   = { claim = "roles", format = "list" }   # or "text", "json"
//! ```
//!
//! An opaque token does not say whose it is: a route accepts them of one issuer at most. `Basic` is the
//! name of an API key and the key as the password.
//!
//! What no route lists is refused. Unknown keys, contradictions and rules that can never decide are
//! errors ([`crate::Code`] lists all), and a policy with an error decides nothing.

mod accept;
mod api_keys;
mod check;
mod date;
mod identity;
mod introspection;
mod issuer;
mod logout;
mod route;
mod store;
mod tenants;

use toml_parser::{Expected, ParseError};

use self::accept::Around;
use crate::api_keys::ApiKeys;
use crate::document::{Document, TABLE_KEYS_MAX};
use crate::finding::{Code, Findings};
use crate::identity::ReservedNames;
use crate::policy::{Kind, Policy, Rules};
use crate::source::{Fields, Source};

/// Longest policy file, in bytes.
pub const POLICY_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Most issuers, those of one pattern counted as one.
pub const ISSUERS_MAX: usize = 64;
/// Most issuers when each tenant is counted.
pub const ISSUERS_IN_ALL_MAX: usize = 1024;
/// Longest name of a tenant, in bytes.
pub const TENANT_BYTES_MAX: usize = 128;
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
/// Most that `stale_if_error_s` of an issuer can be: a week.
pub const STALE_IF_ERROR_S_MAX: u64 = 7 * 24 * 60 * 60;
/// Least that `unknown_key_cooldown_s` can be.
pub const UNKNOWN_KEY_COOLDOWN_S_MIN: u64 = 5;
/// Most that `unknown_key_cooldown_s` can be.
pub const UNKNOWN_KEY_COOLDOWN_S_MAX: u64 = 60 * 60;
/// Most that `cache_s` can be.
pub const CACHE_S_MAX: u64 = 60 * 60;
/// Most that `negative_cache_s` can be.
pub const NEGATIVE_CACHE_S_MAX: u64 = 60;
/// Longest `client_id`, in bytes.
pub const CLIENT_ID_BYTES_MAX: usize = 256;
/// Most clients of which a logout token may name one.
pub const CLIENT_IDS_MAX: usize = 64;
/// Longest label of a store, in bytes.
pub const STORE_NAME_BYTES_MAX: usize = 64;
/// Least that `refresh_s` can be.
pub const STORE_REFRESH_S_MIN: u64 = 1;
/// Most that `refresh_s` can be.
pub const STORE_REFRESH_S_MAX: u64 = 60;
/// Most that `stale_if_error_s` of the store can be.
pub const STORE_STALE_IF_ERROR_S_MAX: u64 = 60 * 60;
/// Least that `token_lifetime_max_s` can be.
pub const TOKEN_LIFETIME_MAX_S_MIN: u64 = 60;
/// Most that `token_lifetime_max_s` can be: thirty days.
pub const TOKEN_LIFETIME_MAX_S_MAX: u64 = 30 * 24 * 60 * 60;
/// Most API keys that a policy can list.
pub const API_KEYS_MAX: usize = 256;
/// Longest name of the parameter that holds the API key, in bytes.
pub const QUERY_NAME_BYTES_MAX: usize = 64;

const KEYS: [&str; 6] = [
    "api_keys",
    "identity",
    "issuer",
    "revocation",
    "route",
    "store",
];

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
    source.check_keys(root, &KEYS, "a policy");

    let store = store::store(&mut source, root);
    let revocation = store::revocation(&mut source, root);
    let issuers = issuer::read(&mut source, root, root.get("revocation").is_some());
    let api_keys = api_keys::read(&mut source, root);
    let around = Around {
        issuers: &issuers,
        names: issuers.iter().map(|issuer| issuer.name.as_str()).collect(),
        api_keys: api_keys.as_ref().map(|read| &read.api_keys),
    };
    let routes = route::read(&mut source, root, &around);
    let key_header = around.api_keys.and_then(ApiKeys::header);
    let identity = identity::read(&mut source, root, key_header);
    let (matcher, order) = check::rules(&mut source, &routes);
    check::use_of_issuers(&mut source, &issuers, &routes);
    if let Some(keys) = &api_keys {
        check::use_of_keys(&mut source, keys, &routes);
    }
    let logout_paths = check::logout_paths(&mut source, &issuers, &routes);
    let issuers_by_url = check::urls(&mut source, &issuers);

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
    let api_keys = api_keys.map(|read| read.api_keys);
    let identity_names = identity.iter().map(|header| header.name.as_str());
    let reserved =
        ReservedNames::new(identity_names.chain(api_keys.as_ref().and_then(ApiKeys::header)));
    Ok(Policy {
        issuers: issuers.into_iter().flat_map(|read| read.issuers).collect(),
        issuers_by_url,
        store,
        revocation,
        api_keys,
        logout_paths,
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
