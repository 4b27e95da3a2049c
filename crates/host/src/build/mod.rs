//! The components' build commands, as `[component.ID.build]` gives them.
//!
//! Whether something is stale is decided by the commands themselves, by cargo above all. Commands
//! that ask cargo for the same thing of different packages become one call, which builds what the
//! packages share once and side by side. Nothing is printed when nothing was to do.

mod cargo;

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use crate::manifest::{Application, Component};
use crate::toolchain::process::{self, ProcessError};
use crate::toolchain::{self, Progress, TARGET, ToolchainError};

/// Time that one build command has.
pub const COMMAND_TIMEOUT: Duration = Duration::from_secs(3600);

/// Why the components are not built.
#[derive(Debug)]
pub enum BuildError {
    /// The target that a command builds for cannot be set up.
    Toolchain(ToolchainError),
    /// A command failed; what it wrote was shown while it ran.
    Command {
        /// The ids of the components that it builds.
        components: Vec<String>,
        /// The command.
        command: String,
        /// How it failed.
        reason: String,
    },
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
            Self::Toolchain(error) => error.fmt(f),
            Self::Command {
                components,
                command,
                reason,
            } => write!(
                f,
                "building {} failed\n  command: {command}\n  {reason}",
                components.join(", ")
            ),
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
            Self::Toolchain(error) => Some(error),
            _ => None,
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
    let steps = steps(application);
    if steps.iter().any(|step| step.line.contains(TARGET)) {
        toolchain::ensure_wasm_target(progress).map_err(BuildError::Toolchain)?;
    }
    // cargo locks for itself; other commands may not. Locking the folder leaves no file behind.
    let folder = fs::File::open(&application.dir).ok();
    let _ = folder.as_ref().map(fs::File::lock);
    for step in &steps {
        run(step, &application.dir, progress)?;
    }
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

/// The components that triggers use.
pub(crate) fn used_components(application: &Application) -> impl Iterator<Item = &Component> {
    application
        .triggers
        .iter()
        .flat_map(|trigger| {
            let middleware = trigger.middleware.iter().map(|one| &one.component);
            std::iter::once(&trigger.component).chain(middleware)
        })
        .filter_map(|id| application.components.get(id))
}

/// One command to run.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Step {
    components: Vec<String>,
    workdir: PathBuf,
    /// The command as a line for the shell, for people too.
    line: String,
    /// The same as cargo's arguments, where it is a plain call of cargo.
    cargo: Option<Vec<String>>,
}

/// The commands of all components in order; calls of cargo that differ in their packages only are
/// one step, at the place of the first of them.
fn steps(application: &Application) -> Vec<Step> {
    let mut merged: Vec<(PathBuf, cargo::Build, Vec<String>)> = Vec::new();
    let mut others = Vec::new();
    for component in application.components.values() {
        let Some(build) = &component.build else {
            continue;
        };
        let workdir = match &build.workdir {
            Some(workdir) => application.dir.join(workdir),
            None => application.dir.clone(),
        };
        // Several commands depend on their order and are left as they are.
        let only = match build.command.as_slice() {
            [only] => cargo::Build::parse(only),
            _ => None,
        };
        if let Some(one) = only {
            let twin = merged
                .iter_mut()
                .find(|(folder, other, _)| *folder == workdir && other.same_but_packages(&one));
            match twin {
                Some((_, other, components)) => {
                    other.add_packages(one);
                    components.push(component.id.clone());
                }
                None => merged.push((workdir, one, vec![component.id.clone()])),
            }
        } else {
            others.extend(build.command.iter().map(|line| Step {
                components: vec![component.id.clone()],
                workdir: workdir.clone(),
                line: line.clone(),
                cargo: None,
            }));
        }
    }
    let merged = merged.into_iter().map(|(workdir, build, components)| {
        let arguments = build.into_arguments();
        Step {
            components,
            workdir,
            line: format!("cargo {}", arguments.join(" ")),
            cargo: Some(arguments),
        }
    });
    merged.chain(others).collect()
}

fn run(step: &Step, dir: &Path, progress: Progress<'_>) -> Result<(), BuildError> {
    let mut command = match &step.cargo {
        Some(arguments) => {
            let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
            let mut command = Command::new(cargo);
            command.args(arguments);
            command
        }
        None => shell(&step.line),
    };
    process::without_outer_cargo(&mut command).current_dir(&step.workdir);
    let started = Instant::now();
    let what = step.components.join(", ");
    let announced = Arc::new(AtomicBool::new(false));
    let result = relay(&mut command, &announced, |line, first| {
        if first {
            progress(&format!(
                "Building {what} ({})",
                relative(&step.workdir, dir)
            ));
        }
        progress(line);
    });
    match result {
        Ok(()) => {
            if announced.load(Ordering::Relaxed) {
                progress(&format!("Built {what} ({} s)", started.elapsed().as_secs()));
            }
            Ok(())
        }
        Err(error) => Err(BuildError::Command {
            components: step.components.clone(),
            command: step.line.clone(),
            reason: error.reason(),
        }),
    }
}

/// Runs a command and shows what it says, except that it had nothing to do.
fn relay(
    command: &mut Command,
    announced: &Arc<AtomicBool>,
    mut show: impl FnMut(&str, bool),
) -> Result<(), ProcessError> {
    let (send, lines) = mpsc::channel::<String>();
    std::thread::scope(|scope| {
        let running = scope.spawn(move || {
            process::run(command, COMMAND_TIMEOUT, move |line| {
                let _ = send.send(line.to_owned());
            })
        });
        // Ends when the program has closed its output.
        for line in lines {
            if cargo::says_nothing_to_do(&line) {
                continue;
            }
            let first = !announced.swap(true, Ordering::Relaxed);
            show(&line, first);
        }
        running
            .join()
            .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

fn relative(workdir: &Path, dir: &Path) -> String {
    match workdir.strip_prefix(dir) {
        Ok(inside) if inside.as_os_str().is_empty() => "in the application's folder".to_owned(),
        Ok(inside) => format!("in {}", inside.display()),
        Err(_) => format!("in {}", workdir.display()),
    }
}

#[cfg(unix)]
fn shell(line: &str) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", line]);
    command
}

#[cfg(windows)]
fn shell(line: &str) -> Command {
    let mut command = Command::new("cmd");
    command.args(["/C", line]);
    command
}

#[cfg(test)]
mod tests;
