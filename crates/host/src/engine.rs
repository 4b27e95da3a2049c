//! The engine: how components are compiled, cached, allocated and interrupted.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result};
use wasmtime::{
    Cache, CacheConfig, Enabled, Engine, InstanceAllocationStrategy, PoolingAllocationConfig,
};

use crate::chaining::CHAIN_DEPTH_MAX;
use crate::code_settings::code_settings;
use crate::options::INSTANCES_MAX;

/// How often running code is asked to pause, so that timeouts are seen and threads are shared.
pub const EPOCH_TICK: Duration = Duration::from_millis(10);

/// Component instances at each depth of service chaining; who needs one more waits for one that is idle or ends.
pub const CHAINED_INSTANCES_PER_DEPTH: usize = 96;
/// Chained requests at each depth that wait for an instance of their own. What of them is given up waits on with
/// its head of up to 96 KiB, until there is an instance to see that.
pub const CHAINED_WAITING_PER_DEPTH_MAX: usize = 1024;
/// Component instances at all depths of service chaining.
const COMPONENT_INSTANCES_CHAINED: u32 = (CHAIN_DEPTH_MAX * CHAINED_INSTANCES_PER_DEPTH) as u32;
/// Component instances in which timers have something done; who needs one more waits for one.
pub const TIMED_INSTANCES: usize = 16;
const COMPONENT_INSTANCES_TIMED: u32 = TIMED_INSTANCES as u32;
/// Core modules in a component instance; a gate in front of a service has about ten, most of them tiny.
const CORE_INSTANCES_EACH: u32 = 16;
/// Linear memories in a component instance: one for each composed component. Only address space is reserved.
const MEMORIES_EACH: u32 = 2;
/// Tables in a component instance.
const TABLES_EACH: u32 = 8;
/// Stacks of calls under way in a component instance for requests from outside, in the mean of all. Each has a
/// guard page, which takes two of the 65,530 mappings that Linux allows a process.
const STACKS_EACH: u32 = 8;
/// The same in one for chained requests: not all depths are in use at once.
const STACKS_CHAINED_EACH: u32 = 4;
/// Elements of one table.
const TABLE_ELEMENTS_MAX: usize = 100_000;
/// Memory that a freed linear memory keeps for its next user, in bytes, where the kernel tells which pages were written
/// to: cheaper to put back as they were than to map again. All that a gate's only request writes to fits.
const KEEP_RESIDENT_BYTES: usize = 512 << 10;
/// The same of a table, in bytes. A gate's table has an eighth.
const TABLE_KEEP_RESIDENT_BYTES: usize = 64 << 10;

/// What there is room for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Room {
    /// Component instances that requests from outside can count on at the same time.
    pub outside: usize,
    /// Some component asks another one.
    pub chains: bool,
    /// There is a timer.
    pub timers: bool,
}

/// An engine with its compiled components cached in `cache_dir`, if there is one, and the thread that makes running
/// code pause. Where no component asks another one, or is asked by a timer, there is no room for those that would be.
/// With `has_fuel`, what instances compute is counted.
///
/// # Errors
///
/// When the folder cannot be used or the machine cannot run compiled code.
pub fn engine(
    cache_dir: Option<&Path>,
    memory_bytes_max: usize,
    room: Room,
    has_fuel: bool,
) -> Result<Engine> {
    let mut config = code_settings();
    config
        .consume_fuel(has_fuel)
        .cache(cache_dir.map(cache).transpose()?)
        .allocation_strategy(InstanceAllocationStrategy::Pooling(pool(
            memory_bytes_max,
            room,
        )));
    let engine = match Engine::new(&config) {
        Ok(engine) => engine,
        // Where address space is limited (`ulimit -v`, small containers) instances are allocated
        // one by one.
        Err(_) => {
            config.allocation_strategy(InstanceAllocationStrategy::OnDemand);
            Engine::new(&config)
                .map_err(anyhow::Error::from)
                .context("wasmtime cannot start")?
        }
    };
    tick(&engine)?;
    Ok(engine)
}

fn cache(dir: &Path) -> Result<Cache> {
    std::fs::create_dir_all(dir)
        .with_context(|| format!("cannot create the folder {}", dir.display()))?;
    let dir = dir
        .canonicalize()
        .with_context(|| format!("cannot use the folder {}", dir.display()))?;
    let mut config = CacheConfig::new();
    config.with_directory(&dir);
    Cache::new(config)
        .map_err(anyhow::Error::from)
        .with_context(|| format!("cannot keep compiled components in {}", dir.display()))
}

fn pool(memory_bytes_max: usize, room: Room) -> PoolingAllocationConfig {
    let chained = match room.chains {
        true => COMPONENT_INSTANCES_CHAINED,
        false => 0,
    };
    let timed = match room.timers {
        true => COMPONENT_INSTANCES_TIMED,
        false => 0,
    };
    let chained = chained + timed;
    let outside = u32::try_from(room.outside.clamp(1, INSTANCES_MAX)).unwrap_or(1);
    let instances = outside + chained;
    let stacks = STACKS_EACH * outside + STACKS_CHAINED_EACH * chained;
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(instances)
        .total_core_instances(CORE_INSTANCES_EACH * instances)
        .total_memories(MEMORIES_EACH * instances)
        .total_tables(TABLES_EACH * instances)
        .total_stacks(stacks)
        .table_elements(TABLE_ELEMENTS_MAX)
        .max_memory_size(memory_bytes_max)
        .table_keep_resident(TABLE_KEEP_RESIDENT_BYTES);
    // Where it is not told, the lowest addresses would be taken for those that were written to. In what Rust compiles the
    // end of a stack is there, of which nobody has ever used anything.
    if PoolingAllocationConfig::is_pagemap_scan_available() {
        pool.pagemap_scan(Enabled::Yes)
            .linear_memory_keep_resident(KEEP_RESIDENT_BYTES);
    }
    pool
}

/// Advances the epoch for as long as the engine exists.
fn tick(engine: &Engine) -> Result<()> {
    let engine = engine.weak();
    std::thread::Builder::new()
        .name("doorward-epoch".to_owned())
        .spawn(move || {
            while let Some(engine) = engine.upgrade() {
                engine.increment_epoch();
                drop(engine);
                std::thread::sleep(EPOCH_TICK);
            }
        })
        .context("cannot start a thread")?;
    Ok(())
}

#[cfg(test)]
mod tests;
