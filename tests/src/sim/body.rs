//! Bodies as streams: what is written waits until it is read, as it does between components.

use super::executor::Executor;
use super::message::Failure;
use doorward_gate::platform::{FieldList, Read, Stop};
use std::cell::RefCell;
use std::collections::VecDeque;
use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

/// What one writes and the other one reads.
struct Pipe {
    executor: Rc<Executor>,
    state: RefCell<State>,
}

#[derive(Default)]
struct State {
    /// What is being written and has not been read.
    piece: VecDeque<u8>,
    writer_gone: bool,
    reader_gone: bool,
    trailers: Option<Result<FieldList, Failure>>,
    writer: Option<Waker>,
    reader: Option<Waker>,
}

impl Pipe {
    fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        change(&mut self.state.borrow_mut())
    }

    fn wake_reader(&self) {
        let waker = self.change(|state| state.reader.take());
        self.executor.wake(waker);
    }

    fn wake_writer(&self) {
        let waker = self.change(|state| state.writer.take());
        self.executor.wake(waker);
    }
}

/// A body that a message is made with.
pub struct Body {
    pipe: Rc<Pipe>,
    /// Whether there is a body, if only an empty one.
    pub is_there: bool,
    /// How long it is, where whoever sends it announces that.
    pub length: Option<u64>,
}

impl Body {
    /// A body that is written, and the way into it. Where that is dropped unfinished, the body fails like this.
    #[must_use]
    pub fn pipe(executor: &Rc<Executor>, unfinished: Failure) -> (Sink, Self) {
        let pipe = Rc::new(Pipe {
            executor: Rc::clone(executor),
            state: RefCell::default(),
        });
        let sink = Sink {
            pipe: Rc::clone(&pipe),
            unfinished: Some(unfinished),
        };
        let (is_there, length) = (true, None);
        let body = Self {
            pipe,
            is_there,
            length,
        };
        (sink, body)
    }

    /// No body. Dropping the first one says that there are no trailers either.
    #[must_use]
    pub fn empty(executor: &Rc<Executor>) -> (Silence, Self) {
        let (sink, mut body) = Self::pipe(executor, Failure::Incomplete);
        body.is_there = false;
        (Silence(Some(sink)), body)
    }

    /// A body that is there at once, all of it.
    #[must_use]
    pub fn whole(executor: &Rc<Executor>, bytes: Vec<u8>) -> Self {
        let (mut sink, body) = Self::pipe(executor, Failure::Incomplete);
        executor.spawn(super::executor::WORLD, async move {
            if bytes.is_empty() || sink.write(bytes, &Stop::never()).await.is_some() {
                sink.finish(Ok(FieldList::new()));
            }
        });
        body
    }

    /// The reading end.
    #[must_use]
    pub fn source(self) -> Source {
        Source(self)
    }
}

impl Drop for Body {
    fn drop(&mut self) {
        self.pipe.change(|state| state.reader_gone = true);
        self.pipe.wake_writer();
    }
}

/// The way into a body.
pub struct Sink {
    pipe: Rc<Pipe>,
    unfinished: Option<Failure>,
}

impl Sink {
    /// Writes all of `piece`, as soon as somebody reads it. Gives it back, empty; `None` where not all of it was
    /// taken.
    pub async fn write(&mut self, piece: Vec<u8>, stop: &Stop) -> Option<Vec<u8>> {
        let pipe = Rc::clone(&self.pipe);
        let written = Written(&pipe);
        pipe.change(|state| state.piece = piece.into());
        pipe.wake_reader();
        let taken = poll_fn(|context| {
            pipe.change(|state| {
                if state.reader_gone || stop.is_set() {
                    return Poll::Ready(false);
                }
                if state.piece.is_empty() {
                    return Poll::Ready(true);
                }
                state.writer = Some(context.waker().clone());
                Poll::Pending
            })
        })
        .await;
        drop(written);
        taken.then(Vec::new)
    }

    /// Ends the body.
    pub fn finish(mut self, trailers: Result<FieldList, Failure>) {
        self.unfinished = None;
        self.pipe.change(|state| state.trailers = Some(trailers));
    }

    /// Whether nobody reads any more. Otherwise whoever asks is woken when it is so.
    pub(super) fn is_left(&self, context: &Context<'_>) -> bool {
        self.pipe.change(|state| {
            state.writer = Some(context.waker().clone());
            state.reader_gone
        })
    }

    /// Whether somebody may still read.
    #[must_use]
    pub fn is_wanted(&self) -> bool {
        !self.pipe.change(|state| state.reader_gone)
    }
}

impl Drop for Sink {
    fn drop(&mut self) {
        let unfinished = self.unfinished.take();
        self.pipe.change(|state| {
            state.writer_gone = true;
            if let Some(failure) = unfinished {
                state.trailers = Some(Err(failure));
            }
        });
        self.pipe.wake_reader();
    }
}

/// What is left of a piece nobody reads once its writer has given up.
struct Written<'p>(&'p Pipe);

impl Drop for Written<'_> {
    fn drop(&mut self) {
        self.0.change(|state| state.piece.clear());
    }
}

/// Says that there are no trailers, when it is dropped.
pub struct Silence(Option<Sink>);

impl Drop for Silence {
    fn drop(&mut self) {
        if let Some(sink) = self.0.take() {
            sink.finish(Ok(FieldList::new()));
        }
    }
}

/// A body that comes.
pub struct Source(Body);

impl Source {
    /// What is there already.
    pub fn read_now(&mut self, mut buffer: Vec<u8>) -> Read {
        let ended = self.take(&mut buffer);
        if !buffer.is_empty() {
            self.0.pipe.wake_writer();
        }
        Read { buffer, ended }
    }

    /// Takes what fits into `buffer`. Returns whether nothing follows.
    fn take(&self, buffer: &mut Vec<u8>) -> bool {
        self.0.pipe.change(|state| {
            let room = buffer.capacity() - buffer.len();
            let (first, _) = state.piece.as_slices();
            let taken = first.get(..room).unwrap_or(first);
            buffer.extend_from_slice(taken);
            let count = taken.len();
            state.piece.drain(..count);
            state.piece.is_empty() && state.writer_gone
        })
    }

    /// Waits for more of it, unless it is to stop.
    pub async fn read(&mut self, mut buffer: Vec<u8>, stop: &Stop) -> Read {
        let before = buffer.len();
        let ended = poll_fn(|context| {
            let ended = self.take(&mut buffer);
            if ended || buffer.len() > before || stop.is_set() {
                return Poll::Ready(ended);
            }
            let waker = context.waker().clone();
            self.0.pipe.change(|state| state.reader = Some(waker));
            Poll::Pending
        })
        .await;
        self.0.pipe.wake_writer();
        Read { buffer, ended }
    }

    /// The trailers. What of the body was not read is read past.
    ///
    /// # Errors
    /// The body is not whole.
    pub async fn trailers(&mut self) -> Result<FieldList, Failure> {
        poll_fn(|context| {
            self.0.pipe.change(|state| {
                if let Some(trailers) = &state.trailers {
                    return Poll::Ready(trailers.clone());
                }
                state.reader = Some(context.waker().clone());
                Poll::Pending
            })
        })
        .await
    }
}
