//! Opaque tokens: their issuer is asked.

use doorward_policy::{AskedIssuer, Pending, Refusal};
use std::sync::Arc;

use crate::gate::Gate;
use crate::genuine::Genuine;
use crate::platform::Platform;
use crate::received::Received;
use crate::record::{Proof, Record};

/// What the issuer says of a token.
///
/// # Errors
/// It is not active, or the issuer cannot be asked.
pub(super) async fn genuine<P: Platform>(
    gate: &Gate<P>,
    pending: &Pending<'_, '_>,
    asked: AskedIssuer<'_>,
    token: &str,
    received: &Received,
    record: &mut Record<'_>,
) -> Result<Genuine, Refusal> {
    let known = gate.issuer(asked.issuer);
    record.proof = Some(Proof::Introspection);
    let address = || gate.ground.address_key(received);
    let token = gate
        .introspector
        .verify(pending, asked, &known.endpoint, token, address)
        .await?;
    Ok(Genuine::Token {
        issuer: Arc::clone(asked.issuer),
        token,
        at: gate.platform().now(),
    })
}
