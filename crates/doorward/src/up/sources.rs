//! What an application is read from: at the start, and again when it changed.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Result;
use doorward_host::ahead::Ahead;
use doorward_host::manifest::{self, Application};
use doorward_host::variables::environment_name;

use super::dotenv;
use super::variable::{self, VariableSource};
use crate::say::say;

/// What an application is read from.
#[derive(Clone)]
pub(super) struct Sources {
    pub(super) manifest: PathBuf,
    /// What was compiled when the image was made, where it is served from one.
    pub(super) ahead: Option<Arc<Ahead>>,
    /// For every component.
    pub(super) environment: Vec<(String, String)>,
    /// Of the command line.
    pub(super) variables: Vec<VariableSource>,
}

impl Sources {
    /// The application. What the host leaves out of it is said.
    ///
    /// # Errors
    ///
    /// What is wrong with the manifest, or is not what was compiled.
    pub(super) fn read(&self) -> Result<Application> {
        let mut application = manifest::load(&self.manifest)?;
        if let Some(ahead) = &self.ahead {
            ahead.place(&mut application)?;
        }
        for notice in &application.notices {
            say(format_args!("{}: {notice}", self.manifest.display()));
        }
        for component in application.components.values_mut() {
            let environment = self.environment.iter().cloned();
            component.environment.extend(environment);
        }
        Ok(application)
    }

    /// The values of the command line, before them those of `.env` that the environment does not give: of several the
    /// last one counts.
    ///
    /// # Errors
    ///
    /// Names the file that cannot be read, or says nothing.
    pub(super) fn variables(&self, application: &Application) -> Result<Vec<(String, String)>> {
        let mut in_file = dotenv::read(Path::new(dotenv::FILE))?;
        let mut values: Vec<(String, String)> = application
            .variables
            .keys()
            .filter_map(|name| {
                let environment = environment_name(name);
                let absent = std::env::var_os(&environment).is_none();
                let value = in_file.remove(&environment).filter(|_| absent)?;
                Some((name.clone(), value))
            })
            .collect();
        values.extend(variable::read_all(&self.variables)?);
        Ok(values)
    }

    /// The files that say what is served. `application` is what they said last.
    pub(super) fn files(&self, application: &Application) -> BTreeSet<PathBuf> {
        let mut files = application.served_files();
        files.insert(self.manifest.clone());
        files.insert(PathBuf::from(dotenv::FILE));
        files.extend(self.variables.iter().filter_map(VariableSource::file));
        files
    }
}
