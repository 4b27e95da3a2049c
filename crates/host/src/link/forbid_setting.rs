//! The manner in which a component sees the fields of the host's own connections, but may not set them.

use wasmtime::component::{Linker, Resource};
use wasmtime_wasi::TrappableError;
use wasmtime_wasi_http::p3::bindings::http::types::{HeaderError, Host, HostFields as Set};
use wasmtime_wasi_http::{FieldMap, WasiHttpCtxView, WasiHttpView as _};

use crate::state::HostState;

/// The interface with fields; every 0.3 is linked to it.
const TYPES: &str = "wasi:http/types@0.3.0";

/// Defines what changes fields once more. wasmtime 48 asks one and the same hook about fields that arrive
/// and about those that a component sets; here it is told which of the two it is.
pub fn define(linker: &mut Linker<HostState>) -> wasmtime::Result<()> {
    type Fields = Resource<FieldMap>;
    linker.allow_shadowing(true);
    let mut types = linker.instance(TYPES)?;
    types.func_wrap(
        "[static]fields.from-list",
        |mut store, (entries,): (Vec<(String, Vec<u8>)>,)| {
            setting(store.data_mut(), |view| Set::from_list(view, entries))
        },
    )?;
    types.func_wrap(
        "[method]fields.set",
        |mut store, (fields, name, values): (Fields, String, Vec<Vec<u8>>)| {
            setting(store.data_mut(), |view| {
                Set::set(view, fields, name, values)
            })
        },
    )?;
    types.func_wrap(
        "[method]fields.append",
        |mut store, (fields, name, value): (Fields, String, Vec<u8>)| {
            setting(store.data_mut(), |view| {
                Set::append(view, fields, name, value)
            })
        },
    )?;
    types.func_wrap(
        "[method]fields.delete",
        |mut store, (fields, name): (Fields, String)| {
            setting(store.data_mut(), |view| Set::delete(view, fields, name))
        },
    )?;
    types.func_wrap(
        "[method]fields.get-and-delete",
        |mut store, (fields, name): (Fields, String)| {
            setting(store.data_mut(), |view| {
                Set::get_and_delete(view, fields, name)
            })
        },
    )?;
    linker.allow_shadowing(false);
    Ok(())
}

fn setting<T>(
    state: &mut HostState,
    change: impl FnOnce(&mut WasiHttpCtxView<'_>) -> Result<T, TrappableError<HeaderError>>,
) -> wasmtime::Result<(Result<T, HeaderError>,)> {
    state.interfaces.outbound_http.is_setting(true);
    let mut view = state.http();
    let changed = match change(&mut view) {
        Ok(changed) => Ok(Ok(changed)),
        Err(error) => view.convert_header_error(error).map(Err),
    };
    state.interfaces.outbound_http.is_setting(false);
    Ok((changed?,))
}
