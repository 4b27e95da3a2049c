//! `doorward schema`: the policy as a JSON Schema, for editors.

use std::io::{self, Write as _};
use std::process::ExitCode;

use anyhow::{Context as _, Result};
use clap::Args;

#[derive(Args)]
pub(crate) struct Arguments {}

pub(crate) fn run(_: &Arguments) -> Result<ExitCode> {
    let text = format!("{:#}\n", doorward_policy::schema());
    let mut output = io::stdout().lock();
    let written = output.write_all(text.as_bytes());
    let written = written.and_then(|()| output.flush());
    written.context("the schema cannot be printed")?;
    Ok(ExitCode::SUCCESS)
}
