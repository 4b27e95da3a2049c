//! `doorward schemas`: JSON Schemas to the file from which a component checks events.

use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, Result, bail};
use clap::Args;
use doorward_events::schema::compile::{Source, compile};

/// The largest schema that is read, in bytes.
const SCHEMA_BYTES_MAX: u64 = 1 << 20;

#[derive(Args)]
pub(crate) struct Arguments {
    /// Schemas, each in a file that is named by the type of its events: `dev.doorward.user.created.v1.json`.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Where to write what is compiled.
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
}

pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode> {
    let mut read = Vec::new();
    for path in &arguments.files {
        let kind = kind_of(path)?;
        read.push((kind, path.to_string_lossy().into_owned(), text_of(path)?));
    }
    let sources: Vec<_> = (read.iter())
        .map(|(kind, file, text)| Source { kind, file, text })
        .collect();
    let program = match compile(&sources) {
        Ok(program) => program,
        Err(problems) => {
            for problem in &problems {
                eprintln!("{problem}");
            }
            bail!("nothing was written: docs/schemas.md says what a schema may have");
        }
    };
    let output = &arguments.output;
    fs::write(output, &program)
        .with_context(|| format!("{} cannot be written", output.display()))?;
    println!(
        "{}: {} {}, {} bytes",
        output.display(),
        sources.len(),
        if sources.len() == 1 {
            "schema"
        } else {
            "schemas"
        },
        program.len()
    );
    Ok(ExitCode::SUCCESS)
}

/// The type of events that a file is for.
fn kind_of(path: &Path) -> Result<String> {
    let name = path.file_name().and_then(|name| name.to_str());
    match name.and_then(|name| name.strip_suffix(".json")) {
        Some(kind) if !kind.is_empty() => Ok(kind.to_owned()),
        _ => bail!(
            "{} is named by no type of events; a schema is in a file TYPE.json",
            path.display()
        ),
    }
}

fn text_of(path: &Path) -> Result<String> {
    let mut text = String::new();
    fs::File::open(path)
        .and_then(|file| file.take(SCHEMA_BYTES_MAX + 1).read_to_string(&mut text))
        .with_context(|| format!("the schema {} cannot be read", path.display()))?;
    if text.len() as u64 > SCHEMA_BYTES_MAX {
        bail!(
            "the schema {} has more than {SCHEMA_BYTES_MAX} bytes",
            path.display()
        );
    }
    Ok(text)
}
