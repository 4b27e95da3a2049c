//! The instances of a composed component: how one is made, how many requests it takes and when it
//! goes away. The reuse itself is `wasmtime-wasi-http`'s.

use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::{Arc, Weak};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use wasmtime::component::{GuestTaskId, ResourceTable};
use wasmtime::{Engine, Store, StoreContextMut, UpdateDeadline};
use wasmtime_wasi::WasiCtx;
use wasmtime_wasi_http::WasiHttpView;
use wasmtime_wasi_http::handler::{
    ExpirationError, HandlerState, Instance, InstantiationError, ProxyHandler, ProxyPre,
    ShouldAccept, WorkerExpiration, WorkerState, WorkerStatus,
};

use crate::arrival::{Aboard, Arrival, Boarded};
use crate::asking::Askers;
use crate::bell::WhenWoken;
use crate::busy::Busy;
use crate::chaining::CHAIN_DEPTH_MAX;
use crate::clock::WallClock;
use crate::course::Phase;
use crate::engine::{
    CHAINED_INSTANCES_PER_DEPTH, CHAINED_WAITING_PER_DEPTH_MAX, EPOCH_TICK, TIMED_INSTANCES,
};
use crate::flow::Flow;
use crate::fuel::FuelSink;
use crate::interfaces::outbound_http::Denied;
use crate::interfaces::{Grants, NewInstance};
use crate::manifest::TIMERS_MAX;
use crate::metrics::{Counted, Metrics};
use crate::options::{HostOptions, LogLine, LogSink, LogStream};
use crate::presence::Present;
use crate::shares::Shares;
use crate::slots::{Slot, Slots, Wanted};
use crate::state::{self, HostState, Limits};
use crate::stdio::LineWriter;
use crate::telemetry::Telemetry;
use crate::term::{Term, Work};

/// Limits of instances, from the host's options.
#[derive(Clone, Debug)]
pub struct Reuse {
    requests_max: usize,
    concurrent_requests_max: usize,
    idle_timeout: Duration,
    request_timeout: Option<Duration>,
    memory_bytes_max: usize,
    busy_ticks_max: u32,
}

impl Reuse {
    /// The limits that `options` set.
    #[must_use]
    pub fn new(options: &HostOptions) -> Self {
        let ticks = options.busy_time_max.as_millis() / EPOCH_TICK.as_millis().max(1);
        Self {
            requests_max: options.max_instance_reuse_count.max(1),
            concurrent_requests_max: options.max_instance_concurrent_reuse_count.max(1),
            idle_timeout: options.idle_instance_timeout,
            request_timeout: options.request_timeout,
            memory_bytes_max: options.memory_bytes_max,
            busy_ticks_max: u32::try_from(ticks).unwrap_or(u32::MAX).max(1),
        }
    }

    /// The same, with an instance for each request.
    fn for_one_request(self) -> Self {
        Self {
            requests_max: 1,
            concurrent_requests_max: 1,
            ..self
        }
    }
}

/// Where instances are in a row of components that ask each other by chaining.
#[derive(Clone)]
pub struct Level {
    /// How many components their requests went through by chaining; 0: they came from outside.
    depth: usize,
    /// How many of them there may be at the same time, where others ask them.
    slots: Option<Arc<Slots>>,
    /// Who has how many of them, where clients ask them.
    shares: Option<Arc<Shares>>,
}

impl Level {
    /// That of requests from outside, whose clients share the instances.
    #[must_use]
    pub fn outside(shares: Arc<Shares>) -> Self {
        Self {
            depth: 0,
            slots: None,
            shares: Some(shares),
        }
    }

    /// That of what timers ask: beside the requests from outside, so that neither takes the other's place.
    #[must_use]
    pub fn timed() -> Self {
        Self {
            depth: 0,
            slots: Some(Arc::new(Slots::new(TIMED_INSTANCES, TIMERS_MAX))),
            shares: None,
        }
    }

    /// Those of chained requests, the least deep ones first.
    ///
    /// Each has instances of its own: who waits for one at some depth holds none that somebody further down
    /// waits for. So components in a circle come to their end, and leave the others enough.
    pub fn chained() -> impl Iterator<Item = Self> {
        (1..=CHAIN_DEPTH_MAX).map(|depth| Self {
            depth,
            slots: Some(Arc::new(Slots::new(
                CHAINED_INSTANCES_PER_DEPTH,
                CHAINED_WAITING_PER_DEPTH_MAX,
            ))),
            shares: None,
        })
    }
}

