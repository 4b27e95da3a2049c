//! `doorward compose`: gate and application as one component, with the policy in it, also for hosts without Spin's
//! interfaces; or a whole `spin.toml` without middlewares.

mod chains;
mod contents;
mod output;
mod part;
mod rewrite;
mod target;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, Result, bail};
use clap::Args;
use doorward_host::chain::{Part, chain};
use doorward_host::embed::{self, Room};
use doorward_host::manifest::Application;
use doorward_host::names;
use doorward_host::preinitialise::preinitialise;
use doorward_syntax::embedded::Contents;

use self::chains::Chain;
use self::contents::{EmbeddedFile, Given};
use self::part::Read;
use self::target::{Stores, Target};
use crate::state;

/// Where cargo puts the built components.
const BUILT: &str = "target/wasm32-wasip2/release";
/// The file of the gate.
const GATE: &str = "gate.wasm";

#[derive(Args)]
pub(crate) struct Arguments {
    /// The application: a component that exports `wasi:http/handler@0.3.0`, in any language; or the gateway, which needs
    /// no gate. Without it, what is composed is of the manifest.
    application: Option<PathBuf>,
    /// The gate [default: gate.wasm in target/wasm32-wasip2/release]
    #[arg(long, value_name = "GATE.WASM", requires = "application")]
    gate: Option<PathBuf>,
    /// The manifest, or a folder that holds a spin.toml [default: the nearest spin.toml upwards]
    #[arg(
        short = 'f',
        long,
        value_name = "SPIN.TOML",
        conflicts_with = "application"
    )]
    from: Option<PathBuf>,
    /// A component of the manifest, with its middlewares. Without it, the whole manifest is rewritten.
    #[arg(long, value_name = "ID", conflicts_with = "application")]
    component: Option<String>,
    /// A policy to embed: no file has to be mounted then.
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
    /// A file that the policy names, to embed with it, such as /keys.json=keys.json; may be repeated.
    #[arg(long, value_name = "PATH=FILE", value_parser = contents::embedded_file, requires = "policy")]
    file: Vec<EmbeddedFile>,
    /// Have the policy parsed now, so that each instance begins with what came of it.
    #[arg(long, requires = "policy")]
    preinitialise: bool,
    /// The host that it is for.
    #[arg(long = "for", value_enum, default_value_t = Target::Spin, value_name = "HOST")]
    target: Target,
    /// Where stores are, on a host without Spin's [default: none for wasmtime, keyvalue for wasmcloud]
    #[arg(long, value_enum, value_name = "STORE")]
    store: Option<Stores>,
    /// Where the adapters are that another host than Spin needs [default: target/wasm32-wasip2/release]
    #[arg(long, value_name = "FOLDER")]
    adapters: Option<PathBuf>,
    /// The component to write; for a whole manifest, the folder.
    #[arg(short = 'o', long, value_name = "PATH")]
    output: PathBuf,
}

pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode> {
    if let Some(application) = &arguments.application {
        let parts = files(application, arguments.gate.as_deref())?;
        let given = arguments.given()?;
        let component = arguments.composed(parts, given.as_ref(), &Preparations::default())?;
        output::write(&arguments.output, &component)?;
        println!("{}", arguments.summary(&component)?);
        return Ok(ExitCode::SUCCESS);
    }
    let manifest = state::find_manifest(arguments.from.as_deref())?;
    let application = chains::load(&manifest)?;
    let Some(id) = &arguments.component else {
        return whole(arguments, &application);
    };
    let chain = Chain::of_component(&application, id)?;
    let given = arguments.given()?;
    if given.is_some() {
        chain.mounts(given.as_ref())?;
    }
    let component = arguments.composed(chain.read()?, given.as_ref(), &Preparations::default())?;
    output::write(&arguments.output, &component)?;
    println!("{}", arguments.summary(&component)?);
    Ok(ExitCode::SUCCESS)
}

/// Gates that were prepared, by what they were. One may stand before several components of a manifest, and to prepare it
/// takes seconds.
#[derive(Default)]
struct Preparations(RefCell<BTreeMap<Vec<u8>, Vec<u8>>>);

impl Preparations {
    fn of(&self, bytes: &[u8]) -> Result<Vec<u8>> {
        if let Some(prepared) = self.0.borrow().get(bytes) {
            return Ok(prepared.clone());
        }
        let prepared = preinitialise(bytes)?;
        let mut all = self.0.borrow_mut();
        all.insert(bytes.to_vec(), prepared.clone());
        Ok(prepared)
    }
}

