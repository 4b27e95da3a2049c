//! Phase 5: is the credential genuine? A file for each kind of it.

mod api_key;
mod opaque;
mod signed;

use doorward_policy::{Credential, Pending, Permit, Refusal, RequestHead, Route, Screened};

use crate::authorise::authorised;
use crate::genuine::Genuine;
use crate::instance::Gate;
use crate::platform::Platform;
use crate::received::Received;
use crate::record::Record;

/// The permit for a request, by its credential.
///
/// # Errors
/// Why it is refused.
pub(crate) async fn screened<'i, P: Platform>(
    gate: &'i Gate<P>,
    route: Route<'i, '_>,
    head: &RequestHead<'_>,
    received: &Received,
    record: &mut Record<'i>,
) -> Result<Permit<'i>, Refusal> {
    let pending = match route.screen(head)? {
        Screened::Public(permit) => return Ok(permit),
        Screened::Protected(pending) => pending,
    };
    let genuine = genuine(gate, &pending, received, record).await?;
    authorised(gate, pending, genuine).await
}

async fn genuine<P: Platform>(
    gate: &Gate<P>,
    pending: &Pending<'_, '_>,
    received: &Received,
    record: &mut Record<'_>,
) -> Result<Genuine, Refusal> {
    let credential = pending.credential();
    record.credential = Some(credential.kind());
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
