//! What `key_value_stores` says.

use std::sync::Arc;

use anyhow::Result;

use super::file::StoreFile;
use super::service::Stores;
use crate::interfaces::interface::Start;
use crate::manifest::Component;

/// Opens the file with the stores, if some component has one.
///
/// # Errors
///
/// When the file cannot be opened, or is something else.
pub fn open_file(start: &Start<'_>) -> Result<Option<Arc<StoreFile>>> {
    let mut components = start.application.components.values();
    if components.all(|component| component.key_value_stores.is_empty()) {
        return Ok(None);
    }
    let file = StoreFile::open(&start.options.state_dir)?;
    Ok(Some(Arc::new(file)))
}

/// The stores that a component may open.
pub fn stores(file: Option<&Arc<StoreFile>>, component: &Component) -> Stores {
    match file {
        Some(file) => Stores::new(
            Arc::clone(file),
            component.key_value_stores.iter().map(String::as_str),
        ),
        None => Stores::default(),
    }
}
