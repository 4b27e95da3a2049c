//! [`Platform`] on WASI 0.3 with Spin's interfaces.
//!
//! It works on the WASI resources themselves: the convenience conversions of the SDK pump every body through the
//! component once more.

mod bodies;
mod embedded;
mod failure;
#[cfg(feature = "metrics")]
mod measured;
mod prepared;
mod requests;
mod spawned;
mod store;
#[cfg(feature = "wasi-otel")]
mod telemetry;

use doorward_gate::levels::Levels;
#[cfg(feature = "metrics")]
use doorward_gate::metrics::{Deltas, Metrics};
#[cfg(feature = "metrics")]
use doorward_gate::platform::Untold;
use doorward_gate::platform::{
    Destination, FieldList, HOST_VARIABLE, Message, Millis, NotAccepted, Platform, Read,
    RequestLine, Stop, StoreError, Times, UnixTime, Unreadable, UpstreamFailure,
};
use doorward_gate::prepared::Prepared;
use spin_sdk::variables;
use std::borrow::Cow;
#[cfg(feature = "metrics")]
use std::cell::RefCell;
use std::hash::{BuildHasher as _, RandomState};
use std::sync::OnceLock;
use std::time::Duration;
use wasip2::cli::stderr::get_stderr;
use wasip2::io::streams::OutputStream;
use wasip3::clocks::{monotonic_clock, system_clock};
use wasip3::http::client;
use wasip3::http::types::{ErrorCode, Fields, Request, Response, Scheme};
use wasip3::wit_bindgen::{FutureWriter, StreamReader, StreamWriter};
use wasip3::wit_stream;

#[cfg(feature = "linked")]
pub use self::bodies::Body as BodyStream;
use self::bodies::{Body, Sink, Source, Trailers};
pub use self::prepared::prepare;
pub use self::requests::method_name;
use self::requests::{Options, Unread};
pub use self::spawned::spawning;
use self::store::SpinStore;

/// Bytes that standard error takes at once (`blocking-write-and-flush` of `wasi:io/streams`).
const STDERR_BYTES_MAX: usize = 4096;
/// Where lines go. A component has a memory for each instance.
static STDERR: OnceLock<OutputStream> = OnceLock::new();
/// Which events the log of this instance has. A component has a memory for each instance.
static LEVELS: OnceLock<Levels> = OnceLock::new();

/// The host of this instance. Where it `INCREMENTS`, the component imports `wasi:keyvalue/atomics`, and does not start
/// on a host without.
#[derive(Debug, Clone, Copy)]
pub struct Wasi<const INCREMENTS: bool>;

impl<const INCREMENTS: bool> Platform for Wasi<INCREMENTS> {
    type Request = Request;
    type Response = Response;
    type Fields = Fields;
    type Unread = Unread;
    type Source = Source;
    type Sink = Sink;
    type Body = Body;
    type Silence = FutureWriter<Trailers>;
    type Options = Options;
    type Error = ErrorCode;
    type Store = SpinStore<INCREMENTS>;
    // A stream that ends wakes whoever reads from it, through the host.
    type Wake = StreamWriter<u8>;
    type Waiting = StreamReader<u8>;
    type HashState = RandomState;

    fn now(&self) -> UnixTime {
        UnixTime(u64::try_from(system_clock::now().seconds).unwrap_or(0))
    }

    fn now_millis(&self) -> Millis {
        let now = system_clock::now();
        let seconds = u64::try_from(now.seconds).unwrap_or(0);
        let millis = seconds.saturating_mul(1000);
        Millis(millis.saturating_add(u64::from(now.nanoseconds / 1_000_000)))
    }

    fn monotonic_ns(&self) -> u64 {
        monotonic_clock::now()
    }

