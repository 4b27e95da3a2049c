//! A collector that does not take what it is sent costs no request anything, and little is lost.

use super::scene::{Scene, metrics, sums};
use doorward_tests::sim::client::Sent;
use doorward_tests::sim::component::Component;
use doorward_tests::sim::message::Failure;
use doorward_tests::sim::origin::Reply;
use opentelemetry_proto::tonic::collector::metrics::v1::{
    ExportMetricsPartialSuccess, ExportMetricsServiceResponse,
};
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use prost::Message as _;
use std::time::Duration;

const NUMBERS: &str = "trace_one_in = 0";

/// One whose instance is kept.
fn kept(mut component: Component) -> Component {
    component.idle_max = None;
    component.requests_max = 10_000;
    component
}

#[test]
fn what_could_not_be_sent_is_sent_later_once() {
    let scene = Scene::of(NUMBERS, kept);
    scene
        .collector
        .at_first(4, Reply::status(503), Reply::status(200).body(Vec::new()));
    for _ in 0..60 {
        assert_eq!(scene.stage.send(scene.get("/orders/1")).status, 200);
        scene.stage.world.executor.run_for(Duration::from_secs(1));
    }
    scene.stage.world.executor.run_for(Duration::from_secs(120));
    let came = scene.metrics();
    let taken = &came[4..];
    let requests = sums(taken, "doorward.requests");
    assert_eq!(requests["admitted GET /orders/{number} 200"], 60);
    assert_eq!(scene.stage.told("telemetry-failed"), 4);
    let line = &scene.stage.world.told("telemetry-failed")[0];
    assert_eq!(line.field("reason"), "answered with status 503");
    assert_eq!(
        line.field("url"),
        "https://collector.example:4318/otlp/v1/metrics"
    );
}

#[test]
fn the_pauses_grow_and_are_as_long_as_the_collector_says() {
    let scene = Scene::of(NUMBERS, kept);
    scene
        .collector
        .always(Reply::status(429).field("retry-after", "100"));
    for _ in 0..400 {
        scene.stage.send(Sent::get("/public/1"));
        scene.stage.world.executor.run_for(Duration::from_secs(1));
    }
    let seen = scene.collector.seen();
    assert!(
        (4..=5).contains(&seen.len()),
        "{} times in 400 s",
        seen.len()
    );

    let scene = Scene::of(NUMBERS, kept);
    scene
        .collector
        .always(Reply::failure(Failure::ConnectionRefused));
    for _ in 0..600 {
        scene.stage.send(Sent::get("/public/1"));
        scene.stage.world.executor.run_for(Duration::from_secs(1));
    }
    let seen = scene.collector.seen();
    let first_minute = seen
        .iter()
        .filter(|seen| seen.at < Duration::from_secs(60))
        .count();
    assert!(
        first_minute >= 3,
        "{first_minute} times in the first minute"
    );
    assert!(seen.len() <= 60, "{} times in ten", seen.len());
}

#[test]
fn an_instance_that_is_asked_nothing_more_gives_up_after_a_few_tries() {
    let scene = Scene::new(NUMBERS);
    scene.collector.always(Reply::status(503));
    scene.stage.send(Sent::get("/public/1"));
    scene.stage.world.executor.run_for(Duration::from_secs(20));
    assert!((1..=5).contains(&scene.collector.count()));
    assert_eq!(scene.stage.world.platforms(), 0, "it holds no instance");
}

#[test]
fn a_collector_that_wants_to_be_left_alone_holds_no_instance() {
    let scene = Scene::new(NUMBERS);
    let busy = Reply::status(429).field("retry-after", "120");
    scene.collector.always(busy);
    for number in 0..20 {
        scene.stage.send(Sent::get("/public/1").of_client(number));
    }
    scene.stage.world.executor.run_for(Duration::from_secs(5));
    assert_eq!(scene.collector.count(), 1);
    assert_eq!(scene.stage.world.platforms(), 0);
}

#[test]
fn who_asks_to_be_left_alone_slowly_is_left_alone_however_busy_the_gate_is() {
    let scene = Scene::of(NUMBERS, kept);
    let busy = Reply::status(429).field("retry-after", "100");
    scene
        .collector
        .always(busy.after(Duration::from_millis(300)));
    for _ in 0..3_000 {
        scene.stage.send(Sent::get("/public/1"));
        scene
            .stage
            .world
            .executor
            .run_for(Duration::from_millis(50));
    }
    assert_eq!(scene.collector.count(), 2, "in 150 s");
}

