//! What is decided otherwise, counted.

use std::collections::BTreeMap;

use doorward_policy::{Replayed, ReplayedLine};

/// Most kinds of differences, and of what cannot be decided, that are told apart. What comes after them is counted
/// together.
const KINDS_MAX: usize = 1000;
/// Most bytes of a text of the log that is kept.
const TEXT_BYTES_MAX: usize = 512;
/// Most bad lines of which the numbers are told.
const BAD_NAMED_MAX: usize = 10;

/// How a request was decided.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Decided {
    /// The path pattern of its rule, where it has one.
    pub(super) route: Option<String>,
    /// Its status, where it was refused and that is known.
    pub(super) status: Option<u16>,
    /// `admitted`, or as what it was refused.
    pub(super) verdict: String,
    /// Why.
    pub(super) reason: Option<String>,
}

/// Requests of one kind.
#[derive(Debug, Default)]
pub(super) struct Kind {
    pub(super) count: u64,
    /// The first of them that has a name.
    pub(super) example: Option<String>,
}

impl Kind {
    fn add(&mut self, line: &ReplayedLine) {
        self.count += 1;
        if self.example.is_none() {
            self.example = line.request_id.as_deref().map(cut);
        }
    }
}

/// What became of a log.
#[derive(Debug, Default)]
pub(super) struct Differences {
    /// How many are decided as they were.
    pub(super) same: u64,
    /// How many otherwise, by how they were and how they are decided.
    pub(super) kinds: BTreeMap<(Decided, Decided), Kind>,
    /// How many more, of kinds that are not told apart.
    pub(super) more: Kind,
    /// How many cannot be decided, by route and why.
    pub(super) undecidable: BTreeMap<(Option<String>, &'static str), Kind>,
    /// How many more, of routes that are not told apart.
    pub(super) more_undecidable: Kind,
    /// How many lines cannot be read, and the numbers of the first ones.
    pub(super) bad: u64,
    pub(super) bad_named: Vec<u64>,
    /// How many lines are of something else.
    pub(super) other: u64,
}

impl Differences {
    /// A line about a request that cannot be read.
    pub(super) fn is_bad(&mut self, number: u64) {
        self.bad += 1;
        if self.bad_named.len() < BAD_NAMED_MAX {
            self.bad_named.push(number);
        }
    }

    /// A request, and what the new policy says of it.
    pub(super) fn add(&mut self, line: &ReplayedLine, said: &Replayed<'_>) {
        let new = match said {
            Replayed::AsBefore => {
                self.same += 1;
                return;
            }
            Replayed::Undecidable(why) => {
                let kind = (line.route.as_deref().map(cut), *why);
                kind_of(&mut self.undecidable, kind, &mut self.more_undecidable).add(line);
                return;
            }
            Replayed::Admitted(route) => Decided {
                route: Some((*route).to_owned()),
                verdict: "admitted".to_owned(),
                ..Decided::default()
            },
            Replayed::Refused { route, refusal } => Decided {
                route: route.map(str::to_owned),
                status: Some(refusal.status()),
                verdict: refusal.class().name().to_owned(),
                reason: Some(without_numbers(&refusal.reason().to_string())),
            },
        };
        if new.verdict == line.verdict {
            self.same += 1;
            return;
        }
        let old = Decided {
            route: line.route.as_deref().map(cut),
            status: None,
            verdict: cut(&line.verdict),
            reason: line
                .reason
                .as_deref()
                .map(cut)
                .map(|reason| without_numbers(&reason)),
        };
        kind_of(&mut self.kinds, (old, new), &mut self.more).add(line);
    }

    /// How many lines were about requests.
    pub(super) fn requests(&self) -> u64 {
        self.same + self.differing() + self.undecidable() + self.bad
    }

    pub(super) fn differing(&self) -> u64 {
        let counts = self.kinds.values().map(|kind| kind.count);
        counts.sum::<u64>() + self.more.count
    }

    pub(super) fn undecidable(&self) -> u64 {
        let counts = self.undecidable.values().map(|kind| kind.count);
        counts.sum::<u64>() + self.more_undecidable.count
    }

    /// Whether nothing is decided otherwise.
    pub(super) fn are_none(&self) -> bool {
        self.differing() == 0
    }
}

/// The kind that is counted: `more`, where there are too many to tell them apart.
fn kind_of<'k, K: Ord>(
    kinds: &'k mut BTreeMap<K, Kind>,
    kind: K,
    more: &'k mut Kind,
) -> &'k mut Kind {
    if kinds.len() >= KINDS_MAX && !kinds.contains_key(&kind) {
        return more;
    }
    kinds.entry(kind).or_default()
}

fn cut(text: &str) -> String {
    let end = text.floor_char_boundary(TEXT_BYTES_MAX);
    text.get(..end).unwrap_or_default().to_owned()
}

/// A reason with `…` for each number, so that tokens which expired at two times are of one kind.
fn without_numbers(reason: &str) -> String {
    let mut text = String::with_capacity(reason.len());
    let mut in_number = false;
    for letter in reason.chars() {
        match letter.is_ascii_digit() {
            true if in_number => {}
            true => text.push('…'),
            false => text.push(letter),
        }
        in_number = letter.is_ascii_digit();
    }
    text
}
