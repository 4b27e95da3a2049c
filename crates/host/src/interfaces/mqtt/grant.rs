//! What `allowed_outbound_hosts` says of MQTT.

use std::sync::Arc;

use anyhow::Result;

use super::pool::Pool;
use super::service::Granted;
use crate::interfaces::interface::Start;
use crate::interfaces::outbound_http::grant::allow_list;
use crate::manifest::Component;

/// What a component may connect to.
///
/// # Errors
///
/// Names the entry that cannot be read.
pub fn granted(pool: &Arc<Pool>, start: &Start<'_>, component: &Component) -> Result<Granted> {
    let allowed = allow_list(component, start.variables)?;
    Ok(Granted::new(Arc::clone(pool), allowed))
}
