//! Opaque tokens: their issuer is asked.

use doorward_policy::{IssuerId, Pending, Refusal};

use crate::genuine::Genuine;
use crate::instance::Gate;
use crate::introspect::Asked;
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
    id: IssuerId,
    token: &str,
    received: &Received,
    record: &mut Record<'_>,
) -> Result<Genuine, Refusal> {
    let known = gate.issuer(id);
    let asked = known.and_then(|known| Some((known.issuer.introspection.as_ref()?, known)));
    let (rule, known) = asked.ok_or_else(|| Refusal::unknown_issuer(pending))?;
    let whom = Asked {
        id,
        issuer: known.issuer,
        rule,
        endpoint: known.endpoint,
    };
    record.proof = Some(Proof::Introspection);
    let address = || gate.ground.address_key(received);
    let token = gate
        .introspector
        .verify(pending, whom, token, address)
        .await?;
    Ok(Genuine::Token {
        issuer: id,
        token,
        at: gate.platform().now(),
    })
}
