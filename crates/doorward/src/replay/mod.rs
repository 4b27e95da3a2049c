//! `doorward replay`: what another policy would have said of the requests in a log.
//!
//! What decides is [`doorward_policy::Policy::replay`]. Here lines are read and what differs is counted, in memory that
//! does not grow with the log.

mod differences;
mod lines;
mod print;

use std::fs;
use std::io::{self, BufRead, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, Result, bail};
use clap::{Args, ValueEnum};

use crate::policy_file;
use differences::Differences;
use lines::{Line, Lines};

/// The exit status where the new policy decides something otherwise.
const DIFFERS: u8 = 3;

#[derive(Args)]
pub(crate) struct Arguments {
    /// The log of a gate whose policy has `decision_inputs = true` in `[log]`, or `-` for standard input.
    log: PathBuf,
    /// The new policy.
    #[arg(long, value_name = "FILE")]
    policy: PathBuf,
    /// How to print it.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

#[derive(Clone, Copy, ValueEnum)]
enum Format {
    /// For people.
    Text,
    /// For programs: `{"decided", "same", "differences": [{"count", "from", "to", …}], "undecidable": […], …}`.
    Json,
}

pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode> {
    let (_, policy) = policy_file::policy(&arguments.policy)?;
    let log = arguments.log.display();
    let mut from: Box<dyn BufRead> = if arguments.log == Path::new("-") {
        Box::new(io::stdin().lock())
    } else {
        let file = fs::File::open(&arguments.log);
        Box::new(BufReader::new(
            file.with_context(|| format!("the log {log} cannot be read"))?,
        ))
    };
    let mut differences = Differences::default();
    let mut lines = Lines::of(&mut from);
    while let Some((number, line)) = lines
        .next()
        .with_context(|| format!("the log {log} cannot be read"))?
    {
        match line {
            Line::Other => differences.other += 1,
            Line::Bad => differences.is_bad(number),
            Line::Request(line) => differences.add(&line, &policy.replay(&line)),
        }
    }
    if differences.requests() == 0 {
        let help = "lines about requests are written where the policy has `[log]`, and can be decided again with \
                    `decision_inputs = true` there";
        bail!("no line of {log} is about a request\n  help: {help}");
    }
    let told = match arguments.format {
        Format::Text => print::text(&differences),
        Format::Json => format!("{:#}\n", print::json(&differences)),
    };
    // Who reads no further has read enough.
    match io::stdout().write_all(told.as_bytes()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => return Err(error.into()),
        _ => {}
    }
    Ok(match differences.are_none() {
        // Where nothing could be decided, nothing is known.
        true if differences.same == 0 => ExitCode::FAILURE,
        true => ExitCode::SUCCESS,
        false => ExitCode::from(DIFFERS),
    })
}
