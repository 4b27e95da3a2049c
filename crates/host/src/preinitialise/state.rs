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
    async fn read<R: Lift + Send + 'static, T>(
        &mut self,
        instance: &str,
        name: &str,
        of: impl FnOnce(&Store<StoreLimits>, R) -> T + Send,
    ) -> Option<T> {
        match self.call(instance, name).await {
            Ok(value) => Some(of(self.store, value)),
            Err(error) => {
                self.wrong.get_or_insert(error);
                None
            }
        }
    }

    async fn call<R: Lift + Send + 'static>(&mut self, instance: &str, name: &str) -> Result<R> {
        let missing = || format!("it has no `{name}` of `{instance}`");
        let store = &mut *self.store;
        let export = self.instance.get_export_index(&mut *store, None, instance);
        let export = export.with_context(missing)?;
        let function = self
            .instance
            .get_export_index(&mut *store, Some(&export), name);
        let function = function.with_context(missing)?;
        let function = self
            .instance
            .get_typed_func::<(), (R,)>(&mut *store, function)?;
        Ok(function.call_async(store, ()).await?.0)
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
            let read =
                |store: &Store<StoreLimits>, list: WasmList<u8>| list.as_le_slice(store).to_vec();
            let bytes = self.read(instance, func, read).await;
            self.memories
                .insert(func.to_owned(), bytes.unwrap_or_default());
        }
        contents(self.memories.get(func).map_or(&[], Vec::as_slice));
    }

    async fn call_func_ret_s32(&mut self, instance: &str, func: &str) -> i32 {
        let read = self.read(instance, func, |_, value| value).await;
        read.unwrap_or_default()
    }

    async fn call_func_ret_s64(&mut self, instance: &str, func: &str) -> i64 {
        let read = self.read(instance, func, |_, value| value).await;
        read.unwrap_or_default()
    }

    async fn call_func_ret_f32(&mut self, instance: &str, func: &str) -> u32 {
        let bits = |_: &Store<StoreLimits>, value: f32| value.to_bits();
        self.read(instance, func, bits).await.unwrap_or_default()
    }

    async fn call_func_ret_f64(&mut self, instance: &str, func: &str) -> u64 {
        let bits = |_: &Store<StoreLimits>, value: f64| value.to_bits();
        self.read(instance, func, bits).await.unwrap_or_default()
    }
}
