//! In virtual time, with components that do what they are told.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::future::Future as _;
use std::pin::Pin;
use std::sync::Mutex;
use std::sync::atomic::AtomicU64;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::Response;
use http_body::{Body, Frame};
use tokio::time::{Instant, Sleep};
use wasmtime_wasi_http::Error;

use super::*;
use crate::chaining::Answering;
use crate::course::{Course, Phase};

/// 2026-11-29T02:00:00Z.
const BEGIN: u64 = 1_795_917_600;
const RUN_TIME_MAX: Duration = Duration::from_secs(300);

/// What a component does with what it is asked.
#[derive(Clone, Copy)]
enum Manner {
    Answers(u16),
    /// Takes so many seconds for it.
    Takes(u64),
    /// Answers at once, with a body that takes so many seconds.
    Streams(u64),
    Fails,
}

struct Component {
    manner: Manner,
    begun: Instant,
    /// The seconds at which it was asked, and what for.
    asked: Mutex<Vec<(u64, String)>>,
    /// What is under way.
    under_way: Arc<AtomicU64>,
}

/// Counted while it is there.
struct UnderWay(Arc<AtomicU64>);

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

/// A body that ends after a while.
struct Late(
    Pin<Box<Sleep>>,
    #[expect(dead_code, reason = "dropped with it")] UnderWay,
);

impl Body for Late {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        self.0.as_mut().poll(cx).map(|()| None)
    }
}

impl Callee for Component {
    fn ask(&self, request: Request<WasiBody>) -> Answering {
        let what = format!("{} {}", request.method(), request.uri());
        let at = self.begun.elapsed().as_secs();
        self.asked.lock().unwrap().push((at, what));
        self.under_way.fetch_add(1, Ordering::SeqCst);
        let under_way = UnderWay(Arc::clone(&self.under_way));
        let sleep = |seconds| Box::pin(tokio::time::sleep(Duration::from_secs(seconds)));
        let (before, status, after) = match self.manner {
            Manner::Answers(status) => (sleep(0), status, sleep(0)),
            Manner::Takes(seconds) => (sleep(seconds), 204, sleep(0)),
            Manner::Streams(seconds) => (sleep(0), 200, sleep(seconds)),
            Manner::Fails => return Box::pin(async { Err(Error::InternalError(None)) }),
        };
        Box::pin(async move {
            before.await;
            let body = Late(after, under_way).boxed_unsync();
            Ok(Response::builder().status(status).body(body).unwrap())
        })
    }
}

/// A timer that goes, by a clock that can be moved.
struct Going {
    component: Arc<Component>,
    log: Arc<Mutex<Vec<String>>>,
    /// How far the clock was moved, in seconds.
    moved: Arc<Mutex<i64>>,
    course: Arc<Course>,
    term: Arc<Term>,
    driving: tokio::task::JoinHandle<()>,
    last: Option<(Clockwork, Timed)>,
}

fn start(expression: &str, manner: Manner) -> Going {
    begin(expression, manner, false)
}

fn begin(expression: &str, manner: Manner, at_stop: bool) -> Going {
    let begun = Instant::now();
    let component = Arc::new(Component {
        manner,
        begun,
        asked: Mutex::default(),
        under_way: Arc::default(),
    });
    let log = Arc::new(Mutex::new(Vec::new()));
    let moved = Arc::new(Mutex::new(0_i64));
    let (sink, by) = (Arc::clone(&log), Arc::clone(&moved));
    let clockwork = Clockwork {
        now: Arc::new(move || {
            let now = Duration::from_secs(BEGIN) + begun.elapsed();
            let by = *by.lock().unwrap();
            let far = Duration::from_secs(by.unsigned_abs());
            if by < 0 { now - far } else { now + far }
        }),
        run_time_max: RUN_TIME_MAX,
        log: LogSink::new(move |line| {
            let line = format!("{}: {}", line.component, line.text);
            sink.lock().unwrap().push(line);
        }),
    };
    let timed = Timed {
        component: "worker".into(),
        schedule: Schedule::parse(expression).unwrap(),
        path: "/tasks/clean?all=1".to_owned(),
        at_stop,
        callee: Arc::clone(&component) as Arc<dyn Callee>,
    };
    let course = Course::begin();
    let last = Some((clockwork.clone(), timed.clone()));
    let term = Term::begin(Arc::clone(&course));
    let driving = tokio::spawn(clockwork.drive(timed, Arc::clone(&term)));
    Going {
        component,
        log,
        moved,
        course,
        term,
        driving,
        last,
    }
}

impl Going {
    /// The seconds at which the component was asked.
    fn times(&self) -> Vec<u64> {
        let asked = self.component.asked.lock().unwrap();
        asked.iter().map(|(at, _)| *at).collect()
    }

    fn log(&self) -> Vec<String> {
        self.log.lock().unwrap().clone()
    }

    fn under_way(&self) -> u64 {
        self.component.under_way.load(Ordering::SeqCst)
    }
}

async fn seconds(count: u64) {
    tokio::time::sleep(Duration::from_secs(count)).await;
}

#[tokio::test(start_paused = true)]
async fn a_component_is_asked_at_each_of_the_times_and_for_the_path() {
    let going = start("*/20 * * * * *", Manner::Answers(204));
    seconds(61).await;
    assert_eq!(going.times(), [20, 40, 60]);
    let asked = going.component.asked.lock().unwrap();
    let all_alike = asked
        .iter()
        .all(|(_, what)| what == "POST http://worker.spin.internal/tasks/clean?all=1");
    assert!(all_alike, "{asked:?}");
    assert_eq!(going.log(), [""; 0], "there is nothing to say of it");
}

