//! An application that is ready to answer: its components composed, compiled, linked and granted
//! what the manifest grants.

use std::borrow::Cow;
use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context as _, Result, bail};
use wasmtime::Engine;
use wasmtime::component::{Component, InstancePre, Linker};
use wasmtime_wasi_http::handler::{ProxyHandler, ProxyPre};
use wasmtime_wasi_http::{p2, p3};

use crate::build::with_timers;
use crate::chain::Part;
use crate::chaining::{Callee, Callees, host_of};
use crate::compose::{MiddlewarePart, compose};
use crate::download::{self, COMPONENT_BYTES_MAX};
use crate::engine::{Room, engine};
use crate::exports;
use crate::fixed::FixedAnswers;
use crate::instance::{Factory, Level};
use crate::interfaces::outbound_http::OutboundClient;
use crate::interfaces::outbound_http::grant::allow_list;
use crate::interfaces::{Grants, Services, Start, absent};
use crate::link::linker;
use crate::manifest::{self, ConfigurationSet, Digest, HttpTrigger, Middleware, Route};
use crate::manner::Manner;
use crate::metrics::{Counted, Metrics};
use crate::options::{HostOptions, LogLine, LogSink, LogStream};
use crate::request::RouteHeaders;
use crate::router::Router;
use crate::sha256;
use crate::shares::{Share, Shares};
use crate::state::HostState;
use crate::term::Term;
use crate::timers::Timed;
use crate::variables::Variables;

/// Everything that answers requests.
pub struct Application {
    /// Which trigger a path belongs to.
    pub router: Router,
    /// One for each trigger of the manifest, in its order; none for private and for static ones.
    pub triggers: Vec<Option<Trigger>>,
    /// The answers of the triggers that have no component.
    pub fixed: FixedAnswers,
    /// The answer to `/.well-known/spin/info`.
    pub info: Vec<u8>,
    /// What components see of the fields that they may not set.
    pub manner: Manner,
    /// For how long it is the one that is served, and how far the host is.
    pub term: Arc<Term>,
    /// The paths by which who sends requests asks whether to send any.
    pub ready_paths: BTreeSet<String>,
    /// The instances that clients share.
    pub shares: Arc<Shares>,
    /// The client of outgoing requests, to tell it where the application listens.
    pub client: OutboundClient,
    /// The host's numbers, where somebody wants to know them.
    pub metrics: Option<Arc<Metrics>>,
    /// What is asked of components again and again.
    pub timers: Vec<Timed>,
    /// The components that others ask; held here, so that they end with the application.
    _callees: Arc<Callees>,
    /// What one that takes its place goes on with.
    kept: Kept,
    _counted: Option<Counted>,
}

/// What stays when another application takes the place of one.
struct Kept {
    services: Services,
    engine: Engine,
    /// What the engine has room for.
    room: Room,
    /// Who waits for an instance at which depth of service chaining, and for a timer's.
    levels: Levels,
    compiled: Compiled,
}

#[derive(Clone)]
struct Levels {
    chained: Vec<Level>,
    timed: Level,
}

/// The components that were compiled here, by the digests of what they were composed to.
type Compiled = BTreeMap<Digest, Component>;

/// What answers the requests of one trigger.
pub struct Trigger {
    /// Hands requests to instances.
    pub handler: ProxyHandler<Factory>,
    /// Headers that are the same for all of them.
    pub headers: RouteHeaders,
}

impl Application {
    /// Makes everything ready. What `before` has open or compiled, whose place it is to take, is used again.
    ///
    /// # Errors
    ///
    /// Names the component, file or variable that stands in the way.
    pub fn load(
        application: &manifest::Application,
        options: &HostOptions,
        term: &Arc<Term>,
        metrics: Option<Arc<Metrics>>,
        before: Option<&Self>,
    ) -> Result<Self> {
        let mut loader = Loader::new(application, options, term, metrics, before)?;
        let triggers = application
            .triggers
            .iter()
            .map(|trigger| loader.trigger(trigger))
            .collect::<Result<_>>()?;
        let timers = loader.timers()?;
        let callees = Arc::new(loader.callees()?);
        loader.services.outbound_http.chaining.set_callees(&callees);
        Ok(Self {
            router: Router::new(application),
            triggers,
            fixed: FixedAnswers::new(application),
            info: info(application)?,
            manner: options.manner,
            term: Arc::clone(term),
            ready_paths: options.ready_paths.clone(),
            shares: loader.shares,
            client: loader.services.outbound_http.client.clone(),
            _counted: loader.metrics.as_ref().map(|metrics| metrics.application()),
            metrics: loader.metrics,
            timers,
            _callees: callees,
            kept: Kept {
                services: loader.services,
                engine: loader.engine,
                room: loader.room,
                levels: loader.levels,
                compiled: loader.compiled,
            },
        })
    }
}

