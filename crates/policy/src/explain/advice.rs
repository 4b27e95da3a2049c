//! What about a credential would have to be otherwise. It is about the credential alone: a policy that asks for less
//! would let in others, too, and that nobody is advised to.

use doorward_token::{TokenError, TokenKinds};

use crate::credential::CredentialError;
use crate::explain::step::Outcome;
use crate::explain::telling::Telling;
use crate::refusal::{Reason, Refusal};

/// Adds it for a refusal whose steps are told.
pub(super) fn add(telling: &mut Telling<'_>, refusal: &Refusal) {
    let failed = |name: &str| {
        let mut steps = telling.steps.iter();
        let of_name = steps.find(|step| step.name == name && step.outcome == Outcome::Failed);
        of_name
            .and_then(|step| step.expected.clone())
            .unwrap_or_default()
    };
    let advice = match refusal.reason() {
        Reason::Token(error) => token(error, &failed),
        Reason::Credential(CredentialError::Missing) => Some(format!(
            "The request would have to have a credential: {}.",
            failed("credential")
        )),
        Reason::Credential(CredentialError::OtherKind) => Some(format!(
            "The credential would have to be of another kind: {}.",
            failed("credential")
        )),
        Reason::Credential(_) => Some(
            "The request would have to have one credential, written as its kind is.".to_owned(),
        ),
        Reason::TokenTooLong { bytes_max, .. } => Some(format!(
            "The token would have to have at most {bytes_max} bytes: fewer groups or scopes in it."
        )),
        Reason::OtherIssuer => Some(format!(
            "The token would have to be issued by {}.",
            failed("issuer")
        ))
        .filter(|_| !failed("issuer").is_empty()),
        Reason::OtherSource(_) => {
            Some("The token would have to be where its issuer's tokens are believed.".to_owned())
        }
        Reason::NotIssued => {
            Some("The token would have to say when it was issued (`iat`).".to_owned())
        }
        Reason::LivesTooLong { .. } => Some(format!(
            "The token would have to live for a shorter time: {}.",
            failed("lifetime")
        )),
        Reason::Scope { .. } | Reason::Claim { .. } => {
            lacking(telling);
            return;
        }
        Reason::IdentityHeader { .. } => Some(
            "The claim would have to be of a type and length that the identity header expresses."
                .to_owned(),
        ),
        Reason::Key(_) => {
            Some("The API key would have to be one that is known and has not expired.".to_owned())
        }
        _ => None,
    };
    telling.credential.extend(advice);
}

/// What the demands that do not hold ask for. Not only the first: who asks for a new token should have to ask once.
fn lacking(telling: &mut Telling<'_>) {
    let mut alternative = None;
    for step in &telling.steps {
        if step.name.starts_with("alternative ") {
            alternative = Some(step.name.as_str());
        }
        if step.outcome != Outcome::Failed {
            continue;
        }
        let expected = step.expected.as_deref().unwrap_or_default();
        let wanted = match step.name.strip_prefix("claim ") {
            Some(claim) => {
                format!("the claim `{claim}` of the credential would have to be {expected}")
            }
            None if step.name == "scope" => format!(
                "the scopes of the credential would have to contain {expected}: ask its issuer for them"
            ),
            None => continue,
        };
        let before = alternative.map_or_else(String::new, |name| format!("For {name} "));
        telling
            .credential
            .push(sentence(&format!("{before}{wanted}")));
    }
}

/// With a capital letter and a full stop.
fn sentence(text: &str) -> String {
    let mut characters = text.chars();
    let first = characters.next().map(|first| first.to_ascii_uppercase());
    let mut sentence: String = first.into_iter().chain(characters).collect();
    sentence.push('.');
    sentence
}

fn token(error: &TokenError, failed: &dyn Fn(&str) -> String) -> Option<String> {
    Some(match error {
        TokenError::Expired { .. } => {
            "The token would have to be a new one: its issuer gives another where this one has expired.".to_owned()
        }
        TokenError::NotYetValid { .. } => {
            "The token would have to be used later: its `nbf` has not come yet. Or the issuer's clock is ahead.".to_owned()
        }
        TokenError::IssuedInFuture { .. } => {
            "The token would have to be issued earlier than now: its `iat` has not come yet. Or the issuer's clock is \
             ahead."
                .to_owned()
        }
        TokenError::Audience => format!(
            "The token would have to be issued for {}: ask its issuer for one with this audience.",
            failed("aud")
        ),
        TokenError::Issuer => {
            format!("The token would have to be issued by {}.", failed("iss"))
        }
        TokenError::UnknownKey { .. }
        | TokenError::Signature { .. }
        | TokenError::KeyNotForAlgorithm { .. }
        | TokenError::KeyOfOtherIssuer => {
            "The token would have to be signed by its issuer, with a key that the issuer publishes, and be unchanged \
             since."
                .to_owned()
        }
        TokenError::AlgorithmNotAccepted { .. } => format!(
            "The token would have to be signed with {}.",
            failed("alg")
        ),
        TokenError::Unsecured => "The token would have to be signed.".to_owned(),
        TokenError::MediaType { .. } => {
            format!("The `typ` of the token would have to be {}.", failed("typ"))
        }
        TokenError::Kind { accepted } => match accepted {
            TokenKinds::Id => "The token would have to be an ID token.",
            _ => "The token would have to be an access token.",
        }
        .to_owned(),
        TokenError::Bound => "The token would have to be a bearer token, bound to no key.".to_owned(),
        TokenError::OtherUse { .. } | TokenError::SecurityEvent => {
            "The token would have to be one that is meant to let somebody in.".to_owned()
        }
        TokenError::MissingClaim { name } => format!("The token would have to have the claim `{name}`."),
        TokenError::ClaimType { name, expected } => {
            format!("The claim `{name}` of the token would have to be {expected}.")
        }
        TokenError::DateOutOfRange { name } => {
            format!("The claim `{name}` of the token would have to be a date, in seconds since 1970.")
        }
        _ => return None,
    })
}
