//! A component prepared before there is an instance of it: its export `prepare` is called once, and the memory that this
//! leaves takes the place of the one that it was built with. So each instance begins with what was worked out.
//!
//! Nothing of a host is there meanwhile. What a call of an import would bring into the memory (a time, a random number, a
//! file) would be the same in every instance, so such a call ends it with the name of the import.

mod state;

use anyhow::{Context as _, Result, anyhow, bail, ensure};
use futures::executor::block_on;
use wasmtime::component::{Component, Instance, Linker};
use wasmtime::{Config, Engine, Store, StoreLimits, StoreLimitsBuilder};
use wasmtime_wizer::Wizer;

use self::state::State;
use crate::code_settings::code_settings;
use crate::names::exports;

/// The export that is called: `prepare: func() -> result<_, string>`.
pub const PREPARE: &str = "prepare";
/// Most bytes that a memory of the component may have when it is prepared. A policy and its key sets need a few hundred
/// thousand.
const MEMORY_BYTES_MAX: usize = 128 << 20;
/// Most instructions that it may take, as wasmtime counts them: some seconds. A policy of 256 KiB with five thousand routes
/// takes less than two.
const FUEL_MAX: u64 = 5_000_000_000;

/// The prepared component. It exports `prepare` as before, where that has nothing left to do.
///
/// # Errors
///
/// When `bytes` is not a component, has no `prepare`, or is put together in a way that no image can be made of; when
/// `prepare` calls an import, needs more than its bounds, or says why it cannot.
pub fn preinitialise(bytes: &[u8]) -> Result<Vec<u8>> {
    within(bytes, FUEL_MAX)
}

/// The same, with so many instructions at most.
fn within(bytes: &[u8], fuel: u64) -> Result<Vec<u8>> {
    let has_it = exports(bytes)?.iter().any(|name| name == PREPARE);
    ensure!(
        has_it,
        "it cannot be prepared: it does not export `{PREPARE}`, as the gate and the gateway of this version do"
    );
    let mut wizer = Wizer::new();
    // The core function is lifted by the component, which would be without it.
    wizer.init_func(PREPARE).keep_init_func(true);
    let no_image = "no image can be made of its memory";
    let instrumented = wizer.instrument_component(bytes);
    let (context, instrumented) = instrumented
        .map_err(anyhow::Error::from)
        .context(no_image)?;
    let engine = Engine::new(&config())?;
    let limits = StoreLimitsBuilder::new()
        .memory_size(MEMORY_BYTES_MAX)
        .trap_on_grow_failure(true)
        .build();
    let mut store = Store::new(&engine, limits);
    store.limiter(|limits: &mut StoreLimits| limits);
    store.set_fuel(fuel)?;
    // A component with imports that wait has to be run so, and nothing of it ever waits.
    block_on(async {
        let instance = instance(&mut store, &instrumented).await?;
        prepare(&mut store, &instance).await?;
        let mut state = State::of(&mut store, instance);
        let image = wizer.snapshot_component(&context, &mut state).await;
        // Where something could not be read, what was made is of no use.
        state.finish().context(no_image)?;
        image.map_err(anyhow::Error::from).context(no_image)
    })
}

/// Of code that runs once. What is made of it runs with the host's settings.
fn config() -> Config {
    let mut config = code_settings();
    config.epoch_interruption(false).consume_fuel(true);
    config
}

/// An instance in which each import ends whoever calls it.
async fn instance(store: &mut Store<StoreLimits>, bytes: &[u8]) -> Result<Instance> {
    let component = Component::new(store.engine(), bytes)?;
    let mut linker = Linker::new(store.engine());
    linker.define_unknown_imports_as_traps(&component)?;
    let instance = linker.instantiate_async(store, &component).await;
    instance.map_err(|error| because(&error.into(), "it cannot begin"))
}

/// Calls `prepare`.
async fn prepare(store: &mut Store<StoreLimits>, instance: &Instance) -> Result<()> {
    let function = instance.get_typed_func::<(), (Result<(), String>,)>(&mut *store, PREPARE);
    let function = function
        .map_err(anyhow::Error::from)
        .with_context(|| format!("its `{PREPARE}` is not `func() -> result<_, string>`"))?;
    match function.call_async(&mut *store, ()).await {
        Ok((Ok(()),)) => Ok(()),
        Ok((Err(why),)) => bail!("what is embedded cannot be used: {why}"),
        Err(error) => Err(because(
            &error.into(),
            "it cannot be prepared before there is an instance",
        )),
    }
}

/// What ended it, without the stack of the component, which helps nobody who has not built it.
fn because(error: &anyhow::Error, what: &str) -> anyhow::Error {
    anyhow!("{what}: {}", error.root_cause())
}

#[cfg(test)]
mod tests;
