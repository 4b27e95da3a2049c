//! Batches on their way into the sink: one is written while the next one is filled.

use core::future::poll_fn;
use core::pin::{Pin, pin};
use core::task::Poll;

use doorward_retry::{Backoff, Random};

use super::platform::{Body, Broken, Clock};
use crate::record::Batch;
use crate::sink::{Sink, SinkError, Written};
use crate::split::Place;

/// The pauses after which a write that failed is tried again, in milliseconds.
const BACKOFF: Backoff = Backoff {
    least: 50,
    first: 200,
    most: 5_000,
};

/// Writes batches, one after the other.
pub struct Writer<'a, S, C> {
    sink: &'a S,
    clock: &'a C,
    random: Random,
    write_ms_max: u64,
    under_way: Option<Pin<Box<dyn Future<Output = Done> + 'a>>>,
    /// A batch without records, for who fills the next one.
    spare: Batch,
    /// Records that are in the sink.
    accepted: u64,
    /// Those of them that were there before.
    duplicates: u64,
}

/// A batch is not known to be written, and nothing after it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unwritten {
    /// Where its first event is.
    pub first: Place,
    /// Why.
    pub error: SinkError,
}

/// What became of a batch.
struct Done {
    batch: Batch,
    first: Place,
    result: Result<Written, SinkError>,
}

impl<'a, S: Sink, C: Clock> Writer<'a, S, C> {
    /// Writes to a sink. A batch that is not written after so many milliseconds is given up.
    pub fn new(sink: &'a S, clock: &'a C, random: Random, write_ms_max: u64) -> Self {
        Self {
            sink,
            clock,
            random,
            write_ms_max,
            under_way: None,
            spare: Batch::new(),
            accepted: 0,
            duplicates: 0,
        }
    }

    /// How many records are in the sink, and how many of them were there before.
    pub const fn written(&self) -> (u64, u64) {
        (self.accepted, self.duplicates)
    }

    /// Begins to write a batch when the one before is written, and gives an empty one in its place. Where `first` is, its
    /// first event is.
    pub async fn hand_over(&mut self, batch: &mut Batch, first: Place) -> Result<(), Unwritten> {
        self.wait().await?;
        let full = core::mem::replace(batch, core::mem::take(&mut self.spare));
        let random = Random::seeded(self.random.next());
        let (sink, clock, write_ms_max) = (self.sink, self.clock, self.write_ms_max);
        let mut writing: Pin<Box<dyn Future<Output = Done> + 'a>> = Box::pin(async move {
            let result = write(sink, clock, random, write_ms_max, &full).await;
            Done {
                batch: full,
                first,
                result,
            }
        });
        // It is on its way before more is read.
        let polled = poll_fn(|context| Poll::Ready(writing.as_mut().poll(context))).await;
        match polled {
            Poll::Ready(done) => self.settle(done),
            Poll::Pending => {
                self.under_way = Some(writing);
                Ok(())
            }
        }
    }

    /// Waits until what was handed over is written.
    pub async fn wait(&mut self) -> Result<(), Unwritten> {
        match self.under_way.take() {
            Some(writing) => {
                let done = writing.await;
                self.settle(done)
            }
            None => Ok(()),
        }
    }

    /// Reads the next piece of a body, while what was handed over is written. Where that fails, nothing more is read.
    pub async fn read(
        &mut self,
        body: &mut impl Body,
        piece: &mut Vec<u8>,
    ) -> Result<Result<bool, Broken>, Unwritten> {
        let mut reading = pin!(body.read(piece));
        poll_fn(|context| {
            if let Some(writing) = &mut self.under_way
                && let Poll::Ready(done) = writing.as_mut().poll(context)
            {
                self.under_way = None;
                if let Err(unwritten) = self.settle(done) {
                    return Poll::Ready(Err(unwritten));
                }
            }
            reading.as_mut().poll(context).map(Ok)
        })
        .await
    }

    fn settle(&mut self, done: Done) -> Result<(), Unwritten> {
        let Done {
            mut batch,
            first,
            result,
        } = done;
        let written = result.map_err(|error| Unwritten { first, error })?;
        let count = u64::try_from(batch.len()).unwrap_or(u64::MAX);
        self.accepted = self.accepted.saturating_add(count);
        self.duplicates = self
            .duplicates
            .saturating_add(written.duplicates.min(count));
        batch.clear();
        self.spare = batch;
        Ok(())
    }
}

/// Writes a batch, and tries again until it is written, the sink says that it never will be, or there is no time left.
async fn write<S: Sink, C: Clock>(
    sink: &S,
    clock: &C,
    mut random: Random,
    write_ms_max: u64,
    batch: &Batch,
) -> Result<Written, SinkError> {
    let until_ms = clock.now_ms().saturating_add(write_ms_max);
    let mut failures = 0_u32;
    loop {
        let left_ms = until_ms.saturating_sub(clock.now_ms());
        let why = match within(clock, left_ms, sink.write(batch)).await {
            Some(Ok(written)) => return Ok(written),
            Some(Err(error @ SinkError::Never(_))) => return Err(error),
            Some(Err(SinkError::NotNow(why))) => why,
            None => {
                let why = format!("it has not answered for {left_ms} ms");
                return Err(SinkError::NotNow(why));
            }
        };
        failures = failures.saturating_add(1);
        let left_ms = until_ms.saturating_sub(clock.now_ms());
        match BACKOFF.again(failures, 0, left_ms, None, &mut random) {
            Ok(pause_ms) => clock.pause(pause_ms).await,
            Err(_) => return Err(SinkError::NotNow(why)),
        }
    }
}

/// What comes of something that has so much time; `None` where that is over.
async fn within<T>(clock: &impl Clock, ms: u64, future: impl Future<Output = T>) -> Option<T> {
    let mut future = pin!(future);
    let mut pause = pin!(clock.pause(ms));
    poll_fn(|context| {
        if let Poll::Ready(value) = future.as_mut().poll(context) {
            return Poll::Ready(Some(value));
        }
        pause.as_mut().poll(context).map(|()| None)
    })
    .await
}
