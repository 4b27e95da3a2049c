//! The platform of an instance in the simulation.

use super::body::{Body, Silence, Sink, Source};
use super::executor::Owner;
use super::message::{Failure, Fields, Manner, Request, Response, is_forbidden};
use super::store::Open;
use super::wire;
use super::world::World;
use crate::numbers::Numbers;
use doorward_gate::levels::Levels;
use doorward_gate::metrics::{Deltas, Metrics};
use doorward_gate::platform::{
    Destination, FieldList, Message, Millis, NotAccepted, Platform, Read, RequestLine, Stop,
    StoreError, Times, UnixTime, Unreadable, Untold, UpstreamFailure,
};
use doorward_gate::record::Record;
use std::borrow::Cow;
use std::cell::{Cell, OnceCell, RefCell};
use std::collections::hash_map::DefaultHasher;
use std::future::poll_fn;
use std::hash::BuildHasherDefault;
use std::rc::Rc;
use std::task::{Poll, Waker};
use std::time::Duration;

use super::component::Component;

/// What an instance runs on.
#[derive(Clone)]
pub struct Sim(Rc<Inner>);

struct Inner {
    world: Rc<World>,
    component: Rc<Component>,
    instance: Owner,
    random: RefCell<Numbers>,
    names: RefCell<Numbers>,
    levels: OnceCell<Levels>,
    metrics: RefCell<Metrics>,
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.world.goes();
    }
}

impl Sim {
    /// That of a new instance.
    #[must_use]
    pub fn new(world: &Rc<World>, component: &Rc<Component>, instance: Owner) -> Self {
        world.comes();
        let seed = world.random();
        Self(Rc::new(Inner {
            world: Rc::clone(world),
            component: Rc::clone(component),
            instance,
            random: RefCell::new(Numbers::new(seed)),
            names: RefCell::new(Numbers::new(!seed)),
            levels: OnceCell::new(),
            metrics: RefCell::default(),
        }))
    }

    fn manner(&self) -> Manner {
        self.0.component.manner
    }

    fn accepted(entries: &FieldList) -> Result<Fields, NotAccepted> {
        match wire::may_be_set(entries) {
            true => Ok(Fields::of(entries.clone())),
            false => Err(NotAccepted),
        }
    }
}

/// One half of a signal.
pub struct Wake(Rc<Signal>);

/// The other half.
pub struct Waiting(Rc<Signal>);

struct Signal {
    world: Rc<World>,
    is_dropped: Cell<bool>,
    waker: RefCell<Option<Waker>>,
}

impl Drop for Wake {
    fn drop(&mut self) {
        self.0.is_dropped.set(true);
        let waker = self.0.waker.borrow_mut().take();
        self.0.world.executor.wake(waker);
    }
}

impl Platform for Sim {
    type Request = Request;
    type Response = Response;
    type Fields = Fields;
    type Unread = (bool, Option<String>, Option<Times>);
    type Source = Source;
    type Sink = Sink;
    type Body = Body;
    type Silence = Silence;
    type Options = Times;
    type Error = Failure;
    type Store = Open;
    type Wake = Wake;
    type Waiting = Waiting;
    type HashState = BuildHasherDefault<DefaultHasher>;

    fn now(&self) -> UnixTime {
        UnixTime(self.0.world.wall_ms() / 1000)
    }

    fn now_millis(&self) -> Millis {
        Millis(self.0.world.wall_ms())
    }

    fn monotonic_ns(&self) -> u64 {
        u64::try_from(self.0.world.executor.now().as_nanos()).unwrap_or(u64::MAX)
    }

    async fn pause(&self, time: Duration) {
        self.0.world.executor.sleep(time).await;
    }

    fn random(&self) -> u64 {
        self.0.random.borrow_mut().next_number()
    }

    fn random_name(&self) -> u64 {
        // All else that is drawn does not depend on how many requests there were.
        self.0.names.borrow_mut().next_number()
    }

    fn hash_state(&self) -> Self::HashState {
        BuildHasherDefault::default()
    }

    async fn secret(&self, name: &str) -> Result<String, Unreadable> {
        self.0.world.executor.turn().await;
        let secret = self.0.component.secrets.get(name).cloned();
        let why = || format!("variable {name}: not defined for this component");
        secret.ok_or_else(|| Unreadable::because(why()))
    }

