//! Hosts in virtual time.

use super::app::App;
use super::clock::Clock;
use super::run::world;
use super::services;
use crate::sim::component::Component;
use crate::sim::gate::{Behind, Gate};
use crate::sim::message::Manner;
use crate::sim::world::Line;
use std::cell::RefCell;
use std::pin::Pin;
use std::rc::Rc;

/// Requests that an instance serves where it is kept.
const INSTANCE_REQUESTS: usize = 1_000_000;

/// A host.
pub trait Host {
    /// What it is called.
    fn name(&self) -> &'static str;
    /// What becomes of fields that belong to connections.
    fn manner(&self) -> Manner;
    /// Whether components see fields that belong to connections.
    fn shows_hops(&self) -> bool {
        self.manner() == Manner::Shows
    }
    /// Whether components can be given a clock.
    fn has_clocks(&self) -> bool {
        true
    }
    /// Serves an application as it does where it is told nothing.
    fn start<'a>(&'a self, app: &'a App) -> Starting<'a> {
        self.serve(app, How::default())
    }
    /// Serves an application.
    fn serve<'a>(&'a self, app: &'a App, how: How) -> Starting<'a>;
}

/// A host that is being started.
pub type Starting<'a> = Pin<Box<dyn Future<Output = Running> + 'a>>;

/// One like wasmtime 48.
#[derive(Debug, Clone, Copy)]
pub struct Simulated;

/// The host of cases for which it makes no difference which one it is.
#[expect(non_upper_case_globals, reason = "named as the host over sockets is")]
pub const InProcess: Simulated = Simulated;

/// One like wasmtime 47.
#[derive(Debug, Clone, Copy)]
pub struct Simulated47;

impl Host for Simulated {
    fn name(&self) -> &'static str {
        "simulated"
    }

    fn manner(&self) -> Manner {
        Manner::Removes
    }

    fn serve<'a>(&'a self, app: &'a App, how: How) -> Starting<'a> {
        Box::pin(async move { Running::of(app, how, self.manner()) })
    }
}

impl Host for Simulated47 {
    fn name(&self) -> &'static str {
        "simulated-47"
    }

    fn manner(&self) -> Manner {
        Manner::Shows
    }

    fn serve<'a>(&'a self, app: &'a App, how: How) -> Starting<'a> {
        Box::pin(async move { Running::of(app, how, self.manner()) })
    }
}

/// How a host is to serve an application.
#[derive(Debug, Clone)]
pub struct How {
    /// Requests that one instance serves before it is replaced.
    pub requests_per_instance: usize,
    /// Requests that one instance serves at the same time.
    pub requests_at_once: usize,
}

impl Default for How {
    fn default() -> Self {
        Self {
            requests_per_instance: 128,
            requests_at_once: 16,
        }
    }
}

impl How {
    /// With instances that are kept.
    #[must_use]
    pub fn kept() -> Self {
        Self {
            requests_per_instance: INSTANCE_REQUESTS,
            ..Self::default()
        }
    }

    /// With one instance that sees every request.
    #[must_use]
    pub fn one() -> Self {
        Self {
            requests_at_once: INSTANCE_REQUESTS,
            ..Self::kept()
        }
    }

    /// With one instance for each request under way.
    #[must_use]
    pub fn spread() -> Self {
        Self {
            requests_at_once: 1,
            ..Self::kept()
        }
    }

    /// With a new instance for each request, which knows nothing of what was before.
    #[must_use]
    pub fn forgetful() -> Self {
        Self {
            requests_per_instance: 1,
            ..Self::default()
        }
    }

    /// By this clock: there is one.
    #[must_use]
    pub fn by(self, _clock: &Clock<'_>) -> Self {
        self
    }
}

thread_local! {
    /// What listens where in the world of this thread's case.
    static LISTENING: RefCell<Vec<Rc<Gate>>> = const { RefCell::new(Vec::new()) };
}

/// Where an application listens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Address(usize);

impl Address {
    /// Host and port.
    #[must_use]
    pub fn authority(self) -> String {
        format!("127.0.0.1:{}", 3000 + self.0)
    }

    pub(super) fn gate(self) -> Rc<Gate> {
        LISTENING.with(|listening| Rc::clone(&listening.borrow()[self.0]))
    }
}

impl std::fmt::Display for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.authority())
    }
}

/// An application that is served.
#[derive(Debug)]
pub struct Running {
    /// Where it listens.
    pub address: Address,
    /// What the service behind the gate has told.
    service_log: Rc<RefCell<Vec<String>>>,
}

impl Running {
    fn of(app: &App, how: How, manner: Manner) -> Self {
        let spec = &app.spec;
        let world = world();
        let inherits = |set: &str| spec.inherit.contains(&set);
        let mut component = match (&spec.policy, inherits("files")) {
            (Some(policy), true) => Component::new(policy),
            _ => Component::without_policy(),
        };
        component = component.on(manner).invalid();
        component.requests_max = how.requests_per_instance;
        component.at_once_max = how.requests_at_once;
        component.store_prefix.clone_from(&app.prefix);
        component.stores.clear();
        if inherits("key_value_stores") {
            component.stores.extend(spec.stores.iter().cloned());
        }
        if inherits("variables") {
            component.secrets.extend(spec.variables.iter().cloned());
        }
        if inherits("files") {
            let files = spec.files.iter();
            let files = files.map(|(name, bytes)| (format!("/{name}"), bytes.clone()));
            component.files.extend(files);
        }
        component.outbound = Some(match inherits("allowed_outbound_hosts") {
            true => spec.outbound.clone(),
            false => Vec::new(),
        });
        let service_log = Rc::default();
        let behind = match spec.service {
            "gateway" => Behind::Upstreams,
            service => Behind::Next(services::of(service, &world, &service_log)),
        };
        let gate = Gate::new(&world, component, behind);
        let address = LISTENING.with(|listening| {
            let mut listening = listening.borrow_mut();
            listening.push(gate);
            Address(listening.len() - 1)
        });
        Self {
            address,
            service_log,
        }
    }

    fn lines(&self) -> Vec<Line> {
        let gate = self.address.gate();
        let mut lines = world().log();
        lines.retain(|line| gate.has_made(line.instance));
        lines
    }

    /// The lines of the components so far.
    #[must_use]
    pub fn log(&self) -> Vec<String> {
        let lines = self.lines().into_iter().map(|line| line.text);
        lines.chain(self.service_log.borrow().clone()).collect()
    }

    /// The same: here no line comes later than what it tells of.
    pub async fn whole_log(&self) -> Vec<String> {
        self.log()
    }

    /// Waits for a line of the log like this, and gives it.
    pub async fn wait_for_log(&self, is_meant: impl Fn(&str) -> bool) -> String {
        let find = || self.log().into_iter().find(|line| is_meant(line));
        super::clocked::until("a line of the log", || find().is_some()).await;
        find().expect("a line")
    }

    /// Ends it, with all that it still does.
    pub async fn stop(self) {
        self.address.gate().end_instances();
    }
}
