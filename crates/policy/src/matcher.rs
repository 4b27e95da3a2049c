//! From a path to the rules of its most specific pattern, at a cost that does not depend on how
//! many patterns there are. Why it is our own: `docs/decisions/0004-matcher.md`.
//!
//! The patterns form a trie by segments. Where several patterns match a path, the first segment at
//! which they differ decides: a literal goes before `{name}`, `{name}` before `**`. A branch that
//! turns out to be a dead end is left again, and the next best is tried; how often that can happen
//! for any request is known when the policy is read, and bounded by [`MATCH_STEPS_MAX`].
//!
//! The pattern decides before the method does: when the most specific pattern's rules do not list
//! the method, the request is refused, and no other pattern is asked. Otherwise a rule for `/**`
//! would decide over `DELETE /admin` because the rule for `/admin` lists only `GET`.
//!
//! Two spellings that upstreams often take for the same path lead to the same rule or to none:
//!
//! - `/a/` is matched as `/a`.
//! - Literals are found whatever the case of their letters, but match only in their own: the most
//!   specific pattern when case is ignored must be the one that matches exactly, otherwise the
//!   request is refused. So `/ADMIN` does not get past the rule for `/admin` by way of `/**`. This is
//!   about the letters of ASCII; `%C3%A9` and `%C3%89` are different literals.
//! - The same holds of what readers may fold ([`mod@crate::folding`]): `/stra%C3%9Fe` is not let past a
//!   rule for `/strasse`, and goes on where there is none. Where a segment has a character of which no
//!   table says what becomes of it, any literal that could stand there could be meant.
//!
//! # Hashing
//!
//! The nodes of the trie that a literal leads to are in one open-addressing table, by their parent
//! and that literal. Its hash function is fast, deterministic and not secret, which is safe here: the
//! keys come from the policy alone, nothing that a request carries is ever stored, and the longest
//! run of occupied slots is measured when the table is built and limits every look-up. A caller who
//! knows the function can at most hit that run, which is kept to [`PROBES_MAX`] slots by enlarging
//! the table.
//!
//! With thousands of rules, a look-up costs what it touches of the memory. A node is one cache line
//! with its literal in it, so a segment costs one line whatever the number of rules
//! (`examples/matching.rs` measures it).

use core::ops::Range;

use crate::target::lookup_key;

/// Most nodes of the trie that one look-up may visit, over all requests.
pub const MATCH_STEPS_MAX: u32 = 1024;
/// Most slots of the node table that one look-up of a segment should inspect.
pub const PROBES_MAX: u32 = 32;

pub(crate) const NONE: u32 = u32::MAX;
/// Literals up to this length are in their node.
pub(crate) const INLINE_BYTES_MAX: usize = 30;

/// What a look-up found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// The rules of the most specific pattern, in the order that the trie gave to them.
    Rules(Range<usize>),
    /// A pattern would match if letters in another case were the same letters.
    OtherCase,
    /// No pattern matches.
    Nothing,
}

/// The patterns of a policy, ready for look-ups.
#[derive(Debug)]
pub(crate) struct Matcher {
    /// First the table of the nodes that a literal leads to, a power of two of slots; then the root
    /// and the nodes that a parameter leads to.
    pub(crate) nodes: Vec<Node>,
    pub(crate) table_slots: usize,
    pub(crate) root: u32,
    /// The longest run of occupied slots.
    pub(crate) probes: u32,
    /// Literals that are too long for their node.
    pub(crate) long_literals: String,
}

/// A node of the trie. References between nodes are positions in `Matcher::nodes`.
#[derive(Clone, Copy, Debug)]
#[repr(align(64))]
pub(crate) struct Node {
    /// `NONE` in an empty slot of the table.
    pub(crate) parent: u32,
    pub(crate) tag: u32,
    /// The child for any segment.
    pub(crate) parameter: u32,
    /// The first rule that ends exactly here, and how many there are.
    pub(crate) end: u32,
    pub(crate) end_rules: u16,
    /// The same for those that end here in `**`.
    pub(crate) rest_rules: u16,
    pub(crate) rest: u32,
    /// Where a literal is that is longer than [`INLINE_BYTES_MAX`].
    pub(crate) literal_start: u32,
    pub(crate) literal_bytes: u16,
    pub(crate) literal: [u8; INLINE_BYTES_MAX],
    /// Whether a literal leads on from here.
    pub(crate) has_literals: bool,
}

impl Node {
    pub(crate) const EMPTY: Self = Self {
        parent: NONE,
        tag: 0,
        parameter: NONE,
        end: NONE,
        end_rules: 0,
        rest_rules: 0,
        rest: NONE,
        literal_start: 0,
        literal_bytes: 0,
        literal: [0; INLINE_BYTES_MAX],
        has_literals: false,
    };

