//! `--audit-log`: who did what to the gates with this command, in a file of lines.
//!
//! A line is written before the act, and another one after it, which says how it ended. Where the first one cannot be
//! written, nothing is done: what is not on record does not happen. A key or a token is never in one.

use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, anyhow};
use aws_lc_rs::rand;
use clap::Args;
use serde_json::{Map, Value};

use crate::dates;

/// The environment variable in place of the flag.
const VARIABLE: &str = "DOORWARD_AUDIT_LOG";
/// A text is cut after this many bytes.
const TEXT_BYTES_MAX: usize = 512;
/// Random bytes by which the two lines of an act are known to belong together.
const ACT_BYTES: usize = 8;

#[derive(Args)]
pub(crate) struct Arguments {
    /// The file to which a line is added for what is done, and by whom. Where that fails, nothing is done.
    #[arg(long, env = VARIABLE, value_name = "FILE")]
    audit_log: Option<PathBuf>,
}

impl Arguments {
    /// Records that something is about to be done: `event`, with what it is about.
    ///
    /// # Errors
    /// It cannot be recorded, and is not to be done.
    pub(crate) fn begin<'f>(
        &self,
        event: &'static str,
        about: impl IntoIterator<Item = (&'f str, Value)>,
    ) -> Result<Act> {
        let Some(path) = &self.audit_log else {
            eprintln!("Not recorded: --audit-log FILE or {VARIABLE} names a file for that.");
            return Ok(Act { record: None });
        };
        let mut random = [0; ACT_BYTES];
        rand::fill(&mut random).map_err(|_| anyhow!("the system has no randomness"))?;
        let mut fields = Map::new();
        fields.insert("event".to_owned(), event.into());
        let act = format!("{:016x}", u64::from_be_bytes(random));
        fields.insert("act".to_owned(), act.into());
        fields.insert("actor".to_owned(), actor().into());
        if let Ok(before) = std::env::var("SUDO_USER") {
            fields.insert("sudo_user".to_owned(), cut(&before).into());
        }
        for (name, value) in about {
            let value = match value {
                Value::String(text) => cut(&text).into(),
                Value::Null => continue,
                other => other,
            };
            fields.insert(name.to_owned(), value);
        }
        let file = open(path).with_context(|| not_done(path))?;
        let mut record = Record {
            path: path.clone(),
            file,
            fields,
        };
        record.write("begun").with_context(|| not_done(path))?;
        Ok(Act {
            record: Some(record),
        })
    }
}

fn not_done(path: &Path) -> String {
    format!(
        "nothing was done, because it cannot be recorded in {}",
        path.display()
    )
}

/// What is being done. Where nothing follows a line that says so, nobody knows how it ended.
#[must_use = "the end of an act is recorded, too"]
pub(crate) struct Act {
    /// `None`: it is not recorded.
    record: Option<Record>,
}

impl Act {
    /// Records how it ended, and gives that back.
    ///
    /// # Errors
    /// Those of the act; or it was done, and that cannot be recorded.
    pub(crate) fn end<T>(self, outcome: Result<T>) -> Result<T> {
        let Some(mut record) = self.record else {
            return outcome;
        };
        let written = match &outcome {
            Ok(_) => record.write("done"),
            Err(error) => {
                let reason = cut(&format!("{error:#}"));
                record.fields.insert("error".to_owned(), reason.into());
                record.write("failed")
            }
        };
        match (outcome, written) {
            (Ok(done), Ok(())) => Ok(done),
            (Ok(_), Err(error)) => Err(error).with_context(|| {
                let path = record.path.display();
                format!("it was done, and {path} says only that it was begun")
            }),
            (Err(error), _) => Err(error),
        }
    }
}

struct Record {
    path: PathBuf,
    file: File,
    fields: Map<String, Value>,
}

impl Record {
    /// Adds a line, in one write, which is on the disk when this returns.
    fn write(&mut self, outcome: &'static str) -> Result<()> {
        let now = dates::stamp()?;
        self.fields.insert("time".to_owned(), now.into());
        self.fields.insert("outcome".to_owned(), outcome.into());
        let line = format!("{}\n", Value::Object(self.fields.clone()));
        self.file.write_all(line.as_bytes())?;
        // What is no file, such as a pipe, cannot be synchronised.
        if self.file.metadata()?.is_file() {
            self.file.sync_data()?;
        }
        Ok(())
    }
}

/// The file, made where there is none: for nobody but its owner.
fn open(path: &Path) -> Result<File> {
    let mut options = OpenOptions::new();
    options.append(true).create(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.mode(0o600);
    }
    Ok(options.open(path)?)
}

/// Who does it: the name that the system has for the user of this process, or else its number.
fn actor() -> String {
    os_user::username().unwrap_or_else(|_| {
        #[cfg(unix)]
        {
            use std::os::unix::fs::MetadataExt as _;
            if let Ok(process) = std::fs::metadata("/proc/self") {
                return process.uid().to_string();
            }
        }
        "unknown".to_owned()
    })
}

fn cut(text: &str) -> String {
    let end = text.floor_char_boundary(TEXT_BYTES_MAX);
    text.get(..end).unwrap_or_default().to_owned()
}
