//! Whether what one rule asks for holds wherever what another one asks for does.

use crate::claim::{Condition, RequiredClaim, Scalar};

impl RequiredClaim {
    /// Whether this holds wherever all of `others` do, as far as their text shows.
    pub(super) fn is_implied_by(&self, others: &[Self]) -> bool {
        let same = || others.iter().filter(|other| other.path == self.path);
        self.conditions.iter().all(|condition| {
            // That a claim is there follows from its keys as well.
            let any_kind = *condition == Condition::Present && !self.keys;
            same()
                .filter(|other| any_kind || other.keys == self.keys)
                .any(|other| {
                    other
                        .conditions
                        .iter()
                        .any(|other| condition.follows(other))
                })
        })
    }
}

impl RequiredClaim {
    /// Whether this and another claim, the path to which goes on inside of this one, can hold together.
    pub(super) fn leaves_room_for(&self, inside: &Self) -> bool {
        let can_be_absent =
            |condition: &Condition| matches!(condition, Condition::Absent | Condition::None(_));
        self.conditions.iter().all(|condition| match condition {
            Condition::Present => true,
            _ if self.keys => true,
            // Nothing is absent inside of what is no object: it is not known.
            Condition::Any(_) | Condition::All(_) | Condition::Equals { .. } => false,
            Condition::None(_) | Condition::Absent => inside.conditions.iter().all(can_be_absent),
        })
    }
}

impl Condition {
    /// Whether this holds wherever the other one does.
    fn follows(&self, other: &Self) -> bool {
        let within = |few: &[Scalar], many: &[Scalar]| few.iter().all(|one| many.contains(one));
        match (self, other) {
            (Self::Any(any), Self::Any(other)) => within(other, any),
            (Self::Any(any), Self::All(all)) => any.iter().any(|one| all.contains(one)),
            (Self::All(all), Self::All(other)) => within(all, other),
            // One of one value is all of it.
            (Self::All(all), Self::Any(other)) if other.len() == 1 => within(all, other),
            // Whatever is of a type that a list has no value of, it refuses, too.
            (Self::None(none), Self::None(other)) => {
                let has_type = |list: &[Scalar], one: &Scalar| {
                    list.iter().any(|listed| one.is_of_type_of(listed))
                };
                let refused = |one| other.contains(one) || !has_type(other, one);
                none.iter().all(refused) && other.iter().all(|one| has_type(none, one))
            }
            (Self::None(_), Self::Absent) => true,
            (Self::Present, Self::Any(_) | Self::All(_) | Self::Equals { .. }) => true,
            _ => self == other,
        }
    }
}

impl Scalar {
    pub(super) fn is_of_type_of(&self, other: &Self) -> bool {
        core::mem::discriminant(self) == core::mem::discriminant(other)
    }
}
