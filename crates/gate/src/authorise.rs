//! Phase 6: may the caller do this?

use doorward_policy::{Authenticated, Pending, Permit, Refusal};
use doorward_token::UnixTime;
use doorward_token::revocation::RevocationSet;

use crate::gate::Gate;
use crate::genuine::Genuine;
use crate::platform::Platform;
use crate::record::Record;

/// The permit for a request whose credential is genuine.
///
/// # Errors
/// Why it is refused.
pub(crate) async fn authorised<'i, P: Platform>(
    gate: &Gate<P>,
    pending: Pending<'i, '_>,
    genuine: &Genuine,
    record: &mut Record<'_>,
) -> Result<Permit<'i>, Refusal> {
    match genuine {
        Genuine::Token { issuer, token, at } => {
            let at = *at;
            let (directory, at) = match gate.policy().revocation() {
                Some(_) => {
                    let (directory, at) = gate.store.directory(at).await?;
                    (Some(directory), at)
                }
                None => (None, at),
            };
            let revocations = directory.as_ref().map(|directory| &directory.revocations);
            let who = Authenticated::Token { issuer, token };
            tells(record, &pending, who, revocations, at);
            pending.authorise(who, revocations, at)
        }
        Genuine::Key { key, at } => {
            let who = Authenticated::Key(key);
            tells(record, &pending, who, None, *at);
            pending.authorise(who, None, *at)
        }
    }
}

/// Fills in what the decision depends on, where the log tells that.
#[inline]
fn tells(
    record: &mut Record<'_>,
    pending: &Pending<'_, '_>,
    who: Authenticated<'_>,
    revocations: Option<&RevocationSet>,
    at: UnixTime,
) {
    #[cfg(feature = "access-log")]
    if let Some(inputs) = &mut record.inputs {
        inputs.genuine(pending, who, revocations, at);
    }
    #[cfg(not(feature = "access-log"))]
    let _ = (record, pending, who, revocations, at);
}