impl Levels {
    fn new() -> Self {
        Self {
            chained: Level::chained().collect(),
            timed: Level::timed(),
        }
    }
}

fn info(application: &manifest::Application) -> Result<Vec<u8>> {
    let mut info = serde_json::Map::new();
    info.insert("name".to_owned(), application.name.as_str().into());
    if !application.version.is_empty() {
        info.insert("version".to_owned(), application.version.as_str().into());
    }
    Ok(serde_json::to_vec(&info)?)
}

/// Triggers with the same component and the same middlewares share their instances.
type ChainKey<'a> = (&'a str, Vec<(&'a str, Vec<ConfigurationSet>)>);

fn key<'a>(component: &'a str, middlewares: &'a [Middleware]) -> ChainKey<'a> {
    let middlewares = middlewares.iter().map(|middleware| {
        let inherit = middleware.inherit.iter().copied().collect();
        (middleware.component.as_str(), inherit)
    });
    (component, middlewares.collect())
}

/// Whether some component with a trigger, or with a timer, may ask another one.
fn chains(application: &manifest::Application, variables: &Variables) -> Result<bool> {
    let ids = || {
        application
            .triggers
            .iter()
            .map(|trigger| &trigger.component)
    };
    let timed = with_timers(application).map(|component| &component.id);
    for id in ids().chain(timed) {
        let Some(asker) = application.components.get(id) else {
            continue;
        };
        let allowed = allow_list(asker, variables).with_context(|| format!("component `{id}`"))?;
        if ids().any(|other| allowed.names(&host_of(other))) {
            return Ok(true);
        }
    }
    Ok(false)
}

struct Loader<'a> {
    application: &'a manifest::Application,
    options: &'a HostOptions,
    term: &'a Arc<Term>,
    /// What the engine has compiled already.
    compiled_before: Option<&'a Compiled>,
    engine: Engine,
    room: Room,
    levels: Levels,
    linker: Linker<HostState>,
    services: Services,
    variables: Variables,
    sources: BTreeMap<&'a str, Vec<u8>>,
    grants: BTreeMap<&'a str, Arc<Grants>>,
    compiled: Compiled,
    linked: BTreeMap<ChainKey<'a>, Arc<ProxyPre<HostState>>>,
    handlers: BTreeMap<ChainKey<'a>, ProxyHandler<Factory>>,
    log: LogSink,
    shares: Arc<Shares>,
    metrics: Option<Arc<Metrics>>,
    /// The components of which the log says what the host lacks for them.
    told_absent: BTreeSet<&'a str>,
}

impl<'a> Loader<'a> {
    fn new(
        application: &'a manifest::Application,
        options: &'a HostOptions,
        term: &'a Arc<Term>,
        metrics: Option<Arc<Metrics>>,
        before: Option<&'a Application>,
    ) -> Result<Self> {
        let variables = Variables::resolve(application, &options.variables)?;
        let room = Room {
            outside: options.instances_max,
            chains: chains(application, &variables)?,
            timers: with_timers(application).next().is_some(),
        };
        // All instances are in one pool, as long as that has what they need.
        let same_pool = before.map(|before| &before.kept);
        let same_pool = same_pool.filter(|kept| kept.room == room);
        let engine = match same_pool {
            Some(kept) => kept.engine.clone(),
            None => {
                // What was compiled ahead needs no folder for what is compiled.
                let cache = options.ahead.is_none();
                let cache = cache.then(|| options.cache_folder().join("compiled"));
                engine(
                    cache.as_deref(),
                    options.memory_bytes_max,
                    room,
                    options.fuel.is_some(),
                )?
            }
        };
        let log = options.log.clone().unwrap_or_else(LogSink::stdio);
        let start = Start {
            application,
            options,
            variables: &variables,
            log: &log,
        };
        let services = Services::new(&start, before.map(|before| &before.kept.services))?;
        let shares = before.map_or_else(
            || {
                Arc::new(Shares::new(Share {
                    count: options.instances_max,
                    percent: options.client_share_percent,
                }))
            },
            |before| Arc::clone(&before.shares),
        );
        Ok(Self {
            application,
            options,
            term,
            compiled_before: same_pool.map(|kept| &kept.compiled),
            levels: same_pool.map_or_else(Levels::new, |kept| kept.levels.clone()),
            linker: linker(&engine, options.manner)?,
            engine,
            room,
            services,
            variables,
            sources: BTreeMap::new(),
            grants: BTreeMap::new(),
            compiled: BTreeMap::new(),
            linked: BTreeMap::new(),
            handlers: BTreeMap::new(),
            log,
            shares,
            metrics,
            told_absent: BTreeSet::new(),
        })
    }

