//! The policy file, key by key.
//!
//! ```toml
//! candidate = "/new.toml"                      # a file with a policy that decides beside this one, and
//!                                              # of which only differences are told
//!
//! [issuer.acme]                                # a name of your own, used by routes and in the log
//! url       = "https://login.acme.example"     # equal to `iss`; https, or http on loopback
//! audience  = ["https://api.acme.example"]     # `aud` names one of them; a string alone will do
//! algorithms = ["ES256", "EdDSA"]              # default: every one with a public key
//! leeway_s  = 60                               # how far the clocks may be apart; at most 300
//! access_token_profile = false                 # true: tokens follow RFC 9068
//! tokens    = "access"                         # what it sends; or "id", "any". Never refresh tokens,
//!                                              # logout tokens, or what is bound to a key (`cnf`)
//! issuer    = ["login.acme.example"]           # what `iss` may be besides `url`, which is its name
//!                                              # all the same. `url` can be any text where it says
//!                                              # where its keys are
//! # audience_claim = "client_id"               # what names the audience where there is no `aud`
//! scope_claim = ["permissions"]                # what has the scopes, instead of `scope` or `scp`
//! token_bytes_max = 16384                      # the longest token; 1024 to 65536
//! stale_if_error_s = 86400                     # how long old keys do while it gives no key set; 0 to
//!                                              # 604800
//! # insecure_http = true                       # whether keys may come over http from other machines
//! unknown_key_cooldown_s = 30                  # how old keys may be for an unknown one to be refused
//!                                              # for good; 5 to 3600
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
//! tenants   = ["blue", "red"]                  # or "any": one key set for all, and `tid` says which
//! token_from = ["cookie:session"]              # from where its tokens are believed; default: anywhere
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
//! [log]                                        # a line for each request, beside refusals
//! admitted_percent = 100                       # of those that were admitted; 0 to 100
//! principal = "hash"                           # or "plain", which is the default, or "none"
//! secret = "log_secret"                        # the Spin variable with the key of "hash"
//! names = "own"                                # or "ecs", "otel"
//! level_variable = "log_level"                 # the Spin variable that says which events, as RUST_LOG does
//! fields = ["route", "duration_ms"]            # which of those that can be left out; default: all
//!
//! [health]                                     # what the gate answers to who asks how it is
//! ready = "/ready"                             # whether requests can be decided: 200, or 503
//! live = "/health"                             # whether it runs: 200
//! require = ["store", "upstream:orders", "issuer:acme"]   # without which it is not ready. Default: the
//!                                              # issuers whose signed tokens routes accept
//! details = "none"                             # or "trusted", "all": who is told what is wrong
//!
//! [telemetry]                                  # where numbers and spans go
//! otlp = "https://collector.example:4318"      # where OTLP is taken over HTTP
//! headers = { x-api-key = "otlp_key" }         # what is sent there, by the Spin variables that have the values
//! service_name = "doorward"                    # `service.name` of what is sent
//! metrics = true                               # whether numbers are sent
//! trace_one_in = 100                           # of how many requests one has its spans sent; 0 (none) to 1000000
//! # insecure_http = true                       # whether it may be http to other machines
//! in_store = false                             # true: numbers are left in the store, for the component `ops`
//!
//! [revocation]                                 # tokens can be taken back; needs the store
//! token_lifetime_max_s = 604800                # no token may live longer; 60 to 2592000
//!
//! [proxy]                                      # between clients, the gate and upstreams
//! name = "doorward"                            # what it calls itself in `Via` and `CDN-Loop`
//! trusted_hops = 1                             # proxies in front that are believed; default: 0
//! trusted_networks = ["10.0.0.0/8"]            # where the nearest of them is; default: anywhere
//! identity_headers = ["x-forwarded-user"]      # in which those may say who calls; others never may
//!
//! [upstream.orders]                            # where the gateway sends requests
//! url = ["https://orders-1.example", "http://orders-2.internal:8080/base"]   # one or more
//! host = "forwarded"                           # or "hidden": whether it is told the client's `Host`
//! connect_timeout_ms = 1000                    # 1 to 60000
//! first_byte_timeout_ms = 15000                # 1 to 600000
//! between_bytes_timeout_ms = 30000             # 0 to 600000; 0: as long as the client waits
//! deadline_ms = 30000                          # for all attempts; 1 to 600000
//! attempts_max = 3                             # 1 to 10; the first one counts
//! backoff_ms = 25                              # before the second attempt at most; 1 to 10000
//! backoff_ms_max = 1000                        # before any at most; backoff_ms to 60000
//! breaker = true                               # whether it is left alone while it fails
//! [upstream.orders.credential]                 # in place of the client's
//! secret = "orders_token"                      # the name of a Spin variable
//! header = "authorization"                     # or another one, which has no `scheme`
//! scheme = "Bearer"                            # or "Basic"
//! [upstream.orders.request]                    # fields that are removed from requests, and set
//! remove = ["x-debug"]
//! set = { x-env = "prod" }
//! [upstream.orders.response]                   # the same for responses
//! remove = ["server"]
//!
//! [upstream.orders-new]
//! url = "https://new.example"
//!
//! [cors.web]                                   # pages of other origins (the Fetch standard)
//! origins = ["https://app.example", "https://*.app.example"]   # or "*", without credentials
//! credentials = true                           # default: false
//! request_headers = ["content-type"]           # default: whatever a page asks for
//! exposed_headers = ["etag"]
//! max_age_s = 600                              # how long a preflight is remembered; 0 to 86400
//!
//! [rate_limit.per_client]
//! requests = 100                               # 1 to 1000000
//! per_s = 60                                   # 1 to 86400
//! burst = 100                                  # how many at once; default: `requests`
//! key = "client"                               # or "subject", "api-key", "header:x-tenant",
//!                                              # "claim:tenant"; a claim is named as in rules
//! counts = "requests"                          # or "failed-authentication", by client or header
//! shared = false                               # true: instances count together, through the store
//! mode = "report"                              # it counts and refuses nobody, until then; also at the
//! report_until = "2027-01-31"                  # top of the file, of an issuer and of a route, where
//!                                              # there is "enforce", too
//!
//! [limits.upload]                              # each key can be left out
//! header_count_max = 100                       # seven are the host's own; 1 to 1024
//! header_bytes_max = 16384                     # 1 to 1048576
//! target_bytes_max = 4096                      # path and query; 1 to 8192
//! body_bytes_max = 1048576                     # 0 to 2^53
//! body_time_max_s = 600                        # 0 (without end) to 604800
//! body_rate_min = 500                          # bytes a second; 0 (any) to 1048576
//! content_types = ["application/json", "image/*"]
//!
//! [security_headers.web]
//! preset = "web"                               # or "api", which is the default, or "none"
//! set = { x-frame-options = "SAMEORIGIN" }     # in place of the preset's, or besides
//! remove = ["strict-transport-security"]       # what of the preset is left out
//!
//! [defaults]                                   # for every route that does not say itself
//! cors = "web"
//! rate_limit = ["per_client"]
//! limits = "upload"
//! security_headers = "web"
//! upstream = "orders"
//! token_from = ["authorization"]               # this is so where nothing is said
//!
//! [[route]]
//! path    = "/api/v1/users/{id}"               # `{name}`: one segment; `**` at the end: the rest
//! methods = ["GET"]                            # default: all but CONNECT and TRACE
//! issuer  = ["acme", "login/blue"]             # "login" is all its tenants; can be left out where
//!                                              # there is only one issuer
//! accept  = ["jwt", "opaque", "api-key"]       # or "basic"; in the order of challenges. Default:
//!                                              # "jwt", then "opaque" if an issuer can be asked
//! scope   = ["read:users"]                     # all of them
//! token_from = ["header:cf-access-jwt-assertion", "cookie:session", "authorization"]
//!                                              # or "query:access_token": the first that is there decides
//! auth    = "required"                         # or "optional": without a credential there is no identity
//! credential = "strip"                         # or "forward": whether the upstream sees it
//! escapes = "canonical"                        # or "forward": the rest of the path goes on as it came
//! # override_headers = ["x-http-method-override"]   # without `methods`: what may say another method
//! # public_options = true                        # whether OPTIONS goes on without a credential
//! [route.claims]
//! tenant = "blue"                              # exactly this value
//! plan   = ["pro", "team"]                     # one of these; the same as { any = ["pro", "team"] }
//! permissions = { all = ["read:a", "write:a"] }   # each of these
//! groups = { none = ["banned"] }               # none of these; a claim of another type is refused
//! azp    = { present = true }                  # or absent = true; `null` is absent
//! account = { equals = "{id}" }                # a string: the path's segment, its escapes decoded
//! "realm_access.roles" = "admin"               # dots are a path through objects, never through lists
//! 'resource_access."my.client".roles' = "editor"   # a segment with dots in it is in quotes
//! "https://acme.example/roles" = "admin"       # with `/` or `:` it is one name, whatever the dots
//! "urn:zitadel:iam:org:project:roles" = { any = "admin", keys = true }   # an object's keys
//!
//! [[route]]
//! path = "/reports/{owner}"
//! [[route.allow]]                              # alternatives, each complete: one has to hold as a whole
//! issuer = "acme"
//! scope  = ["reports:read"]
//! claims = { sub = { equals = "{owner}" } }
//! [[route.allow]]                              # `issuer`, `accept`, `scope` and `claims` are in these,
//! accept = "api-key"                           # and not on the route
//! scope  = ["reports:all"]
//!
//! [[route]]                                    # what it says of traffic
//! path = "/orders/**"
//! issuer = "acme"
//! cors = false                                 # or a name; the same for those of `[defaults]`
//! rate_limit = "per_client"                    # one or several
//! strip_prefix = "/orders"                     # what the upstream does not see of the path
//! # replace = { prefix = "/orders", with = "/v2" }   # instead: what it sees in its place
//! rewrite_response = true                      # whether paths in its responses are moved back
//! retry_on = ["timeout", "reset", "gateway-error"]   # asked again after these whatever the method
//! mirror = "orders-new"                        # who gets a copy of each request
//! shared_cache = "origin"                      # or "never": whether caches for all may keep the answers
//! [route.split]                                # who goes to a second upstream instead
//! to = "orders-new"
//! percent = 10                                 # of all callers; 0 to 100
//! by = "subject"                               # or "client": what makes a caller the same
//! header = { name = "x-use-new", value = "1" } # who has this goes there in any case
//! cookie = { name = "use_new", value = "1" }   # and who has this
//! fallback = true                              # whether the first one is asked where it fails
//!
//! [[route]]
//! path   = "/public/**"
//! public = true                                # no credential is asked for, or looked at
//!
//! [identity]
//! x-auth-subject = "sub"                       # a header, and the claim that it tells the upstream
//! x-auth-roles   = { claim = "roles", format = "list" }   # or "text", "json"
//! x-auth-groups  = { claim = "realm_access.groups", format = "list", keys = true }   # an object's keys
//! ```
//!
//! What any route lists in `token_from` is removed from the requests of all routes, but for those with
//! `credential = "forward"`. Tokens in the query end up in logs and caches on their way; a cookie needs
//! `Sec-Fetch-Site` or `Origin` beside methods that change something.
//!
//! An opaque token does not say whose it is: a route accepts them of one issuer at most. `Basic` is the
//! name of an API key and the key as the password.
//!
//! A route whose rate limit is by subject, API key or claim cannot be public, and one whose upstream has a
//! `credential` cannot forward the client's. `Host` is always that of the upstream's URL.
//!
//! What no route lists is refused. Unknown keys, contradictions and rules that can never decide are
//! errors ([`crate::Code`] lists all), and a policy with an error decides nothing.

