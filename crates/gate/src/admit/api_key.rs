//! API keys: looked up in the policy, then in the store.

use doorward_policy::{ApiKeys, Pending, Refusal};
use doorward_token::api_key::{ApiKey, KeyRecord};

use crate::gate::Gate;
use crate::genuine::Genuine;
use crate::platform::Platform;
use crate::record::{Proof, Record};

/// An API key, alone or under the name that HTTP Basic gives with it.
///
/// # Errors
/// It is none, or cannot be looked up.
pub(super) async fn genuine<P: Platform>(
    gate: &Gate<P>,
    pending: &Pending<'_, '_>,
    among: &ApiKeys,
    name: Option<&str>,
    text: &str,
    record: &mut Record<'_>,
) -> Result<Genuine, Refusal> {
    let refused = |error| Refusal::invalid_key(pending, error);
    let key = ApiKey::parse(text.as_bytes()).map_err(refused)?;
    let listed = among.find(key.id());
    let stored = match listed {
        None if among.store => gate.store.api_key(key.id()).await?,
        _ => None,
    };
    record.proof = Some(match listed {
        Some(_) => Proof::Listed,
        None => Proof::Stored,
    });
    let found = listed.or(stored.as_deref());
    let at = gate.platform().now();
    let key = KeyRecord::verify(found, &key, name, at).map_err(refused)?;
    Ok(Genuine::Key { key, at })
}
