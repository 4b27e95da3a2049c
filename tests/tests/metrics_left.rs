//! What instances leave of their numbers in the store: how often they write, what is lost, and that nobody waits for it.

#![expect(clippy::unwrap_used, reason = "tests")]

use doorward_gate::metrics::{Instrument, Value};
use doorward_metrics::slot::{self, SHOWN, SLOT_BYTES_MAX, SLOTS};
use doorward_metrics::{Gathered, Record, Totals};
use doorward_tests::sim::client::Sent;
use doorward_tests::sim::component::Component;
use doorward_tests::sim::gate::Behind;
use doorward_tests::sim::origin::{Origin, Reply};
use doorward_tests::sim::stage::Stage;
use doorward_tests::sim::store::{Calls, Shared};
use doorward_tests::sim::world::{BEGIN_S, World};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

const POLICY: &str = r#"
[telemetry]
in_store = true

[upstream.orders]
url = "http://orders.example"
attempts_max = 2

[defaults]
upstream = "orders"

[[route]]
path = "/public/**"
public = true
"#;

/// Writes that hosted stores take of an application in a second.
const WRITES_PER_S_MAX: usize = 50;
/// Longer than anybody leaves something who has nothing more to do.
const LONG: Duration = Duration::from_secs(20);

struct Scene {
    stage: Stage,
    _origin: Rc<Origin>,
}

impl Scene {
    fn of(world: &Rc<World>, policy: &str, adjust: impl FnOnce(&mut Component)) -> Self {
        let mut component = Component::new(policy);
        component.measures = true;
        adjust(&mut component);
        let origin = Origin::at(world, "orders.example");
        origin.always(Reply::default().after(Duration::from_millis(20)));
        Self {
            stage: Stage::new(world, component, Behind::Upstreams),
            _origin: origin,
        }
    }

    fn new() -> Self {
        Self::of(&World::beginning_at(BEGIN_S), POLICY, |_| {})
    }

    fn store(&self) -> Rc<Shared> {
        self.stage.world.store("default")
    }

    fn send(&self) {
        let answer = self.stage.send(Sent::get("/public/a"));
        assert_eq!(answer.status, 200);
    }

    fn pass(&self, time: Duration) {
        self.stage.world.executor.run_for(time);
    }

    /// What is in the slots, added up.
    fn totals(&self) -> Totals {
        totals(&self.store())
    }

    fn requests(&self) -> u64 {
        sum(&self.totals(), Instrument::Requests)
    }

    /// Sends so many requests a second for so long, none of which waits for another one.
    fn load(&self, per_s: u32, time: Duration) -> u64 {
        let pause = Duration::from_secs(1) / per_s;
        let mut sent = 0;
        let end = self.stage.world.executor.now() + time;
        while self.stage.world.executor.now() < end {
            let under_way = self.stage.begin(Sent::get("/public/a"));
            self.pass(pause);
            drop(under_way);
            sent += 1;
        }
        sent
    }
}

/// What is in the slots, where this was shown last.
fn gathered(store: &Shared, last: Option<&[u8]>) -> Gathered {
    let mut gathered = Gathered::after(last);
    for bytes in slot::names().filter_map(|name| store.newest(&name)) {
        assert!(Record::parse(&bytes, SLOT_BYTES_MAX).is_some());
        gathered.add(&bytes);
    }
    gathered
}

fn totals(store: &Shared) -> Totals {
    gathered(store, None).shown(0).0
}

/// What a scrape shows, which keeps in the store what it has shown.
fn scraped(store: &Shared) -> Totals {
    let last = store.newest(SHOWN);
    // In which second does not matter where nobody asks whether it is still the same.
    let (totals, kept) = gathered(store, last.as_deref()).shown(0);
    if let Some(kept) = kept {
        store.put(SHOWN, kept);
    }
    totals
}

/// The sum of all series of a counter.
fn sum(totals: &Totals, of: Instrument) -> u64 {
    let series = totals.series();
    series.fold(0, |all, (instrument, _, value)| match value {
        Value::Sum(sum) if instrument == of => all + sum,
        _ => all,
    })
}

/// The most writes in one second of the clock on the wall.
fn most_in_a_second(store: &Shared) -> usize {
    let mut seconds = BTreeMap::<u64, usize>::new();
    for time in store.write_times() {
        *seconds.entry(time.as_secs()).or_default() += 1;
    }
    seconds.into_values().max().unwrap_or_default()
}

#[test]
fn what_two_instances_measure_adds_up_in_the_store() {
    let scene = Scene::of(&World::beginning_at(BEGIN_S), POLICY, |component| {
        component.requests_max = 3;
    });
    for _ in 0..6 {
        scene.send();
    }
    assert_eq!(scene.stage.gate.made_so_far(), 2);
    assert_eq!(scene.store().writes(), 0, "no request waits for it");
    scene.pass(LONG);
    let totals = scene.totals();
    assert_eq!(sum(&totals, Instrument::Requests), 6);
    assert_eq!(sum(&totals, Instrument::InstanceStarts), 2);
    let durations = totals
        .series()
        .find(|(one, _, _)| *one == Instrument::RequestDuration);
    let (_, labels, value) = durations.unwrap();
    assert_eq!(labels, ["/public/**", "admitted"]);
    assert_eq!(value.measurements(), 6);
    assert_eq!(scene.store().writes(), 2, "one for each instance");
    scene.pass(Duration::from_secs(3600));
    assert_eq!(scene.store().writes(), 2, "and none where nothing is new");
    for _ in 0..4 {
        scene.send();
        scene.pass(LONG);
    }
    assert_eq!(scene.requests(), 10, "what comes later is added");
}

