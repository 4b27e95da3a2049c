//! What the figures are held against.

use std::fmt;

use doorward_host::options::INSTANCE_REUSE_COUNT;

use super::cases::BARE;
use super::figures::{CLOSED, Figure, Key, Medians};

/// The load at which the tail is judged: what a server that is not overloaded has.
const BELOW_MAXIMUM: &str = "70 %";
/// Requests that an instance serves by default.
const USUAL: usize = INSTANCE_REUSE_COUNT;

/// What is to be reached.
struct Target {
    what: &'static str,
    measured: Value,
    bound: Bound,
}

/// A value, made of one or two figures.
enum Value {
    Plain(Place),
    /// The first over the second.
    Ratio(Place, Place),
}

/// A figure of a case, with so many requests for each instance, under a load.
struct Place(&'static str, usize, &'static str, Figure);

/// What is good enough.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Bound {
    AtMost(f64),
    AtLeast(f64),
}

impl Bound {
    fn holds(self, value: f64) -> bool {
        match self {
            Self::AtMost(bound) => value <= bound,
            Self::AtLeast(bound) => value >= bound,
        }
    }
}

impl fmt::Display for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AtMost(bound) => write!(f, "≤ {bound}"),
            Self::AtLeast(bound) => write!(f, "≥ {bound}"),
        }
    }
}

/// A target that was measured.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Judged {
    pub(super) what: &'static str,
    pub(super) value: f64,
    pub(super) bound: Bound,
    pub(super) is_met: bool,
}

/// The targets; docs/performance.md says why they are these.
const TARGETS: [Target; 11] = [
    Target {
        what: "processor time of a fresh instance's only request, over bare",
        measured: Value::processor(("gate-rs256", 1), (BARE, 1)),
        bound: Bound::AtMost(2.0),
    },
    Target {
        what: "requests per second with one request an instance, over bare",
        measured: Value::Ratio(
            Place("gate-rs256", 1, CLOSED, Figure::PerSecond),
            Place(BARE, 1, CLOSED, Figure::PerSecond),
        ),
        bound: Bound::AtLeast(0.5),
    },
    Target {
        what: "processor time of a never-seen RS256 token, over a remembered one",
        measured: Value::processor(("gate-new-rs256", USUAL), ("gate-rs256", USUAL)),
        bound: Bound::AtMost(1.6),
    },
    Target {
        what: "processor time of a never-seen ES256 token, over a remembered one",
        measured: Value::processor(("gate-new-es256", USUAL), ("gate-es256", USUAL)),
        bound: Bound::AtMost(3.0),
    },
    Target {
        what: "processor time of a never-seen EdDSA token, over a remembered one",
        measured: Value::processor(("gate-new-eddsa", USUAL), ("gate-eddsa", USUAL)),
        bound: Bound::AtMost(2.0),
    },
    Target {
        what: "processor time of the gate linked in, remembered token, over bare",
        measured: Value::processor(("linked-rs256", USUAL), (BARE, USUAL)),
        bound: Bound::AtMost(1.25),
    },
    Target {
        what: "processor time of the gate as a component, remembered token, over bare",
        measured: Value::processor(("gate-rs256", USUAL), (BARE, USUAL)),
        bound: Bound::AtMost(1.7),
    },
    Target {
        what: "p99 over p50 of the gate at 70 % of its closed loop",
        measured: Value::tail("gate-rs256"),
        bound: Bound::AtMost(3.0),
    },
    Target {
        what: "p99 over p50 of the gateway at 70 % of its closed loop",
        measured: Value::tail("gateway"),
        bound: Bound::AtMost(3.0),
    },
    Target {
        what: "memory of the gate at full rate, in bytes",
        measured: Value::Plain(Place("gate-rs256", USUAL, CLOSED, Figure::Memory)),
        bound: Bound::AtMost(80e6),
    },
    Target {
        what: "memory of the gateway at full rate, in bytes",
        measured: Value::Plain(Place("gateway", USUAL, CLOSED, Figure::Memory)),
        bound: Bound::AtMost(80e6),
    },
];

impl Value {
    const fn processor(one: (&'static str, usize), other: (&'static str, usize)) -> Self {
        Self::Ratio(
            Place(one.0, one.1, CLOSED, Figure::Processor),
            Place(other.0, other.1, CLOSED, Figure::Processor),
        )
    }

