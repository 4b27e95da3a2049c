//! Bodies and their trailers, as streams and futures of WASI.

use doorward_gate::platform::{FieldList, Message, NotAccepted, Read, Stop};
use std::future::poll_fn;
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use wasip3::http::types::{ErrorCode, Fields, Request, Response};
use wasip3::wit_bindgen::{
    self, FutureReader, FutureWriter, StreamReader, StreamResult, StreamWriter,
};
use wasip3::{wit_future, wit_stream};

/// Trailer fields, as the host hands them over.
pub type Trailers = Result<Option<Fields>, ErrorCode>;

/// What a message is made with.
pub struct Body {
    /// `None`: there is no body.
    pub contents: Option<StreamReader<u8>>,
    /// What follows it.
    pub trailers: FutureReader<Trailers>,
}

/// No body, and what says that there are no trailers either when it is dropped.
pub fn empty() -> (FutureWriter<Trailers>, Body) {
    let (silence, trailers) = wit_future::new(|| Ok(None));
    let contents = None;
    (silence, Body { contents, trailers })
}

/// A body that is written at once.
pub fn bytes(bytes: Vec<u8>) -> Body {
    let (mut writer, reader) = wit_stream::new();
    let (none, trailers) = wit_future::new(|| Ok(None));
    // Runs in the same turn in which the message is handed over, before the host goes on.
    wit_bindgen::spawn(async move {
        // Where the other side has heard enough, it answers.
        writer.write_all(bytes).await;
        drop(writer);
        drop(none);
    });
    let contents = Some(reader);
    Body { contents, trailers }
}

/// A body that is written piece by piece.
pub fn pipe(of: Message) -> (Sink, Body) {
    let (body, reader) = wit_stream::new();
    let (trailers, trailers_reader) = match of {
        Message::Request => wit_future::new(|| Err(ErrorCode::HttpRequestBodySize(None))),
        Message::Response => wit_future::new(|| Err(ErrorCode::HttpResponseBodySize(None))),
    };
    let read = Body {
        contents: Some(reader),
        trailers: trailers_reader,
    };
    (Sink { body, trailers }, read)
}

/// The way into a body.
pub struct Sink {
    body: StreamWriter<u8>,
    /// Says that the body is not whole, where it is dropped.
    trailers: FutureWriter<Trailers>,
}

impl Sink {
    /// Writes all of `piece` and gives its buffer back; `None` where not all of it was taken.
    pub async fn write(&mut self, mut piece: Vec<u8>, stop: &Stop) -> Option<Vec<u8>> {
        loop {
            let (result, rest) = {
                let mut writing = pin!(self.body.write(piece));
                poll_fn(|context| {
                    if stop.is_set() {
                        return Poll::Ready(writing.as_mut().cancel());
                    }
                    writing.as_mut().poll(context)
                })
                .await
            };
            if stop.is_set() || matches!(result, StreamResult::Dropped) {
                return None;
            }
            piece = rest.into_vec();
            if piece.is_empty() {
                return Some(piece);
            }
        }
    }

    /// Ends the body.
    pub async fn finish(self, trailers: Result<FieldList, ErrorCode>) {
        drop(self.body);
        let trailers = trailers.map(|fields| {
            // Fields that came in are accepted again; if not, none go on.
            let made = (!fields.is_empty()).then(|| Fields::from_list(fields.as_slice()));
            made.and_then(Result::ok)
        });
        let _ = self.trailers.write(trailers).await;
    }
}

/// A body that comes.
pub struct Source {
    /// Tells the host that the body is no longer read, when it is dropped.
    _outcome: Option<FutureWriter<Result<(), ErrorCode>>>,
    stream: StreamReader<u8>,
    trailers: Coming,
}

/// The trailers of a body.
enum Coming {
    /// They come after it.
    Later(FutureReader<Trailers>),
    /// They were waited for, and whoever did gave up: nobody knows any more whether the body is whole.
    Lost,
    /// They have come.
    Here,
}

impl Source {
    /// That of a request.
    pub fn of_request(request: Request) -> Self {
        let (outcome, outcome_reader) = wit_future::new(|| Ok(()));
        let (stream, trailers) = Request::consume_body(request, outcome_reader);
        Self {
            _outcome: Some(outcome),
            stream,
            trailers: Coming::Later(trailers),
        }
    }

    /// That of a response.
    pub fn of_response(response: Response) -> Self {
        let (stream, trailers) = unread(response);
        Self {
            _outcome: None,
            stream,
            trailers: Coming::Later(trailers),
        }
    }

    /// What is there already, without waiting for it.
    pub fn read_now(&mut self, buffer: Vec<u8>) -> Read {
        let mut read = pin!(self.stream.read(buffer));
        let mut context = Context::from_waker(Waker::noop());
        let (result, buffer) = match read.as_mut().poll(&mut context) {
            Poll::Ready(done) => done,
            Poll::Pending => read.as_mut().cancel(),
        };
        as_read(result, buffer)
    }

    /// Waits for more, unless it is to stop.
    pub async fn read(&mut self, buffer: Vec<u8>, stop: &Stop) -> Read {
        let mut reading = pin!(self.stream.read(buffer));
        let (result, buffer) = poll_fn(|context| {
            if stop.is_set() {
                // What has been read by now is not lost.
                return Poll::Ready(reading.as_mut().cancel());
            }
            reading.as_mut().poll(context)
        })
        .await;
        as_read(result, buffer)
    }

    /// The trailers.
    pub async fn trailers(&mut self) -> Result<FieldList, ErrorCode> {
        let fields = match std::mem::replace(&mut self.trailers, Coming::Lost) {
            Coming::Later(trailers) => trailers.await?,
            Coming::Lost => return Err(ErrorCode::HttpRequestBodySize(None)),
            Coming::Here => None,
        };
        self.trailers = Coming::Here;
        Ok(fields.map_or_else(FieldList::new, |fields| fields.copy_all().into()))
    }
}

fn as_read(result: StreamResult, buffer: Vec<u8>) -> Read {
    let ended = matches!(result, StreamResult::Dropped);
    Read { buffer, ended }
}

/// A response with other fields, whose body is handed on as it is.
pub fn with_headers(response: Response, headers: Fields) -> Result<Response, NotAccepted> {
    let status = response.get_status_code();
    let (contents, trailers) = unread(response);
    let (rebuilt, _sent) = Response::new(headers, Some(contents), trailers);
    // A new one has 200.
    if status != 200 {
        rebuilt.set_status_code(status).map_err(|()| NotAccepted)?;
    }
    Ok(rebuilt)
}

/// The body of a response, to be handed on as it is.
fn unread(response: Response) -> (StreamReader<u8>, FutureReader<Trailers>) {
    let (outcome, outcome_reader) = wit_future::new(|| Ok(()));
    let (body, trailers) = Response::consume_body(response, outcome_reader);
    drop(outcome);
    (body, trailers)
}