/// Makes instances of one composed component.
pub struct Factory {
    engine: Engine,
    component: Arc<ProxyPre<HostState>>,
    grants: Arc<Grants>,
    level: Level,
    reuse: Reuse,
    log: LogSink,
    /// The time of day, where it is not the real one.
    clock: Option<WallClock>,
    /// For how long its application is the one that is served.
    term: Arc<Term>,
    metrics: Option<Arc<Metrics>>,
    /// Who is told what its instances have used, where that is counted.
    fuel: Option<FuelSink>,
}

impl Factory {
    /// Takes a component that is compiled and linked; `options` say how long its instances live, and by which
    /// clock.
    #[expect(clippy::too_many_arguments, reason = "one place makes it")]
    pub fn new(
        engine: Engine,
        component: Arc<ProxyPre<HostState>>,
        grants: Arc<Grants>,
        level: Level,
        options: &HostOptions,
        log: LogSink,
        term: Arc<Term>,
        metrics: Option<Arc<Metrics>>,
    ) -> Self {
        let reuse = Reuse::new(options);
        let reuse = match &*component {
            // A call of its handler occupies the whole instance until it returns.
            ProxyPre::P2(_) => reuse.for_one_request(),
            ProxyPre::P3(_) => reuse,
        };
        Self {
            engine,
            component,
            grants,
            level,
            reuse,
            log,
            clock: options.clock.clone(),
            term,
            metrics,
            fuel: options.fuel.clone(),
        }
    }

    /// The name of the component in the manifest.
    pub fn component(&self) -> &str {
        &self.grants.component
    }

    /// Writes a line about the component to the log.
    pub fn report(&self, what: &str) {
        report(&self.log, &self.grants.component, what);
    }

    fn store(&self) -> wasmtime::Result<Store<HostState>> {
        let grants = &self.grants;
        let writer =
            |stream| LineWriter::new(Arc::clone(&grants.component), stream, self.log.clone());
        let mut wasi = WasiCtx::builder();
        wasi.stdout(writer(LogStream::Stdout))
            .stderr(writer(LogStream::Stderr))
            // Files are few, small and local: handing each call to another thread costs more than
            // the call.
            .allow_blocking_current_thread(true);
        if let Some(clock) = &self.clock {
            wasi.wall_clock(clock.clone());
        }
        let interfaces = grants.instance(&mut NewInstance {
            depth: self.level.depth,
            wasi: &mut wasi,
        })?;
        let busy = Busy::default();
        let mut store = Store::new(
            &self.engine,
            HostState {
                wasi: wasi.build(),
                table: ResourceTable::new(),
                http: state::http(),
                interfaces,
                denied: Denied,
                present: Present::default(),
                telemetry: Telemetry {
                    component: Arc::clone(&self.grants.component),
                    metrics: self.metrics.clone(),
                },
                limits: Limits::new(self.reuse.memory_bytes_max),
                busy: busy.clone(),
            },
        );
        if self.fuel.is_some() {
            FuelSink::fill(&mut store)?;
        }
        store.limiter(|state| &mut state.limits);
        store.set_epoch_deadline(1);
        let busy_ticks_max = self.reuse.busy_ticks_max;
        store.epoch_deadline_callback(move |_| {
            if busy.interrupted() > busy_ticks_max {
                wasmtime::bail!("the component computed for too long without a pause");
            }
            Ok(UpdateDeadline::Yield(1))
        });
        Ok(store)
    }
}

impl HandlerState for Factory {
    type StoreData = HostState;
    type WorkerExpiration = Expiration;
    type WorkerState = Worker;

    async fn instantiate(
        &self,
    ) -> wasmtime::Result<Instance<Self::StoreData, Self::WorkerExpiration, Self::WorkerState>>
    {
        let slot = match &self.level.slots {
            Some(slots) => Some(slots.take().await?),
            None => None,
        };
        let began = Instant::now();
        let mut store = self.store()?;
        let proxy = self.component.instantiate_async(&mut store).await?;
        let metrics = self.metrics.as_ref();
        let counted = metrics.map(|metrics| metrics.instance(self.component(), began));
        // A client that goes away is seen by its connection.
        let askers = self.level.shares.is_none().then(Askers::default);
        let aboard = Arc::new(Aboard::new(self.level.shares.clone()));
        let busy = store.data().busy.clone();
        Ok(Instance {
            store,
            proxy,
            view: HostState::http,
            expiration: Expiration::new(
                self.reuse.idle_timeout,
                self.reuse.request_timeout,
                Arc::clone(&self.term),
                askers.clone(),
                self.level.slots.clone(),
                Arc::clone(&aboard),
                busy,
            ),
            state: Worker {
                component: Arc::clone(&self.grants.component),
                reuse: self.reuse.clone(),
                log: self.log.clone(),
                work: self.term.work(),
                askers,
                aboard,
                fuel: self.fuel.clone(),
                _slot: slot,
                _counted: counted,
            },
        })
    }
}

