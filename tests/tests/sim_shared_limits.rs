//! Limits that instances share, where their host adds to a number in one step and where it does not: what many
//! instances admit that are asked at the same moment.

use doorward_gate::platform::Millis;
use doorward_tests::sim::client::{Answer, Sent};
use doorward_tests::sim::component::Component;
use doorward_tests::sim::gate::Behind;
use doorward_tests::sim::issuer::Issuer;
use doorward_tests::sim::origin::Origin;
use doorward_tests::sim::stage::{Stage, UnderWay};
use doorward_tests::sim::store::Calls;
use doorward_tests::sim::world::World;
use doorward_traffic::rate::is_over;
use serde_json::json;
use std::rc::Rc;
use std::time::Duration;

const POLICY: &str = r#"
[issuer.test]
url = "https://issuer.example"
audience = "api"
jwks_url = "https://issuer.example/keys"

[rate_limit.guesses]
requests = 10
per_s = 60
counts = "failed-authentication"
shared = true

[rate_limit.few]
requests = 10
per_s = 60
shared = true

[rate_limit.one]
requests = 1
per_s = 2
burst = 1
shared = true

[rate_limit.many]
requests = 640
per_s = 60
shared = true

[[route]]
path = "/protected"
issuer = "test"
rate_limit = "guesses"

[[route]]
path = "/few"
public = true
rate_limit = "few"

[[route]]
path = "/one"
public = true
rate_limit = "one"

[[route]]
path = "/many"
public = true
rate_limit = "many"
"#;

/// Where a client comes from that is not the one that is counted.
const OTHER: Option<&str> = Some("203.0.113.77");

struct Scene {
    stage: Stage,
    issuer: Rc<Issuer>,
}

impl Scene {
    /// One whose instances serve so many requests at once.
    fn new(at_once_max: usize, component: impl Fn(Component) -> Component) -> Self {
        let world = World::new(1, false);
        let issuer = Issuer::at(&world, "issuer.example", "first");
        let behind = Origin::at(&world, "service.example");
        let mut component = component(Component::new(POLICY));
        component.at_once_max = at_once_max;
        world
            .store("default")
            .latency
            .set(Duration::from_micros(500));
        let stage = Stage::new(&world, component, Behind::Next(behind.peer()));
        Self { stage, issuer }
    }

    fn atomic(at_once_max: usize) -> Self {
        Self::new(at_once_max, Component::atomic)
    }

    fn right(&self) -> Sent {
        let token = self.issuer.token_by("first", &self.stage.world, json!({}));
        Sent::get("/protected").bearer(&token)
    }

    fn writes(&self) -> usize {
        self.stage.world.store("default").writes()
    }

    fn pass(&self, ms: u64) {
        self.stage.world.executor.run_for(Duration::from_millis(ms));
    }
}

fn wrong() -> Sent {
    Sent::get("/protected").bearer("a.b.c")
}

fn times(count: usize, sent: impl Fn() -> Sent) -> Vec<Sent> {
    (0..count).map(|_| sent()).collect()
}

/// How many answers have this status.
fn with(answers: &[Answer], status: u16) -> usize {
    answers
        .iter()
        .filter(|answer| answer.status == status)
        .count()
}

#[test]
fn of_guesses_that_are_made_at_once_no_more_pass_than_are_allowed() {
    let scene = Scene::atomic(1);
    let answers = scene.stage.at_once(times(32, wrong));
    assert_eq!((with(&answers, 401), with(&answers, 429)), (10, 22));
    assert!(
        scene.stage.gate.made_so_far() >= 32,
        "each in an instance of its own"
    );
    // A right one among the next is none that tells.
    let answers = scene.stage.at_once([wrong(), scene.right(), wrong()]);
    assert_eq!(with(&answers, 429), 3);
    let other = scene.stage.send(scene.right().from(OTHER));
    assert_eq!(other.status, 200, "another address");
    scene.pass(6_500);
    assert_eq!(scene.stage.send(scene.right()).status, 200, "one is due");
}

