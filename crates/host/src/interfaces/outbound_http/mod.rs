//! `wasi:http/client` and `wasi:http/outgoing-handler`: requests to what `allowed_outbound_hosts` names.

pub mod allow_list;
mod answer;
mod client;
mod denial;
mod error;
pub mod grant;
mod line;
mod link;
mod service;

use std::sync::Arc;

use anyhow::Result;
use doorward_syntax::own_host::HOST_VARIABLE;
use wasmtime::component::Linker;

pub use self::client::OutboundClient;
pub use self::denial::Denied;
pub use self::service::Outbound;
use crate::chaining::Chaining;
use crate::interfaces::interface::{Getter, HostInterface, HostView, NewInstance, Start};
use crate::manifest::{Component, ConfigurationSet};

/// `wasi:http/client` and `wasi:http/outgoing-handler`.
pub struct OutboundHttp;

/// What sends the requests of all components.
pub struct Senders {
    /// Over the network.
    pub client: OutboundClient,
    /// To other components.
    pub chaining: Chaining,
}

impl HostInterface for OutboundHttp {
    const GRANT: ConfigurationSet = ConfigurationSet::AllowedOutboundHosts;
    const IMPORTS: &'static [(&'static str, &'static str)] = &[
        ("wasi:http/client", "0.3"),
        ("wasi:http/outgoing-handler", "0.2"),
    ];
    type Service = Senders;
    type Granted = Outbound;
    type Instance = Outbound;

    fn service(start: &Start<'_>, before: Option<&Senders>) -> Result<Senders> {
        let client = match before {
            Some(before) => before.client.clone(),
            None => OutboundClient::new(&start.options.outbound)?,
        };
        Ok(Senders {
            client,
            chaining: Chaining::new(start.log.clone()),
        })
    }

    fn grant(senders: &Senders, start: &Start<'_>, component: &Component) -> Result<Outbound> {
        let outbound = Outbound::new(
            senders.client.clone(),
            senders.chaining.clone(),
            component.id.as_str().into(),
            Arc::new(grant::allow_list(component, start.variables)?),
        );
        Ok(outbound.in_manner(start.options.manner))
    }

    fn instance(granted: &Arc<Outbound>, new: &mut NewInstance<'_>) -> wasmtime::Result<Outbound> {
        if granted.ends_with_clients() {
            new.wasi.env(HOST_VARIABLE, "1");
        }
        Ok(granted.at_depth(new.depth))
    }

    fn link<T: HostView>(linker: &mut Linker<T>, _: Getter<T, Self>) -> wasmtime::Result<()> {
        link::define(linker)
    }

    fn deny<T: HostView>(linker: &mut Linker<T>) -> wasmtime::Result<()> {
        denial::define(linker)
    }
}
