//! What `key_value_stores` says.

use std::collections::BTreeMap;

use anyhow::{Result, bail};

use super::places::{Place, Places};
use super::service::Stores;
use crate::interfaces::interface::Start;
use crate::manifest::Component;
use crate::nearest::nearest;

/// Opens the stores that some component has. Those of `before` stay open: what is in memory is nowhere else.
///
/// # Errors
///
/// When the file of one cannot be opened, or is something else.
pub fn open(
    start: &Start<'_>,
    before: Option<&BTreeMap<String, Place>>,
) -> Result<BTreeMap<String, Place>> {
    let places = places(start);
    let components = start.application.components.values();
    let labels = components.flat_map(|component| &component.key_value_stores);
    let labels = labels.map(|named| named.label.as_str());
    let opened = before.cloned().unwrap_or_default();
    places.open_all(opened, labels.filter(|label| places.has(label)))
}

/// The stores that a component may open.
///
/// # Errors
///
/// Names the place of a label for which there is no store.
pub fn stores(
    opened: &BTreeMap<String, Place>,
    start: &Start<'_>,
    component: &Component,
) -> Result<Stores> {
    let mut granted = Vec::new();
    let mut unknown = Vec::new();
    for named in &component.key_value_stores {
        let label = named.label.as_str();
        if let Some(place) = opened.get(label) {
            granted.push((label.to_owned(), place.clone()));
            continue;
        }
        let places = places(start);
        let help = match nearest(label, places.labels()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!(
                "say where it is, in the file that `--runtime-config-file` names: [key_value_store.{label}] with \
                 type = \"spin\" and path = \"…\", or type = \"redis\" and url = \"…\""
            ),
        };
        unknown.push(format!(
            "{}:{}: `key_value_stores` names `{label}`, and the runtime configuration has no such store\n  help: \
             {help}",
            component.manifest.display(),
            named.line,
        ));
    }
    if !unknown.is_empty() {
        bail!(unknown.join("\n"));
    }
    Ok(Stores::new(granted))
}

fn places(start: &Start<'_>) -> Places {
    let options = start.options;
    Places::new(
        &options.state_dir,
        &options.key_value_stores,
        &options.outbound,
    )
}