#[test]
fn a_right_guess_among_many_at_once_passes_only_as_long_as_there_are_some_left() {
    // It comes when none of them is counted yet, and is found to be right before the limit is reached.
    let scene = Scene::atomic(1);
    scene.stage.send(scene.right());
    let guesses: Vec<_> = times(40, wrong)
        .into_iter()
        .map(|sent| scene.stage.begin(sent))
        .collect();
    scene
        .stage
        .world
        .executor
        .run_for(Duration::from_micros(600));
    let right = scene.stage.begin(scene.right());
    assert!(
        guesses.iter().all(|guess| !guess.has_ended()),
        "all are under way"
    );
    assert_eq!(right.answer().status, 429);
    let answers: Vec<_> = guesses.into_iter().map(UnderWay::answer).collect();
    assert_eq!(with(&answers, 401), 10);
}

#[test]
fn who_is_right_is_neither_refused_nor_written_however_many_come_at_once() {
    let scene = Scene::atomic(1);
    scene.stage.send(scene.right());
    let before = scene.writes();
    let answers = scene.stage.at_once(times(64, || scene.right()));
    assert_eq!(with(&answers, 200), 64);
    let names = scene.stage.world.store("default").all_names();
    assert!(
        names.iter().all(|name| !name.contains("/count/")),
        "{names:?}"
    );
    assert_eq!(scene.writes(), before);
}

#[test]
fn of_requests_that_come_at_once_to_many_instances_no_more_pass_than_the_limit_has() {
    for idle_ms in [0, 100, 30_000, 3_600_000] {
        let scene = Scene::atomic(1);
        assert_eq!(scene.stage.send(Sent::get("/few")).status, 200);
        scene.pass(idle_ms);
        let left = if idle_ms < 6_000 { 9 } else { 10 };
        let answers = scene.stage.at_once(times(64, || Sent::get("/few")));
        assert_eq!(
            (with(&answers, 200), with(&answers, 429)),
            (left, 64 - left),
            "{idle_ms} ms"
        );
        let refused = answers.iter().find(|answer| answer.status == 429);
        let retry_after = refused.map(|answer| answer.field("retry-after"));
        let soon = ["1", "2", "3", "4", "5", "6"].map(|s| Some(s.to_owned()));
        assert!(soon.contains(&retry_after), "{retry_after:?}");
    }
}

#[test]
fn who_keeps_to_the_rate_is_never_refused_by_any_of_many_instances() {
    let scene = Scene::atomic(1);
    for request in 0..4000 {
        let answer = scene.stage.send(Sent::get("/one"));
        assert_eq!(answer.status, 200, "request {request}");
        if request % 7 == 0 {
            scene.stage.gate.end_instances();
        }
        // Over two hours, so that several periods end.
        scene.pass(2_000);
    }
}

#[test]
fn an_instance_that_has_seen_the_limit_reached_writes_nothing_until_something_is_due() {
    let scene = Scene::atomic(16);
    let answers = scene.stage.at_once(times(16, || Sent::get("/few")));
    assert_eq!(with(&answers, 200), 10);
    let before = scene.writes();
    for _ in 0..50 {
        assert_eq!(scene.stage.send(Sent::get("/few")).status, 429);
    }
    assert_eq!(scene.writes(), before);
    scene.pass(6_500);
    assert_eq!(scene.stage.send(Sent::get("/few")).status, 200);
    assert!(scene.writes() > before);
}

#[test]
fn permits_are_taken_in_leases_and_never_too_many() {
    let scene = Scene::atomic(16);
    let mut admitted = 0;
    for _ in 0..20 {
        let answers = scene.stage.at_once(times(48, || Sent::get("/many")));
        admitted += with(&answers, 200);
        assert_eq!(with(&answers, 200) + with(&answers, 429), 48);
    }
    // What comes due while it takes: less than three.
    assert!((630..=643).contains(&admitted), "{admitted} of 640");
    let writes = scene.writes();
    assert!(writes < 160, "{writes} times for {admitted} requests");
}