mod accept;
mod advice;
mod allow;
mod api_keys;
mod audience;
#[cfg(feature = "bundle")]
mod bootstrap;
mod bounds;
mod check;
mod claims;
mod cors;
mod date;
mod fields;
#[cfg(feature = "health")]
mod health;
mod identity;
mod implied;
mod introspection;
mod issuer;
mod limits;
mod log;
mod logout;
mod named;
mod names;
mod proxy;
mod rate_limit;
#[cfg(feature = "report")]
mod report;
mod retry_on;
mod rewrite;
mod route;
mod security;
mod sources;
mod split;
mod store;
#[cfg(feature = "telemetry")]
mod telemetry;
mod tenants;
mod token_from;
mod traffic;
mod unique;
mod upstream;
mod values;

use toml_parser::{Expected, ParseError};

use self::accept::Around;
pub use self::advice::advise;
#[cfg(feature = "report")]
pub use self::advice::advise_of_modes;
pub use self::bounds::*;
#[cfg(feature = "schema")]
pub(crate) use self::retry_on::NAMES as RETRY_REASONS;
#[cfg(feature = "schema")]
pub(crate) use self::route::REGISTERED_METHODS;
use crate::api_keys::ApiKeys;
#[cfg(feature = "bundle")]
use crate::bootstrap::Mounted;
use crate::document::{Document, TABLE_KEYS_MAX};
use crate::finding::{Code, Findings};
use crate::identity::ReservedNames;
#[cfg(feature = "report")]
use crate::policy::Unlisted;
use crate::policy::{Kind, Policy, Rules};
use crate::source::{Fields, Source};
use crate::value::Value;

