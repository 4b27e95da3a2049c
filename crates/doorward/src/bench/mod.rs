//! `doorward bench`: what the components cost, measured from outside.
//!
//! The server is `doorward up` as a process of its own, so that its memory and processor time are its own; the clients
//! are one thread of this process. docs/performance.md says how the figures are to be read.

mod answer;
mod application;
mod arguments;
mod cases;
mod compare;
mod figures;
mod json;
mod load;
mod machine;
mod measure;
mod origin;
mod plot;
mod print;
mod report;
mod schedule;
mod server;
mod targets;
mod tokens;
mod url;
mod usage;

use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context as _, Result};
use doorward_toolchain::{ComponentBuild, ensure_wasm_target, run_builds};

use crate::say::say;
use crate::{files, state};
use application::Places;
pub(crate) use arguments::Arguments;
use arguments::Format;
use tokens::Tokens;

/// Where components are built, below the folder of the project.
const BUILT: &str = "target/wasm32-wasip2/release";
/// Where the sources of components are, below the folder of the project.
const SOURCES: [&str; 2] = ["components", "runtime-tests/components"];
/// What outlives a run, in the state folder of the project.
const STATE: &str = "bench";
/// The largest file of figures that is read, in bytes.
const FIGURES_BYTES_MAX: u64 = 64 << 20;
/// The exit status where something is worse than before.
const WORSE: u8 = 3;

pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode> {
    if arguments.be_origin {
        return origin::serve();
    }
    // Before it is measured, for that takes a while.
    let before = match &arguments.compare {
        Some(path) => {
            let read = files::read_text(path, FIGURES_BYTES_MAX).map_err(anyhow::Error::from);
            let read = read.and_then(|text| json::read(&text));
            Some(read.with_context(|| format!("{} cannot be compared with", path.display()))?)
        }
        None => None,
    };
    let report = match &arguments.url {
        Some(url) => {
            let tokens = arguments.token_file.as_deref().map(url::tokens);
            let tokens = tokens.transpose()?.unwrap_or_default();
            Some(measure::url(arguments, url, &tokens)?)
        }
        None => applications(arguments)?,
    };
    let Some(report) = report else {
        return Ok(ExitCode::SUCCESS);
    };
    let medians = figures::medians(&report.outcomes);
    match arguments.format {
        Format::Text => print!("{}", print::report(&report, &targets::judge(&medians))),
        Format::Json => println!("{:#}", json::json(&report)),
    }
    if let Some(path) = &arguments.plot {
        plot::write(path, &report.outcomes)?;
    }
    let Some(before) = before else {
        return Ok(ExitCode::SUCCESS);
    };
    let tolerance = arguments.tolerance as f64 / 100.0;
    let compared = compare::compare(&before, &medians, tolerance);
    match arguments.format {
        Format::Text => print!("\n{}", print::comparison(&compared)),
        // Standard output has the figures.
        Format::Json => say(print::comparison(&compared)),
    }
    Ok(match compared.is_worse() {
        true => ExitCode::from(WORSE),
        false => ExitCode::SUCCESS,
    })
}

/// Measures our own components; nothing where tokens are exported.
fn applications(arguments: &Arguments) -> Result<Option<report::Report>> {
    let manifest = state::find_manifest(arguments.from.as_deref())?;
    let project = manifest.parent().unwrap_or(Path::new("/"));
    let state_dir = match &arguments.state_dir {
        Some(given) => state::state_dir(Some(given))?,
        None => state::state_dir_of(project, None)?.join(STATE),
    };
    state::create(&state_dir)?;
    if let Some(folder) = &arguments.export {
        let tokens = Tokens::of(&state_dir, arguments.tokens)?;
        return tokens::export(folder, &tokens).map(|()| None);
    }
    if arguments.build {
        build(arguments, project)?;
    }
    let components = match &arguments.components {
        Some(given) => std::path::absolute(given).context("the current folder is gone")?,
        None => project.join(BUILT),
    };
    let places = Places {
        components,
        project: project.to_owned(),
    };
    measure::cases(arguments, &places, &state_dir).map(Some)
}

/// Builds the components of the cases that are asked for, as far as their sources are there.
fn build(arguments: &Arguments, project: &Path) -> Result<()> {
    let progress = |line: &str| say(line);
    ensure_wasm_target(&progress)?;
    let has_source = |component: &&str| {
        let mut folders = SOURCES.iter().map(|folder| project.join(folder));
        folders.any(|folder| folder.join(component).is_dir())
    };
    let builds: Vec<ComponentBuild> = measure::components(arguments)
        .into_iter()
        .filter(has_source)
        .map(|component| ComponentBuild {
            component: component.to_owned(),
            workdir: project.to_owned(),
            commands: vec![format!(
                "cargo build --release --target wasm32-wasip2 -p {component}"
            )],
        })
        .collect();
    run_builds(&builds, project, &progress)?;
    Ok(())
}
