#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::pin::{Pin, pin};
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame};
use tokio::sync::mpsc;
use wasmtime_wasi_http::Error;

use std::sync::Arc;
use std::task::Waker;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

use super::exchange::Ended;
use super::{Download, Flow, Paces, Upload};
use crate::patience::Pace;

const PATIENCE: Duration = Duration::from_secs(30);
const SILENCE: Duration = Duration::from_secs(300);

/// A body whose pieces a test sends.
struct Pieces(mpsc::UnboundedReceiver<Bytes>);

impl Body for Pieces {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let piece = self.0.poll_recv(cx);
        piece.map(|piece| piece.map(|piece| Ok(Frame::data(piece))))
    }
}

fn pieces() -> (mpsc::UnboundedSender<Bytes>, Pieces) {
    let (sender, receiver) = mpsc::unbounded_channel();
    (sender, Pieces(receiver))
}

fn flow() -> (Arc<Flow>, Arc<Notify>) {
    let pace = Pace {
        time: PATIENCE,
        bytes_per_second: 500,
    };
    let paces = Paces {
        upload: pace,
        download: pace,
        silence: Some(SILENCE),
    };
    let cut = Arc::new(Notify::new());
    let flow = Flow::new(&paces, Instant::now(), Arc::clone(&cut), Box::new(()));
    (Arc::new(flow), cut)
}

async fn pass(seconds: u64) {
    tokio::time::advance(Duration::from_secs(seconds)).await;
}

/// Looks, and says why the exchange has ended, where it has.
fn look(flow: &Flow) -> Option<Ended> {
    flow.check(Instant::now());
    flow.ended()
}

/// Polls once; what came, where something did.
fn poll<B: Body<Data = Bytes> + Unpin>(body: &mut B) -> Poll<Option<Bytes>> {
    let mut cx = Context::from_waker(Waker::noop());
    Pin::new(body).poll_frame(&mut cx).map(|frame| {
        let frame = frame?.ok()?;
        frame.into_data().ok()
    })
}

#[tokio::test(start_paused = true)]
async fn a_client_that_sends_nothing_of_a_body_that_is_read_is_too_slow() {
    let (flow, _) = flow();
    let (_sender, body) = pieces();
    let mut body = Upload::new(body, Arc::clone(&flow));
    assert!(poll(&mut body).is_pending());
    pass(29).await;
    assert_eq!(look(&flow), None);
    pass(1).await;
    assert_eq!(look(&flow), Some(Ended::SlowUpload));
    flow.too_slow().await;
    assert_eq!(poll(&mut body), Poll::Ready(None), "the body has failed");
}

#[tokio::test(start_paused = true)]
async fn who_reads_the_body_is_woken_when_the_client_is_too_slow() {
    let (flow, _) = flow();
    let (_sender, body) = pieces();
    let mut body = Upload::new(body, Arc::clone(&flow));
    let mut read =
        tokio::spawn(
            async move { std::future::poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await },
        );
    assert!(
        tokio::time::timeout(PATIENCE, &mut read).await.is_err(),
        "nothing has come"
    );
    flow.check(Instant::now());
    assert!(read.await.unwrap().unwrap().is_err());
}

#[tokio::test(start_paused = true)]
async fn one_byte_now_and_then_is_too_slow_as_well() {
    let (flow, _) = flow();
    let (sender, body) = pieces();
    let mut body = Upload::new(body, Arc::clone(&flow));
    let mut lasted_s = 0;
    while look(&flow).is_none() {
        sender.send(Bytes::from_static(b"x")).unwrap();
        assert!(poll(&mut body).is_ready());
        assert!(poll(&mut body).is_pending());
        pass(8).await;
        lasted_s += 8;
    }
    assert_eq!(lasted_s, 32);
}

#[tokio::test(start_paused = true)]
async fn a_body_that_nobody_reads_may_take_as_long_as_it_takes() {
    let (flow, _) = flow();
    let (sender, body) = pieces();
    let mut body = Upload::new(body, Arc::clone(&flow));
    assert!(poll(&mut body).is_pending());
    pass(20).await;
    // It comes, and whoever reads is busy with something else.
    sender.send(Bytes::from_static(b"x")).unwrap();
    pass(3600).await;
    assert_eq!(look(&flow), None);
    assert!(poll(&mut body).is_ready());
    pass(3600).await;
    assert_eq!(look(&flow), None);
    // What was waited before still counts.
    assert!(poll(&mut body).is_pending());
    pass(11).await;
    assert_eq!(look(&flow), Some(Ended::SlowUpload));
}

#[tokio::test(start_paused = true)]
async fn a_client_that_takes_nothing_of_an_answer_is_cut_off() {
    let (flow, cut) = flow();
    let (sender, body) = pieces();
    flow.answer(Instant::now());
    let mut body = Download::new(body, Arc::clone(&flow));
    sender.send(Bytes::from_static(b"x")).unwrap();
    assert!(poll(&mut body).is_ready());
    pass(29).await;
    assert_eq!(look(&flow), None);
    pass(1).await;
    assert_eq!(look(&flow), Some(Ended::SlowDownload));
    cut.notified().await;
}

#[tokio::test(start_paused = true)]
async fn a_client_that_does_not_even_take_the_head_is_cut_off() {
    let (flow, _) = flow();
    let (_sender, body) = pieces();
    flow.answer(Instant::now());
    let _body = Download::new(body, Arc::clone(&flow));
    pass(30).await;
    assert_eq!(look(&flow), Some(Ended::SlowDownload));
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_has_nothing_to_take_waits_for_no_client() {
    let (flow, cut) = flow();
    let (sender, body) = pieces();
    flow.answer(Instant::now());
    let mut body = Download::new(body, Arc::clone(&flow));
    for _ in 0..10 {
        assert!(poll(&mut body).is_pending());
        pass(299).await;
        assert_eq!(look(&flow), None);
        sender.send(Bytes::from_static(b"x")).unwrap();
        assert!(poll(&mut body).is_ready());
    }
    assert!(poll(&mut body).is_pending());
    pass(300).await;
    assert_eq!(
        look(&flow),
        Some(Ended::Silent),
        "the component says no more"
    );
    cut.notified().await;
}

#[tokio::test(start_paused = true)]
async fn a_component_has_its_time_beside_that_of_the_client() {
    let (flow, _) = flow();
    let time = Duration::from_secs(5);
    let (sender, body) = pieces();
    let mut body = Upload::new(body, Arc::clone(&flow));
    assert_eq!(flow.deadline(time), Some(Instant::now() + time));
    assert!(poll(&mut body).is_pending());
    assert_eq!(flow.deadline(time), None, "the client is waited for");
    pass(20).await;
    sender.send(Bytes::from_static(b"x")).unwrap();
    assert_eq!(flow.deadline(time), Some(Instant::now() + time));
    pass(4).await;
    assert!(poll(&mut body).is_ready());
    assert_eq!(flow.deadline(time), Some(Instant::now() + time));
    let mut too_slow = pin!(flow.too_slow());
    let mut cx = Context::from_waker(Waker::noop());
    assert!(too_slow.as_mut().poll(&mut cx).is_pending());
}