    fn start(&self) -> Start<'_> {
        Start {
            application: self.application,
            options: self.options,
            variables: &self.variables,
            log: &self.log,
        }
    }

    fn trigger(&mut self, trigger: &'a HttpTrigger) -> Result<Option<Trigger>> {
        let Route::Pattern(pattern) = &trigger.route else {
            return Ok(None);
        };
        if trigger.static_response.is_some() {
            return Ok(None);
        }
        let headers = RouteHeaders::new(pattern)
            .with_context(|| format!("the route `{}` cannot be a header", pattern.raw()))?;
        let handler = self.handler(trigger)?;
        Ok(Some(Trigger { handler, headers }))
    }

    fn handler(&mut self, trigger: &'a HttpTrigger) -> Result<ProxyHandler<Factory>> {
        let key = key(&trigger.component, &trigger.middleware);
        if let Some(handler) = self.handlers.get(&key) {
            return Ok(handler.clone());
        }
        let level = Level::outside(Arc::clone(&self.shares));
        let handler = self.new_handler(&trigger.component, &trigger.middleware, level)?;
        self.handlers.insert(key, handler.clone());
        Ok(handler)
    }

    /// What answers when one component asks another one: those with a trigger, private or not, that somebody
    /// may ask who is asked himself.
    fn callees(&mut self) -> Result<Callees> {
        // One that has no component is asked for nothing.
        let triggers: Vec<&HttpTrigger> = self
            .application
            .triggers
            .iter()
            .filter(|trigger| trigger.static_response.is_none())
            .collect();
        let levels = self.levels.chained.clone();
        let mut callees = Callees::new();
        let mut askers: Vec<&str> = triggers
            .iter()
            .filter(|trigger| !matches!(trigger.route, Route::Private))
            .map(|trigger| trigger.component.as_str())
            .chain(with_timers(self.application).map(|component| component.id.as_str()))
            .collect();
        while let Some(asker) = askers.pop() {
            let outbound = self.grants(asker)?.outbound_http.clone();
            for id in triggers.iter().map(|trigger| trigger.component.as_str()) {
                if callees.contains_key(id) || !outbound.may_ask(&host_of(id)) {
                    continue;
                }
                let depths = levels
                    .iter()
                    .map(|level| {
                        let handler = self.new_handler(id, &[], level.clone())?;
                        Ok(Arc::new(handler) as Arc<dyn Callee>)
                    })
                    .collect::<Result<_>>()?;
                callees.insert(id.to_owned(), depths);
                askers.push(id);
            }
        }
        Ok(callees)
    }

    /// What timers ask: the component alone, as others ask it, in instances of their own.
    fn timers(&mut self) -> Result<Vec<Timed>> {
        let level = self.levels.timed.clone();
        let mut timers = Vec::new();
        for component in with_timers(self.application) {
            let handler = self.new_handler(&component.id, &[], level.clone())?;
            let callee: Arc<dyn Callee> = Arc::new(handler);
            timers.extend(component.timers.iter().map(|timer| Timed {
                component: component.id.as_str().into(),
                schedule: timer.schedule.clone(),
                at_stop: timer.at_stop,
                path: timer.path.clone(),
                callee: Arc::clone(&callee),
            }));
        }
        Ok(timers)
    }

    fn new_handler(
        &mut self,
        component: &'a str,
        middlewares: &'a [Middleware],
        level: Level,
    ) -> Result<ProxyHandler<Factory>> {
        Ok(ProxyHandler::new(Factory::new(
            self.engine.clone(),
            self.link(component, middlewares)?,
            self.grants(component)?,
            level,
            self.options,
            self.log.clone(),
            Arc::clone(self.term),
            self.metrics.clone(),
        )))
    }

    /// Composes, compiles and links a component behind its middlewares.
    fn link(
        &mut self,
        id: &'a str,
        middlewares: &'a [Middleware],
    ) -> Result<Arc<ProxyPre<HostState>>> {
        let key = key(id, middlewares);
        if let Some(linked) = self.linked.get(&key) {
            return Ok(Arc::clone(linked));
        }
        let began = Instant::now();
        let options = self.options;
        let (component, absent) = match &options.ahead {
            Some(ahead) => {
                let (component, absent) = ahead.component(&self.engine, id, middlewares)?;
                (component, absent.to_vec())
            }
            None => self.compile(id, middlewares)?,
        };
        if let Some(metrics) = &self.metrics {
            metrics.loaded(id, began.elapsed());
        }
        let component = self
            .linker_with(id, &component, &absent)
            .with_context(|| format!("cannot link component `{id}`"))?
            .instantiate_pre(&component)
            .map_err(anyhow::Error::from)
            .with_context(|| format!("cannot link component `{id}`"))?;
        let linked = proxy(component).with_context(|| {
            format!("component `{id}` handles no HTTP: it exports neither `wasi:http/handler@0.3.0` nor `wasi:http/incoming-handler@0.2`")
        })?;
        let linked = Arc::new(linked);
        self.linked.insert(key, Arc::clone(&linked));
        Ok(linked)
    }

    /// Composes and compiles a component behind its middlewares. Gives it, and what the host lacks of its imports.
    fn compile(
        &mut self,
        id: &'a str,
        middlewares: &'a [Middleware],
    ) -> Result<(Component, Vec<String>)> {
        self.read(id)?;
        for middleware in middlewares {
            self.read(&middleware.component)?;
        }
        let primary = self.part(id)?;
        let parts: Vec<MiddlewarePart<'_>> = middlewares
            .iter()
            .map(|middleware| {
                Ok(MiddlewarePart {
                    part: self.part(&middleware.component)?,
                    inherit: &middleware.inherit,
                })
            })
            .collect::<Result<_>>()?;
        exports::check_way(&parts, primary)?;
        let composed = compose(&parts, primary)?;
        let digest = sha256::of(&composed.bytes)?;
        let compiled = self.compiled_before.and_then(|before| before.get(&digest));
        let component = match compiled {
            Some(component) => component.clone(),
            None => Component::new(&self.engine, &composed.bytes)
                .map_err(anyhow::Error::from)
                .with_context(|| format!("cannot compile component `{id}`"))?,
        };
        self.compiled.insert(digest, component.clone());
        Ok((component, composed.absent))
    }

    /// The linker, with the interfaces that the host does not have as what cannot be called. Says which.
    fn linker_with(
        &mut self,
        id: &'a str,
        component: &Component,
        absent: &[String],
    ) -> Result<Cow<'_, Linker<HostState>>> {
        if absent.is_empty() {
            return Ok(Cow::Borrowed(&self.linker));
        }
        let mut linker = self.linker.clone();
        let callable = absent::define(&mut linker, component, absent)?;
        if self.told_absent.insert(id) && !callable.is_empty() {
            self.log.write(LogLine {
                component: id,
                stream: LogStream::Stderr,
                text: &format!(
                    "this host does not have {}: a call ends the instance",
                    callable.join(", ")
                ),
            });
        }
        Ok(Cow::Owned(linker))
    }

    fn read(&mut self, id: &'a str) -> Result<()> {
        let Entry::Vacant(entry) = self.sources.entry(id) else {
            return Ok(());
        };
        let Some(component) = self.application.components.get(id) else {
            bail!("there is no component `{id}`");
        };
        let path = &component.source;
        let bytes = std::fs::metadata(path)
            .and_then(|metadata| {
                if metadata.len() > COMPONENT_BYTES_MAX {
                    return Err(std::io::Error::other(format!(
                        "{} bytes are more than the limit of {COMPONENT_BYTES_MAX}",
                        metadata.len()
                    )));
                }
                std::fs::read(path)
            })
            .with_context(|| {
                format!(
                    "cannot read component `{id}` from {}; is it built?",
                    path.display()
                )
            })?;
        if let Some(download) = &component.download {
            download::check_bytes(&bytes, download)
                .with_context(|| format!("component `{id}` from {}", path.display()))?;
        }
        entry.insert(bytes);
        Ok(())
    }

    fn part(&self, id: &'a str) -> Result<Part<'_>> {
        let bytes = self
            .sources
            .get(id)
            .with_context(|| format!("there is no component `{id}`"))?;
        Ok(Part { id, bytes })
    }

    /// What the manifest grants to a component.
    fn grants(&mut self, id: &'a str) -> Result<Arc<Grants>> {
        if let Some(grants) = self.grants.get(id) {
            return Ok(Arc::clone(grants));
        }
        let component = self
            .application
            .components
            .get(id)
            .with_context(|| format!("there is no component `{id}`"))?;
        let grants = Arc::new(self.services.grant(&self.start(), component)?);
        self.grants.insert(id, Arc::clone(&grants));
        Ok(grants)
    }
}

/// The way in which a component handles requests; none where it does not.
fn proxy(component: InstancePre<HostState>) -> Result<ProxyPre<HostState>> {
    match p3::bindings::ServicePre::new(component.clone()) {
        Ok(service) => Ok(ProxyPre::P3(service)),
        Err(_) => Ok(ProxyPre::P2(
            p2::bindings::ProxyPre::new(component).map_err(anyhow::Error::from)?,
        )),
    }
}