#[test]
fn a_collector_that_is_slow_has_all_of_it_in_the_end() {
    let scene = Scene::new(NUMBERS);
    let slow = Reply::status(200).body(Vec::new());
    scene
        .collector
        .always(slow.after(Duration::from_millis(1200)));
    for _ in 0..40 {
        scene.stage.send(Sent::get("/public/1"));
        scene
            .stage
            .world
            .executor
            .run_for(Duration::from_millis(150));
    }
    scene.stage.world.executor.run_for(Duration::from_secs(30));
    let requests = sums(&scene.metrics(), "doorward.requests");
    assert_eq!(requests["admitted GET /public/** 200"], 40);
    assert_eq!(scene.stage.world.platforms(), 0);
}

#[test]
fn numbers_go_on_where_spans_are_not_taken_and_the_other_way_round() {
    for (fails, goes_on) in [
        ("/otlp/v1/traces", "/otlp/v1/metrics"),
        ("/otlp/v1/metrics", "/otlp/v1/traces"),
    ] {
        let scene = Scene::of("trace_one_in = 1", kept);
        scene
            .collector
            .answers(move |seen, _| match seen.target == fails {
                true => Reply::status(503),
                false => Reply::status(200).body(Vec::new()),
            });
        for _ in 0..60 {
            scene.stage.send(Sent::get("/public/1"));
            scene.stage.world.executor.run_for(Duration::from_secs(1));
        }
        let seen = scene.collector.seen();
        let times = |path: &str| seen.iter().filter(|seen| seen.target == path).count();
        assert!(times(goes_on) >= 25, "{goes_on} {} times", times(goes_on));
        assert!(times(fails) <= 15, "{fails} {} times", times(fails));
    }
}

#[test]
fn no_two_intervals_overlap_where_only_spans_are_not_taken() {
    let scene = Scene::of("trace_one_in = 1", kept);
    scene
        .collector
        .answers(|seen, _| match seen.target.ends_with("traces") {
            true => Reply::status(503),
            false => Reply::status(200).body(Vec::new()),
        });
    for _ in 0..20 {
        scene.stage.send(Sent::get("/public/1"));
        scene.stage.world.executor.run_for(Duration::from_secs(1));
    }
    let came = scene.metrics();
    let intervals: Vec<(u64, u64)> = came
        .iter()
        .filter_map(|one| {
            let mut metrics = metrics(std::slice::from_ref(one));
            let requests = metrics.find(|metric| metric.name == "doorward.requests")?;
            let Some(Data::Sum(sum)) = &requests.data else {
                panic!("{requests:?}")
            };
            let point = &sum.data_points[0];
            Some((point.start_time_unix_nano, point.time_unix_nano))
        })
        .collect();
    assert!(intervals.len() > 8);
    for pair in intervals.windows(2) {
        assert!(pair[0].1 <= pair[1].0, "{intervals:?}");
    }
}

#[test]
fn a_collector_that_refuses_all_for_good_is_not_told_so_for_ever() {
    let scene = Scene::new(NUMBERS);
    scene.collector.always(Reply::status(404));
    scene.stage.send(Sent::get("/public/1"));
    scene.stage.world.executor.run_for(Duration::from_secs(600));
    assert!(scene.collector.count() <= 2, "{}", scene.collector.count());
    assert_eq!(scene.stage.world.platforms(), 0);
}

#[test]
fn a_collector_that_never_answers_has_one_request_of_an_instance_at_a_time() {
    let scene = Scene::of(NUMBERS, kept);
    scene.collector.always(Reply::never());
    for _ in 0..30 {
        assert_eq!(scene.stage.send(Sent::get("/public/1")).status, 200);
        scene.stage.world.executor.run_for(Duration::from_secs(1));
        assert!(scene.collector.open() <= 1);
    }
    let lines = scene.stage.world.told("telemetry-failed");
    assert_eq!(lines[0].field("reason"), "no answer within 5 s");
    scene.stage.world.executor.run_for(Duration::from_secs(10));
    scene.collector.forget();
    scene.collector.always(Reply::status(200).body(Vec::new()));
    // What waits is told with what comes next, once the collector is not left alone any more.
    for _ in 0..12 {
        scene.stage.send(Sent::get("/public/1"));
        scene.stage.world.executor.run_for(Duration::from_secs(10));
    }
    let requests = sums(&scene.metrics(), "doorward.requests");
    assert_eq!(requests["admitted GET /public/** 200"], 42);
}

