//! The state of an instance, as `wasmtime-wizer` asks for it.
//!
//! Its functions cannot fail, so what goes wrong is kept until the end.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result};
use wasmtime::component::{Instance, Lift, WasmList};
use wasmtime::{Store, StoreLimits};
use wasmtime_wizer::ComponentInstanceState;

/// The state of an instance.
pub(super) struct State<'a> {
    store: &'a mut Store<StoreLimits>,
    instance: Instance,
    /// Each memory by the function that gives it. Every call makes the memory larger, and it is asked for twice.
    memories: BTreeMap<String, Vec<u8>>,
    /// What went wrong first.
    wrong: Option<anyhow::Error>,
}

impl<'a> State<'a> {
    pub(super) fn of(store: &'a mut Store<StoreLimits>, instance: Instance) -> Self {
        Self {
            store,
            instance,
            memories: BTreeMap::new(),
            wrong: None,
        }
    }

    /// # Errors
    ///
    /// Something could not be read.
    pub(super) fn finish(self) -> Result<()> {
        self.wrong.map_or(Ok(()), Err)
    }

    /// What a function of the instrumented component gives; `None`: nothing, and why is kept.
    fn read<R: Lift + 'static, T>(
        &mut self,
        instance: &str,
        name: &str,
        of: impl FnOnce(&Store<StoreLimits>, R) -> T,
    ) -> Option<T> {
        let read = self.call(instance, name).map(|value| of(self.store, value));
        read.map_err(|error| self.wrong.get_or_insert(error)).ok()
    }

    fn call<R: Lift + 'static>(&mut self, instance: &str, name: &str) -> Result<R> {
        let missing = || format!("it has no `{name}` of `{instance}`");
        let export = self
            .instance
            .get_export_index(&mut *self.store, None, instance);
        let export = export.with_context(missing)?;
        let function = self
            .instance
            .get_export_index(&mut *self.store, Some(&export), name);
        let function = function.with_context(missing)?;
        let function = self
            .instance
            .get_typed_func::<(), (R,)>(&mut *self.store, function)?;
        Ok(function.call(&mut *self.store, ())?.0)
    }
}

impl ComponentInstanceState for State<'_> {
    async fn call_func_ret_list_u8(
        &mut self,
        instance: &str,
        func: &str,
        contents: impl FnOnce(&[u8]) + Send,
    ) {
        if !self.memories.contains_key(func) {
            let bytes = self.read(instance, func, |store, list: WasmList<u8>| {
                list.as_le_slice(store).to_vec()
            });
            self.memories
                .insert(func.to_owned(), bytes.unwrap_or_default());
        }
        contents(self.memories.get(func).map_or(&[], Vec::as_slice));
    }

    async fn call_func_ret_s32(&mut self, instance: &str, func: &str) -> i32 {
        self.read(instance, func, |_, value| value)
            .unwrap_or_default()
    }

    async fn call_func_ret_s64(&mut self, instance: &str, func: &str) -> i64 {
        self.read(instance, func, |_, value| value)
            .unwrap_or_default()
    }

    async fn call_func_ret_f32(&mut self, instance: &str, func: &str) -> u32 {
        self.read(instance, func, |_, value: f32| value.to_bits())
            .unwrap_or_default()
    }

    async fn call_func_ret_f64(&mut self, instance: &str, func: &str) -> u64 {
        self.read(instance, func, |_, value: f64| value.to_bits())
            .unwrap_or_default()
    }
}
