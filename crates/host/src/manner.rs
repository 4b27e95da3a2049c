//! What a host does with the fields that belong to its own connections.
//!
//! Every host on wasmtime forbids a component to set them. Whether a component sees those that *arrive* is
//! another matter: wasmtime 48 takes them out, 47, which is inside Spin 4.1, does not. This host does as 48
//! does. To show that components are right on both it can do as 47 does, in builds with the feature
//! `test-manners` only.

/// What becomes of the forbidden fields of a message that arrives.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Manner {
    /// They are taken out, and a request that is unclear about its host is refused (wasmtime 48).
    #[default]
    Removes,
    /// A component sees them: hop-by-hop fields of answers, `Transfer-Encoding` and every `Host` of requests. Of
    /// a request `Connection` alone is hidden, and what it names stays (wasmtime 47, Spin 4.1).
    #[cfg(feature = "test-manners")]
    Shows,
}

impl Manner {
    /// Whether a component sees the fields.
    #[must_use]
    pub fn shows(self) -> bool {
        self != Self::Removes
    }
}

#[cfg(feature = "test-manners")]
pub(crate) use shows::forbid_setting;

#[cfg(feature = "test-manners")]
mod shows {
    use wasmtime::component::{Linker, Resource};
    use wasmtime_wasi::TrappableError;
    use wasmtime_wasi_http::p3::bindings::http::types::{HeaderError, Host, HostFields as Set};
    use wasmtime_wasi_http::{FieldMap, WasiHttpCtxView, WasiHttpView as _};

    use crate::state::HostState;

    /// The interface with fields; every 0.3 is linked to it.
    const TYPES: &str = "wasi:http/types@0.3.0";

    /// Defines what changes fields once more. wasmtime 48 asks one and the same hook about fields that arrive
    /// and about those that a component sets; here it is told which of the two it is.
    pub(crate) fn forbid_setting(linker: &mut Linker<HostState>) -> wasmtime::Result<()> {
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
        state.outbound.is_setting(true);
        let mut view = state.http();
        let changed = match change(&mut view) {
            Ok(changed) => Ok(Ok(changed)),
            Err(error) => view.convert_header_error(error).map(Err),
        };
        state.outbound.is_setting(false);
        Ok((changed?,))
    }
}
