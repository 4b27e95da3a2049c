//! Verification with the keys of an issuer, and with newer ones where those may help.

use doorward_policy::Refusal;
use doorward_token::TokenError;
use std::rc::Rc;

use crate::keys::{IssuerKeys, Keys, Newer, NoneNewer};
use crate::platform::Platform;

/// Key sets that are tried for one token: ours, another instance's, the issuer's, and one more.
const KEY_SETS_TRIED_MAX: usize = 4;

/// What verification says.
pub(crate) enum Verdict<T> {
    /// It is genuine, by these keys.
    Genuine(Rc<Keys>, T),
    /// It is not, by the newest keys that could be had.
    False {
        /// Why.
        error: TokenError,
        /// What is known of newer keys, where those could make a difference.
        newer: Option<NoneNewer>,
    },
}

/// Verifies with the keys of an issuer, and where newer ones may help, with those as long as there are any.
///
/// # Errors
/// A refusal with status 503 when there are no usable keys at all.
pub(crate) async fn with_keys<P: Platform, T>(
    issuer: &Rc<IssuerKeys<P>>,
    verify: impl Fn(&Keys) -> Result<T, TokenError>,
) -> Result<Verdict<T>, Refusal> {
    let mut keys = issuer.get().await?;
    for _ in 0..KEY_SETS_TRIED_MAX {
        let error = match verify(&keys) {
            Ok(verified) => return Ok(Verdict::Genuine(keys, verified)),
            Err(error) if error.may_have_newer_key() => error,
            Err(error) => return Ok(Verdict::False { error, newer: None }),
        };
        keys = match issuer.newer(keys.generation).await {
            // The issuer has withdrawn all of them.
            Newer::Keys(newer) if newer.set.is_empty() => issuer.get().await?,
            Newer::Keys(newer) => newer,
            Newer::None(none) => {
                let newer = Some(none);
                return Ok(Verdict::False { error, newer });
            }
        };
    }
    // They change faster than they can be tried.
    Err(Refusal::keys_unavailable(1))
}
