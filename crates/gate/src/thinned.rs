//! What happens again and again with the same cause: told once in a while, with how often it was not.

use doorward_traffic::Millis;

/// For so long nothing more is told of a cause that was told, in milliseconds.
const PERIOD_MS: u64 = 60_000;
/// Causes that are told apart, about 60 bytes each. All others count as one.
const CAUSES_MAX: usize = 256;

/// Causes, and when each was told. It holds nothing of a request.
#[derive(Debug, Default)]
pub(crate) struct Thinned(Vec<Told>);

/// An issuer by its number, if it is about one, and what is wrong.
pub(crate) type Cause = (Option<usize>, &'static str);

#[derive(Debug)]
struct Told {
    cause: Cause,
    at: Millis,
    left_out: u64,
}

impl Thinned {
    /// Whether it is to be told now, and how often it was not since it was told last.
    pub(crate) fn tells(&mut self, cause: Cause, now: Millis) -> Option<u64> {
        let is_known = self.0.iter().any(|told| told.cause == cause);
        let is_own = is_known || self.0.len() < CAUSES_MAX;
        let cause = if is_own { cause } else { (None, "") };
        let Some(told) = self.0.iter_mut().find(|told| told.cause == cause) else {
            self.0.push(Told {
                cause,
                at: now,
                left_out: 0,
            });
            return Some(0);
        };
        if now.since(told.at) < PERIOD_MS {
            told.left_out = told.left_out.saturating_add(1);
            return None;
        }
        told.at = now;
        Some(std::mem::take(&mut told.left_out))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cause_is_told_once_in_a_while_with_how_often_it_was_not() {
        let mut thinned = Thinned::default();
        let keys = (Some(1), "keys");
        for (at, due) in [
            (0, Some(0)),
            (1, None),
            (PERIOD_MS - 1, None),
            (PERIOD_MS, Some(2)),
            (PERIOD_MS + 1, None),
            (3 * PERIOD_MS, Some(1)),
        ] {
            assert_eq!(thinned.tells(keys, Millis(at)), due, "{at}");
        }
        let others = [(Some(2), "keys"), (Some(1), "other"), (None, "keys")];
        for other in others {
            assert_eq!(thinned.tells(other, Millis(0)), Some(0), "{other:?}");
        }
    }

    #[test]
    fn however_many_causes_there_are_so_many_are_kept() {
        let mut thinned = Thinned::default();
        let told = |thinned: &mut Thinned| {
            let causes = 0..10 * CAUSES_MAX;
            causes
                .filter(|&issuer| thinned.tells((Some(issuer), "keys"), Millis(0)).is_some())
                .count()
        };
        assert_eq!(told(&mut thinned), CAUSES_MAX + 1);
        assert_eq!(thinned.0.len(), CAUSES_MAX + 1);
    }
}