    fn file(&self, path: &str) -> Result<Vec<u8>, Unreadable> {
        let file = self.0.component.files.get(path).cloned();
        file.ok_or_else(|| Unreadable::because("No such file or directory (os error 44)"))
    }

    fn tells_client(&self) -> bool {
        self.0.component.tells_client
    }

    fn increments(&self) -> bool {
        self.0.component.increments
    }

    async fn open_store(&self, name: &str) -> Result<Open, StoreError> {
        self.0.world.executor.turn().await;
        if !self.0.component.stores.contains(name) {
            return Err(StoreError::AccessDenied);
        }
        let name = format!("{}{name}", self.0.component.store_prefix);
        Ok(Open::new(self.0.world.store(&name)))
    }

    fn spawn(&self, work: impl Future<Output = ()> + 'static) {
        self.0.world.executor.spawn(self.0.instance, work);
    }

    fn signal(&self) -> (Wake, Waiting) {
        let signal = Rc::new(Signal {
            world: Rc::clone(&self.0.world),
            is_dropped: Cell::new(false),
            waker: RefCell::default(),
        });
        (Wake(Rc::clone(&signal)), Waiting(signal))
    }

    async fn woken(waiting: Waiting) {
        poll_fn(|context| {
            if waiting.0.is_dropped.get() {
                return Poll::Ready(());
            }
            *waiting.0.waker.borrow_mut() = Some(context.waker().clone());
            Poll::Pending
        })
        .await;
    }

    fn levels(&self) -> Option<&Levels> {
        self.0.levels.get()
    }

    fn set_levels(&self, levels: Levels) {
        let _ = self.0.levels.set(levels);
    }

    fn metrics(&self) -> Option<&RefCell<Metrics>> {
        self.0.component.measures.then_some(&self.0.metrics)
    }

    const EXPORTS: bool = true;

    async fn export(&self, deltas: &Deltas) -> Result<(), Untold> {
        self.0.world.executor.turn().await;
        self.0.world.measured(&deltas.points).ok_or(Untold)
    }

    fn tell(&self, line: &str) {
        self.0.world.write(self.0.instance, line);
    }

    const OBSERVES: bool = true;

    fn observe(&self, record: &Record<'_>) {
        self.0.world.observe(record);
    }

