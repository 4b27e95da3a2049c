//! For which processors components are compiled.

use std::fmt;
use std::hash::{Hash as _, Hasher};

use anyhow::{Context as _, Result};
use aws_lc_rs::digest::{self, SHA256};
use wasmtime::Engine;

use super::code;
use crate::code_settings::code_settings;

/// A baseline: what every processor has that the code is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cpu {
    /// The name, as in `--cpu`.
    pub name: &'static str,
    /// As Linux and Rust name the architecture.
    architecture: &'static str,
    /// What Cranelift calls it; none for the least there is.
    preset: Option<&'static str>,
}

/// Those there are. The levels of x86-64 are those of its psABI.
const ALL: [Cpu; 5] = [
    of_x86_64("x86-64", None),
    of_x86_64("x86-64-v2", Some("x86-64-v2")),
    of_x86_64("x86-64-v3", Some("x86-64-v3")),
    of_x86_64("x86-64-v4", Some("x86-64-v4")),
    Cpu {
        name: "armv8-a",
        architecture: "aarch64",
        preset: None,
    },
];

const fn of_x86_64(name: &'static str, preset: Option<&'static str>) -> Cpu {
    Cpu {
        name,
        architecture: "x86_64",
        preset,
    }
}

impl Cpu {
    /// Those that this machine can compile for: the ones of its own architecture.
    pub fn here() -> impl Iterator<Item = Self> {
        let here = |cpu: &Self| cpu.architecture == std::env::consts::ARCH;
        ALL.into_iter().filter(here)
    }

    /// The one with this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::here().find(|cpu| cpu.name == name)
    }

    /// The one that is taken where nobody says another one: of x86-64 what the servers of the last fifteen years have.
    #[must_use]
    pub fn usual() -> Option<Self> {
        Self::named("x86-64-v2").or_else(|| Self::here().next())
    }
}

impl fmt::Display for Cpu {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

/// An engine that compiles for `cpu`, as the host's own would for the machine it runs on. It runs nothing.
pub(crate) fn engine_for(cpu: Cpu) -> Result<Engine> {
    let mut config = code_settings();
    config
        .target(&format!("{}-unknown-linux-gnu", cpu.architecture))
        .map_err(anyhow::Error::from)?;
    if let Some(preset) = cpu.preset {
        code::allow(&mut config, preset);
    }
    Engine::new(&config)
        .map_err(anyhow::Error::from)
        .with_context(|| format!("cannot compile for {cpu}"))
}

/// What tells whether two engines compile alike: version, settings, processor.
pub(crate) fn settings_digest(engine: &Engine) -> String {
    let mut hasher = Sha256(digest::Context::new(&SHA256));
    engine.precompile_compatibility_hash().hash(&mut hasher);
    let digest = hasher.0.finish();
    digest.as_ref().iter().map(|b| format!("{b:02x}")).collect()
}

/// The standard library's hasher may be another one in the next version of Rust.
struct Sha256(digest::Context);

impl Hasher for Sha256 {
    fn write(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// Nobody asks for it: the digest has more.
    fn finish(&self) -> u64 {
        0
    }
}
