//! What belongs to one instance: its view of WASI and of Spin's interfaces, and its limits.

use std::sync::Arc;

use wasmtime::component::{GuestTaskId, ResourceTable};
use wasmtime::{ResourceLimiter, Result, bail};
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};
use wasmtime_wasi_http::{WasiHttpCtx, WasiHttpCtxView, WasiHttpView};

use crate::busy::Busy;
use crate::interfaces::outbound_http::Denied;
use crate::interfaces::{HasInstances, HostView, Instances};
use crate::presence::{Presence, Present};
use crate::telemetry::Telemetry;

/// Bytes of the fields of one message that a component makes or changes, as wasmtime counts them, 32 for a name and 40
/// for a value more than they have: 512 KiB. An answer of an origin with the most that it may have, and what is added
/// to it.
const FIELD_BYTES_MAX: usize = 512 << 10;
/// Entries of a table in an instance.
const TABLE_ELEMENTS_MAX: usize = 100_000;

/// The data of one instance.
pub struct HostState {
    pub(crate) wasi: WasiCtx,
    pub(crate) table: ResourceTable,
    pub(crate) http: WasiHttpCtx,
    pub(crate) interfaces: Instances,
    pub(crate) denied: Denied,
    pub(crate) present: Present,
    pub(crate) telemetry: Telemetry,
    pub(crate) limits: Limits,
    pub(crate) busy: Busy,
}

/// What an instance has of HTTP.
#[must_use]
pub fn http() -> WasiHttpCtx {
    let mut http = WasiHttpCtx::new();
    http.set_field_size_limit(FIELD_BYTES_MAX);
    http
}

impl HostView for HostState {
    fn http_denied(&mut self) -> WasiHttpCtxView<'_> {
        WasiHttpCtxView {
            hooks: &mut self.denied,
            table: &mut self.table,
            ctx: &mut self.http,
        }
    }

    fn telemetry(&mut self) -> &mut Telemetry {
        &mut self.telemetry
    }

    fn client_of(&mut self, task: GuestTaskId) -> Option<Arc<Presence>> {
        self.present.of(task)
    }
}

impl HasInstances for HostState {
    fn instances(&mut self) -> (&mut ResourceTable, &mut Instances) {
        (&mut self.table, &mut self.interfaces)
    }
}

impl WasiView for HostState {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView {
            ctx: &mut self.wasi,
            table: &mut self.table,
        }
    }
}

impl WasiHttpView for HostState {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        WasiHttpCtxView {
            hooks: &mut self.interfaces.outbound_http,
            table: &mut self.table,
            ctx: &mut self.http,
        }
    }
}

/// Bounds the linear memory of all the components that were composed into one.
#[derive(Debug)]
pub struct Limits {
    memory_bytes: usize,
    memory_bytes_max: usize,
}

impl Limits {
    /// Nothing used yet of `memory_bytes_max`.
    #[must_use]
    pub fn new(memory_bytes_max: usize) -> Self {
        Self {
            memory_bytes: 0,
            memory_bytes_max,
        }
    }
}

impl ResourceLimiter for Limits {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> Result<bool> {
        let more = desired.saturating_sub(current);
        let total = self.memory_bytes.saturating_add(more);
        if total > self.memory_bytes_max {
            return Ok(false);
        }
        self.memory_bytes = total;
        Ok(true)
    }

    fn table_growing(
        &mut self,
        _current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> Result<bool> {
        if desired > TABLE_ELEMENTS_MAX {
            bail!("a table of {desired} elements is over the limit of {TABLE_ELEMENTS_MAX}");
        }
        Ok(true)
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn the_memories_of_all_components_count_together() {
        let mut limits = Limits::new(100);
        assert!(limits.memory_growing(0, 60, None).unwrap());
        assert!(!limits.memory_growing(0, 41, None).unwrap());
        assert!(limits.memory_growing(0, 40, None).unwrap());
        assert!(!limits.memory_growing(60, 61, None).unwrap());
        assert!(!limits.memory_growing(0, usize::MAX, None).unwrap());
    }

    #[test]
    fn tables_are_bounded() {
        let mut limits = Limits::new(100);
        assert!(limits.table_growing(0, TABLE_ELEMENTS_MAX, None).unwrap());
        assert!(
            limits
                .table_growing(0, TABLE_ELEMENTS_MAX + 1, None)
                .is_err()
        );
    }
}
