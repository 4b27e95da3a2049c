//! May this caller do this?
//!
//! A policy file says which issuers are believed, which path and method asks for what of a token,
//! and which headers tell the upstream who called. [`Policy::parse`] reads it, [`Policy::screen`]
//! finds the rule of a request and [`Pending::authorise`] decides. Bytes, tokens and the time go in,
//! a [`Permit`] or a [`Refusal`] comes out.
//!
//! The file also says what becomes of a request that may go on: [`Traffic`] is what a rule says of that.
//! Some of it is needed before anybody's credential is looked at, so [`Policy::route`] finds the rule
//! alone, and [`Route::screen`] goes on from there.
//!
//! There is no clock, environment, randomness, I/O or async in this crate (`clippy.toml` bans what
//! would bring them in), and no default that admits: what no rule lists is refused.
//!
//! ```
//! use doorward_policy::{Credential, Policy, RequestHead, Screened};
//!
//! let policy = Policy::parse(
//!     r#"
//!     [issuer.acme]
//!     url = "https://login.acme.example"
//!     audience = "https://api.acme.example"
//!
//!     [[route]]
//!     path = "/users/{id}"
//!     methods = ["GET"]
//!     scope = ["read:users"]
//!     "#,
//! )?;
//! let request = |target, authorization| RequestHead {
//!     method: "GET",
//!     target,
//!     authorization,
//!     ..RequestHead::default()
//! };
//!
//! // No rule lists the path; a rule does, but there is no token; there is one, to be verified.
//! assert_eq!(policy.screen(&request("/admin", &[])).unwrap_err().status(), 403);
//! assert_eq!(policy.screen(&request("/users/7", &[])).unwrap_err().status(), 401);
//! let fields = [b"Bearer abc".to_vec()];
//! let Screened::Protected(pending) = policy.screen(&request("/users/7", &fields))? else {
//!     panic!("the route is not public");
//! };
//! assert!(matches!(pending.credential(), Credential::Jwt("abc")));
//! assert!(pending.issuers().eq(policy.issuers()));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! - [`mod@target`]: which request targets are accepted at all.
//! - [`mod@folding`]: what readers take a character for. [`mod@readings`]: how they read a path that goes on
//!   as it came.
//! - [`mod@matcher`]: which of the rules decides.
//! - [`mod@credential`]: what counts as a credential, and where it is.
//! - [`mod@claim`], [`mod@identity`]: how claims are compared and handed on.
//! - [`mod@refusal`]: what a client learns.
//! - [`mod@load`]: the policy file, key by key.
//! - `Mounted`, a feature: a file that says where a signed policy is fetched.
//! - Report mode, a feature: what would be refused passes as nobody's ([`Permit`]).
//! - `explain`: how a request is decided, step by step. `schema`: the policy file for editors. Features, which no
//!   component has.

mod api_keys;
#[cfg(feature = "bundle")]
mod bootstrap;
pub mod claim;
pub mod credential;
#[cfg(feature = "access-log")]
mod credential_form;
mod csrf;
mod decision;
mod demands;
mod document;
#[cfg(feature = "explain")]
pub mod explain;
pub mod field_names;
mod finding;
pub mod folding;
mod head;
#[cfg(feature = "health")]
mod health;
pub mod identity;
#[cfg(feature = "access-log")]
mod inputs;
pub mod load;
mod log;
pub mod matcher;
mod open;
mod pattern;
mod permit;
mod policy;
mod principal;
pub mod readings;
#[cfg(feature = "access-log")]
mod recorded;
pub mod refusal;
#[cfg(feature = "replay")]
mod replay;
#[cfg(any(feature = "access-log", feature = "report"))]
mod report;
#[cfg(feature = "report")]
mod reported;
mod route;
mod scalar;
#[cfg(feature = "schema")]
mod schema;
mod source;
mod store;
pub mod target;
#[cfg(feature = "telemetry")]
mod telemetry;
mod token_from;
mod traffic;
mod trie;
mod value;

pub use api_keys::{ApiKeys, KeyPlace};
#[cfg(feature = "bundle")]
pub use bootstrap::{BUNDLE_REFRESH_S_DEFAULT, Bootstrap, Mounted};
pub use claim::ClaimProblem;
pub use credential::{Credential, CredentialError, CredentialKind, CredentialPlace};
pub use decision::{Authenticated, Pending, Screened};
pub use finding::{Code, FINDINGS_MAX, Finding, Findings, Position, Related, Severity};
pub use head::RequestHead;
#[cfg(feature = "health")]
pub use health::{HealthDetails, HealthQuestion, HealthRule};
pub use identity::AbsentHeader;
#[cfg(feature = "access-log")]
pub use inputs::{INPUT_CLAIMS_MAX, INPUTS_BYTES_MAX, Inputs};
pub use load::advise;
#[cfg(feature = "report")]
pub use load::advise_of_modes;
pub use log::{FieldNames, LogRule, ToldPrincipal};
pub use pattern::{PATTERN_BYTES_MAX, PATTERN_SEGMENTS_MAX, Pattern, PatternError};
pub use permit::Permit;
pub use policy::{
    AskedIssuer, ClientAuthentication, Introspection, Issuer, KeySource, Logout, LogoutAt, Policy,
};
pub use principal::Principal;
pub use refusal::{Class, PROBLEM_MEDIA_TYPE, REALM, Reason, Refusal, problem_json};
#[cfg(feature = "replay")]
pub use replay::{BadLine, Replayed, ReplayedLine};
#[cfg(feature = "report")]
pub use report::ReportScope;
#[cfg(any(feature = "access-log", feature = "report"))]
pub use report::{REPORT_S_MAX, ReportUntil};
pub use route::{Preflight, Route};
#[cfg(feature = "schema")]
pub use schema::schema;
pub use store::{
    RevocationRule, STORE_NAME_DEFAULT, STORE_REFRESH_S_DEFAULT, STORE_STALE_IF_ERROR_S_DEFAULT,
    StoreRule, TOKEN_LIFETIME_MAX_S_DEFAULT,
};
pub use target::{CanonicalTarget, Target, TargetError};
#[cfg(feature = "telemetry")]
pub use telemetry::TelemetryRule;
pub use token_from::{TOKEN_SOURCES_IN_ALL_MAX, TOKEN_SOURCES_MAX};
pub use traffic::{PROXY_NAME_DEFAULT, ProxyRule, RateLimitId, Traffic};
