//! The host's interfaces, all of them: a new one is a folder and a line of `interfaces!`.

use std::sync::Arc;

use anyhow::{Context as _, Result};
use wasmtime::component::{Linker, ResourceTable};

use super::interface::{HostInterface, HostView, NewInstance, Start, View};
use super::{
    environment, files, key_value, mqtt, otel, outbound_http, postgres, redis, sqlite, variables,
};
use crate::manifest::{Component, ConfigurationSet};

/// The names of an interface with their lines of versions, and what grants it.
type Guarded = (&'static [(&'static str, &'static str)], ConfigurationSet);

/// Makes of the interfaces what holds all of their services, grants and instances.
macro_rules! interfaces {
    ($($name:ident: $interface:ty,)+) => {
        /// The names of the interfaces that need a grant.
        pub const GUARDED: &[Guarded] = &[$((<$interface>::IMPORTS, <$interface>::GRANT),)+];

        /// What stands behind the interfaces of an application.
        pub struct Services {
            $(#[doc = concat!("Behind `", stringify!($name), "`.")]
            pub $name: <$interface as HostInterface>::Service,)+
        }

        /// What the component of a trigger may use; its middlewares share what they inherit of it.
        pub struct Grants {
            /// Its name in the manifest.
            pub component: Arc<str>,
            $(#[doc = concat!("Of `", stringify!($name), "`.")]
            pub $name: Arc<<$interface as HostInterface>::Granted>,)+
        }

        /// What one instance has of the interfaces.
        pub struct Instances {
            $(#[doc = concat!("Of `", stringify!($name), "`.")]
            pub $name: <$interface as HostInterface>::Instance,)+
        }

        impl Services {
            /// Makes all of them ready. What `before` has open, those of the application whose place this one takes, is
            /// kept.
            ///
            /// # Errors
            ///
            /// Says what stands in the way.
            pub fn new(start: &Start<'_>, before: Option<&Self>) -> Result<Self> {
                Ok(Self {
                    $($name: <$interface>::service(start, before.map(|before| &before.$name))?,)+
                })
            }

            /// What the manifest grants to a component.
            ///
            /// # Errors
            ///
            /// Names the component, and what of its section cannot be granted.
            pub fn grant(&self, start: &Start<'_>, component: &Component) -> Result<Grants> {
                let id = component.id.as_str();
                Ok(Grants {
                    component: id.into(),
                    $($name: Arc::new(
                        <$interface>::grant(&self.$name, start, component)
                            .with_context(|| format!("component `{id}`"))?,
                    ),)+
                })
            }
        }

        impl Grants {
            /// What a new instance has of them.
            ///
            /// # Errors
            ///
            /// When something of a grant is not there any more.
            pub fn instance(&self, new: &mut NewInstance<'_>) -> wasmtime::Result<Instances> {
                Ok(Instances { $($name: <$interface>::instance(&self.$name, new)?,)+ })
            }
        }

        /// Defines every interface and its refusing twin.
        ///
        /// # Errors
        ///
        /// When two definitions collide, which is a mistake in this crate.
        pub fn link<T: HasInstances>(linker: &mut Linker<T>) -> wasmtime::Result<()> {
            $({
                fn own<T: HasInstances>(state: &mut T) -> View<'_, $interface> {
                    let (table, instances) = state.instances();
                    View { table, instance: Some(&mut instances.$name) }
                }
                <$interface>::link(linker, own::<T>)?;
                <$interface>::deny(linker)?;
            })+
            otel::link(linker)
        }
    };
}

interfaces! {
    environment: environment::Environment,
    files: files::Files,
    outbound_http: outbound_http::OutboundHttp,
    postgres: postgres::Postgres,
    mqtt: mqtt::Mqtt,
    redis: redis::Redis,
    key_value: key_value::KeyValue,
    sqlite: sqlite::Sqlite,
    variables: variables::SpinVariables,
}

/// The data of an instance with its interfaces.
pub trait HasInstances: HostView {
    /// Its resources and its interfaces.
    fn instances(&mut self) -> (&mut ResourceTable, &mut Instances);
}