#[tokio::test(start_paused = true)]
async fn a_day_has_as_many_times_as_it_should() {
    let going = start("0 */5 * * * *", Manner::Answers(200));
    seconds(24 * 3600 + 1).await;
    let expected: Vec<u64> = (1..=24 * 12).map(|n| n * 300).collect();
    assert_eq!(going.times(), expected);
}

#[tokio::test(start_paused = true)]
async fn what_is_still_under_way_is_not_begun_a_second_time() {
    for manner in [Manner::Takes(50), Manner::Streams(50)] {
        let going = start("*/20 * * * * *", manner);
        let begun = going.component.begun;
        let at = |second| tokio::time::sleep_until(begun + Duration::from_secs(second));
        at(75).await;
        assert_eq!(going.times(), [20]);
        let left_out = "worker: the timer's request for /tasks/clean is left out, for the last one is still under way";
        assert_eq!(going.log(), [left_out, left_out], "at 40 and at 60");
        at(81).await;
        assert_eq!(going.times(), [20, 80]);
    }
}

#[tokio::test(start_paused = true)]
async fn what_takes_too_long_is_ended_and_the_next_one_is_begun() {
    for manner in [Manner::Takes(100_000), Manner::Streams(100_000)] {
        let going = start("0 0 * * * *", manner);
        seconds(3600 + RUN_TIME_MAX.as_secs() - 1).await;
        assert_eq!(going.under_way(), 1);
        seconds(2).await;
        assert_eq!(going.under_way(), 0, "nobody waits for it any more");
        let said = "worker: the timer's request for /tasks/clean took more than 300 s and is ended";
        assert_eq!(going.log(), [said]);
        seconds(3600).await;
        assert_eq!(going.times(), [3600, 7200]);
    }
}

#[tokio::test(start_paused = true)]
async fn what_fails_is_said_and_does_not_stop_the_timer() {
    for (manner, what) in [
        (Manner::Answers(500), "was answered with status 500"),
        (Manner::Answers(404), "was answered with status 404"),
        (Manner::Answers(303), "was answered with status 303"),
        (Manner::Fails, "failed"),
    ] {
        let going = start("0 * * * * *", manner);
        seconds(121).await;
        assert_eq!(going.times(), [60, 120]);
        let said = format!("worker: the timer's request for /tasks/clean {what}");
        assert_eq!(going.log(), [said.clone(), said]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_host_that_stops_begins_nothing_and_lets_come_to_an_end_what_is_under_way() {
    let going = start("*/20 * * * * *", Manner::Takes(30));
    seconds(25).await;
    going.course.enter(Phase::Stopping);
    let begun = Instant::now();
    // Who waits for this waits for all that is open.
    going.course.all_gone().await;
    assert_eq!(begun.elapsed().as_secs(), 25, "until it has ended");
    seconds(100).await;
    assert_eq!(going.times(), [20]);
}

#[tokio::test(start_paused = true)]
async fn an_application_that_is_retired_is_asked_no_more_and_lets_come_to_an_end_what_is_under_way()
{
    let going = start("*/20 * * * * *", Manner::Takes(30));
    seconds(25).await;
    going.term.retire();
    let begun = Instant::now();
    going.term.all_gone().await;
    assert_eq!(begun.elapsed().as_secs(), 25, "until it has ended");
    seconds(100).await;
    assert_eq!(going.times(), [20]);
}

#[tokio::test(start_paused = true)]
async fn a_timer_that_wants_it_is_asked_once_more_at_the_stop() {
    for (at_stop, expected) in [(true, vec![60, 90]), (false, vec![60])] {
        let mut going = begin("0 * * * * *", Manner::Takes(5), at_stop);
        seconds(90).await;
        going.course.enter(Phase::Stopping);
        let (clockwork, timed) = going.last.take().unwrap();
        clockwork.at_stop(timed).await;
        assert_eq!(going.times(), expected);
        let waited = going.component.begun.elapsed().as_secs();
        assert_eq!(waited, if at_stop { 95 } else { 90 }, "until it has ended");
    }
}

#[tokio::test(start_paused = true)]
async fn nothing_missed_is_made_up_for_and_nothing_is_done_twice() {
    let going = start("0 0 * * * *", Manner::Answers(200));
    let moved_by = async |by: i64| {
        *going.moved.lock().unwrap() += by;
        seconds(2).await;
    };
    // The machine slept for five hours and ten minutes.
    seconds(10).await;
    moved_by(5 * 3600 + 600).await;
    assert_eq!(going.times().len(), 1, "five hours were missed");
    assert_eq!(going.log(), [""; 0], "and none of them is begun");
    // 07:10:12; it is asked at eight, and the clock is set back by half a minute then.
    seconds(50 * 60).await;
    assert_eq!(going.times().len(), 2);
    moved_by(-30).await;
    seconds(60).await;
    assert_eq!(going.times().len(), 2, "not at eight again");
    // Somebody has mistaken the year, and sets it right.
    moved_by(365 * 86_400).await;
    assert_eq!(going.times().len(), 3);
    moved_by(-365 * 86_400).await;
    seconds(3600).await;
    assert_eq!(going.times().len(), 4, "it does not wait for a year");
}

#[tokio::test(start_paused = true)]
async fn a_timer_whose_times_are_over_ends() {
    let Going {
        component, driving, ..
    } = start("0 0 0 1 1 * 2020", Manner::Answers(200));
    driving.await.unwrap();
    assert_eq!(component.asked.lock().unwrap().len(), 0);
}
