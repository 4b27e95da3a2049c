//! Running other programs: with a time limit, and with their last words kept for the error.

use std::fmt;
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

/// Where progress is told, a line at a time. Nothing is told when there is nothing to do.
pub type Progress<'p> = &'p (dyn Fn(&str) + Sync);

/// Lines of a program's output that an error repeats.
const LINES_KEPT: usize = 12;
/// Bytes of one line that are kept.
const LINE_BYTES_MAX: u64 = 64 * 1024;
/// Bytes of an answer that are kept.
const ANSWER_BYTES_MAX: u64 = 16 * 1024 * 1024;
/// How often a running program is looked at.
const POLL: Duration = Duration::from_millis(20);

/// Why a program did not do what it should.
#[derive(Debug)]
pub(crate) struct ProcessError {
    program: String,
    reason: Reason,
    last_lines: Vec<String>,
}

#[derive(Debug)]
enum Reason {
    NotStarted(std::io::Error),
    Failed(ExitStatus),
    TimedOut(Duration),
}

impl ProcessError {
    /// Whether the program does not exist.
    pub(crate) fn is_missing(&self) -> bool {
        matches!(&self.reason, Reason::NotStarted(error) if error.kind() == std::io::ErrorKind::NotFound)
    }
}

impl ProcessError {
    /// What happened, without the program's last lines: for a program whose lines were shown.
    pub(crate) fn reason(&self) -> String {
        let program = &self.program;
        match &self.reason {
            Reason::NotStarted(error) => format!("`{program}` cannot be started: {error}"),
            Reason::Failed(status) => format!("`{program}` failed ({status})"),
            Reason::TimedOut(limit) => format!(
                "`{program}` was stopped after {} s without a result",
                limit.as_secs()
            ),
        }
    }
}

impl fmt::Display for ProcessError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.reason())?;
        for line in &self.last_lines {
            write!(f, "\n      {line}")?;
        }
        Ok(())
    }
}

impl std::error::Error for ProcessError {}

/// Runs a program that answers a question and returns its standard output, trimmed.
pub(crate) fn answer(command: &mut Command, limit: Duration) -> Result<String, ProcessError> {
    let name = shown(command);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = spawn(command, &name)?;
    let answer = child.stdout.take().map(|stdout| {
        in_thread(move |send| {
            let mut text = Vec::new();
            let _ = stdout.take(ANSWER_BYTES_MAX).read_to_end(&mut text);
            let _ = send.send(text);
        })
    });
    let errors = child.stderr.take().map(|stderr| last_lines(stderr, |_| {}));
    let status = wait(&mut child, limit, &name)?;
    let text = answer
        .and_then(|answer| answer.recv().ok())
        .unwrap_or_default();
    if status.success() {
        Ok(String::from_utf8_lossy(&text).trim().to_owned())
    } else {
        Err(ProcessError {
            program: name,
            reason: Reason::Failed(status),
            last_lines: errors
                .and_then(|lines| lines.recv().ok())
                .unwrap_or_default(),
        })
    }
}

/// Runs a program that does something. Each line that it writes to stderr is shown to `line`;
/// its standard output is dropped.
pub(crate) fn run(
    command: &mut Command,
    limit: Duration,
    line: impl FnMut(&str) + Send + 'static,
) -> Result<(), ProcessError> {
    let name = shown(command);
    command.stdout(Stdio::null()).stderr(Stdio::piped());
    let mut child = spawn(command, &name)?;
    let errors = child.stderr.take().map(|stderr| last_lines(stderr, line));
    let status = wait(&mut child, limit, &name)?;
    if status.success() {
        return Ok(());
    }
    Err(ProcessError {
        program: name,
        reason: Reason::Failed(status),
        last_lines: errors
            .and_then(|lines| lines.recv().ok())
            .unwrap_or_default(),
    })
}