#[test]
fn where_the_policy_does_not_ask_for_it_nothing_is_left() {
    let policy = POLICY.replace("[telemetry]\nin_store = true\n", "");
    let scene = Scene::of(&World::beginning_at(BEGIN_S), &policy, |_| {});
    scene.send();
    scene.pass(LONG);
    assert_eq!(scene.store().writes(), 0);
    assert!(!scene.stage.world.measurements().is_empty());
}

#[test]
fn what_the_host_does_not_take_is_left_once_all_the_same() {
    let scene = Scene::new();
    scene.stage.world.refuses_measurements(true);
    for _ in 0..3 {
        scene.send();
        scene.pass(LONG);
    }
    assert_eq!(scene.requests(), 3);
    scene.stage.world.refuses_measurements(false);
    scene.send();
    scene.pass(LONG);
    assert_eq!(scene.requests(), 4);
    let told: u64 = scene
        .stage
        .world
        .measurements()
        .iter()
        .flatten()
        .filter(|point| point.instrument == Instrument::Requests)
        .map(|point| point.value.measurements())
        .sum();
    assert_eq!(told, 4, "and the host has each once");
}

#[test]
fn fifty_instances_under_load_write_no_more_than_fifty_times_a_second() {
    // Each has one request at a time, so there are as many instances as requests under way.
    // Those of 128 requests end all in the same moment, every three seconds.
    for (at_once, requests_max, rounds, lost_permille_max) in [
        (50, usize::MAX, 250, 0),
        (50, 128, 400, 10),
        // All of them end in the same moment, and not all find a slot for what they have measured last.
        (200, usize::MAX, 100, 500),
    ] {
        let scene = Scene::of(&World::new(7, true), POLICY, |component| {
            component.at_once_max = 1;
            component.requests_max = requests_max;
        });
        let store = scene.store();
        store.latency.set(Duration::from_millis(5));
        for _ in 0..rounds {
            let sent = (0..at_once).map(|_| Sent::get("/public/a"));
            scene.stage.at_once(sent);
        }
        scene.pass(LONG);
        let made = scene.stage.gate.made_so_far();
        assert!(made >= at_once, "{made} instances");
        let most = most_in_a_second(&store);
        println!("{at_once} at once: {made} instances, {most} writes in a second");
        assert!((10..=WRITES_PER_S_MAX).contains(&most), "{most} writes");
        let (sent, left) = ((rounds * at_once) as u64, scene.requests());
        assert!(left <= sent, "{left} of {sent}: nothing is counted twice");
        println!("{left} of {sent} requests are in the store");
        let lost = (sent - left) * 1000 / sent;
        assert!(lost <= lost_permille_max, "{left} of {sent}");
    }
}

#[test]
fn what_is_lost_is_what_the_documentation_says() {
    // Instances that serve few requests and go: by how many begin in a second, what a call of the store takes, and how late
    // it shows what was written.
    for (instances_per_s, latency_ms, lag_ms, lost_permille_max) in [
        (10, 5, 0, 0),
        (25, 5, 0, 1),
        (25, 100, 0, 5),
        (25, 5, 300, 50),
        (50, 5, 0, 500),
    ] {
        let requests_each = 4;
        let scene = Scene::of(&World::new(3, true), POLICY, |component| {
            component.requests_max = requests_each;
        });
        let store = scene.store();
        store.latency.set(Duration::from_millis(latency_ms));
        store.lag.set(Duration::from_millis(lag_ms));
        let time = Duration::from_secs(60);
        let sent = scene.load(instances_per_s * requests_each as u32, time);
        scene.pass(LONG);
        let left = scene.requests();
        let lost = sent.abs_diff(left) * 1000 / sent;
        println!(
            "{instances_per_s} instances a second, calls of {latency_ms} ms, seen after {lag_ms} ms: {left} of {sent} \
             ({lost} per mille lost), {} writes in a second at most",
            most_in_a_second(&store)
        );
        assert!(most_in_a_second(&store) <= WRITES_PER_S_MAX);
        assert!(lost <= lost_permille_max, "{left} of {sent}");
    }
}

#[test]
fn what_somebody_overwrites_in_the_same_moment_is_left_again() {
    // All look at the same moment, and so many look at one slot that without a second look most would be lost.
    let scene = Scene::of(&World::new(1, true), POLICY, |component| {
        component.at_once_max = 1;
    });
    let store = scene.store();
    store.latency.set(Duration::from_millis(400));
    let all = 100;
    let sent = (0..all).map(|_| Sent::get("/public/a"));
    scene.stage.at_once(sent);
    scene.pass(LONG);
    assert!(
        store.write_times().len() as u64 > SLOTS / 4,
        "several wrote to one slot"
    );
    let left = scene.requests();
    assert!(left >= 95, "{left} of {all}");
}

