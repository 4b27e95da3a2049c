//! What a host interface is: what each of the folders beside this file gives.

use std::sync::Arc;

use anyhow::Result;
use wasmtime::component::{GuestTaskId, HasData, Linker, ResourceTable};
use wasmtime_wasi::WasiCtxBuilder;
use wasmtime_wasi_http::{WasiHttpCtxView, WasiHttpView};

use crate::manifest::{Application, Component, ConfigurationSet};
use crate::options::{HostOptions, LogSink};
use crate::presence::Presence;
use crate::telemetry::Telemetry;
use crate::variables::Variables;

/// An interface that components import, or several over the same service.
///
/// `service` is there once for an application; one that takes another's place goes on with what that one has open. `grant` is what one component may do with it, from its
/// section of the manifest. `instance` is what one instance of that component has. `link` puts the functions of
/// the interface before it, `deny` those of its refusing twin: what a middleware has that does not inherit
/// [`Self::GRANT`].
pub trait HostInterface: Sized + Send + 'static {
    /// The key of a component's section that grants it.
    const GRANT: ConfigurationSet;
    /// The names, each with the line of versions (or the single draft) that is served.
    const IMPORTS: &'static [(&'static str, &'static str)];
    /// What all components share.
    type Service;
    /// What one component was granted; its instances share it.
    type Granted;
    /// What belongs to one instance.
    type Instance: Send + 'static;

    /// Makes the service ready. What `before` has open, that of the application whose place this one takes, is kept.
    ///
    /// # Errors
    ///
    /// Says what stands in the way.
    fn service(start: &Start<'_>, before: Option<&Self::Service>) -> Result<Self::Service>;

    /// What the manifest grants to `component`.
    ///
    /// # Errors
    ///
    /// Says what of its section cannot be granted.
    fn grant(
        service: &Self::Service,
        start: &Start<'_>,
        component: &Component,
    ) -> Result<Self::Granted>;

    /// What a new instance has.
    ///
    /// # Errors
    ///
    /// When something of the grant is not there any more.
    fn instance(
        granted: &Arc<Self::Granted>,
        new: &mut NewInstance<'_>,
    ) -> wasmtime::Result<Self::Instance>;

    /// Defines the interfaces. Those of WASI are defined all together, with what needs no grant.
    ///
    /// # Errors
    ///
    /// When something of the same name is defined.
    fn link<T: HostView>(linker: &mut Linker<T>, own: Getter<T, Self>) -> wasmtime::Result<()>;

    /// Defines the refusing twins, under their [`denied_name`](super::import_name::denied_name).
    ///
    /// # Errors
    ///
    /// When something of the same name is defined.
    fn deny<T: HostView>(linker: &mut Linker<T>) -> wasmtime::Result<()>;
}

/// What interfaces are made of when the application starts.
pub struct Start<'a> {
    /// The application.
    pub application: &'a Application,
    /// The host's options.
    pub options: &'a HostOptions,
    /// The values of the application's variables.
    pub variables: &'a Variables,
    /// Where log lines go.
    pub log: &'a LogSink,
}

/// An instance that is being made.
pub struct NewInstance<'a> {
    /// How many components its requests went through by chaining.
    pub depth: usize,
    /// Its view of WASI.
    pub wasi: &'a mut WasiCtxBuilder,
}

/// The data of an instance as interfaces see it.
pub trait HostView: WasiHttpView + Send + 'static {
    /// The view of HTTP in which every outgoing request is refused.
    fn http_denied(&mut self) -> WasiHttpCtxView<'_>;

    /// Where the instance tells what it measures.
    fn telemetry(&mut self) -> &mut Telemetry;

    /// The client for whom a task works that was asked from outside.
    fn client_of(&mut self, task: GuestTaskId) -> Option<Arc<Presence>>;
}

/// The view of one interface of an instance.
pub struct View<'a, I: HostInterface> {
    /// The resources of all interfaces.
    pub table: &'a mut ResourceTable,
    /// What the instance has of this one; nothing for the refusing twin.
    pub instance: Option<&'a mut I::Instance>,
}

/// How a view is had.
pub type Getter<T, I> = fn(&mut T) -> View<'_, I>;

/// The view of a refusing twin.
pub fn nothing_granted<T: HostView, I: HostInterface>(state: &mut T) -> View<'_, I> {
    View {
        table: state.http().table,
        instance: None,
    }
}

/// What generated bindings call the link between an interface and its view.
pub struct Linked<I>(std::marker::PhantomData<I>);

impl<I: HostInterface> HasData for Linked<I> {
    type Data<'a> = View<'a, I>;
}
