//! May this caller do this?
//!
//! A policy file says which issuers are believed, which path and method asks for what of a token,
//! and which headers tell the upstream who called. [`Policy::parse`] reads it, [`Policy::screen`]
//! finds the rule of a request and [`Pending::authorise`] decides. Bytes, tokens and the time go in,
//! a [`Permit`] or a [`Refusal`] comes out.
//!
//! There is no clock, environment, randomness, I/O or async in this crate (`clippy.toml` bans what
//! would bring them in), and no default that admits: what no rule lists is refused.
//!
//! - [`mod@target`]: which request targets are accepted at all.
//! - [`mod@matcher`]: which of the rules decides.
//! - [`mod@credential`]: what counts as a credential.
//! - [`mod@claim`], [`mod@identity`]: how claims are compared and handed on.
//! - [`mod@refusal`]: what a client learns.
//! - [`mod@load`]: the policy file, key by key.

pub mod claim;
pub mod credential;
mod decision;
mod finding;
pub mod identity;
pub mod load;
pub mod matcher;
mod pattern;
mod policy;
pub mod refusal;
mod source;
pub mod target;
mod trie;

pub use decision::{Pending, Permit, Principal, RequestHead, Screened};
pub use finding::{Code, FINDINGS_MAX, Finding, Findings, Position, Related, Severity};
pub use pattern::{PATTERN_BYTES_MAX, PATTERN_SEGMENTS_MAX, Pattern, PatternError};
pub use policy::{Issuer, IssuerId, KeySource, Policy};
pub use refusal::{Class, PROBLEM_MEDIA_TYPE, REALM, Refusal};
pub use target::{CanonicalTarget, TargetError};
