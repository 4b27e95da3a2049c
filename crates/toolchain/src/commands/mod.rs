//! The components' build commands.
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

use crate::compiler::TARGET;
use crate::process::{self, ProcessError, Progress};
use crate::target::{ToolchainError, ensure_wasm_target};

/// How long the first build with cargo takes, on two cores: the components of this repository, or one of some size.
const FIRST_CARGO_BUILD: &str = "the first time usually takes one to two minutes";
/// Time that one build command has.
pub const COMMAND_TIMEOUT: Duration = Duration::from_secs(3600);

/// How one component is built.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ComponentBuild {
    /// The id of the component.
    pub component: String,
    /// The folder in which the commands run.
    pub workdir: PathBuf,
    /// The commands, each a line for the shell, run one after the other.
    pub commands: Vec<String>,
}

/// Why a component is not built.
#[derive(Debug)]
pub enum CommandError {
    /// The target that a command builds for cannot be set up.
    Toolchain(ToolchainError),
    /// A command failed; what it wrote was shown while it ran.
    Failed {
        /// The ids of the components that it builds.
        components: Vec<String>,
        /// The command.
        command: String,
        /// How it failed.
        reason: String,
    },
}

impl fmt::Display for CommandError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Toolchain(error) => error.fmt(f),
            Self::Failed {
                components,
                command,
                reason,
            } => write!(
                f,
                "building {} failed\n  command: {command}\n  {reason}",
                components.join(", ")
            ),
        }
    }
}

impl std::error::Error for CommandError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Toolchain(error) => Some(error),
            Self::Failed { .. } => None,
        }
    }
}

/// Runs the build commands of the components of an application, whose folder is `dir`.
///
/// Processes that build the same application at the same time wait for one another.
///
/// # Errors
/// See [`CommandError`].
pub fn run_builds(
    builds: &[ComponentBuild],
    dir: &Path,
    progress: Progress<'_>,
) -> Result<(), CommandError> {
    let steps = steps(builds);
    if steps.iter().any(|step| step.line.contains(TARGET)) {
        ensure_wasm_target(progress).map_err(CommandError::Toolchain)?;
    }
    // cargo locks for itself; other commands may not. Locking the folder leaves no file behind.
    let folder = fs::File::open(dir).ok();
    let _ = folder.as_ref().map(fs::File::lock);
    for step in &steps {
        run(step, dir, progress)?;
    }
    Ok(())
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
fn steps(builds: &[ComponentBuild]) -> Vec<Step> {
    let mut merged: Vec<(PathBuf, cargo::Call, Vec<String>)> = Vec::new();
    let mut others = Vec::new();
    for build in builds {
        let (component, workdir) = (&build.component, &build.workdir);
        // Several commands depend on their order and are left as they are.
        let only = match build.commands.as_slice() {
            [only] => cargo::Call::parse(only),
            _ => None,
        };
        if let Some(one) = only {
            let twin = merged
                .iter_mut()
                .find(|(folder, other, _)| folder == workdir && other.same_but_packages(&one));
            match twin {
                Some((_, other, components)) => {
                    other.add_packages(one);
                    components.push(component.clone());
                }
                None => merged.push((workdir.clone(), one, vec![component.clone()])),
            }
        } else {
            others.extend(build.commands.iter().map(|line| Step {
                components: vec![component.clone()],
                workdir: workdir.clone(),
                line: line.clone(),
                cargo: None,
            }));
        }
    }
    let merged = merged.into_iter().map(|(workdir, call, components)| {
        let arguments = call.into_arguments();
        Step {
            components,
            workdir,
            line: format!("cargo {}", arguments.join(" ")),
            cargo: Some(arguments),
        }
    });
    merged.chain(others).collect()
}

fn run(step: &Step, dir: &Path, progress: Progress<'_>) -> Result<(), CommandError> {
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
            let place = relative(&step.workdir, dir);
            progress(&match step.cargo {
                Some(_) => format!("Building {what} ({place}; {FIRST_CARGO_BUILD})"),
                None => format!("Building {what} ({place})"),
            });
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
        Err(error) => Err(CommandError::Failed {
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
