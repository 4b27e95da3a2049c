//! When an instance goes away, and when a request is late.

use std::task::Waker;

use super::*;
use crate::course::Course;

const LONG: Duration = Duration::from_secs(3600);

fn is_over(
    idle: Duration,
    request: Option<Duration>,
    status: WorkerStatus,
    stopping: bool,
) -> bool {
    let course = Course::begin();
    course.enter(match stopping {
        true => Phase::Stopping,
        false => Phase::Draining,
    });
    let mut expiration = Box::pin(Expiration::new(
        idle,
        request,
        Term::begin(course),
        None,
        None,
        Arc::new(Aboard::new(None)),
        Busy::default(),
    ));
    let mut cx = Context::from_waker(Waker::noop());
    let start = Instant::now();
    expiration.as_mut().poll(&mut cx, status, start).is_ready()
}

#[tokio::test]
async fn an_instance_goes_away_when_it_is_idle_for_too_long() {
    assert!(is_over(Duration::ZERO, None, WorkerStatus::Idle, false));
    assert!(!is_over(LONG, None, WorkerStatus::Idle, false));
}

#[tokio::test]
async fn requests_take_as_long_as_they_take_unless_there_is_a_timeout() {
    for status in [WorkerStatus::Requests, WorkerStatus::PostReturn] {
        assert!(!is_over(Duration::ZERO, None, status, false));
        assert!(!is_over(Duration::ZERO, Some(LONG), status, false));
        assert!(is_over(LONG, Some(Duration::ZERO), status, false));
    }
}

#[tokio::test(start_paused = true)]
async fn a_request_is_late_when_nothing_moved_and_nobody_waited_for_its_client() {
    let timeout = Duration::from_secs(5);
    let began = tokio::time::Instant::now();
    let flow = Arc::new(Flow::inside(began));
    too_late(Arc::downgrade(&flow), timeout).await;
    assert_eq!(began.elapsed(), timeout);
    // Now the client has to take the answer.
    flow.answer(tokio::time::Instant::now());
    let late = too_late(Arc::downgrade(&flow), timeout);
    assert!(tokio::time::timeout(LONG, late).await.is_err());
}

#[tokio::test]
async fn a_host_that_stops_keeps_busy_instances_only() {
    assert!(is_over(LONG, None, WorkerStatus::Idle, true));
    assert!(!is_over(LONG, None, WorkerStatus::Requests, true));
    assert!(!is_over(LONG, None, WorkerStatus::PostReturn, true));
}
