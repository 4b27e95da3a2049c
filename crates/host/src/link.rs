//! The linker: everything that a component can import, and the refusing twin of everything that
//! needs a grant.

use anyhow::{Context as _, Result};
use wasmtime::Engine;
use wasmtime::component::{Linker, Resource};
use wasmtime_wasi::filesystem::Descriptor;
use wasmtime_wasi_http::p2::bindings::http::outgoing_handler as p2_client;
use wasmtime_wasi_http::p3::Request;
use wasmtime_wasi_http::p3::bindings::http::client as p3_client;
use wasmtime_wasi_http::{RequestOptions, WasiHttp, p2, p3};

use crate::interfaces::denied_name;
use crate::manner::Manner;
use crate::state::HostState;
use crate::{kv_link, variables_link, wasi_keyvalue};

/// Defines an interface under a name; the switch is off for its refusing twin.
type Define = fn(&mut Linker<HostState>, &str, bool) -> wasmtime::Result<()>;

/// The interfaces over a component's key-value stores and variables.
const STORES_AND_VARIABLES: &[(&str, Define)] = &[
    ("spin:key-value/key-value@3.0.0", kv_link::add_to_linker),
    (
        "spin:variables/variables@3.0.0",
        variables_link::add_to_linker,
    ),
    ("fermyon:spin/key-value@2.0.0", kv_link::add_v2_to_linker),
    (
        "fermyon:spin/variables@2.0.0",
        variables_link::add_v2_to_linker,
    ),
    (
        "wasi:keyvalue/store@0.2.0-draft2",
        wasi_keyvalue::add_store_to_linker,
    ),
    (
        "wasi:keyvalue/atomics@0.2.0-draft2",
        wasi_keyvalue::add_atomics_to_linker,
    ),
    (
        "wasi:keyvalue/batch@0.2.0-draft2",
        wasi_keyvalue::add_batch_to_linker,
    ),
    (
        "wasi:config/store@0.2.0-draft-2024-09-27",
        variables_link::add_config_to_linker,
    ),
];

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
    p2::add_only_http_to_linker_async(linker)?;
    p3::add_to_linker(linker)?;
    for (name, define) in STORES_AND_VARIABLES {
        define(linker, name, true)?;
        define(linker, &denied_name(name), false)?;
    }
    for version in ["0.2.0", "0.3.0"] {
        deny_environment(linker, version)?;
        deny_files(linker, version)?;
    }
    deny_requests(linker)?;
    match manner {
        Manner::Removes => Ok(()),
        #[cfg(feature = "test-manners")]
        Manner::Shows => crate::manner::forbid_setting(linker),
    }
}

/// An empty environment, no arguments, no working directory.
fn deny_environment(linker: &mut Linker<HostState>, version: &str) -> wasmtime::Result<()> {
    let name = denied_name(&format!("wasi:cli/environment@{version}"));
    let mut interface = linker.instance(&name)?;
    interface.func_wrap("get-environment", |_, ()| {
        Ok((Vec::<(String, String)>::new(),))
    })?;
    interface.func_wrap("get-arguments", |_, ()| Ok((Vec::<String>::new(),)))?;
    // WASI 0.2 and 0.3 name it differently; a component asks for one of them.
    interface.func_wrap("initial-cwd", |_, ()| Ok((None::<String>,)))?;
    interface.func_wrap("get-initial-cwd", |_, ()| Ok((None::<String>,)))
}

/// No folder is open, so no file exists.
fn deny_files(linker: &mut Linker<HostState>, version: &str) -> wasmtime::Result<()> {
    let name = denied_name(&format!("wasi:filesystem/preopens@{version}"));
    linker
        .instance(&name)?
        .func_wrap("get-directories", |_, ()| {
            Ok((Vec::<(Resource<Descriptor>, String)>::new(),))
        })
}

/// Requests go the way of any request, through a client that refuses every one of them.
fn deny_requests(linker: &mut Linker<HostState>) -> wasmtime::Result<()> {
    linker
        .instance(&denied_name("wasi:http/client@0.3.0"))?
        .func_wrap_concurrent("send", |accessor, (request,): (Resource<Request>,)| {
            Box::pin(async move {
                let denied = accessor.with_getter::<WasiHttp>(HostState::http_denied);
                let sent =
                    <WasiHttp as p3_client::HostWithStore<HostState>>::send(&denied, request);
                match sent.await {
                    Ok(response) => Ok((Ok(response),)),
                    Err(error) => Ok((Err(error.downcast()?),)),
                }
            })
        })?;
    linker
        .instance(&denied_name("wasi:http/outgoing-handler@0.2.0"))?
        .func_wrap(
            "handle",
            |mut store,
             (request, options): (
                Resource<p2_client::OutgoingRequest>,
                Option<Resource<RequestOptions>>,
            )| {
                let mut denied = store.data_mut().http_denied();
                match p2_client::Host::handle(&mut denied, request, options) {
                    Ok(response) => Ok((Ok(response),)),
                    Err(error) => Ok((Err(error.downcast()?),)),
                }
            },
        )
}
