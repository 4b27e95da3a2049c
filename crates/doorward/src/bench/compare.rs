//! What was measured now against what was measured before.

use super::figures::{Figure, Key, Medians};

/// A figure that was measured both times.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Compared {
    pub(super) key: Key,
    pub(super) figure: Figure,
    pub(super) old: f64,
    pub(super) new: f64,
    /// Whether it is worse by more than is tolerated.
    pub(super) is_worse: bool,
}

/// What came of a comparison.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Comparison {
    pub(super) compared: Vec<Compared>,
    /// What was measured only before, and only now.
    pub(super) only_old: Vec<Key>,
    pub(super) only_new: Vec<Key>,
}

impl Comparison {
    pub(super) fn is_worse(&self) -> bool {
        self.compared.iter().any(|one| one.is_worse)
    }
}

/// Compares two runs. `tolerance` is the share of 1 by which a figure may be worse.
pub(super) fn compare(old: &Medians, new: &Medians, tolerance: f64) -> Comparison {
    let without = |one: &Medians, other: &Medians| {
        let keys = one.keys().filter(|key| !other.contains_key(*key));
        keys.cloned().collect()
    };
    let mut comparison = Comparison {
        compared: Vec::new(),
        only_old: without(old, new),
        only_new: without(new, old),
    };
    for (key, figures) in new {
        let Some(before) = old.get(key) else {
            continue;
        };
        for (&figure, &new) in figures {
            let Some(&old) = before.get(&figure) else {
                continue;
            };
            comparison.compared.push(Compared {
                key: key.clone(),
                figure,
                old,
                new,
                is_worse: figure.gain(old, new) * (1.0 + tolerance) < 1.0,
            });
        }
    }
    comparison
}

#[cfg(test)]
mod tests {
    use super::super::figures::CLOSED;
    use super::*;

    fn one(case: &str, figures: &[(Figure, f64)]) -> Medians {
        let key = Key {
            case: case.to_owned(),
            reuse: Some(128),
            load: CLOSED.to_owned(),
        };
        [(key, figures.iter().copied().collect())].into()
    }

    fn is_worse(figure: Figure, old: f64, new: f64) -> bool {
        let compared = compare(
            &one("a", &[(figure, old)]),
            &one("a", &[(figure, new)]),
            0.1,
        );
        assert_eq!(compared.compared.len(), 1);
        compared.is_worse()
    }

    #[test]
    fn fewer_requests_are_worse_and_more_are_not() {
        assert!(is_worse(Figure::PerSecond, 1000.0, 900.0));
        assert!(
            !is_worse(Figure::PerSecond, 1000.0, 920.0),
            "it is tolerated"
        );
        assert!(!is_worse(Figure::PerSecond, 1000.0, 2000.0));
    }

    #[test]
    fn more_time_and_more_memory_are_worse_and_less_is_not() {
        for figure in [Figure::P99, Figure::Processor, Figure::Memory] {
            assert!(is_worse(figure, 100.0, 111.0), "{figure:?}");
            assert!(
                !is_worse(figure, 100.0, 109.0),
                "{figure:?}: it is tolerated"
            );
            assert!(!is_worse(figure, 100.0, 50.0), "{figure:?}");
        }
    }

    #[test]
    fn what_is_there_once_is_told_and_not_judged() {
        let (old, new) = (
            one("a", &[(Figure::P50, 1.0)]),
            one("b", &[(Figure::P50, 9.0)]),
        );
        let comparison = compare(&old, &new, 0.1);
        assert!(comparison.compared.is_empty() && !comparison.is_worse());
        assert!(comparison.only_old.iter().eq(old.keys()));
        assert!(comparison.only_new.iter().eq(new.keys()));
        let known = one("a", &[(Figure::P99, 1.0)]);
        assert_eq!(compare(&old, &known, 0.1).compared, [], "another figure");
    }
}
