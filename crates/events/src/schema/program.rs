//! A program as it is in memory: schemas taken apart into nodes, which name each other by number.

use regex_automata::dfa::sparse;

use super::literal::Literal;
use crate::json::Number;

/// The schemas of a program, one for each type of events. All of its text is borrowed from the program's bytes.
#[derive(Debug)]
pub struct Schemas<'b> {
    pub(super) patterns: Vec<Pattern<'b>>,
    pub(super) nodes: Vec<Node<'b>>,
    /// In the order of their types.
    pub(super) entries: Vec<Entry<'b>>,
}

/// The schema of one type.
#[derive(Clone, Copy, Debug)]
pub struct Schema<'s, 'b> {
    pub(super) schemas: &'s Schemas<'b>,
    pub(super) entry: &'s Entry<'b>,
}

#[derive(Debug)]
pub(super) struct Entry<'b> {
    pub(super) kind: &'b str,
    pub(super) text: &'b str,
    pub(super) node: u32,
}

impl<'b> Schemas<'b> {
    /// The schema of events of a type. None where there is none: it is up to the caller what becomes of such events.
    #[must_use]
    pub fn for_type(&self, kind: &str) -> Option<Schema<'_, 'b>> {
        let found = self.entries.binary_search_by(|entry| entry.kind.cmp(kind));
        let entry = self.entries.get(found.ok()?)?;
        let schemas = self;
        Some(Schema { schemas, entry })
    }

    /// All of them, in the order of their types.
    pub fn all(&self) -> impl Iterator<Item = Schema<'_, 'b>> {
        let schemas = self;
        self.entries
            .iter()
            .map(move |entry| Schema { schemas, entry })
    }
}

impl<'b> Schema<'_, 'b> {
    /// Of which type its events are.
    #[must_use]
    pub fn kind(&self) -> &'b str {
        self.entry.kind
    }

    /// The document that it was compiled from, as it was written.
    #[must_use]
    pub fn text(&self) -> &'b str {
        self.entry.text
    }
}

/// A regular expression that was compiled ahead.
#[derive(Debug)]
pub(super) struct Pattern<'b> {
    /// As it is in the schema.
    pub(super) text: &'b str,
    pub(super) automaton: sparse::DFA<&'b [u8]>,
}

/// A subschema.
#[derive(Debug)]
pub(super) struct Node<'b> {
    /// [`super::format::kinds`].
    pub(super) kinds: u8,
    pub(super) rules: Vec<Rule<'b>>,
}

/// One thing that a value has to be. It says nothing of kinds of values that it is not about.
#[derive(Debug)]
pub(super) enum Rule<'b> {
    Ref(u32),
    AllOf(Vec<u32>),
    AnyOf(Vec<u32>),
    OneOf(Vec<u32>),
    Not(u32),
    If {
        condition: u32,
        then: Option<u32>,
        otherwise: Option<u32>,
    },
    Enum(Vec<Literal<'b>>),
    Const(Literal<'b>),
    Bound(Bound, Limit<'b>),
    MultipleOf(Divisor<'b>),
    MinLength(u32),
    MaxLength(u32),
    Pattern(u32),
    MinItems(u32),
    MaxItems(u32),
    UniqueItems,
    Contains {
        node: u32,
        least: u32,
        most: u32,
    },
    Elements {
        first: Vec<u32>,
        rest: Option<u32>,
    },
    MinProperties(u32),
    MaxProperties(u32),
    Members(Members<'b>),
    DependentRequired(&'b str, Vec<&'b str>),
    DependentSchema(&'b str, u32),
}

/// On which side of a number a value has to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Bound {
    Minimum,
    Maximum,
    ExclusiveMinimum,
    ExclusiveMaximum,
}

/// A number to compare with.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limit<'b> {
    pub(super) number: Number<'b>,
    /// The same, where it is whole and small.
    pub(super) small: Option<i64>,
}

/// A number to divide by: `coefficient` × 10^`exponent`, not 0.
#[derive(Clone, Copy, Debug)]
pub(super) struct Divisor<'b> {
    pub(super) number: Number<'b>,
    pub(super) coefficient: u64,
    pub(super) exponent: i32,
}

/// Most digits of `multipleOf`, so that they have 64 bits.
pub const DIVISOR_DIGITS_MAX: usize = 18;

impl<'b> Divisor<'b> {
    /// None where it is not above 0, or has more digits than [`DIVISOR_DIGITS_MAX`].
    pub(super) fn new(number: Number<'b>) -> Option<Self> {
        let decimal = number.decimal();
        let count = decimal.digit_count();
        if decimal.negative || count == 0 || count > DIVISOR_DIGITS_MAX {
            return None;
        }
        let coefficient = decimal
            .digits()
            .fold(0, |all, digit| all * 10 + u64::from(digit));
        Some(Self {
            number,
            coefficient,
            exponent: decimal.magnitude - i32::try_from(count).ok()?,
        })
    }

    /// Whether a number is a whole number of these, exactly.
    pub(super) fn divides(self, number: Number<'_>) -> bool {
        let decimal = number.decimal();
        let count = i32::try_from(decimal.digit_count()).unwrap_or(i32::MAX);
        if count == 0 {
            return true;
        }
        // It has no zeros at its end, so that it is no multiple of any power of 10 that is left over.
        let zeros = decimal.magnitude - count - self.exponent;
        if zeros < 0 {
            return false;
        }
        let by = u128::from(self.coefficient);
        let digits = decimal.digits();
        let mut left = digits.fold(0_u128, |left, digit| (left * 10 + u128::from(digit)) % by);
        for _ in 0..zeros {
            if left == 0 {
                return true;
            }
            left = left * 10 % by;
        }
        left == 0
    }
}

/// What an object has to have.
#[derive(Debug)]
pub(super) struct Members<'b> {
    /// The members that are named, in the order of the schema.
    pub(super) named: Vec<Member<'b>>,
    /// The same in the order of their names, where they are more than [`SEARCHED_ONE_BY_ONE_MAX`]: places in `named`.
    pub(super) sorted: Vec<u32>,
    /// How many of them are required.
    pub(super) required: usize,
    pub(super) patterns: Vec<(u32, u32)>,
    pub(super) others: Option<u32>,
    pub(super) names: Option<u32>,
}

/// A member that a schema names.
#[derive(Clone, Copy, Debug)]
pub(super) struct Member<'b> {
    pub(super) name: &'b str,
    /// What it has to be, where it is one of `properties`.
    pub(super) node: Option<u32>,
    pub(super) required: bool,
}

/// Up to so many members are searched one by one, from the one after the last that was found on: most events have them in
/// the order of the schema.
pub(super) const SEARCHED_ONE_BY_ONE_MAX: usize = 16;

impl Node<'_> {
    /// The nodes that apply to the same value because this one does.
    pub(super) fn in_place(&self) -> impl Iterator<Item = u32> {
        self.rules.iter().flat_map(|rule| {
            let (list, some): (&[u32], [Option<u32>; 3]) = match rule {
                Rule::Ref(node) | Rule::Not(node) | Rule::DependentSchema(_, node) => {
                    (&[], [Some(*node), None, None])
                }
                Rule::AllOf(nodes) | Rule::AnyOf(nodes) | Rule::OneOf(nodes) => (nodes, [None; 3]),
                Rule::If {
                    condition,
                    then,
                    otherwise,
                } => (&[], [Some(*condition), *then, *otherwise]),
                _ => (&[], [None; 3]),
            };
            list.iter().copied().chain(some.into_iter().flatten())
        })
    }
}
