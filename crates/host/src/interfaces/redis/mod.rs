//! `spin:redis`: Redis at what `allowed_outbound_hosts` names.

mod commands;
mod denial;
mod grant;
mod link;
mod service;

use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use wasmtime::component::Linker;

pub use self::service::Redis;
use self::service::{Granted, Open};
use crate::interfaces::interface::{Getter, HostInterface, HostView, NewInstance, Start};
use crate::manifest::{Component, ConfigurationSet};
use crate::redis_client::connect::Bounds;
use crate::redis_client::pool::Pool;

/// How long an answer may take by a connection that others use as well.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);
/// Bytes of one reply: 16 MiB.
const REPLY_BYTES_MAX: u64 = 16 << 20;
const BOUNDS: Bounds = Bounds {
    answer_time_max: ANSWER_TIMEOUT,
    reply_bytes_max: REPLY_BYTES_MAX,
};

impl HostInterface for Redis {
    const GRANT: ConfigurationSet = ConfigurationSet::AllowedOutboundHosts;
    const IMPORTS: &'static [(&'static str, &'static str)] = &[("spin:redis/redis", "3")];
    /// The connections of all components.
    type Service = Arc<Pool>;
    type Granted = Granted;
    type Instance = Open;

    fn service(start: &Start<'_>, before: Option<&Arc<Pool>>) -> Result<Arc<Pool>> {
        if let Some(before) = before {
            return Ok(Arc::clone(before));
        }
        Ok(Arc::new(Pool::new(&start.options.outbound, BOUNDS)))
    }

    fn grant(pool: &Arc<Pool>, start: &Start<'_>, component: &Component) -> Result<Granted> {
        grant::granted(pool, start, component)
    }

    fn instance(granted: &Arc<Granted>, _: &mut NewInstance<'_>) -> wasmtime::Result<Open> {
        Ok(Open::new(Arc::clone(granted)))
    }

    fn link<T: HostView>(linker: &mut Linker<T>, own: Getter<T, Self>) -> wasmtime::Result<()> {
        link::define(linker, str::to_owned, own)
    }

    fn deny<T: HostView>(linker: &mut Linker<T>) -> wasmtime::Result<()> {
        denial::define(linker)
    }
}