/// Why a component gave no answer.
pub enum NoAnswer<'e> {
    /// There is no instance for the request, for this reason.
    NoInstance(&'e wasmtime::Error),
    /// The time for it is over.
    TooLate,
    /// It failed.
    Failed,
}

/// Tells why `handler` gave no answer, and writes it to the log.
pub fn no_answer<'e>(handler: &ProxyHandler<Factory>, error: &'e wasmtime::Error) -> NoAnswer<'e> {
    let log = |what: &str| handler.state().report(what);
    if let Some(none) = error.downcast_ref::<InstantiationError<Arrival>>() {
        log(&format!("no instance for a request: {:#}", none.error));
        NoAnswer::NoInstance(&none.error)
    } else if error.is::<ExpirationError>() {
        log("a request was not answered in time");
        NoAnswer::TooLate
    } else {
        log(&format!("a request was not answered: {error:#}"));
        NoAnswer::Failed
    }
}

/// Decides what one instance takes on.
pub struct Worker {
    component: Arc<str>,
    reuse: Reuse,
    log: LogSink,
    /// The host waits for it, and so does its application.
    work: Work,
    /// The components whose requests it has; none where they come from outside.
    askers: Option<Askers>,
    aboard: Arc<Aboard>,
    /// Who is told what it has used.
    fuel: Option<FuelSink>,
    /// Given back with this.
    _slot: Option<Slot>,
    _counted: Option<Counted>,
}

impl WorkerState for Worker {
    type StoreData = HostState;
    type RequestData = Arrival;

    fn should_accept_request(&self, concurrent: usize, total: usize) -> ShouldAccept {
        if total >= self.reuse.requests_max {
            ShouldAccept::Never
        } else if concurrent >= self.reuse.concurrent_requests_max {
            ShouldAccept::No
        } else {
            ShouldAccept::Yes
        }
    }

    fn on_request_start(
        &self,
        store: StoreContextMut<'_, HostState>,
        arrival: Arrival,
        task: GuestTaskId,
    ) -> Pin<Box<dyn Future<Output = ()> + 'static + Send + Sync>> {
        store.data().busy.begins();
        let works_for = store.data().present.add(task, Arc::clone(&arrival.client));
        let Boarded { flow, stay, asked } = self.aboard.board(arrival);
        let timeout = self.reuse.request_timeout;
        let late = timeout.map(|timeout| too_late(flow, timeout));
        let gone = self.askers.as_ref().zip(asked);
        let gone = gone.map(|(askers, asked)| askers.add(asked));
        Box::pin(async move {
            // Whoever gives the request up: the instance has it until here.
            let _here = (stay, works_for);
            tokio::select! {
                () = or_never(gone) => {}
                () = or_never(late) => {}
            }
        })
    }

    fn drop(&self, store: Store<HostState>, result: wasmtime::Result<()>) {
        if let Some(fuel) = &self.fuel {
            fuel.told_of(&self.component, &store);
        }
        // First the instance, so that what it wrote before comes before why it ended.
        drop(store);
        // An instance that is cut off because the host stops has done nothing wrong.
        if let Err(error) = result
            && self.work.term().host().phase() < Phase::Stopping
        {
            // The cause alone: what comes before it is a trace of nameless functions.
            let cause = match &self.askers {
                Some(askers) if askers.gave_up() => "nobody waits for it any more".to_owned(),
                _ => error.root_cause().to_string(),
            };
            report(
                &self.log,
                &self.component,
                &format!("instance ended: {cause}"),
            );
        }
    }
}

async fn or_never(future: Option<impl Future<Output = ()>>) {
    match future {
        Some(future) => future.await,
        None => std::future::pending().await,
    }
}