    async fn pause(&self, time: Duration) {
        monotonic_clock::wait_for(u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)).await;
    }

    fn random(&self) -> u64 {
        // The keys of hash maps are the host's random numbers, so no further import is needed.
        RandomState::new().hash_one(0)
    }

    fn hash_state(&self) -> RandomState {
        RandomState::new()
    }

    async fn secret(&self, name: &str) -> Result<String, Unreadable> {
        let secret = variables::get(name).await;
        secret
            .map_err(|error| Unreadable::because(format!("variable {name}: {}", no_secret(&error))))
    }

    fn file(&self, path: &str) -> Result<Vec<u8>, Unreadable> {
        let embedded = embedded::file(path)?;
        match (embedded, std::fs::read(path)) {
            (None, mounted) => mounted.map_err(|error| Unreadable::because(error.to_string())),
            (Some(_), Ok(_)) => Err(Unreadable::twice()),
            (Some(embedded), Err(_)) => Ok(embedded.to_vec()),
        }
    }

    fn is_mounted(&self, path: &str) -> bool {
        std::fs::read(path).is_ok()
    }

    fn prepared<T>(&self, take: impl FnOnce(&mut Prepared) -> Option<T>) -> Option<T> {
        prepared::with(take)
    }

    fn tells_client(&self) -> bool {
        embedded::tells_client()
    }

    fn increments(&self) -> bool {
        INCREMENTS
    }

    async fn open_store(&self, name: &str) -> Result<SpinStore<INCREMENTS>, StoreError> {
        SpinStore::open(name).await
    }

    fn spawn(&self, work: impl Future<Output = ()> + 'static) {
        spawned::spawn(work);
    }

    fn signal(&self) -> (StreamWriter<u8>, StreamReader<u8>) {
        wit_stream::new()
    }

    async fn woken(mut waiting: StreamReader<u8>) {
        // Ends without an item.
        waiting.next().await;
    }

    fn levels(&self) -> Option<&Levels> {
        LEVELS.get()
    }

    fn set_levels(&self, levels: Levels) {
        let _ = LEVELS.set(levels);
    }

    #[cfg(feature = "metrics")]
    fn metrics(&self) -> Option<&RefCell<Metrics>> {
        Some(measured::metrics())
    }

    #[cfg(feature = "metrics")]
    const EXPORTS: bool = cfg!(feature = "wasi-otel");

    #[cfg(feature = "metrics")]
    async fn export(&self, deltas: &Deltas) -> Result<(), Untold> {
        #[cfg(feature = "wasi-otel")]
        return telemetry::told(deltas);
        #[cfg(not(feature = "wasi-otel"))]
        {
            let _ = deltas;
            Err(Untold)
        }
    }

    fn tell(&self, line: &str) {
        // The standard library asks for the stream each time and gives it back: three calls of the host for a line.
        let stream = STDERR.get_or_init(get_stderr);
        for piece in line.as_bytes().chunks(STDERR_BYTES_MAX) {
            // Where standard error is gone there is nobody left to tell.
            let _ = stream.blocking_write_and_flush(piece);
        }
    }

    fn method(request: &Request) -> Cow<'static, str> {
        method_name(request.get_method())
    }

    fn target(request: &Request) -> Option<String> {
        request.get_path_with_query()
    }

    fn authority(request: &Request) -> Option<String> {
        request.get_authority()
    }

    fn is_https(request: &Request) -> bool {
        matches!(request.get_scheme(), Some(Scheme::Https))
    }

    fn fields(request: &Request) -> Fields {
        request.get_headers()
    }

    fn listed(fields: &Fields) -> FieldList {
        FieldList::from(fields.copy_all())
    }

    fn copied(fields: &Fields) -> Fields {
        fields.clone()
    }

    fn values(fields: &Fields, name: &str) -> Vec<Vec<u8>> {
        fields.get(name)
    }

    fn names_requests(&self) -> bool {
        is_our_own_host()
    }

    fn hides_hop_by_hop(&self) -> bool {
        is_our_own_host()
    }

    fn has_any(fields: &Fields, names: &[&str]) -> bool {
        names.iter().any(|name| fields.has(name))
    }

    fn delete(fields: &Fields, name: &str) -> Result<(), NotAccepted> {
        fields.delete(name).map_err(|_| NotAccepted)
    }

    fn set(fields: &Fields, name: &str, values: &[Vec<u8>]) -> Result<(), NotAccepted> {
        fields.set(name, values).map_err(|_| NotAccepted)
    }

    fn unread(request: &Request) -> Unread {
        Unread::of(request)
    }

    fn forwarded(
        &self,
        unread: Unread,
        fields: Fields,
        line: RequestLine<'_>,
        body: Body,
    ) -> Result<Request, NotAccepted> {
        unread.with(fields, line, body)
    }

    fn request(
        &self,
        to: &Destination<'_>,
        line: RequestLine<'_>,
        fields: &FieldList,
        body: Body,
        options: Option<Options>,
    ) -> Result<Request, NotAccepted> {
        requests::made(to, line, fields, body, options)
    }

    fn options(&self, times: &Times) -> (Options, bool) {
        requests::options(times)
    }

    async fn send(&self, request: Request) -> Result<Response, ErrorCode> {
        client::send(request).await
    }

    fn failure(error: &ErrorCode) -> UpstreamFailure {
        failure::failure(error)
    }

    fn explanation(error: &ErrorCode) -> String {
        failure::explanation(error)
    }

    fn ends_with_client(&self) -> bool {
        is_our_own_host()
    }

    fn client_has_gone(error: &ErrorCode) -> bool {
        // To such a host it says that in these words; to another one, what it always says.
        matches!(error, ErrorCode::HttpRequestDenied) && is_our_own_host()
    }

    fn error(reason: &'static str) -> ErrorCode {
        ErrorCode::InternalError(Some(reason.into()))
    }

    fn status(response: &Response) -> u16 {
        response.get_status_code()
    }

    fn response_fields(response: &Response) -> Fields {
        response.get_headers()
    }

    fn response(
        &self,
        status: u16,
        fields: &FieldList,
        body: Body,
    ) -> Result<Response, NotAccepted> {
        let headers = Fields::from_list(fields.as_slice()).map_err(|_| NotAccepted)?;
        let (response, _sent) = Response::new(headers, body.contents, body.trailers);
        // A new one has 200.
        if status != 200 {
            response.set_status_code(status).map_err(|()| NotAccepted)?;
        }
        Ok(response)
    }

    fn with_fields(&self, response: Response, fields: &FieldList) -> Result<Response, NotAccepted> {
        let headers = Fields::from_list(fields.as_slice()).map_err(|_| NotAccepted)?;
        bodies::with_headers(response, headers)
    }

    fn with_field(
        &self,
        response: Response,
        fields: Fields,
        name: &str,
        value: &[u8],
    ) -> Result<Response, NotAccepted> {
        // A copy by the host costs less than to take all fields in and to hand them out again.
        let headers = fields.clone();
        drop(fields);
        let set = headers.set(name, &[value.to_vec()]);
        set.map_err(|_| NotAccepted)?;
        bodies::with_headers(response, headers)
    }

    fn source(&self, request: Request) -> Source {
        Source::of_request(request)
    }

    fn response_source(&self, response: Response) -> Source {
        Source::of_response(response)
    }

    fn read_now(source: &mut Source, buffer: Vec<u8>) -> Read {
        source.read_now(buffer)
    }

    async fn read(source: &mut Source, buffer: Vec<u8>, stop: &Stop) -> Read {
        source.read(buffer, stop).await
    }

    async fn trailers(source: &mut Source) -> Result<FieldList, ErrorCode> {
        source.trailers().await
    }

    fn pipe(&self, of: Message) -> (Sink, Body) {
        bodies::pipe(of)
    }

    async fn write(sink: &mut Sink, piece: Vec<u8>, stop: &Stop) -> Option<Vec<u8>> {
        sink.write(piece, stop).await
    }

    async fn finish(sink: Sink, trailers: Result<FieldList, ErrorCode>) {
        sink.finish(trailers).await;
    }

    fn empty(&self) -> (FutureWriter<Trailers>, Body) {
        bodies::empty()
    }

    fn bytes(&self, bytes: Vec<u8>) -> Body {
        bodies::bytes(bytes)
    }
}

/// A response with a small body.
///
/// # Errors
/// Where the host accepts a field or the status not.
pub fn respond(status: u16, fields: &FieldList, body: Vec<u8>) -> Result<Response, ErrorCode> {
    Wasi::<false>
        .response(status, fields, bodies::bytes(body))
        .map_err(|NotAccepted| Wasi::<false>::error("the response was not accepted"))
}

fn is_our_own_host() -> bool {
    static IS: OnceLock<bool> = OnceLock::new();
    *IS.get_or_init(|| std::env::var_os(HOST_VARIABLE).is_some())
}

fn no_secret(error: &variables::Error) -> &'static str {
    match error {
        variables::Error::InvalidName(_) => "the name is not valid",
        variables::Error::Undefined(_) => {
            "not defined for this component; declare it under [component.….variables] and name \
             \"variables\" in inherit_configuration"
        }
        variables::Error::Provider(_) => "the provider of variables failed",
        variables::Error::Other(_) => "the host failed",
    }
}
