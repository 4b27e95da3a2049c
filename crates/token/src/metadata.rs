//! What an issuer publishes about itself: where its keys are.
//!
//! OpenID Connect Discovery 1.0 §3, §4 and RFC 8414 §2, §3. This module names the addresses to ask
//! and judges the answers; it asks nobody.

use std::fmt;

use doorward_syntax::url::{UrlError, UrlParts, Wire, check_url};
use serde_json::Value;

use crate::json::{self, JsonError, Limits};

/// The longest metadata document that is read.
pub const METADATA_BYTES_MAX: usize = 512 * 1024;

const LIMITS: Limits = Limits {
    depth_max: 8,
    values_max: 8 * 1024,
};

/// What is used of an issuer's metadata.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Metadata {
    /// The issuer, equal to the one that was asked for.
    pub issuer: String,
    /// Where the issuer's key set is; [`check_url`] accepts it, unless the metadata came over an open wire, too.
    pub jwks_uri: String,
    /// Where the issuer is asked about opaque tokens (RFC 8414 §2), if it says so and [`check_url`]
    /// accepts that. It may be on another origin. What came over an open wire does not say it: the gate's secret and the
    /// tokens go there.
    pub introspection_endpoint: Option<String>,
}

/// How much of a name that an issuer gives itself is shown, in characters.
pub const ISSUER_SHOWN_CHARS_MAX: usize = 200;

/// Why a metadata document was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MetadataError {
    /// The document is longer than [`METADATA_BYTES_MAX`].
    TooLong {
        /// Its length.
        bytes: usize,
        /// The bound.
        bytes_max: usize,
    },
    /// The document is not an acceptable JSON object.
    Json(JsonError),
    /// A member is missing.
    Missing {
        /// The member.
        member: &'static str,
    },
    /// A member is not a string.
    WrongType {
        /// The member.
        member: &'static str,
    },
    /// The document is about another issuer (OpenID Connect Discovery 1.0 §4.3, RFC 8414 §3.3).
    OtherIssuer {
        /// How it is named in the document: at most [`ISSUER_SHOWN_CHARS_MAX`] characters, those that
        /// cannot be printed being escaped.
        published: String,
        /// How it is named in the policy.
        configured: String,
    },
    /// `jwks_uri` is not an address that keys may be fetched from.
    KeySetUrl(UrlError),
}

impl fmt::Display for MetadataError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong { bytes, bytes_max } => {
                write!(
                    f,
                    "the metadata is {bytes} bytes long, more than {bytes_max}"
                )
            }
            Self::Json(error) => write!(f, "the metadata {error}"),
            Self::Missing { member } => write!(f, "the metadata lacks `{member}`"),
            Self::WrongType { member } => write!(f, "the metadata's `{member}` is not a string"),
            Self::OtherIssuer {
                published,
                configured,
            } => write!(
                f,
                "the metadata's `issuer` is \"{published}\", the policy's is \"{configured}\""
            ),
            Self::KeySetUrl(error) => write!(f, "the metadata's `jwks_uri` {error}"),
        }
    }
}

impl std::error::Error for MetadataError {}

/// The addresses at which an issuer's metadata may be, the likeliest first.
///
/// 1. OpenID Connect Discovery 1.0 §4: the well-known path behind the issuer's.
/// 2. RFC 8414 §3.1: the well-known path before the issuer's.
/// 3. RFC 8414 §5: the same with the name that OpenID Connect uses.
///
/// Empty when the issuer is no address over this wire, or has a query.
#[must_use]
pub fn candidate_urls(issuer: &str, wire: Wire) -> Vec<String> {
    let Ok(parts) = UrlParts::over(issuer, wire) else {
        return Vec::new();
    };
    if parts.query.is_some() {
        return Vec::new();
    }
    let path = parts.path.strip_suffix('/').unwrap_or(parts.path);
    let origin = format!("{}://{}", parts.scheme, parts.authority);
    let mut urls = vec![
        format!("{origin}{path}/.well-known/openid-configuration"),
        format!("{origin}/.well-known/oauth-authorization-server{path}"),
    ];
    if !path.is_empty() {
        urls.push(format!("{origin}/.well-known/openid-configuration{path}"));
    }
    urls
}

/// Reads a metadata document of this issuer. Over an open wire, that of an issuer whose own address is no safe one can
/// name keys at such an address; that of any other one cannot, so that nothing is less safe than the policy shows.
///
/// # Errors
///
/// The document cannot be read, is about another issuer, or names no acceptable address of keys.
pub fn parse(json: &[u8], issuer: &str, wire: Wire) -> Result<Metadata, MetadataError> {
    if json.len() > METADATA_BYTES_MAX {
        return Err(MetadataError::TooLong {
            bytes: json.len(),
            bytes_max: METADATA_BYTES_MAX,
        });
    }
    let members = json::parse_object(json, LIMITS).map_err(MetadataError::Json)?;
    let string = |member: &'static str| match members.get(member) {
        None => Err(MetadataError::Missing { member }),
        Some(Value::String(text)) => Ok(text.clone()),
        Some(_) => Err(MetadataError::WrongType { member }),
    };
    let named = string("issuer")?;
    if named != issuer {
        return Err(MetadataError::OtherIssuer {
            published: shown(&named),
            configured: shown(issuer),
        });
    }
    let jwks_uri = string("jwks_uri")?;
    let came_over = match check_url(issuer) {
        Err(UrlError::NotEncrypted) => wire,
        _ => Wire::Safe,
    };
    UrlParts::over(&jwks_uri, came_over).map_err(MetadataError::KeySetUrl)?;
    // Whoever needs no introspection is not kept from the keys by a mistake here.
    let introspection_endpoint = string("introspection_endpoint")
        .ok()
        .filter(|url| came_over == Wire::Safe && check_url(url).is_ok());
    Ok(Metadata {
        issuer: named,
        jwks_uri,
        introspection_endpoint,
    })
}

fn shown(issuer: &str) -> String {
    issuer
        .chars()
        .take(ISSUER_SHOWN_CHARS_MAX)
        .flat_map(char::escape_debug)
        .collect()
}

#[cfg(test)]
mod tests;