/// Ready when a component had so long for a request while nothing moved.
async fn too_late(flow: Weak<Flow>, timeout: Duration) {
    let wait = |deadline: Option<tokio::time::Instant>| match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline),
        // The client is waited for. From the time on when it is not, the component has all of it.
        None => tokio::time::sleep(timeout),
    };
    let mut sleep = pin!(tokio::time::sleep(timeout));
    loop {
        sleep.as_mut().await;
        // Held no longer than for the look: the exchange ends with it.
        let Some(deadline) = flow.upgrade().map(|flow| flow.deadline(timeout)) else {
            // Nobody waits for the answer any more.
            return tokio::time::sleep(timeout).await;
        };
        if deadline.is_some_and(|deadline| deadline <= tokio::time::Instant::now()) {
            return;
        }
        sleep.set(wait(deadline));
    }
}

fn report(log: &LogSink, component: &str, what: &str) {
    for text in what.lines() {
        log.write(LogLine {
            component,
            stream: LogStream::Stderr,
            text,
        });
    }
}

/// Decides when one instance goes away.
pub struct Expiration {
    idle_timeout: Duration,
    request_timeout: Option<Duration>,
    /// Ends when the deadline that was looked at last may have passed.
    alarm: Pin<Box<tokio::time::Sleep>>,
    armed: bool,
    ending: WhenWoken<Pin<Box<dyn Future<Output = ()> + Send + Sync>>>,
    /// Whether the term is over: an instance that has nothing to do goes away.
    over: bool,
    /// The components whose requests the instance has.
    askers: Option<Askers>,
    /// The requests that the instance has.
    aboard: Arc<Aboard>,
    /// The components that wait for its place.
    wanted: Option<Wanted>,
    /// When it goes away because nobody waits for it.
    end: Option<Instant>,
    busy: Busy,
}

impl Expiration {
    fn new(
        idle_timeout: Duration,
        request_timeout: Option<Duration>,
        term: Arc<Term>,
        askers: Option<Askers>,
        slots: Option<Arc<Slots>>,
        aboard: Arc<Aboard>,
        busy: Busy,
    ) -> Self {
        Self {
            askers,
            aboard,
            busy,
            wanted: slots.map(Wanted::new),
            end: None,
            idle_timeout,
            request_timeout,
            alarm: Box::pin(tokio::time::sleep(Duration::ZERO)),
            armed: false,
            ending: WhenWoken::new(Box::pin(async move { term.is_over().await })),
            over: false,
        }
    }
}

impl WorkerExpiration for Expiration {
    fn poll(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        status: WorkerStatus,
        start: Instant,
    ) -> Poll<()> {
        let this = self.get_mut();
        // Whenever the instance has let go, interrupted or by itself.
        this.busy.looked_at();
        if status == WorkerStatus::Idle {
            if !this.over {
                this.over = Pin::new(&mut this.ending).poll(cx).is_ready();
            }
            if this.over {
                return Poll::Ready(());
            }
        }
        if let Some(wanted) = &mut this.wanted {
            if status != WorkerStatus::Idle {
                wanted.is_busy();
            } else if wanted.poll_idle(cx).is_ready() {
                return Poll::Ready(());
            }
        }
        if let (None, Some(askers)) = (this.end, &this.askers)
            && let Poll::Ready(left) = askers.poll_left(cx)
        {
            this.end = Instant::now().checked_add(left);
        }
        let timeout = match status {
            WorkerStatus::Idle => Some(this.idle_timeout),
            // As in Spin, work after the response may take as long as a request.
            WorkerStatus::Requests | WorkerStatus::PostReturn => this.request_timeout,
        };
        let mut deadline = timeout.and_then(|timeout| start.checked_add(timeout));
        // Bytes that move keep it. Looked at only when it matters.
        let now = Instant::now();
        if status != WorkerStatus::Idle
            && let (Some(passed), Some(timeout)) = (deadline, timeout)
            && passed <= now
        {
            deadline = this.aboard.deadline(timeout);
        }
        let Some(deadline) = deadline.into_iter().chain(this.end).min() else {
            return Poll::Pending;
        };
        if now >= deadline {
            return Poll::Ready(());
        }
        let deadline = tokio::time::Instant::from_std(deadline);
        // An alarm that is set for earlier stays: moving it for every request costs more than
        // being woken once too often.
        if !this.armed || this.alarm.deadline() > deadline {
            this.alarm.as_mut().reset(deadline);
            this.armed = true;
        }
        while this.alarm.as_mut().poll(cx).is_ready() {
            if tokio::time::Instant::now() >= deadline {
                return Poll::Ready(());
            }
            this.alarm.as_mut().reset(deadline);
        }
        Poll::Pending
    }
}

#[cfg(test)]
mod tests;
