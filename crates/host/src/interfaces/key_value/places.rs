//! Where the stores are: in the file of the state folder, or where the runtime configuration says.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, Result};

use super::file::StoreFile;
use super::server::{BOUNDS, StoreServer};
use crate::manifest::runtime_config::KeyValueStore;
use crate::outbound_options::OutboundOptions;
use crate::redis_client::pool::Pool;

/// The store that is there without a runtime configuration.
pub const DEFAULT: &str = "default";

/// Where a store is.
#[derive(Clone, Debug)]
pub enum Place {
    /// In a file, or in memory.
    File(Arc<StoreFile>),
    /// On a server.
    Server(Arc<StoreServer>),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(file) => match file.file() {
                Some(path) => write!(f, "{}", path.display()),
                None => f.write_str("the memory of the host"),
            },
            Self::Server(server) => f.write_str(&server.place()),
        }
    }
}

/// The places of stores. None is opened before somebody asks for it.
pub struct Places {
    state_dir: PathBuf,
    configured: BTreeMap<String, KeyValueStore>,
    pool: Arc<Pool>,
}

impl Places {
    /// Those of this folder, and those that are configured. Servers are connected to as `outbound` says.
    #[must_use]
    pub fn new(
        state_dir: &Path,
        configured: &BTreeMap<String, KeyValueStore>,
        outbound: &OutboundOptions,
    ) -> Self {
        Self {
            state_dir: state_dir.to_owned(),
            configured: configured.clone(),
            pool: Arc::new(Pool::new(outbound, BOUNDS)),
        }
    }

    /// Whether there may be a store with this label: without a configuration of stores any, as ever; with one, as on
    /// Spin, those that it has, and `default`.
    #[must_use]
    pub fn has(&self, label: &str) -> bool {
        self.configured.is_empty() || label == DEFAULT || self.configured.contains_key(label)
    }

    /// The labels that are known of.
    pub fn labels(&self) -> impl Iterator<Item = &str> {
        self.configured.keys().map(String::as_str).chain([DEFAULT])
    }

    /// The file of the store with this label, where it is in one.
    #[must_use]
    pub fn file(&self, label: &str) -> Option<PathBuf> {
        match self.configured.get(label) {
            None => Some(StoreFile::path(&self.state_dir)),
            Some(KeyValueStore::Spin { path }) => path.clone(),
            Some(KeyValueStore::Redis { .. }) => None,
        }
    }

    /// The places of the stores with these labels, each once, beside those that are open.
    ///
    /// # Errors
    ///
    /// As [`Self::open`].
    pub fn open_all<'l>(
        &self,
        opened: BTreeMap<String, Place>,
        labels: impl IntoIterator<Item = &'l str>,
    ) -> Result<BTreeMap<String, Place>> {
        let mut places = opened;
        // All that are not configured are in the same file.
        let mut common = (places.iter())
            .find(|(label, _)| !self.configured.contains_key(*label))
            .map(|(_, place)| place.clone());
        for label in labels {
            if places.contains_key(label) {
                continue;
            }
            let is_configured = self.configured.contains_key(label);
            let place = match &common {
                Some(place) if !is_configured => Place::clone(place),
                _ => self.open(label)?,
            };
            if !is_configured {
                common = Some(place.clone());
            }
            places.insert(label.to_owned(), place);
        }
        Ok(places)
    }

    /// The place of the store with this label, created where it is a file that is missing.
    ///
    /// # Errors
    ///
    /// When a file cannot be opened. Whether a server answers, nobody has asked yet.
    pub fn open(&self, label: &str) -> Result<Place> {
        let file = match self.configured.get(label) {
            None => StoreFile::open(&self.state_dir)?,
            Some(KeyValueStore::Spin { path: None }) => StoreFile::in_memory()?,
            Some(KeyValueStore::Spin { path: Some(path) }) => {
                if let Some(folder) = path.parent() {
                    std::fs::create_dir_all(folder).with_context(|| {
                        format!("cannot create the folder {}", folder.display())
                    })?;
                }
                StoreFile::open_at(path)?
            }
            Some(KeyValueStore::Redis { url }) => {
                let server = StoreServer::new(Arc::clone(&self.pool), url.clone());
                return Ok(Place::Server(Arc::new(server)));
            }
        };
        Ok(Place::File(Arc::new(file)))
    }
}
