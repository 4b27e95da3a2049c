//! The components' files: built by the commands that `[component.ID.build]` gives, and there.

use std::fmt;
use std::path::PathBuf;

use doorward_toolchain::{CommandError, ComponentBuild, Progress, run_builds};

use crate::manifest::{Application, Component};

/// Why the components are not built.
#[derive(Debug)]
pub enum BuildError {
    /// A command cannot be run, or failed.
    Command(CommandError),
    /// A component's file is not there.
    Missing {
        /// The component's id.
        component: String,
        /// The file.
        source: PathBuf,
        /// Whether the component has a build command, which then builds something else.
        has_command: bool,
    },
}

impl fmt::Display for BuildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Command(error) => error.fmt(f),
            Self::Missing {
                component,
                source,
                has_command,
            } => {
                write!(
                    f,
                    "the component `{component}` has no file: {} does not exist\n  help: ",
                    source.display()
                )?;
                if *has_command {
                    f.write_str(
                        "build it (`doorward up --build`); if it was built, its `source` names \
                         another file than the one that the build command makes",
                    )
                } else {
                    f.write_str("build it, or give it a `build.command`")
                }
            }
        }
    }
}

impl std::error::Error for BuildError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            // Its own cause, for its words are ours.
            Self::Command(error) => error.source(),
            Self::Missing { .. } => None,
        }
    }
}

/// Runs the build commands of every component and checks that the components' files are there.
///
/// Processes that build the same application at the same time wait for one another.
///
/// # Errors
/// See [`BuildError`].
pub fn ensure_built(application: &Application, progress: Progress<'_>) -> Result<(), BuildError> {
    let builds: Vec<ComponentBuild> = application
        .components
        .values()
        .filter_map(|component| {
            let build = component.build.as_ref()?;
            Some(ComponentBuild {
                component: component.id.clone(),
                workdir: match &build.workdir {
                    Some(workdir) => application.dir.join(workdir),
                    None => application.dir.clone(),
                },
                commands: build.command.clone(),
            })
        })
        .collect();
    run_builds(&builds, &application.dir, progress).map_err(BuildError::Command)?;
    check_sources(application)
}

/// Checks that the file of every component that a trigger uses is there, or is to be fetched.
///
/// # Errors
/// [`BuildError::Missing`] with the first one that is not.
pub fn check_sources(application: &Application) -> Result<(), BuildError> {
    for component in used_components(application) {
        if component.download.is_none() && !component.source.is_file() {
            return Err(BuildError::Missing {
                component: component.id.clone(),
                source: component.source.clone(),
                has_command: component.build.is_some(),
            });
        }
    }
    Ok(())
}

/// The components that triggers and timers use.
pub(crate) fn used_components(application: &Application) -> impl Iterator<Item = &Component> {
    application
        .triggers
        .iter()
        .flat_map(|trigger| {
            let middleware = trigger.middleware.iter().map(|one| &one.component);
            std::iter::once(&trigger.component).chain(middleware)
        })
        .filter_map(|id| application.components.get(id))
        .chain(with_timers(application))
}

/// The components that have a timer.
pub(crate) fn with_timers(application: &Application) -> impl Iterator<Item = &Component> {
    let components = application.components.values();
    components.filter(|component| !component.timers.is_empty())
}

#[cfg(test)]
mod tests;
