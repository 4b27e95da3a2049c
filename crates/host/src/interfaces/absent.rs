//! Interfaces that the host does not have, linked as what cannot be called: a call ends the instance with a
//! message that names the interface and the function. Nothing is granted by them.

use wasmtime::component::types::ComponentItem;
use wasmtime::component::{Component, Linker, LinkerInstance, ResourceType};
use wasmtime::{Result, bail};

/// A resource of which there never is one.
enum Nothing {}

/// Defines the interfaces that `component` imports under the names `absent`, and gives those of them that
/// have a function.
///
/// # Errors
///
/// When one of them is something else than functions, types and resources.
pub fn define<T: Send + 'static>(
    linker: &mut Linker<T>,
    component: &Component,
    absent: &[String],
) -> Result<Vec<String>> {
    let engine = linker.engine().clone();
    let ty = component.component_type();
    // The resources that were met before. An interface that names one of them uses somebody else's, which
    // is not to be defined again.
    let mut met = Vec::new();
    let mut callable = Vec::new();
    for (name, import) in ty.imports(&engine) {
        let ComponentItem::ComponentInstance(instance) = import.ty else {
            continue;
        };
        let mut interface = match absent.iter().any(|absent| absent == name) {
            true => Some(linker.instance(name)?),
            false => None,
        };
        let mut functions = 0_usize;
        for (item, export) in instance.exports(&engine) {
            if let ComponentItem::Resource(resource) = &export.ty {
                if met.contains(resource) {
                    continue;
                }
                met.push(*resource);
            }
            let Some(interface) = &mut interface else {
                continue;
            };
            functions += usize::from(matches!(export.ty, ComponentItem::ComponentFunc(_)));
            define_item(interface, name, item, &export.ty)?;
        }
        if functions > 0 {
            callable.push(name.to_owned());
        }
    }
    Ok(callable)
}

fn define_item<T: Send + 'static>(
    interface: &mut LinkerInstance<'_, T>,
    name: &str,
    item: &str,
    ty: &ComponentItem,
) -> Result<()> {
    match ty {
        ComponentItem::ComponentFunc(function) => {
            let message = message(name, item);
            // Which of the two a function is belongs to its type.
            if function.async_() {
                interface.func_new_concurrent(item, move |_, _, _, _| {
                    let message = message.clone();
                    Box::pin(async move { bail!("{message}") })
                })
            } else {
                interface.func_new(item, move |_, _, _, _| bail!("{message}"))
            }
        }
        ComponentItem::Resource(_) => {
            interface.resource(item, ResourceType::host::<Nothing>(), |_, _| Ok(()))
        }
        ComponentItem::Type(_) => Ok(()),
        _ => bail!("`{item}` of `{name}` is neither a function nor a type"),
    }
}

fn message(name: &str, item: &str) -> String {
    format!("the component called `{item}` of `{name}`, which this host does not have")
}

#[cfg(test)]
mod tests;