/// The whole manifest, without middlewares.
fn whole(arguments: &Arguments, application: &Application) -> Result<ExitCode> {
    if arguments.target != Target::Spin {
        bail!(
            "a manifest is for Spin, and `--for {}` makes one component\n  help: say which one is meant with \
             `--component ID`",
            arguments.target.name()
        );
    }
    let given = arguments.given()?;
    let prepared = Preparations::default();
    let compose = |parts| arguments.composed(parts, given.as_ref(), &prepared);
    let count = rewrite::rewrite(application, &arguments.output, given.as_ref(), &compose)?;
    println!(
        "{}: {count} components with their middlewares in them, and none in spin.toml",
        arguments.output.display()
    );
    Ok(ExitCode::SUCCESS)
}

impl Arguments {
    /// What is to be embedded; `None`: nothing was named. What is worth saying about it is said.
    fn given(&self) -> Result<Option<Given>> {
        let Some(policy) = &self.policy else {
            return Ok(None);
        };
        let given = Given::read(policy, &self.file)?;
        for note in self.target.notes(&given.policy, self.stores()) {
            eprintln!("note: {note}");
        }
        Ok(Some(given))
    }

    fn stores(&self) -> Stores {
        self.store.unwrap_or_else(|| self.target.stores())
    }

    /// One component of these, outermost first.
    fn composed(
        &self,
        mut parts: Vec<Read>,
        given: Option<&Given>,
        prepared: &Preparations,
    ) -> Result<Vec<u8>> {
        let contents = Contents {
            nameless_clients: !self.target.tells_client(),
            files: given.map_or_else(Vec::new, Given::files),
        };
        let mut gates = 0;
        for part in &mut parts {
            let of = || format!("component `{}`", part.id);
            match embed::room(&part.bytes).with_context(of)? {
                Room::None => continue,
                Room::Taken => bail!(
                    "{} has a policy already: it was composed before\n  help: use the gate as it was built",
                    of()
                ),
                Room::Empty => {}
            }
            gates += 1;
            if contents != Contents::default() {
                part.bytes = embed::embed(&part.bytes, &contents).with_context(of)?;
            }
            if self.preinitialise {
                part.bytes = prepared.of(&part.bytes).with_context(of)?;
            }
        }
        if gates == 0 {
            let ids: Vec<&str> = parts.iter().map(|part| part.id.as_str()).collect();
            bail!(
                "there is no gate in {}, or one of before version 0.1 of what is embedded\n  help: compose it with \
                 gate.wasm or gateway.wasm of this version",
                ids.join(" → ")
            );
        }
        let adapters = self.target.adapters(self.stores());
        let adapters: Vec<Read> = adapters
            .iter()
            .map(|name| self.adapter(name))
            .collect::<Result<_>>()?;
        for part in &parts {
            part.check_handler()?;
        }
        let parts: Vec<Part<'_>> = parts.iter().map(Read::part).collect();
        let adapters: Vec<Part<'_>> = adapters.iter().map(Read::part).collect();
        let component = chain(&parts, &adapters)?;
        self.target.check_imports(&component, &parts)?;
        Ok(component)
    }

    fn adapter(&self, name: &str) -> Result<Read> {
        let folder = self.adapters.as_deref().unwrap_or(Path::new(BUILT));
        let file = folder.join(format!("{}.wasm", name.replace('-', "_")));
        let help = || {
            format!(
                "the adapter {} cannot be read; build it (`cargo build --release --target wasm32-wasip2 -p {name}`), or \
                 say where it is with `--adapters FOLDER`",
                file.display()
            )
        };
        Ok(Read {
            id: name.to_owned(),
            bytes: part::bytes(&file).with_context(help)?,
        })
    }

    /// What was made, and how it is served.
    fn summary(&self, component: &[u8]) -> Result<String> {
        let imports = names::imports(component)?;
        let file = self.output.display();
        let kilobytes = component.len().div_ceil(1000);
        let mut text = format!("{file}: {kilobytes} KB, {} imports", imports.len());
        if let Some(command) = self.target.command(&file.to_string(), &imports) {
            text += &format!("\n{command}");
        }
        Ok(text)
    }
}

/// The application in a file, behind the gate; or alone, where it is the gateway.
fn files(application: &Path, gate: Option<&Path>) -> Result<Vec<Read>> {
    let cannot = || format!("the application {} cannot be read", application.display());
    let primary = Read::of(application).with_context(cannot)?;
    let is_gateway = embed::room(&primary.bytes).with_context(cannot)? != Room::None;
    if is_gateway && gate.is_none() {
        return Ok(vec![primary]);
    }
    let built = Path::new(BUILT).join(GATE);
    let gate = gate.unwrap_or(&built);
    let gate = Read::of(gate).with_context(|| {
        format!(
            "the gate {} cannot be read; build it (`cargo build --release --target wasm32-wasip2 -p gate`), or name one \
             with `--gate FILE`",
            gate.display()
        )
    })?;
    Ok(vec![gate, primary])
}
