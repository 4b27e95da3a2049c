//! Phase 5: is the credential genuine? A file for each kind of it: signed tokens, opaque tokens, and API keys, alone
//! or as the password of HTTP Basic.

mod api_key;
mod opaque;
mod signed;

use doorward_policy::{Credential, Pending, Refusal};

use crate::gate::Gate;
use crate::genuine::Genuine;
use crate::platform::Platform;
use crate::received::Received;
use crate::record::Record;

/// The credential of a request, once it is genuine.
///
/// # Errors
/// It is not, or it cannot be found out.
pub(crate) async fn genuine<P: Platform>(
    gate: &Gate<P>,
    pending: &Pending<'_, '_>,
    received: &Received,
    record: &mut Record<'_>,
) -> Result<Genuine, Refusal> {
    let credential = pending.credential();
    record.credential = Some(credential.kind());
    #[cfg(feature = "metrics")]
    if !matches!(credential, Credential::Jwt(_)) {
        record.is_being_proved(gate.platform().monotonic_ns());
    }
    match credential {
        Credential::Jwt(token) => signed::genuine(gate, pending, token, record).await,
        Credential::Opaque { token, asked } => {
            opaque::genuine(gate, pending, asked, token, received, record).await
        }
        Credential::ApiKey { key, among } => {
            api_key::genuine(gate, pending, among, None, key, record).await
        }
        Credential::Basic { name, key, among } => {
            api_key::genuine(gate, pending, among, Some(name), key, record).await
        }
    }
}