    fn method(request: &Request) -> Cow<'static, str> {
        Cow::Owned(request.method.clone())
    }

    fn target(request: &Request) -> Option<String> {
        request.target.clone()
    }

    fn authority(request: &Request) -> Option<String> {
        request.authority.clone()
    }

    fn is_https(request: &Request) -> bool {
        request.https
    }

    fn fields(request: &Request) -> Fields {
        request.fields.clone()
    }

    fn listed(fields: &Fields) -> FieldList {
        fields.entries()
    }

    fn copied(fields: &Fields) -> Fields {
        fields.copied()
    }

    fn values(fields: &Fields, name: &str) -> Vec<Vec<u8>> {
        fields.values(name)
    }

    fn has_any(fields: &Fields, names: &[&str]) -> bool {
        names.iter().any(|name| !fields.values(name).is_empty())
    }

    fn delete(fields: &Fields, name: &str) -> Result<(), NotAccepted> {
        if is_forbidden(name) {
            return Err(NotAccepted);
        }
        let without = |entries: &mut FieldList| {
            entries.retain(|there| !there.eq_ignore_ascii_case(name));
        };
        fields.change(without).then_some(()).ok_or(NotAccepted)
    }

    fn set(fields: &Fields, name: &str, values: &[Vec<u8>]) -> Result<(), NotAccepted> {
        Self::delete(fields, name)?;
        if !values.iter().all(|value| wire::is_value(value)) {
            return Err(NotAccepted);
        }
        let with = |entries: &mut FieldList| {
            entries.extend(values.iter().map(|value| (name.to_owned(), value.clone())));
        };
        fields.change(with).then_some(()).ok_or(NotAccepted)
    }

    fn unread(request: &Request) -> Self::Unread {
        (request.https, request.authority.clone(), request.times)
    }

    fn forwarded(
        &self,
        (https, authority, times): Self::Unread,
        fields: Fields,
        line: RequestLine<'_>,
        body: Body,
    ) -> Result<Request, NotAccepted> {
        Ok(Request {
            method: line.method.to_owned(),
            https,
            authority,
            target: Some(line.target.to_owned()),
            fields: Fields::of(fields.entries()),
            body,
            times,
        })
    }

    fn request(
        &self,
        to: &Destination<'_>,
        line: RequestLine<'_>,
        fields: &FieldList,
        body: Body,
        options: Option<Times>,
    ) -> Result<Request, NotAccepted> {
        let mut entries = Self::accepted(fields)?.entries();
        let length = to.content_length.map(|length| length.to_string());
        entries.extend(length.map(|length| ("content-length".to_owned(), length.into_bytes())));
        Ok(Request {
            method: line.method.to_owned(),
            https: to.https,
            authority: to.authority.map(str::to_owned),
            target: Some(line.target.to_owned()),
            fields: Fields::of(entries),
            body,
            times: options,
        })
    }

    fn options(&self, times: &Times) -> (Times, bool) {
        (*times, self.0.component.keeps_time)
    }

    async fn send(&self, request: Request) -> Result<Response, Failure> {
        let (world, component) = (&self.0.world, &self.0.component);
        let authority = request.authority.clone().unwrap_or_default();
        if !component.may_reach(request.https, &authority) {
            world.executor.turn().await;
            return Err(Failure::Denied);
        }
        let method = request.method.clone();
        let times = request.times.filter(|_| component.keeps_time);
        let request = wire::sent(&world.executor, request);
        let response = world.exchange(request, component.keeps_time).await?;
        let between = times.and_then(|times| times.between_bytes_ms);
        let between = between.map(Duration::from_millis);
        wire::received(&world.executor, response, &method, self.manner(), between)
    }

    fn failure(error: &Failure) -> UpstreamFailure {
        error.of_upstream()
    }

    fn explanation(error: &Failure) -> String {
        error.of_upstream().to_string()
    }

    fn ends_with_client(&self) -> bool {
        // Who leaves ends all of the request here.
        false
    }

    fn names_requests(&self) -> bool {
        self.manner() == Manner::Removes
    }

    fn hides_hop_by_hop(&self) -> bool {
        self.manner() == Manner::Removes
    }

    fn client_has_gone(error: &Failure) -> bool {
        matches!(error, Failure::ClientGone)
    }

    fn error(reason: &'static str) -> Failure {
        Failure::Told(reason)
    }

    fn status(response: &Response) -> u16 {
        response.status
    }

    fn response_fields(response: &Response) -> Fields {
        response.fields.clone()
    }

    fn response(
        &self,
        status: u16,
        fields: &FieldList,
        body: Body,
    ) -> Result<Response, NotAccepted> {
        let fields = Self::accepted(fields)?;
        Ok(Response {
            status,
            fields,
            body,
        })
    }

    fn with_fields(&self, response: Response, fields: &FieldList) -> Result<Response, NotAccepted> {
        let fields = Self::accepted(fields)?;
        Ok(Response { fields, ..response })
    }

    fn with_field(
        &self,
        response: Response,
        fields: Fields,
        name: &str,
        value: &[u8],
    ) -> Result<Response, NotAccepted> {
        let mut fields = fields.entries();
        fields.replace(name, value);
        self.with_fields(response, &fields)
    }

    fn source(&self, request: Request) -> Source {
        request.body.source()
    }

    fn response_source(&self, response: Response) -> Source {
        response.body.source()
    }

    fn read_now(source: &mut Source, buffer: Vec<u8>) -> Read {
        source.read_now(buffer)
    }

    async fn read(source: &mut Source, buffer: Vec<u8>, stop: &Stop) -> Read {
        source.read(buffer, stop).await
    }

    async fn trailers(source: &mut Source) -> Result<FieldList, Failure> {
        source.trailers().await
    }

    fn pipe(&self, _of: Message) -> (Sink, Body) {
        Body::pipe(&self.0.world.executor, Failure::Incomplete)
    }

    async fn write(sink: &mut Sink, piece: Vec<u8>, stop: &Stop) -> Option<Vec<u8>> {
        sink.write(piece, stop).await
    }

    async fn finish(sink: Sink, trailers: Result<FieldList, Failure>) {
        // Fields that a host does not accept are none.
        let refused = |trailers: &FieldList| trailers.names().any(is_forbidden);
        sink.finish(trailers.map(|trailers| match refused(&trailers) {
            true => FieldList::new(),
            false => trailers,
        }));
    }

    fn empty(&self) -> (Silence, Body) {
        Body::empty(&self.0.world.executor)
    }

    fn bytes(&self, bytes: Vec<u8>) -> Body {
        Body::whole(&self.0.world.executor, bytes)
    }
}
