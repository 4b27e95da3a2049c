//! What a component exports, where that decides which way of the gate is its.

use anyhow::{Context as _, Result, bail};

use crate::chain::Part;
use crate::compose::MiddlewarePart;
use crate::interfaces::import_name::HANDLER;
use crate::names;

/// The handler of WASI 0.2, without the rest of its version.
const HANDLER_P2: &str = "wasi:http/incoming-handler@0.2";
/// The handler of a draft of WASI 0.3, without the rest of its version.
const HANDLER_DRAFT: &str = "wasi:http/handler@0.3.0-";

/// Refuses middlewares where an older handler is, that of WASI 0.2 or of a draft: such a component can only
/// be asked over HTTP.
///
/// # Errors
///
/// Names the component and says which way is its.
pub fn check_way(middlewares: &[MiddlewarePart<'_>], primary: Part<'_>) -> Result<()> {
    for middleware in middlewares {
        let id = middleware.part.id;
        if let Some(handler) = older_handler(middleware.part)? {
            bail!(
                "component `{id}` exports `{handler}`, so it cannot be a middleware: those export `{HANDLER}`"
            );
        }
    }
    if middlewares.is_empty() {
        return Ok(());
    }
    if let Some(handler) = older_handler(primary)? {
        bail!(
            "component `{id}` exports `{handler}`, so no middleware can stand before it; put it behind the \
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

/// The older handler that a component exports, where it does not export that of WASI 0.3.
fn older_handler(part: Part<'_>) -> Result<Option<String>> {
    let exports = names::exports(part.bytes)
        .with_context(|| format!("component `{}` cannot be read", part.id))?;
    let mut older = None;
    for name in exports {
        if name.starts_with(HANDLER_DRAFT) {
            older = Some(name);
        } else if name.starts_with("wasi:http/handler@0.3.") {
            return Ok(None);
        } else if let Some(rest) = name.strip_prefix(HANDLER_P2)
            && (rest.is_empty() || rest.starts_with('.'))
        {
            older = Some(HANDLER_P2.to_owned());
        }
    }
    Ok(older)
}

#[cfg(test)]
mod tests;