impl Policy {
    /// Reads a policy file.
    ///
    /// # Errors
    ///
    /// Everything that was found, in the order of the file, when one of the findings is an error.
    pub fn parse(text: &str) -> Result<Self, Findings> {
        let (source, document) = opened(text)?;
        let root = Fields::root(&document);
        #[cfg(feature = "bundle")]
        {
            let mut source = source;
            if bootstrap::is_there(&mut source, root) {
                return Err(source.into_findings());
            }
            policy(source, root)
        }
        #[cfg(not(feature = "bundle"))]
        policy(source, root)
    }
}

#[cfg(feature = "bundle")]
impl Mounted {
    /// Reads a file that is a policy, or says where one is fetched.
    ///
    /// # Errors
    ///
    /// Everything that was found, in the order of the file, when one of the findings is an error.
    pub fn parse(text: &str) -> Result<Self, Findings> {
        let (mut source, document) = opened(text)?;
        let root = Fields::root(&document);
        match bootstrap::mounted(&mut source, root) {
            None => policy(source, root).map(|policy| Self::Policy(Box::new(policy))),
            Some(Some(bootstrap)) if !source.has_findings() => {
                Ok(Self::Fetched(Box::new(bootstrap)))
            }
            Some(_) => Err(source.into_findings()),
        }
    }
}

