//! A program with all that it starts: they end together, whatever becomes of the test.

use crate::process::{self, Usage};
use std::io::Write as _;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, ChildStderr, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

/// Waits until there is somebody who ends it (below), and is the program from then on.
const LAUNCH: &str = r#"read -r go && exec "$@" </dev/null"#;
/// Ends the group when it is told to, or when nobody is left who could: first with SIGTERM, and with SIGKILL
/// what is left after that. Who told it looks when that is; where the test's process was killed it is so
/// after [`TERM_TIME_MAX`] at the latest, and the folder goes as well.
const END: &str = r#"
read -r told
kill -s TERM -- "-$1"
if [ "$told" = stop ]; then
    read -r told
else
    looks=0
    while kill -s 0 -- "-$1" && [ "$looks" -lt "$3" ]; do
        sleep 0.1
        looks=$((looks + 1))
    done
    rm -rf -- "$2"
fi
kill -s KILL -- "-$1"
"#;
/// How long what is told to end may take.
const TERM_TIME_MAX: Duration = Duration::from_secs(5);
/// How long what was killed may take to be gone.
const GONE_TIME_MAX: Duration = Duration::from_secs(5);
/// How often that is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(5);

/// A program in a process group of its own. Dropped, it ends with all of its group.
#[derive(Debug)]
pub struct Group {
    /// The program. The group has its id.
    leader: Child,
    /// Ends the group when its standard input ends. In a group of its own as well, so that what ends the
    /// test at a terminal does not end it.
    ender: Child,
}

impl Group {
    /// Starts the program of `command`, with its arguments and variables. It uses `folder` and keeps nothing
    /// anywhere else. Gives what it writes to its standard output and error as well.
    pub fn start(
        command: &Command,
        folder: &Path,
    ) -> std::io::Result<(Self, ChildStdout, ChildStderr)> {
        let temporary = folder.join("tmp");
        std::fs::create_dir_all(&temporary)?;
        let mut leader = Command::new("sh")
            .args(["-c", LAUNCH, "sh"])
            .arg(command.get_program())
            .args(command.get_args())
            .envs(
                command
                    .get_envs()
                    .filter_map(|(name, value)| Some((name, value?))),
            )
            .env("TMPDIR", temporary)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .spawn()?;
        let ender = Command::new("sh")
            .args(["-c", END, "sh"])
            .arg(leader.id().to_string())
            .arg(folder)
            // How often it looks.
            .arg((TERM_TIME_MAX.as_millis() / 100).to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()?;
        let mut go = leader.stdin.take().expect("it is piped");
        go.write_all(b"go\n")?;
        let output = leader.stdout.take().expect("it is piped");
        let error = leader.stderr.take().expect("it is piped");
        Ok((Self { leader, ender }, output, error))
    }

    /// What the program has used: what it has started, without the program itself where that only
    /// launches.
    pub fn usage(&self) -> Option<Usage> {
        let leader = self.leader.id();
        let started = self.processes().into_iter().filter(|id| *id != leader);
        let used = started.filter_map(Usage::of).reduce(Usage::and);
        used.or_else(|| Usage::of(leader))
    }

    /// The processes of the group that run.
    pub fn processes(&self) -> Vec<u32> {
        process::of_group(self.leader.id())
    }

    /// The id of the program, and of the group.
    pub fn id(&self) -> u32 {
        self.leader.id()
    }

    /// The processes of the group, and those that they have started in groups of their own, that run.
    pub fn family(&self) -> Vec<u32> {
        process::family_of(self.leader.id())
    }

    /// Ends the program by this signal, and waits until all of its family is gone. By `KILL` all of them are killed.
    /// Says whether they are gone in time; what is not is killed then.
    pub fn end(self, signal: &str, time_max: Duration) -> bool {
        let family = self.family();
        let is_gone = |time_max| {
            let begun = Instant::now();
            while family.iter().any(|id| process::runs(*id)) {
                if begun.elapsed() > time_max {
                    return false;
                }
                std::thread::sleep(LOOK_EVERY);
            }
            true
        };
        let all = &family[..];
        let first = [self.leader.id()];
        send(signal, if signal == "KILL" { all } else { &first });
        let is_in_time = is_gone(time_max);
        if !is_in_time {
            send("KILL", all);
            is_gone(GONE_TIME_MAX);
        }
        is_in_time
    }

    /// Waits until nothing of the group runs. Says whether it is so.
    fn is_gone_within(&self, time_max: Duration) -> bool {
        let begun = Instant::now();
        while !self.processes().is_empty() {
            if begun.elapsed() > time_max {
                return false;
            }
            std::thread::sleep(LOOK_EVERY);
        }
        true
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(mut told) = self.ender.stdin.take() {
            let _ = told.write_all(b"stop\n");
            self.is_gone_within(TERM_TIME_MAX);
            // Closed: now it kills what is left.
        }
        let _ = self.ender.wait();
        // Only now may somebody else have its id, and the group's.
        let _ = self.leader.wait();
        if !self.is_gone_within(GONE_TIME_MAX) {
            eprintln!("processes stay: {:?}", self.processes());
        }
    }
}

/// Sends the signal to these processes, as far as they are there.
fn send(signal: &str, processes: &[u32]) {
    let ids = processes.iter().map(u32::to_string);
    let _ = Command::new("sh")
        .args(["-c", r#"kill -s "$@""#, "sh", signal])
        .args(ids)
        .stderr(Stdio::null())
        .status();
}