/// The command as an error calls it: the program and its first argument.
fn shown(command: &Command) -> String {
    let program = command.get_program().to_string_lossy();
    let first = command.get_args().find(|argument| {
        !argument.to_string_lossy().starts_with('-') && !argument.to_string_lossy().contains('=')
    });
    match first {
        Some(first) => format!("{program} {}", first.to_string_lossy()),
        None => program.into_owned(),
    }
}

fn spawn(command: &mut Command, name: &str) -> Result<Child, ProcessError> {
    command
        .stdin(Stdio::null())
        .spawn()
        .map_err(|error| ProcessError {
            program: name.to_owned(),
            reason: Reason::NotStarted(error),
            last_lines: Vec::new(),
        })
}

fn wait(child: &mut Child, limit: Duration, name: &str) -> Result<ExitStatus, ProcessError> {
    let started = Instant::now();
    loop {
        match child.try_wait() {
            Ok(Some(status)) => return Ok(status),
            Ok(None) if started.elapsed() < limit => thread::sleep(POLL),
            Ok(None) => {
                let _ = child.kill();
                let _ = child.wait();
                return Err(ProcessError {
                    program: name.to_owned(),
                    reason: Reason::TimedOut(limit),
                    last_lines: Vec::new(),
                });
            }
            Err(error) => {
                return Err(ProcessError {
                    program: name.to_owned(),
                    reason: Reason::NotStarted(error),
                    last_lines: Vec::new(),
                });
            }
        }
    }
}

/// Reads `output` in a thread of its own, so that the program never waits for us.
fn last_lines(
    output: impl Read + Send + 'static,
    mut line: impl FnMut(&str) + Send + 'static,
) -> Receiver<Vec<String>> {
    in_thread(move |send| {
        let mut kept = Vec::new();
        let mut output = BufReader::new(output);
        let mut bytes = Vec::new();
        loop {
            bytes.clear();
            match (&mut output)
                .take(LINE_BYTES_MAX)
                .read_until(b'\n', &mut bytes)
            {
                Ok(0) | Err(_) => break,
                Ok(_) => {
                    let text = String::from_utf8_lossy(&bytes).trim_end().to_owned();
                    if text.is_empty() {
                        continue;
                    }
                    line(&text);
                    if kept.len() == LINES_KEPT {
                        kept.remove(0);
                    }
                    kept.push(text);
                }
            }
        }
        let _ = send.send(kept);
    })
}

fn in_thread<T: Send + 'static>(
    work: impl FnOnce(mpsc::SyncSender<T>) + Send + 'static,
) -> Receiver<T> {
    let (send, receive) = mpsc::sync_channel(1);
    thread::spawn(move || work(send));
    receive
}

/// Takes out of a command's environment what an outer cargo put there for its own child: with it
/// an inner cargo would take everything for stale, or build with flags that are not its own. Flags
/// for the native compiler (`RUSTFLAGS`) go too: a `target-cpu=native` is nothing for a component.
/// Where to build (`CARGO_TARGET_DIR`) and through which wrapper (`RUSTC_WRAPPER`) stays.
pub(crate) fn without_outer_cargo(command: &mut Command) -> &mut Command {
    const EXACT: [&str; 10] = [
        "CARGO_ENCODED_RUSTFLAGS",
        "CARGO_MAKEFLAGS",
        "CARGO_MANIFEST_DIR",
        "CARGO_MANIFEST_LINKS",
        "CARGO_MANIFEST_PATH",
        "CARGO_PRIMARY_PACKAGE",
        "CARGO_RUSTC_CURRENT_DIR",
        "OUT_DIR",
        "RUSTFLAGS",
        "TARGET",
    ];
    const PREFIXES: [&str; 5] = [
        "CARGO_BIN_",
        "CARGO_CFG_",
        "CARGO_CRATE_",
        "CARGO_FEATURE_",
        "CARGO_PKG_",
    ];
    for (name, _) in std::env::vars_os() {
        let name = name.to_string_lossy();
        if EXACT.contains(&name.as_ref()) || PREFIXES.iter().any(|prefix| name.starts_with(prefix))
        {
            command.env_remove(name.as_ref());
        }
    }
    command
}