/// A file, if it is TOML and not too long.
fn opened(text: &str) -> Result<(Source<'_>, Document<'_>), Findings> {
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
    Ok((source, document))
}

fn policy(mut source: Source<'_>, root: Fields<'_, '_>) -> Result<Policy, Findings> {
    let store = store::store(&mut source, root);
    let log = log::read(&mut source, root);
    #[cfg(feature = "telemetry")]
    let telemetry = telemetry::read(&mut source, root);
    #[cfg(feature = "report")]
    let report = report::until(&mut source, root);
    #[cfg(feature = "report")]
    let candidate = report::candidate(&mut source, root);
    let revocation = store::revocation(&mut source, root);
    let mut issuers = issuer::read(&mut source, root, root.get("revocation").is_some());
    let api_keys = api_keys::read(&mut source, root);
    let proxy = proxy::read(&mut source, root);
    let listed = api_keys.as_ref().map(|read| &read.api_keys);
    let key_header = listed.and_then(ApiKeys::header);
    let traffic = traffic::read(&mut source, root, key_header);
    let around = Around {
        issuers: &issuers,
        names: issuers.iter().map(|issuer| issuer.name.as_str()).collect(),
        api_keys: listed,
        traffic: &traffic,
    };
    let mut routes = route::read(&mut source, root, &around);
    let identity = identity::read(&mut source, root, key_header);
    let identity_names = identity.iter().map(|header| header.name.as_str());
    let of_identity = ReservedNames::new(identity_names.clone());
    let taken = sources::Taken {
        api_keys: listed,
        identity: &of_identity,
        traffic: &traffic,
    };
    let defaults = traffic.default_sources.as_ref();
    let sources = sources::resolve(&mut source, defaults, &mut routes, &mut issuers, &taken);
    let reserved = identity_names.chain(key_header).chain(sources.headers());
    let reserved = ReservedNames::new(reserved);
    traffic::reserved_fields(&mut source, &traffic, &of_identity, &reserved);
    let upstreams = &traffic.named.upstreams;
    let proxy = proxy.finish(&mut source, &reserved, upstreams);
    let (matcher, order) = check::rules(&mut source, &routes);
    let logout_paths = check::logout_paths(&mut source, &issuers, &routes);
    #[cfg(feature = "health")]
    let health = {
        let answered = health::Answered {
            issuers: &issuers,
            logout_paths: &logout_paths,
            routes: &routes,
            matcher: &matcher,
            order: &order,
        };
        health::read(&mut source, root, &answered, &traffic.names, &proxy.trusted)
    };
    #[cfg(feature = "access-log")]
    let recorded = log::recorded(&mut source, root, log.as_ref(), &routes, &identity);
    let issuer_names = unique::names(&mut source, &issuers);
    audience::check(&mut source, &issuers, &routes);
    // A key that is spelt wrongly may be where they are.
    if has_no_routes(root) && root.is_finished() {
        let message = "there are no routes: this policy would refuse every request";
        let help = "add a `[[route]]` with a `path`";
        let offset = root.get("route").map_or(0, |value| value.offset);
        source.find_with(Code::NoRoutes, offset, &message, Some(&help), &[]);
    }
    source.finish(root, "a policy");
    // What is wrong elsewhere may be why something is not used.
    if !source.has_errors() {
        check::use_of_issuers(&mut source, &issuers, &routes);
        if let Some(keys) = &api_keys {
            check::use_of_keys(&mut source, keys, &routes);
        }
        check::use_of_names(&mut source, &traffic, &routes);
    }

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
                open: route.open,
                token_from: route.from,
                forwards_credential: route.forwards_credential,
                forwards_escapes: route.forwards_escapes,
                override_headers: route.override_headers.into_boxed_slice(),
                traffic: route.traffic,
                #[cfg(feature = "report")]
                mode: route.mode,
            };
            rules.push(route.path, kind);
        }
    }
    #[cfg(feature = "report")]
    let unlisted = Unlisted::with(traffic.defaults);
    let named = traffic.named;
    let issuers = issuers.into_iter().flat_map(|read| read.issuers);
    Ok(Policy {
        issuers: issuers.map(Into::into).collect(),
        issuer_names,
        store,
        log,
        #[cfg(feature = "access-log")]
        recorded,
        #[cfg(feature = "health")]
        health,
        #[cfg(feature = "telemetry")]
        telemetry,
        revocation,
        api_keys: api_keys.map(|read| read.api_keys),
        logout_paths,
        rules,
        matcher,
        identity,
        reserved,
        sources,
        proxy,
        named,
        #[cfg(feature = "report")]
        candidate,
        #[cfg(feature = "report")]
        report,
        #[cfg(feature = "report")]
        unlisted: report.map(|_| Box::new(unlisted)),
        warnings: findings,
    })
}

fn has_no_routes(root: Fields<'_, '_>) -> bool {
    let routes = root.get("route").map(|value| &value.value);
    routes.is_none_or(|routes| matches!(routes, Value::Array { values, .. } if values.is_empty()))
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