#[test]
fn where_the_store_fails_each_instance_counts_alone_and_refuses_nobody_for_it() {
    for calls in [Calls::Fail, Calls::Hang] {
        let scene = Scene::atomic(16);
        scene.stage.world.store("default").calls(calls.clone());
        for request in 0..10 {
            let answer = scene.stage.send(Sent::get("/few"));
            assert_eq!(answer.status, 200, "request {request}, {calls:?}");
        }
        if matches!(calls, Calls::Fail) {
            assert_eq!(scene.stage.send(Sent::get("/few")).status, 429);
        }
        assert_eq!(scene.stage.send(scene.right()).status, 200, "{calls:?}");
    }
}

#[test]
fn after_a_clock_was_set_back_nobody_is_locked_out() {
    for back_s in [1, 60, 3_000, 86_400] {
        let scene = Scene::atomic(1);
        let answers = scene.stage.at_once(times(12, || Sent::get("/few")));
        assert_eq!(with(&answers, 200), 10);
        scene.stage.world.set_clock(-back_s);
        // Somebody is refused, and what is there is cut back.
        scene.stage.send(Sent::get("/few"));
        scene.pass(7_000);
        let answer = scene.stage.send(Sent::get("/few"));
        assert_eq!(answer.status, 200, "{back_s} s back");
        let answers = scene.stage.at_once(times(12, || Sent::get("/few")));
        assert!(with(&answers, 200) <= 10, "{back_s} s back");
    }
}

#[test]
fn numbers_that_nobody_needs_any_more_are_deleted() {
    let scene = Scene::atomic(16);
    let store = scene.stage.world.store("default");
    let numbers = || {
        let names = store.all_names();
        names
            .into_iter()
            .filter(|name| name.contains("/count/"))
            .collect::<Vec<_>>()
    };
    for caller in 0..300 {
        scene.stage.send(Sent::get("/few").of_client(caller));
    }
    assert_eq!(numbers().len(), 300);
    scene.pass(3 * 3_600_000);
    // One in 64 that are new has the names read.
    for caller in 0..600 {
        scene.stage.send(Sent::get("/few").of_client(1000 + caller));
        scene.pass(10);
    }
    let now = Millis(scene.stage.world.wall_ms());
    let over = numbers()
        .iter()
        .filter(|name| is_over(name, now) == Some(true))
        .count();
    assert_eq!(over, 0);
    assert_eq!(numbers().len(), 600);
}

#[test]
fn the_numbers_in_a_store_are_bounded_and_beyond_that_each_instance_counts_alone() {
    let scene = Scene::atomic(16);
    let store = scene.stage.world.store("default");
    let until = scene.stage.world.wall_ms() + 86_400_000;
    for caller in 0..16_384 {
        store.put(
            &format!("doorward/count/{until}/few/{caller:032x}"),
            1_i64.to_le_bytes(),
        );
    }
    let mut callers = 0;
    scene.stage.until("it is told", || {
        callers += 1;
        scene.stage.send(Sent::get("/few").of_client(callers));
        scene.stage.told("counters-many") == 1
    });
    let names = store.all_names().len();
    for request in 0..12 {
        let answer = scene.stage.send(Sent::get("/few").of_client(1_000_000));
        let due = if request < 10 { 200 } else { 429 };
        assert_eq!(answer.status, due, "request {request}");
    }
    assert_eq!(store.all_names().len(), names, "no new ones");
}

#[test]
fn without_additions_in_one_step_what_passes_beside_the_limit_is_the_limit_once_for_each_instance()
{
    // 32 at once, eight to an instance.
    let scene = Scene::new(8, |component| component);
    let answers = scene.stage.at_once(times(32, wrong));
    let instances = scene.stage.gate.made_so_far();
    assert_eq!(instances, 4);
    assert!((10..=10 * instances).contains(&with(&answers, 401)));
    let mut passed = with(&answers, 401);
    for _ in 0..50 {
        let answers = scene.stage.at_once(times(32, wrong));
        passed += with(&answers, 401);
    }
    let due = 2;
    assert!(
        passed <= 10 * instances + due,
        "{passed} by {instances} instances"
    );
    assert_eq!(scene.stage.send(scene.right()).status, 429);
}