    const fn tail(case: &'static str) -> Self {
        Self::Ratio(
            Place(case, USUAL, BELOW_MAXIMUM, Figure::P99),
            Place(case, USUAL, BELOW_MAXIMUM, Figure::P50),
        )
    }

    fn of(&self, medians: &Medians) -> Option<f64> {
        match self {
            Self::Plain(place) => place.of(medians),
            Self::Ratio(one, other) => Some(one.of(medians)? / other.of(medians)?),
        }
    }
}

impl Place {
    fn of(&self, medians: &Medians) -> Option<f64> {
        let Self(case, reuse, load, figure) = self;
        let key = Key {
            case: (*case).to_owned(),
            reuse: Some(*reuse),
            load: (*load).to_owned(),
        };
        medians.get(&key)?.get(figure).copied()
    }
}

/// The targets for which there are figures.
pub(super) fn judge(medians: &Medians) -> Vec<Judged> {
    let judged = TARGETS.iter().filter_map(|target| {
        let value = target.measured.of(medians)?;
        Some(Judged {
            what: target.what,
            value,
            bound: target.bound,
            is_met: target.bound.holds(value),
        })
    });
    judged.collect()
}

#[cfg(test)]
mod tests {
    use super::super::arguments::Rate;
    use super::super::cases::CASES;
    use super::*;

    fn medians(figures: &[(&str, usize, &str, Figure, f64)]) -> Medians {
        let mut medians = Medians::new();
        for (case, reuse, load, figure, value) in figures {
            let key = Key {
                case: (*case).to_owned(),
                reuse: Some(*reuse),
                load: (*load).to_owned(),
            };
            medians.entry(key).or_default().insert(*figure, *value);
        }
        medians
    }

    fn judged(figures: &[(&str, usize, &str, Figure, f64)]) -> Vec<(f64, bool)> {
        let judged = judge(&medians(figures));
        judged.iter().map(|one| (one.value, one.is_met)).collect()
    }

    #[test]
    fn a_ratio_is_met_up_to_its_bound() {
        for (gate, expected) in [(300.0, (2.0, true)), (301.5, (2.01, false))] {
            let figures = [
                ("gate-rs256", 1, CLOSED, Figure::Processor, gate),
                (BARE, 1, CLOSED, Figure::Processor, 150.0),
            ];
            assert_eq!(judged(&figures), [expected]);
        }
    }

    #[test]
    fn more_requests_are_better() {
        for (gate, expected) in [(600.0, (0.6, true)), (400.0, (0.4, false))] {
            let figures = [
                ("gate-rs256", 1, CLOSED, Figure::PerSecond, gate),
                (BARE, 1, CLOSED, Figure::PerSecond, 1000.0),
            ];
            assert_eq!(judged(&figures), [expected]);
        }
    }

    #[test]
    fn the_tail_is_judged_below_the_maximum() {
        let load = Rate::Share(0.7).name(1);
        let tail = |load: &str| {
            judged(&[
                ("gate-rs256", USUAL, load, Figure::P99, 900.0),
                ("gate-rs256", USUAL, load, Figure::P50, 200.0),
            ])
        };
        assert_eq!(tail(&load), [(4.5, false)]);
        assert_eq!(tail(CLOSED), [], "where every server is overloaded");
    }

    #[test]
    fn what_was_not_measured_is_not_judged() {
        assert_eq!(judged(&[]), []);
        let figures = [
            ("gate-rs256", 128, CLOSED, Figure::Memory, 1.0),
            ("gate-rs256", 1, CLOSED, Figure::Processor, 1.0),
        ];
        assert_eq!(
            judged(&figures),
            [],
            "a half, and another number of requests"
        );
    }

    #[test]
    fn every_target_is_of_cases_that_there_are() {
        for target in &TARGETS {
            let places = match &target.measured {
                Value::Plain(place) => vec![place],
                Value::Ratio(one, other) => vec![one, other],
            };
            for Place(name, ..) in places {
                let is_there = CASES.iter().any(|case| case.name == *name);
                assert!(is_there, "{}: {name}", target.what);
            }
        }
    }
}
