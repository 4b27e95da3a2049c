//! What a component exports, where that decides which way of the gate is its.

use anyhow::{Context as _, Result, bail, ensure};
use wasmparser::{Parser, Payload};

use crate::compose::{MiddlewarePart, Part};

/// The handler of WASI 0.2, without the rest of its version.
const HANDLER_P2: &str = "wasi:http/incoming-handler@0.2";

/// Refuses middlewares where the handler of WASI 0.2 is: such a component can only be asked over HTTP.
///
/// # Errors
///
/// Names the component and says which way is its.
pub fn check_way(middlewares: &[MiddlewarePart<'_>], primary: Part<'_>) -> Result<()> {
    for middleware in middlewares {
        let id = middleware.part.id;
        ensure!(
            !exports_p2(middleware.part)?,
            "component `{id}` exports `{HANDLER_P2}`, so it cannot be a middleware: those export \
             `wasi:http/handler@0.3.0`"
        );
    }
    if !middlewares.is_empty() && exports_p2(primary)? {
        bail!(
            "component `{id}` exports `{HANDLER_P2}`, so no middleware can stand before it; put it behind the \
             gateway:\n{}\n{}",
            in_manifest(primary.id),
            in_policy(primary.id),
            id = primary.id,
        );
    }
    Ok(())
}

fn in_manifest(id: &str) -> String {
    format!(
        r#"  in spin.toml, in the place of its trigger:
    [[trigger.http]]
    route = "/..."
    component = "gateway"

    [[trigger.http]]
    route = {{ private = true }}
    component = "{id}"

    [component.gateway]
    source = "gateway.wasm"
    files = [{{ source = "doorward.toml", destination = "/doorward.toml" }}]
    key_value_stores = ["default"]
    # and where the keys of the issuers are
    allowed_outbound_hosts = ["http://{id}.spin.internal"]"#
    )
}

fn in_policy(id: &str) -> String {
    format!(
        r#"  in doorward.toml:
    [upstream.{id}]
    url = "http://{id}.spin.internal"

    [defaults]
    upstream = "{id}""#
    )
}

/// Whether a component exports the handler of WASI 0.2, and not that of 0.3 besides.
fn exports_p2(part: Part<'_>) -> Result<bool> {
    let about = || format!("component `{}` cannot be read", part.id);
    let mut older = false;
    let mut depth = 0_usize;
    for payload in Parser::new(0).parse_all(part.bytes) {
        match payload.with_context(about)? {
            // What is inside of it exports to it alone.
            Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => depth += 1,
            Payload::End(_) => depth = depth.saturating_sub(1),
            Payload::ComponentExportSection(exports) if depth == 0 => {
                for export in exports {
                    let name = export.with_context(about)?.name.name;
                    if name.starts_with("wasi:http/handler@0.3.") {
                        return Ok(false);
                    }
                    older |= name
                        .strip_prefix(HANDLER_P2)
                        .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'));
                }
            }
            _ => {}
        }
    }
    Ok(older)
}

#[cfg(test)]
#[path = "exports_tests.rs"]
mod tests;