#[test]
fn counters_that_are_shown_never_fall_although_slots_do() {
    let scene = Scene::of(&World::new(1, true), POLICY, |component| {
        component.at_once_max = 1;
    });
    let store = scene.store();
    store.latency.set(Duration::from_millis(400));
    let (mut falls, mut in_slots, mut shown) = (0, 0, 0);
    for _ in 0..20 {
        let sent = (0..50).map(|_| Sent::get("/public/a"));
        scene.stage.at_once(sent);
        for _ in 0..20 {
            scene.pass(Duration::from_millis(50));
            let (slots_before, shown_before) = (in_slots, shown);
            in_slots = scene.requests();
            falls += usize::from(in_slots < slots_before);
            shown = sum(&scraped(&store), Instrument::Requests);
            assert!(shown >= shown_before, "{shown} after {shown_before}");
        }
    }
    assert!(falls > 0, "no slot has fallen, so nothing was shown");
    scene.pass(LONG);
    let last = sum(&scraped(&store), Instrument::Requests);
    assert_eq!(last, scene.requests(), "and it is right in the end");
    // Who empties the store begins anew.
    for name in store.all_names() {
        store.take(&name);
    }
    assert!(scraped(&store).is_empty());
}

#[test]
fn a_store_that_fails_or_hangs_costs_requests_nothing_and_is_told_once() {
    for calls in [Calls::Fail, Calls::Hang] {
        let scene = Scene::new();
        let store = scene.store();
        store.calls(calls.clone());
        let begin = scene.stage.world.executor.now();
        for _ in 0..20 {
            scene.send();
        }
        let took = scene.stage.world.executor.now() - begin;
        assert!(took < Duration::from_millis(20 * 21), "{took:?}: {calls:?}");
        scene.pass(LONG);
        scene.send();
        scene.pass(LONG);
        assert_eq!(scene.stage.told("store-unavailable"), 1, "{calls:?}");
        assert_eq!(
            scene.stage.world.executor.tasks(),
            0,
            "nobody holds the instance: {calls:?}"
        );
        // What was measured meanwhile is there when it works again.
        store.calls(Calls::Work);
        scene.send();
        scene.pass(LONG);
        assert_eq!(scene.requests(), 22, "{calls:?}");
    }
}

#[test]
fn without_the_grant_requests_pass_and_the_log_says_why_nothing_is_left() {
    let scene = Scene::of(&World::beginning_at(BEGIN_S), POLICY, |component| {
        component.stores.clear();
    });
    for _ in 0..3 {
        scene.send();
        scene.pass(LONG);
    }
    assert_eq!(scene.stage.told("store-not-granted"), 1);
}

#[test]
fn what_cannot_be_read_is_replaced() {
    let scene = Scene::new();
    let store = scene.store();
    for (number, name) in slot::names().enumerate() {
        let garbage = match number % 3 {
            0 => b"doorward-metrics 0\nof an older version".to_vec(),
            1 => vec![0xff; SLOT_BYTES_MAX + 1],
            _ => vec![],
        };
        store.put(&name, garbage);
    }
    scene.send();
    scene.pass(LONG);
    let records = slot::names().filter_map(|name| {
        let bytes = store.newest(&name)?;
        Record::parse(&bytes, SLOT_BYTES_MAX)
    });
    let records: Vec<_> = records.collect();
    assert_eq!(records.len(), 1);
    let left: u64 = records
        .iter()
        .map(|record| sum(&record.totals, Instrument::Requests))
        .sum();
    assert_eq!(left, 1);
}

#[test]
fn a_clock_that_is_set_hinders_nobody() {
    for by_s in [-3600, 3600] {
        let scene = Scene::new();
        scene.send();
        scene.pass(LONG);
        scene.stage.world.set_clock(by_s);
        scene.send();
        scene.pass(LONG);
        assert_eq!(scene.requests(), 2, "{by_s}");
    }
    let scene = Scene::new();
    scene.stage.world.stand_still();
    scene.send();
    scene.pass(LONG);
    assert_eq!(scene.requests(), 1, "one that stands still");
}

#[test]
fn the_listing_of_revocations_and_keys_passes_over_the_slots() {
    let policy = format!("{POLICY}\n[health]\nready = \"/ready\"\nrequire = [\"store\"]\n");
    let scene = Scene::of(&World::beginning_at(BEGIN_S), &policy, |_| {});
    let store = scene.store();
    for name in slot::names().chain([slot::SHOWN.to_owned()]) {
        store.put(&name, "x");
    }
    assert_eq!(scene.stage.send(Sent::get("/ready")).status, 200);
    assert!(store.listings() > 0);
    for event in [
        "revocations-ignored",
        "record-ignored",
        "counters-many",
        "store-unavailable",
    ] {
        assert_eq!(scene.stage.told(event), 0, "{event}: {}", scene.stage.log());
    }
}
