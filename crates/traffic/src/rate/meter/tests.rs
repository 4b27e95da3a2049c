use super::*;
use crate::rate::tests::limit;
use doorward_retry::Random;

const KEY: KeyDigest = [7; 16];
/// Not the beginning of a period of any of them.
const START: Millis = Millis(1_800_000_123_456);

/// Slow and fast, even and odd ratios, and the bounds of the policy.
const LIMITS: [(u32, u32, u32); 9] = [
    (10, 60, 10),
    (1, 1, 1),
    (7, 60, 3),
    (1000, 1, 640),
    (1_000_000, 1, 1_000_000),
    (999_983, 86_400, 100),
    (1, 86_400, 1_000_000),
    (3, 1, 2),
    (86_399, 86_400, 170),
];

/// A store with the numbers of one key: this period's, and the one before.
#[derive(Default)]
struct Numbers(std::collections::BTreeMap<String, i64>);

impl Numbers {
    fn get(&self, meter: Meter) -> i64 {
        let name = meter.name("test", &KEY);
        self.0.get(&name).copied().unwrap_or_default()
    }

    fn add(&mut self, meter: Meter, add: i64) -> i64 {
        let number = self.0.entry(meter.name("test", &KEY)).or_default();
        *number += add;
        *number
    }

    /// The arrival time by what is there.
    fn tat(&self, limit: &RateLimit, now: Millis) -> Option<Tat> {
        let meter = Meter::of(limit, now);
        let before = meter.before(now);
        let before = before.and_then(|before| before.tat(limit, self.get(before)));
        meter.tat(limit, self.get(meter)).max(before)
    }
}

/// What an instance is doing.
enum Doing {
    Nothing,
    /// It has read.
    Read(Meter, Charge),
    /// It has added, and has to correct that.
    Correct(Meter, i64, Option<bool>),
}

/// One of the instances that share a limit.
struct Instance {
    doing: Doing,
    lease: u32,
    permits: u32,
    tat: Option<Tat>,
}

impl Instance {
    fn new() -> Self {
        Self {
            doing: Doing::Nothing,
            lease: 0,
            permits: 0,
            tat: None,
        }
    }

    /// One step of a request. Whether it is admitted, once that is known.
    fn step(&mut self, limit: &RateLimit, numbers: &mut Numbers, now: Millis) -> Option<bool> {
        match std::mem::replace(&mut self.doing, Doing::Nothing) {
            Doing::Nothing => {
                self.permits = self
                    .tat
                    .map_or(0, |tat| limit.unexpired(self.permits, tat, now));
                if self.permits > 0 {
                    self.permits -= 1;
                    return Some(true);
                }
                let tat = numbers.tat(limit, now);
                let verdict = limit.peek(tat, now);
                if !verdict.admitted {
                    return Some(false);
                }
                self.lease = limit.lease(self.lease, verdict.remaining);
                let meter = Meter::of(limit, now);
                let charge = meter.charge(limit, numbers.get(meter), tat, self.lease, now);
                self.doing = Doing::Read(meter, charge);
                None
            }
            Doing::Read(meter, charge) => {
                let settled = charge.settle(numbers.add(meter, charge.add()));
                let admitted = settled.permits.map(|permits| {
                    self.tat = meter.tat(limit, settled.number);
                    self.permits = permits;
                    self.used()
                });
                if settled.correction == 0 {
                    return admitted;
                }
                self.doing = Doing::Correct(meter, settled.correction, admitted);
                None
            }
            Doing::Correct(meter, correction, admitted) => {
                numbers.add(meter, correction);
                admitted
            }
        }
    }

    fn used(&mut self) -> bool {
        let admitted = self.permits > 0;
        self.permits = self.permits.saturating_sub(1);
        admitted
    }

    fn is_at_work(&self) -> bool {
        !matches!(self.doing, Doing::Nothing)
    }

    /// A request with nobody in between.
    fn ask(&mut self, limit: &RateLimit, numbers: &mut Numbers, now: Millis) -> bool {
        loop {
            if let Some(admitted) = self.step(limit, numbers, now) {
                return admitted;
            }
        }
    }
}

