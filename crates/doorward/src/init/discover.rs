//! What an issuer publishes of itself: OpenID Connect Discovery 1.0 section 4, RFC 8414 section 3.

use anyhow::{Context as _, Result, bail, ensure};
use doorward_host::document::{DocumentError, Documents};
use doorward_syntax::url::{UrlParts, Wire};
use doorward_token::metadata::{self, Metadata, MetadataError};
use doorward_token::{Algorithm, AlgorithmSet, KeySet};

/// What was found.
pub(super) struct Published {
    /// Where its metadata were asked for, where the gate asks as well.
    pub(super) issuer: Option<String>,
    /// Where its keys are.
    pub(super) keys_url: String,
    pub(super) introspection_endpoint: Option<String>,
    keys: usize,
    algorithms: AlgorithmSet,
    skipped: usize,
}

impl Published {
    /// That there are keys, in a line.
    pub(super) fn told(&self) -> String {
        let names: Vec<&str> = (Algorithm::ALL.into_iter())
            .filter(|algorithm| self.algorithms.contains(*algorithm))
            .map(Algorithm::name)
            .collect();
        let skipped = match self.skipped {
            0 => String::new(),
            skipped => format!(", {skipped} more cannot be used"),
        };
        let plural = if self.keys == 1 { "key" } else { "keys" };
        format!(
            "{} {plural} for {} at {}{skipped}.",
            self.keys,
            names.join(", "),
            self.keys_url
        )
    }

    /// The origins that the gate asks, as `allowed_outbound_hosts` has them, without repetition.
    pub(super) fn hosts(&self, introspects: bool) -> Vec<String> {
        let introspection = self
            .introspection_endpoint
            .as_deref()
            .filter(|_| introspects);
        let asked = [self.issuer.as_deref(), Some(&self.keys_url), introspection];
        let mut hosts: Vec<String> = Vec::new();
        for parts in asked
            .into_iter()
            .flatten()
            .filter_map(|url| UrlParts::of(url).ok())
        {
            let host = format!("{}://{}", parts.scheme, parts.authority);
            if !hosts.contains(&host) {
                hosts.push(host);
            }
        }
        hosts
    }
}

/// Asks at one address after the other, as the gate does, and for the keys that the answer leads to.
pub(super) async fn discover(documents: &Documents, issuer: &str) -> Result<Published> {
    let mut reasons = Vec::new();
    let mut help = HELP_NOWHERE.to_owned();
    for url in metadata::candidate_urls(issuer, Wire::Safe) {
        match documents.get(&url).await {
            Ok(document) => match metadata::parse(&document, issuer, Wire::Safe) {
                Ok(found) => return with_keys(documents, found).await,
                Err(error) => {
                    if let MetadataError::OtherIssuer { published, .. } = &error {
                        help = format!(
                            "if that is who is meant, its tokens have it in `iss`, to the last slash: `--issuer \
                             {published}`"
                        );
                    }
                    reasons.push(format!("{url}: {error}"));
                }
            },
            Err(error) => {
                let is_last = !error.is_of_answer();
                reasons.push(format!("{url}: {error}"));
                if is_last {
                    help = HELP_NO_ANSWER.to_owned();
                    if let DocumentError::NoAnswer(reason) = &error
                        && reason.contains("certificate")
                    {
                        help = HELP_CERTIFICATE.to_owned();
                    }
                    break;
                }
            }
        }
    }
    bail!(
        "nothing was found of the issuer {issuer}:\n  {}\n  help: {help}",
        reasons.join("\n  ")
    );
}

const HELP_NOWHERE: &str = "where it publishes nothing of itself, write the policy by hand, with `jwks_url` or \
                            `jwks_file` (docs/policy.md)";
const HELP_NO_ANSWER: &str = "is the address right, and can it be reached from here?";
const HELP_CERTIFICATE: &str =
    "a certificate authority of your own is named with `--ca-file FILE.pem`";

async fn with_keys(documents: &Documents, found: Metadata) -> Result<Published> {
    let mut published = keys_only(documents, &found.jwks_uri).await?;
    published.issuer = Some(found.issuer);
    published.introspection_endpoint = found.introspection_endpoint;
    Ok(published)
}

/// The keys at an address, where it is known already.
pub(super) async fn keys_only(documents: &Documents, url: &str) -> Result<Published> {
    let about = || format!("the issuer's keys at {url} cannot be had");
    let document = documents.get(url).await.with_context(about)?;
    let keys = KeySet::parse(&document).with_context(about)?;
    ensure!(
        !keys.is_empty(),
        "the issuer has no key at {url} by which a token could be verified{}",
        keys.unusable()
            .map_or_else(String::new, |why| format!(": {why}"))
    );
    let mut algorithms = AlgorithmSet::EMPTY;
    for (_, of_key) in keys.names() {
        for algorithm in Algorithm::ALL
            .into_iter()
            .filter(|one| of_key.contains(*one))
        {
            algorithms.insert(algorithm);
        }
    }
    Ok(Published {
        issuer: None,
        keys_url: url.to_owned(),
        introspection_endpoint: None,
        keys: keys.len(),
        algorithms,
        skipped: keys.skipped().len(),
    })
}
