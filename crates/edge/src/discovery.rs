//! What an issuer publishes about itself: OpenID Connect Discovery 1.0 §4, RFC 8414 §3.

use crate::fetch::{self, FetchFailure, Outcome};
use doorward_token::metadata::{self, Metadata};

/// Fetches the metadata of `issuer`.
///
/// # Errors
/// What was tried and why it failed, for the log.
pub async fn metadata(issuer: &str) -> Result<Metadata, String> {
    let mut reasons = String::new();
    for url in metadata::candidate_urls(issuer) {
        let document = match fetch::json(&url, None).await {
            Ok(Outcome::Fetched(document)) => document,
            Ok(Outcome::NotModified { .. }) => continue,
            Err(error) => {
                if !reasons.is_empty() {
                    reasons.push_str("; ");
                }
                reasons.push_str(&error.to_string());
                // An issuer that does not answer will not answer under another path.
                if matches!(error.cause, FetchFailure::Status(_)) {
                    continue;
                }
                break;
            }
        };
        return metadata::parse(&document.body, issuer).map_err(|error| format!("{url}: {error}"));
    }
    Err(reasons)
}
