//! The grammars that several rooms read.
//!
//! One reader for each: who judges a text and who acts upon it must not read it differently. Text goes in,
//! what it says comes out; nothing here knows what it is said about.
//!
//! - [`tokens`]: the characters of tokens (RFC 9110 section 5.6.2). [`list`]: fields that are lists (section
//!   5.6.1).
//! - [`field_name`]: names of fields as an upstream could fold them.
//! - [`media_type`]: media types (section 8.3.1).
//! - [`date`]: HTTP dates and those of RFC 3339. [`numbers`]: what has digits only.
//! - [`base64url`]: base64 in both alphabets. [`form`]: forms, and escapes in queries. [`url`]: what a URL
//!   consists of; [`uri`]: what a URI or a reference to one is. [`split`]: where a short text is in another one.
//! - [`embedded`]: what is put into a built component. [`own_host`]: what a component may rely on where our own host runs it.

pub mod base64url;

pub mod date;
pub mod embedded;
pub mod field_name;
pub mod form;
pub mod list;
pub mod media_type;
pub mod numbers;
pub mod own_host;
pub mod request_id;
pub mod split;
pub mod tokens;
pub mod uri;
pub mod url;
