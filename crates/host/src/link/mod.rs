//! The linker: everything that a component can import, and the refusing twin of everything that
//! needs a grant.

#[cfg(feature = "test-manners")]
mod forbid_setting;

use anyhow::{Context as _, Result};
use wasmtime::Engine;
use wasmtime::component::Linker;

use crate::interfaces;
use crate::manner::Manner;
use crate::state::HostState;

/// A linker with every interface of [`crate::interfaces`].
///
/// # Errors
///
/// When two definitions collide, which is a mistake in this crate.
pub fn linker(engine: &Engine, manner: Manner) -> Result<Linker<HostState>> {
    let mut linker = Linker::new(engine);
    define(&mut linker, manner)
        .map_err(anyhow::Error::from)
        .context("cannot define the host's interfaces")?;
    Ok(linker)
}

fn define(linker: &mut Linker<HostState>, manner: Manner) -> wasmtime::Result<()> {
    wasmtime_wasi::p2::add_to_linker_async(linker)?;
    wasmtime_wasi::p3::add_to_linker(linker)?;
    interfaces::link(linker)?;
    match manner {
        Manner::Removes => Ok(()),
        #[cfg(feature = "test-manners")]
        Manner::Shows => forbid_setting::define(linker),
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use wasmtime::Config;

    use super::*;
    use crate::interfaces::GUARDED;
    use crate::interfaces::import_name::denied_name;

    /// A function of each interface that needs a grant; some have the same.
    const FUNCTIONS: &[&str] = &[
        "[static]connection.open",
        "[static]store.open",
        "get",
        "get-directories",
        "get-environment",
        "get-many",
        "handle",
        "increment",
        "open",
        "send",
    ];

    /// The packages that wasmtime links.
    const WASMTIME: &[&str] = &["wasi:cli/", "wasi:filesystem/", "wasi:http/"];

    /// Interfaces whose linked version is not the first of its line, for they have got functions since.
    const LATER: &[(&str, &str, &str)] = &[
        ("spin:postgres/postgres", "4", "4.2.0"),
        ("spin:sqlite/sqlite", "3", "3.1.0"),
    ];

    /// The version of a line that is linked; a draft is one version.
    fn linked_of(name: &str, line: &str) -> String {
        let later = LATER.iter().find(|(of, at, _)| (*of, *at) == (name, line));
        if let Some((_, _, version)) = later {
            return (*version).to_owned();
        }
        match line.matches('.').count() {
            0 => format!("{line}.0.0"),
            1 => format!("{line}.0"),
            _ => line.to_owned(),
        }
    }

    /// Nothing can be defined a second time.
    fn is_linked(linker: &mut Linker<HostState>, import: &str) -> bool {
        let mut interface = linker.instance(import).unwrap();
        FUNCTIONS
            .iter()
            .any(|name| interface.func_wrap(name, |_, (): ()| Ok(())).is_err())
    }

    #[test]
    fn every_interface_that_needs_a_grant_is_linked_and_has_a_refusing_twin() {
        let mut config = Config::new();
        config.wasm_component_model_async(true);
        let engine = Engine::new(&config).unwrap();
        let mut linker = linker(&engine, Manner::default()).unwrap();
        let mut seen = 0;
        for (name, line) in GUARDED.iter().flat_map(|(names, _)| *names) {
            let import = format!("{name}@{}", linked_of(name, line));
            let twin = denied_name(&import);
            assert!(is_linked(&mut linker, &twin), "{twin} is not linked");
            // Those of WASI have the version that wasmtime is at.
            if !WASMTIME.iter().any(|package| name.starts_with(package)) {
                assert!(is_linked(&mut linker, &import), "{import} is not linked");
            }
            seen += 1;
        }
        assert!(seen > 10, "only {seen} interfaces were found");
        assert!(!is_linked(&mut linker, "wasi:http/client@9.0.0"));
    }
}
