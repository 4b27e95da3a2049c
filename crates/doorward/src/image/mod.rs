//! `doorward image`: an OCI image layout with this very executable, the libraries it needs, and an application whose
//! components are compiled ahead. No daemon is asked and no other program.
//!
//! ```text
//! elf → root       the executable, what it needs of the system, and what a C library looks up
//! application      spin.toml, what it mounts, components and their code
//! layer            files as a tar archive that is the same for the same files
//! packages → sbom  what is in it, as CycloneDX
//! layout           blobs, manifests and the index
//! ```

mod application;
mod elf;
mod layer;
mod layout;
mod packages;
mod place;
mod root;
mod sbom;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context as _, Result, bail};
use clap::Args;
use doorward_host::ahead::cpu::Cpu;
use doorward_host::{HostOptions, build, download, manifest};
use jiff::Timestamp;

use crate::{state, up, values};
use layer::{Layer, Packing};
use layout::{Config, Layout};
use place::{PORT, USER};

/// When everything in the image was made, in seconds since 1970: as reproducible-builds.org has it.
const EPOCH: &str = "SOURCE_DATE_EPOCH";

#[derive(Args)]
pub(crate) struct Arguments {
    /// The folder to write to: a new one, or an empty one.
    #[arg(short, long, value_name = "FOLDER")]
    output: PathBuf,
    /// The manifest, or a folder that holds a spin.toml [default: the nearest spin.toml upwards]
    #[arg(
        short = 'f',
        long,
        visible_alias = "manifest",
        value_name = "SPIN.TOML"
    )]
    from: Option<PathBuf>,
    /// Build the components first.
    #[arg(long)]
    build: bool,
    /// The processors that the components are compiled for: x86-64, x86-64-v2, x86-64-v3 or x86-64-v4; armv8-a on ARM
    /// [default: x86-64-v2]
    #[arg(long, value_name = "NAME", value_parser = cpu)]
    cpu: Option<Cpu>,
    /// How layers are compressed: zstd, or gzip for a runtime from before 2023.
    #[arg(long, value_enum, default_value_t = Packing::Zstd, value_name = "NAME")]
    compression: Packing,
    /// The name of the image in the layout.
    #[arg(long, value_name = "NAME", default_value = "latest", value_parser = tag)]
    tag: String,
    /// A label of the image, such as org.opencontainers.image.source=URL; may be repeated.
    #[arg(long, value_name = "KEY=VALUE", value_parser = values::key_value)]
    label: Vec<(String, String)>,
}

fn cpu(text: &str) -> Result<Cpu, String> {
    Cpu::named(text).ok_or_else(|| {
        let known: Vec<&str> = Cpu::here().map(|cpu| cpu.name).collect();
        format!("here it can be {}", known.join(", "))
    })
}

/// As the distribution specification has it for tags.
fn tag(text: &str) -> Result<String, String> {
    let inner = |byte: u8| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte);
    let begins = text
        .bytes()
        .next()
        .is_some_and(|byte| inner(byte) && !b".-".contains(&byte));
    match begins && text.len() <= 128 && text.bytes().all(inner) {
        true => Ok(text.to_owned()),
        false => Err("it has to be up to 128 letters, digits, `_`, `.` and `-`".to_owned()),
    }
}

pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode> {
    let progress = |line: &str| eprintln!("{line}");
    let cpu = arguments.cpu.or_else(Cpu::usual);
    let cpu = cpu.context("this host compiles components for no processor of this machine")?;
    let seconds = seconds()?;
    let output = Layout::new(&arguments.output)?;
    let manifest = state::find_manifest(arguments.from.as_deref())?;
    let mut loaded = manifest::load(&manifest)?;
    for notice in &loaded.notices {
        eprintln!("{}: {notice}", manifest.display());
    }
    up::check_policies(&loaded)?;
    match arguments.build {
        true => build::ensure_built(&loaded, &progress)?,
        false => build::check_sources(&loaded)?,
    }
    if loaded.components.values().any(|c| c.download.is_some()) {
        let state_dir = state::state_dir_of(&loaded.dir, None)?;
        let runtime = tokio::runtime::Runtime::new().context("the runtime cannot be started")?;
        runtime.block_on(download::fetch_all(
            &mut loaded,
            &HostOptions::new(([127, 0, 0, 1], 0).into(), &state_dir),
            &progress,
        ))?;
    }

    let executable = std::env::current_exe().context("this program does not find itself")?;
    let host = root::files(&executable)?;
    let application = application::files(&loaded, cpu, &progress)?;
    let bom = sbom::text(&loaded, &host, &application)?;
    let layer = |files| Layer::of(files, seconds, arguments.compression);
    let layers = [
        ("the host and its libraries", layer(&host)?),
        ("the application", layer(&application)?),
    ];
    for (what, layer) in &layers {
        let (packed, plain) = (megabytes(layer.packed.len()), megabytes(layer.plain_bytes));
        println!("{what}: {packed} MB, {plain} MB unpacked");
    }
    let all: usize = layers.iter().map(|(_, layer)| layer.packed.len()).sum();
    let config = Config {
        architecture: architecture()?,
        created: Timestamp::from_second(seconds)
            .with_context(|| format!("{EPOCH}: {seconds} is no time"))?
            .to_string(),
        user: format!("{USER}:{USER}"),
        port: PORT,
        environment: application::environment(PORT),
        entrypoint: ["/doorward", "up", "--image", "/app"],
        labels: labels(&loaded, &arguments.label),
    };
    let layers = layers.map(|(_, layer)| layer);
    let digest = output.write(&config, &layers, &bom, &arguments.tag)?;
    println!(
        "{} for {cpu}: {} MB, {digest}",
        arguments.output.display(),
        megabytes(all)
    );
    Ok(ExitCode::SUCCESS)
}

/// The time that everything in the image has.
fn seconds() -> Result<i64> {
    match std::env::var(EPOCH) {
        Err(_) => Ok(0),
        Ok(text) => match text.parse() {
            Ok(seconds) if (0..1 << 33).contains(&seconds) => Ok(seconds),
            _ => bail!(
                "{EPOCH}: {text:?} is no number of seconds since 1970 that an archive can have"
            ),
        },
    }
}

/// As Go names it, which is what images say.
fn architecture() -> Result<&'static str> {
    match (std::env::consts::OS, std::env::consts::ARCH) {
        ("linux", "x86_64") => Ok("amd64"),
        ("linux", "aarch64") => Ok("arm64"),
        (system, architecture) => bail!(
            "an image has the executable that makes it, and this one is for {system} on {architecture}\n  help: \
             run `doorward image` on Linux, in a container for example (deploy/Containerfile)"
        ),
    }
}

fn labels(
    application: &manifest::Application,
    given: &[(String, String)],
) -> BTreeMap<String, String> {
    let mut labels = BTreeMap::new();
    for (name, value) in [
        ("title", &application.name),
        ("version", &application.version),
        ("description", &application.description),
    ] {
        if !value.is_empty() {
            labels.insert(format!("org.opencontainers.image.{name}"), value.clone());
        }
    }
    let version = env!("CARGO_PKG_VERSION").to_owned();
    labels.insert("dev.doorward.version".to_owned(), version);
    labels.extend(given.iter().cloned());
    labels
}

/// With one digit behind the point; a megabyte is a million bytes.
fn megabytes(bytes: usize) -> String {
    let tenths = bytes.div_ceil(100_000);
    format!("{}.{}", tenths / 10, tenths % 10)
}
