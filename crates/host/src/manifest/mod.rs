//! The application: what a manifest-version-2 `spin.toml` says, read strictly.
//!
//! Everything that [`load`] accepts, this host serves as Spin would, or it says in
//! [`Application::notices`] that it does not. Everything else is refused with the key, the file, the
//! line, the column and, where a known name is near, that name. A key that were ignored could be a
//! grant that somebody believes was taken away. `docs/host.md` has the keys, one by one.

mod component;
mod error;
mod files;
mod middleware;
mod model;
mod other_triggers;
mod read_parts;
mod reader;
mod routes;
pub mod runtime_config;
mod sections;
mod source;
mod static_response;
mod timers;
mod trigger;
mod watched;

#[cfg(test)]
mod tests;

use std::path::Path;

pub use error::{ManifestError, Problem};
pub use model::{
    Application, Build, Component, ConfigurationSet, FileEntry, FileMount, HttpTrigger, Label,
    Middleware, Route, VariableDeclaration,
};
pub use sections::{MANIFEST_BYTES_MAX, TIMERS_MAX};
pub(crate) use source::without_query;
pub use source::{Digest, Download};
pub use static_response::StaticResponse;
pub use timers::Timer;

pub use crate::route_pattern::RoutePattern;

/// Reads and checks the manifest at `path`.
///
/// # Errors
/// [`ManifestError`], which lists everything that is wrong with the file and not only the first.
pub fn load(path: &Path) -> Result<Application, ManifestError> {
    sections::load(path)
}

/// [`load`] without the file: `text` is the content of the manifest at `path`.
///
/// # Errors
/// As [`load`].
pub fn parse_text(text: &str, path: &Path) -> Result<Application, ManifestError> {
    let dir = path.parent().unwrap_or(Path::new("/")).to_owned();
    sections::parse(text, path, dir)
}
