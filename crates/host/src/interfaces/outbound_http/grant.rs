//! What `allowed_outbound_hosts` says once the variables in it have their values.

use anyhow::{Context as _, Result};

use super::allow_list::AllowList;
use crate::manifest::Component;
use crate::variables::Variables;

/// The hosts that a component may send requests to.
///
/// # Errors
///
/// Names the entry that cannot be read.
pub fn allow_list(component: &Component, variables: &Variables) -> Result<AllowList> {
    let hosts = component
        .allowed_outbound_hosts
        .iter()
        .map(|template| {
            variables
                .expand(template)
                .with_context(|| format!("`{template}` in `allowed_outbound_hosts`"))
        })
        .collect::<Result<Vec<_>>>()?;
    AllowList::parse(hosts)
}