/// How many more of these than in any time since one of them may be.
fn beyond(limit: &RateLimit, admitted: &[Millis]) -> i128 {
    let mut worst = i128::MIN;
    for (from, first) in admitted.iter().enumerate() {
        for (to, last) in admitted.iter().enumerate().skip(from) {
            let due = i128::from(last.since(*first)) * i128::from(limit.requests)
                / (i128::from(limit.per_s) * 1000);
            // What comes due within the first and the last millisecond, which the clock cannot tell apart.
            let in_two_ms = 2 * (i128::from(limit.requests) / (i128::from(limit.per_s) * 1000) + 1);
            let most = i128::from(limit.burst) + due + in_two_ms - 1;
            worst = worst.max((to - from + 1) as i128 - most);
        }
    }
    worst
}

#[test]
fn one_instance_alone_admits_what_the_limit_admits_without_a_store() {
    for (requests, per_s, burst) in LIMITS {
        let limit = limit(requests, per_s, burst);
        let interval_ms = (u64::from(per_s) * 1000 / u64::from(requests)).max(1);
        let (mut numbers, mut instance) = (Numbers::default(), Instance::new());
        let (mut random, mut tat, mut now) = (Random::seeded(7), None, START);
        for request in 0..3000 {
            let (due, after) = limit.decide(tat, now);
            tat = Some(after);
            let admitted = instance.ask(&limit, &mut numbers, now);
            assert_eq!(
                admitted, due.admitted,
                "{limit:?}: request {request} at {now:?}"
            );
            now = now.plus(match random.below(50) {
                0 => random.below(interval_ms * 40),
                _ => random.below(interval_ms),
            });
        }
    }
}

#[test]
fn however_instances_come_between_each_other_they_admit_no_more_than_the_limit() {
    for (requests, per_s, burst) in LIMITS {
        let limit = limit(requests, per_s, burst);
        let interval_ms = (u64::from(per_s) * 1000 / u64::from(requests)).max(1);
        for seed in 0..30 {
            let mut random = Random::seeded(seed);
            let mut numbers = Numbers::default();
            let mut instances: Vec<_> = (0..=random.below(6)).map(|_| Instance::new()).collect();
            let (mut now, mut admitted) = (START, Vec::new());
            for _ in 0..60 {
                // All at the same moment. None that has begun is left alone.
                let mut begins = random.below(20);
                while begins > 0 || instances.iter().any(Instance::is_at_work) {
                    let which = random.below(instances.len() as u64);
                    if let Some(instance) = instances.get_mut(which as usize)
                        && (begins > 0 || instance.is_at_work())
                        && instance.step(&limit, &mut numbers, now) == Some(true)
                    {
                        admitted.push(now);
                    }
                    begins = begins.saturating_sub(1);
                }
                now = now.plus(match random.below(8) {
                    0 => random.below(interval_ms * 30),
                    1 => random.below(interval_ms * 3),
                    _ => random.below(interval_ms / 2 + 1),
                });
            }
            let beyond = beyond(&limit, &admitted);
            assert!(beyond <= 0, "{limit:?}, seed {seed}: {beyond} too many");
            assert!(!admitted.is_empty(), "{limit:?}, seed {seed}");
        }
    }
}

#[test]
fn what_instances_add_at_once_and_take_back_is_what_they_have_admitted() {
    // All of them read the same, long after the number was written last.
    let limit = limit(10, 60, 10);
    let mut numbers = Numbers::default();
    let mut instances: Vec<_> = (0..32).map(|_| Instance::new()).collect();
    let now = START.plus(600_000);
    let mut answers = Vec::new();
    for round in 0.. {
        let begun = instances.len();
        instances.retain_mut(|instance| {
            let answer = instance.step(&limit, &mut numbers, now);
            answers.extend(answer);
            answer.is_none()
        });
        if round == 1 {
            assert_eq!(
                (begun, instances.len()),
                (32, 31),
                "all but the first come again"
            );
        }
        if instances.is_empty() {
            break;
        }
    }
    let admitted = answers.iter().filter(|&&admitted| admitted).count();
    assert_eq!((admitted, answers.len()), (10, 32));
    let verdict = limit.peek(numbers.tat(&limit, now), now);
    assert_eq!((verdict.admitted, verdict.remaining), (false, 0));
    let later = now.plus(6000);
    assert!(
        limit.peek(numbers.tat(&limit, later), later).admitted,
        "one is due"
    );
    let full = now.plus(60_000);
    let verdict = limit.peek(numbers.tat(&limit, full), full);
    assert_eq!(verdict.remaining, 10, "nobody is locked out");
}