    fn end(&self) -> Option<Range<usize>> {
        (self.end != NONE).then(|| rules(self.end, self.end_rules))
    }

    fn rest(&self) -> Option<Range<usize>> {
        (self.rest != NONE).then(|| rules(self.rest, self.rest_rules))
    }

    fn literal<'l>(&'l self, long_literals: &'l str) -> Option<&'l [u8]> {
        let bytes = usize::from(self.literal_bytes);
        if bytes <= INLINE_BYTES_MAX {
            return self.literal.get(..bytes);
        }
        let start = self.literal_start as usize;
        long_literals.as_bytes().get(start..start + bytes)
    }
}

fn rules(first: u32, count: u16) -> Range<usize> {
    first as usize..first as usize + usize::from(count)
}

impl Matcher {
    /// The rules for a path that [`crate::CanonicalTarget`] accepted. `folds`: whether it has a character
    /// that a reader may fold.
    pub(crate) fn find(&self, path: &str, folds: bool) -> Found {
        let segments = path.strip_prefix('/').unwrap_or(path);
        let segments = segments.strip_suffix('/').unwrap_or(segments);
        let rest = (!segments.is_empty()).then_some(segments);
        match self.walk(self.root, rest, true, folds) {
            Some((rules, true)) => Found::Rules(rules),
            Some((_, false)) => Found::OtherCase,
            None => Found::Nothing,
        }
    }

    /// Recursion is as deep as the longest pattern at most.
    fn walk(
        &self,
        node: u32,
        path: Option<&str>,
        exact: bool,
        folds: bool,
    ) -> Option<(Range<usize>, bool)> {
        let here = self.nodes.get(node as usize)?;
        let Some(path) = path else {
            return here
                .end()
                .or_else(|| here.rest())
                .map(|rules| (rules, exact));
        };
        let (segment, tail) = match path.split_once('/') {
            Some((segment, tail)) => (segment, Some(tail)),
            None => (path, None),
        };
        let child = if folds {
            match lookup_key(segment.as_bytes()) {
                Some(key) => self.literal_child(node, segment, &key),
                None if here.has_literals => return Some((0..0, false)),
                None => None,
            }
        } else {
            self.literal_child(node, segment, segment)
        };
        if let Some((child, same)) = child
            && let Some(found) = self.walk(child, tail, exact && same, folds)
        {
            return Some(found);
        }
        // Only a path that goes on as it came has an empty segment, and a parameter is none.
        if here.parameter != NONE
            && !segment.is_empty()
            && let Some(found) = self.walk(here.parameter, tail, exact, folds)
        {
            return Some(found);
        }
        here.rest().map(|rules| (rules, exact))
    }

    /// The child by a literal, and whether the segment is that literal in its own spelling. `key` is what
    /// is left of the segment when it is folded.
    fn literal_child(&self, parent: u32, segment: &str, key: &str) -> Option<(u32, bool)> {
        let (start, tag) = hash(parent, key.as_bytes());
        let mask = self.table_slots.wrapping_sub(1);
        for probe in 0..self.probes as usize {
            let index = start.wrapping_add(probe) & mask;
            let node = self.nodes.get(index)?;
            if node.parent == NONE {
                return None;
            }
            if node.tag == tag && node.parent == parent {
                let literal = node.literal(&self.long_literals)?;
                if literal.eq_ignore_ascii_case(segment.as_bytes()) {
                    return Some((index as u32, literal == segment.as_bytes()));
                }
                let literal = lookup_key(literal);
                if literal.is_some_and(|literal| literal.eq_ignore_ascii_case(key)) {
                    return Some((index as u32, false));
                }
            }
        }
        None
    }
}

/// Where to start probing, and a tag that saves most comparisons. Letters hash alike in either
/// case; some other characters then do, too, and the comparison tells them apart.
pub(crate) fn hash(parent: u32, segment: &[u8]) -> (usize, u32) {
    const MULTIPLIER: u64 = 0x9E37_79B9_7F4A_7C15;
    const LOWER_CASE: u64 = 0x2020_2020_2020_2020;
    let add = |state: u64, word: u64| {
        (state.rotate_left(29) ^ (word | LOWER_CASE)).wrapping_mul(MULTIPLIER)
    };
    let mut state = (u64::from(parent) + 1).wrapping_mul(MULTIPLIER);
    let (words, tail) = segment.as_chunks::<8>();
    for word in words {
        state = add(state, u64::from_le_bytes(*word));
    }
    let mut last = [0; 8];
    for (slot, byte) in last.iter_mut().zip(tail) {
        *slot = *byte;
    }
    state = add(state, u64::from_le_bytes(last));
    state ^= state >> 29;
    state = state.wrapping_mul(MULTIPLIER);
    ((state >> 40) as usize, (state >> 8) as u32)
}
