//! Phase 6: may the caller do this?

use doorward_policy::{Authenticated, Pending, Permit, Refusal};

use crate::genuine::Genuine;
use crate::instance::Gate;
use crate::platform::Platform;

/// The permit for a request whose credential is genuine.
///
/// # Errors
/// Why it is refused.
pub(crate) async fn authorised<'i, P: Platform>(
    gate: &Gate<P>,
    pending: Pending<'i, '_>,
    genuine: Genuine,
) -> Result<Permit<'i>, Refusal> {
    match genuine {
        Genuine::Token { issuer, token, at } => {
            let (directory, at) = match gate.policy().revocation() {
                Some(_) => {
                    let (directory, at) = gate.store.directory(at).await?;
                    (Some(directory), at)
                }
                None => (None, at),
            };
            let revocations = directory.as_ref().map(|directory| &directory.revocations);
            let (issuer, token) = (&issuer, &token);
            pending.authorise(Authenticated::Token { issuer, token }, revocations, at)
        }
        Genuine::Key { key, at } => pending.authorise(Authenticated::Key(&key), None, at),
    }
}