#[test]
fn a_number_counts_on_in_the_period_after_it() {
    for (requests, per_s, burst) in LIMITS {
        let limit = limit(requests, per_s, burst);
        let meter = Meter::of(&limit, START);
        let end = Millis(meter.began_at.0 + meter.length_ms);
        let (mut numbers, mut instance) = (Numbers::default(), Instance::new());
        let just_before = Millis(end.0 - 1);
        let mut last = 0;
        while last < burst.min(2000) && instance.ask(&limit, &mut numbers, just_before) {
            last += 1;
        }
        let (old, new) = (numbers.tat(&limit, just_before), numbers.tat(&limit, end));
        assert_eq!(old, new, "{limit:?}");
        assert_ne!(
            Meter::of(&limit, end).name("test", &KEY),
            meter.name("test", &KEY)
        );
    }
}

#[test]
fn a_lease_is_a_small_part_of_the_burst_and_expires_as_it_comes_due() {
    for (burst, last, left, due) in [
        (10, 0, 10, 1),
        (63, 8, 63, 1),
        (64, 0, 64, 1),
        (64, 1, 64, 2),
        (640, 1, 640, 2),
        (640, 2, 640, 4),
        (640, 16, 640, 20),
        (640, 20, 640, 20),
        (640, 20, 80, 10),
        (640, 20, 16, 2),
        (640, 20, 7, 1),
        (640, 20, 0, 1),
    ] {
        let limit = limit(100, 60, burst);
        assert_eq!(limit.lease(last, left), due, "{burst}, {last}, {left}");
    }
    let limit = limit(1000, 1, 640);
    let last = Tat {
        at: START.plus(20),
        parts: 0,
    };
    for (after_ms, due) in [
        (0, 19),
        (1, 19),
        (2, 18),
        (10, 10),
        (19, 1),
        (20, 0),
        (21, 0),
    ] {
        assert_eq!(
            limit.unexpired(19, last, START.plus(after_ms)),
            due,
            "{after_ms} ms"
        );
    }
}

#[test]
fn names_say_until_when_they_are_needed() {
    let limit = limit(10, 60, 10);
    let name = Meter::of(&limit, Millis(3_600_000)).name("test", &KEY);
    assert_eq!(
        name,
        "doorward/count/7260001/test/07070707070707070707070707070707"
    );
    assert_eq!(is_over(&name, Millis(7_320_001)), Some(false));
    assert_eq!(is_over(&name, Millis(7_320_002)), Some(true));
    for (name, due) in [
        ("doorward/count/x/test/07", Some(false)),
        ("doorward/count/18446744073709551615/test/07", Some(false)),
        ("doorward/count/0/test/07", Some(true)),
        ("doorward/count/0", None),
        ("doorward/rate/test/7", None),
        ("", None),
    ] {
        assert_eq!(is_over(name, START), due, "{name}");
    }
}

#[test]
fn numbers_are_read_as_either_kind_of_store_keeps_them() {
    for number_is in [0, 1, 255, 1 << 40, (1 << 56) - 1, -1, -1_000_000] {
        assert_eq!(number(&i64::to_le_bytes(number_is)), Some(number_is));
        assert_eq!(number(number_is.to_string().as_bytes()), Some(number_is));
    }
    assert_eq!(number(b"12345678"), Some(12_345_678), "eight digits");
    assert_eq!(number(b"00000000"), Some(0));
    for other in [&b""[..], b"x", b"1.5", &[255; 9], &[0; 7]] {
        assert_eq!(number(other), None, "{other:?}");
    }
}

#[test]
fn numbers_that_nobody_has_written_lock_nobody_out_for_longer_than_the_limit_can() {
    let limit = limit(10, 60, 10);
    let meter = Meter::of(&limit, START);
    for number in [-5, 0, i64::MAX, i64::MIN] {
        let tat = meter.tat(&limit, number);
        let verdict = limit.peek(tat, START);
        assert!(verdict.reset_ms <= 60_001, "{number}: {verdict:?}");
        let charge = meter.charge(&limit, number, tat, 3, START);
        let settled = charge.settle(number.saturating_add(charge.add()));
        assert!(
            settled.permits.unwrap_or_default() <= 3,
            "{number}: {settled:?}"
        );
    }
}
