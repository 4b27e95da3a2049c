//! What `allowed_outbound_hosts` says of PostgreSQL.

use std::sync::Arc;

use anyhow::Result;

use super::pool::Pools;
use super::service::Granted;
use super::trust::Trust;
use crate::interfaces::interface::Start;
use crate::interfaces::outbound_http::grant::allow_list;
use crate::manifest::Component;

/// What a component may connect to.
///
/// # Errors
///
/// Names the entry that cannot be read.
pub fn granted(trust: &Arc<Trust>, start: &Start<'_>, component: &Component) -> Result<Granted> {
    let allowed = allow_list(component, start.variables)?;
    let age_max = start.options.outbound.connection_age_max;
    Ok(Granted::new(
        Pools::new(Arc::clone(trust), age_max),
        allowed,
    ))
}
