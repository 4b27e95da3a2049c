//! What `doorward up` does with key-value stores itself.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result};
use doorward_host::kv::{Places, Store};
use doorward_host::manifest::Application;
use doorward_host::manifest::runtime_config::KeyValueStore;

use crate::say::say;

/// The label of the store that `--key-value` writes to.
const DEFAULT: &str = "default";

/// Puts these values into the store.
pub(super) async fn fill(places: &Places, pairs: &[(String, String)]) -> Result<()> {
    let store = Store::new(places.open(DEFAULT)?, DEFAULT);
    for (key, value) in pairs {
        let set = store.set(key.clone(), value.clone().into_bytes()).await;
        set.with_context(|| format!("--key-value {key}: it cannot be stored in {store}"))?;
    }
    Ok(())
}

/// Says which of the configured stores nobody uses: a label may be misspelt, and what was meant to be shared is not.
pub(super) fn notice_unused(
    application: &Application,
    configured: &BTreeMap<String, KeyValueStore>,
) {
    let components = application.components.values();
    let used: Vec<&str> = components
        .flat_map(|component| &component.key_value_stores)
        .map(|store| store.label.as_str())
        .collect();
    for label in configured.keys() {
        if !used.contains(&label.as_str()) {
            say(format_args!(
                "[key_value_store.{label}] of the runtime configuration: no component has `{label}` in its \
                 `key_value_stores`"
            ));
        }
    }
}
