//! Another application in the place of the one that is served, when its files changed or somebody says so by SIGHUP.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use clap::Args;
use doorward_host::manifest::Application;
use doorward_host::{Renewed, Replacer, build};
use tokio::time::{Interval, MissedTickBehavior};

use super::policies;
use super::sources::Sources;
use super::stamps::Stamps;
use crate::hangup::{Hangup, Hangups};
use crate::say::say;

/// How often files are looked at. What changed is read when it is the same at the next look: whoever writes a file may not
/// be done with it.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// Files that are named which changed; of more there is the number.
const NAMED_MAX: usize = 3;

#[derive(Args)]
#[command(next_help_heading = "How it changes")]
pub(super) struct Arguments {
    /// Look at the files, and serve what they say when they change.
    ///
    /// Looked at are spin.toml, components, policies and other mounted files, files of variables, and what components are
    /// built from (`watch` in `[component.ID.build]`): where that changes, the components are built. Links are followed,
    /// so a ConfigMap that is mounted as a folder is seen to change. What is new is checked first; where it cannot be
    /// served, what was served before goes on, and why is said. SIGHUP does the same at once, with this flag and without.
    #[arg(long)]
    watch: bool,
}

/// What is needed to serve something else.
pub(super) struct Renewal {
    sources: Sources,
    /// What is served.
    application: Application,
    /// Whether components are built whenever somebody says that something changed.
    builds: bool,
    /// Whether files are looked at.
    watches: bool,
    seen: Seen,
    hangups: Hangups,
}

/// The files as they were when they were read last, whether or not that could be served.
#[derive(Clone, PartialEq, Eq)]
struct Seen {
    served: Stamps,
    inputs: Stamps,
}

impl Seen {
    fn now(sources: &Sources, application: &Application) -> Self {
        // A component in an image is not replaced.
        let inputs = match sources.ahead {
            Some(_) => Stamps::default(),
            None => Stamps::of(application.build_inputs()),
        };
        Self {
            served: Stamps::of(sources.files(application)),
            inputs,
        }
    }
}

/// Why something else is to be served.
enum Why {
    Told,
    Changed(Seen),
    /// Whoever looked on is gone.
    TerminalGone,
}

impl Renewal {
    /// `application` was read from `sources` just now, and is to be served. SIGHUP is not missed from here on.
    pub(super) fn new(
        arguments: &Arguments,
        sources: Sources,
        application: &Application,
        builds: bool,
    ) -> Self {
        Self {
            seen: Seen::now(&sources, application),
            sources,
            application: application.clone(),
            builds,
            watches: arguments.watch,
            hangups: Hangups::begin(),
        }
    }

    /// Has `replacer` serve what changed, until the terminal is gone that the host was started from.
    pub(super) async fn go_on(mut self, replacer: Replacer) {
        let mut looks = tokio::time::interval(LOOK_EVERY);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let (reason, builds) = match self.reason(&mut looks).await {
                Why::TerminalGone => return,
                Why::Told => ("SIGHUP".to_owned(), self.builds),
                Why::Changed(now) => {
                    let inputs = now.inputs.changed(&self.seen.inputs);
                    let inputs: Vec<&Path> = inputs.collect();
                    let served = now.served.changed(&self.seen.served);
                    let changed: Vec<&Path> = served.chain(inputs.iter().copied()).collect();
                    let names = named(&changed, &self.application.dir);
                    (format!("{names} changed"), !inputs.is_empty())
                }
            };
            let began = Instant::now();
            match self.renew(&replacer, builds).await {
                Ok(policies) => {
                    let name = &self.application.name;
                    let took = began.elapsed().as_millis();
                    say(format_args!(
                        "{reason}: reloaded {name} in {took} ms{policies}"
                    ));
                }
                Err(error) => say(format_args!(
                    "{reason}: not reloaded, and what was served goes on as before\n{error:#}"
                )),
            }
        }
    }

    /// Waits until there is a reason to read everything again.
    async fn reason(&mut self, looks: &mut Interval) -> Why {
        let mut before = None;
        loop {
            tokio::select! {
                biased;
                hangup = self.hangups.next() => return match hangup {
                    Hangup::Reload => Why::Told,
                    Hangup::TerminalGone => Why::TerminalGone,
                },
                _ = looks.tick(), if self.watches => {
                    let now = self.look().await;
                    if now != self.seen && before.as_ref() == Some(&now) {
                        return Why::Changed(now);
                    }
                    before = Some(now);
                }
            }
        }
    }

    /// The files as they are now. Where that cannot be found out they are as they were.
    async fn look(&self) -> Seen {
        let (sources, application) = (self.sources.clone(), self.application.clone());
        let looking = tokio::task::spawn_blocking(move || Seen::now(&sources, &application));
        looking.await.unwrap_or_else(|_| self.seen.clone())
    }

    /// Reads everything, and has it served. Says which policies that are.
    async fn renew(&mut self, replacer: &Replacer, builds: bool) -> Result<String> {
        // First, so that what changes while it is read is seen to change.
        self.seen = self.look().await;
        let sources = self.sources.clone();
        let reading = tokio::task::spawn_blocking(move || {
            let application = sources.read()?;
            if builds {
                build::ensure_built(&application, &|line| say(line))?;
            }
            // What was built is read from here on.
            Ok((Seen::now(&sources, &application), application))
        });
        let (seen, application) = match reading.await.context("reading failed")? {
            Ok(read) => read,
            Err(error) => return Err(error),
        };
        self.seen = seen;
        let checked = policies::check(&application)?;
        build::check_sources(&application)?;
        let renewed = Renewed {
            variables: self.sources.variables(&application)?,
            ready_paths: checked.ready_paths.clone(),
        };
        replacer.replace(application.clone(), renewed).await?;
        self.application = application;
        Ok(checked.to_string())
    }
}

/// These files, as the manifest names them.
fn named(files: &[&Path], folder: &Path) -> String {
    let name = |file: &&Path| {
        let name = file.strip_prefix(folder).unwrap_or(file);
        name.display().to_string()
    };
    let names: Vec<String> = files.iter().take(NAMED_MAX).map(name).collect();
    let names = names.join(", ");
    match files.len().saturating_sub(NAMED_MAX) {
        0 => names,
        more => format!("{names} and {more} more"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_few_files_are_named_as_the_manifest_names_them() {
        let files = ["/app/a", "/app/b/c", "/etc/d", "/app/e", "/app/f"].map(Path::new);
        let folder = Path::new("/app");
        assert_eq!(named(files.get(..2).unwrap_or_default(), folder), "a, b/c");
        assert_eq!(named(&files, folder), "a, b/c, /etc/d and 2 more");
    }
}