#[test]
fn what_it_refuses_for_good_is_counted_as_lost() {
    let scene = Scene::of(NUMBERS, kept);
    scene
        .collector
        .at_first(1, Reply::status(400), Reply::status(200).body(Vec::new()));
    scene.stage.send(Sent::get("/public/1"));
    scene.soon();
    scene.stage.send(Sent::get("/public/1"));
    scene.soon();
    let came = scene.metrics();
    assert_eq!(came.len(), 2);
    assert_eq!(
        sums(&came[1..], "doorward.requests")["admitted GET /public/** 200"],
        1
    );
    assert!(sums(&came[1..], "doorward.metrics.lost")["refused"] > 0);
}

#[test]
fn what_it_takes_in_part_is_said_and_counted() {
    let scene = Scene::of(NUMBERS, kept);
    let part = ExportMetricsServiceResponse {
        partial_success: Some(ExportMetricsPartialSuccess {
            rejected_data_points: 2,
            error_message: "too many series".to_owned(),
        }),
    };
    let ok = Reply::status(200).body(Vec::new());
    scene
        .collector
        .at_first(1, Reply::status(200).body(part.encode_to_vec()), ok);
    scene.stage.send(Sent::get("/public/1"));
    scene.soon();
    scene.stage.send(Sent::get("/public/1"));
    scene.soon();
    assert_eq!(
        sums(&scene.metrics(), "doorward.metrics.lost")["refused"],
        2
    );
    let line = &scene.stage.world.told("telemetry-failed")[0];
    assert!(
        line.field("reason")
            .ends_with("were not taken: too many series"),
        "{line:?}"
    );
}

#[test]
fn an_answer_that_is_no_message_is_taken_as_it_is() {
    for body in [b"{}".to_vec(), vec![0xff; 100], vec![b'x'; 200_000]] {
        let scene = Scene::of(NUMBERS, kept);
        scene.collector.always(Reply::status(200).body(body));
        scene.stage.send(Sent::get("/public/1"));
        scene.soon();
        scene.stage.send(Sent::get("/public/1"));
        scene.soon();
        let requests = sums(&scene.metrics(), "doorward.requests");
        assert_eq!(requests["admitted GET /public/** 200"], 2);
        assert_eq!(scene.stage.told("telemetry-failed"), 0);
    }
}

#[test]
fn fields_have_their_values_from_variables_and_those_are_in_no_log() {
    let telemetry = "trace_one_in = 0\nheaders = { x-api-key = \"collector_key\" }";
    let scene = Scene::of(telemetry, |mut component| {
        let secret = "k3y-of-the-collector".to_owned();
        component.secrets.insert("collector_key".to_owned(), secret);
        component
    });
    scene.collector.always(Reply::status(403));
    scene.stage.send(Sent::get("/public/1"));
    scene.soon();
    assert_eq!(
        scene.collector.seen()[0].field("x-api-key"),
        "k3y-of-the-collector"
    );
    assert_eq!(scene.stage.told("telemetry-failed"), 1);
    assert!(!scene.stage.log().contains("k3y-of-the-collector"));

    // Without the variable nothing is sent, and the log says why.
    let scene = Scene::new(telemetry);
    assert_eq!(scene.stage.send(Sent::get("/public/1")).status, 200);
    scene.soon();
    assert_eq!(scene.collector.count(), 0);
    let line = &scene.stage.world.told("telemetry-failed")[0];
    assert!(line.field("reason").contains("collector_key"), "{line:?}");
}

#[test]
fn spans_that_wait_are_bounded_and_what_is_beyond_is_counted() {
    let scene = Scene::of("trace_one_in = 1", kept);
    scene.collector.always(Reply::status(503));
    for _ in 0..1_500 {
        scene.stage.send(Sent::get("/public/1"));
    }
    scene.collector.always(Reply::status(200).body(Vec::new()));
    for _ in 0..30 {
        scene.stage.world.executor.run_for(Duration::from_secs(10));
        scene.stage.send(Sent::get("/public/1"));
    }
    scene.soon();
    let came = scene.metrics();
    let lost = sums(&came, "doorward.metrics.lost")["spans"];
    assert!(lost > 500, "{lost} of 3,000 spans and more");
    let taken = scene.spans().len();
    assert!(taken >= 2_048, "{taken}");
}

#[test]
fn a_client_that_leaves_takes_nothing_with_it_that_others_have_to_tell() {
    let scene = Scene::of(NUMBERS, kept);
    for _ in 0..5 {
        let leaving = scene.stage.begin(Sent::get("/public/1"));
        scene.stage.until("it is answered", || leaving.has_ended());
        leaving.leave();
        scene.stage.send(Sent::get("/public/1"));
        scene.soon();
    }
    let requests = sums(&scene.metrics(), "doorward.requests");
    assert_eq!(requests["admitted GET /public/** 200"], 10);
}
