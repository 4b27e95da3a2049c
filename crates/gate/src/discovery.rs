//! What an issuer publishes about itself: OpenID Connect Discovery 1.0 §4, RFC 8414 §3.

use doorward_syntax::url::Wire;
use doorward_token::metadata::{self, Metadata};
use std::fmt;
use std::time::Duration;

use crate::clock::{self, TimedOut};
use crate::fetch::{self, FetchFailure, Outcome};
use crate::platform::Platform;

/// All addresses together have this long: with the keys that are fetched then, no more than a fetch may take.
const METADATA_TIME_MAX: Duration = Duration::from_secs(10);

/// Why there are no metadata.
#[derive(Debug)]
pub(crate) enum NoMetadata {
    /// What came of each address that was tried.
    Nowhere(String),
    /// They took too long.
    TimedOut {
        /// Whose they are.
        issuer: String,
    },
}

impl fmt::Display for NoMetadata {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nowhere(reasons) => f.write_str(reasons),
            Self::TimedOut { issuer } => {
                let limit_s = METADATA_TIME_MAX.as_secs();
                write!(f, "{issuer}: no metadata within {limit_s} s")
            }
        }
    }
}

/// Fetches the metadata of `issuer`, over such a wire.
///
/// # Errors
/// What was tried and why it failed, for the log.
pub(crate) async fn metadata<P: Platform>(
    platform: &P,
    issuer: &str,
    wire: Wire,
) -> Result<Metadata, NoMetadata> {
    let mut reasons = String::new();
    let finding = find(platform, issuer, wire, &mut reasons);
    match clock::within(platform, METADATA_TIME_MAX, finding).await {
        Ok(Some(metadata)) => Ok(metadata),
        Ok(None) => Err(NoMetadata::Nowhere(reasons)),
        Err(TimedOut) => Err(NoMetadata::TimedOut {
            issuer: issuer.to_owned(),
        }),
    }
}

/// Asks at one address after the other. Issuers that have metadata at one of them answer at the others with
/// whatever they answer with: a page, for one.
async fn find<P: Platform>(
    platform: &P,
    issuer: &str,
    wire: Wire,
    reasons: &mut String,
) -> Option<Metadata> {
    for url in metadata::candidate_urls(issuer, wire) {
        let (reason, answers) = match fetch::get(platform, (&url, wire), fetch::ACCEPT_JSON, None)
            .await
        {
            Ok(Outcome::Fetched(document)) => match metadata::parse(&document.body, issuer, wire) {
                Ok(metadata) => return Some(metadata),
                Err(error) => (format!("{url}: {error}"), true),
            },
            Ok(Outcome::NotModified { .. }) => (
                format!("{url}: answered with status 304, which nobody asked for"),
                true,
            ),
            Err(error) => (error.to_string(), answers(&error.cause)),
        };
        if !reasons.is_empty() {
            reasons.push_str("; ");
        }
        reasons.push_str(&reason);
        if !answers {
            break;
        }
    }
    None
}

/// Whether the host may have an answer under another path: one that gave none at all does not.
fn answers(failure: &FetchFailure) -> bool {
    !matches!(failure, FetchFailure::Transport(_) | FetchFailure::TimedOut)
}
