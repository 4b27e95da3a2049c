//! From a path to the rules of its most specific pattern, at a cost that does not depend on how
//! many patterns there are.
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
//!   request is refused. So `/ADMIN` does not get past the rule for `/admin` by way of `/**`.
//!
//! # Hashing
//!
//! All literal edges of the trie are in one open-addressing table. Its hash function is fast,
//! deterministic and not secret, which is safe here: the keys come from the policy alone, nothing
//! that a request carries is ever stored, and the longest run of occupied slots is measured when
//! the table is built and limits every look-up. A caller who knows the function can at most hit
//! that run, which is kept to [`PROBES_MAX`] slots by enlarging the table.

use crate::pattern::{Pattern, Segment};

/// Most nodes of the trie that one look-up may visit, over all requests.
pub const MATCH_STEPS_MAX: u32 = 1024;
/// Most slots of the literal table that one look-up of a segment should inspect.
pub const PROBES_MAX: u32 = 32;
/// How far the literal table is enlarged for that, in slots for each literal.
const SLOTS_PER_LITERAL_MAX: usize = 16;

const NONE: u32 = u32::MAX;
const ROOT: u32 = 0;

/// What a look-up found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Found<'m> {
    /// The rules of the most specific pattern, by their position in the policy.
    Rules(&'m [u32]),
    /// A pattern would match if letters in another case were the same letters.
    OtherCase,
    /// No pattern matches.
    Nothing,
}

/// The patterns of a policy, ready for look-ups.
#[derive(Debug)]
pub(crate) struct Matcher {
    nodes: Vec<Node>,
    literals: String,
    slots: Vec<Slot>,
    probes: u32,
    ends: Vec<End>,
    rules: Vec<u32>,
}

#[derive(Clone, Copy, Debug)]
struct Node {
    parent: u32,
    /// The literal on the edge that leads here, as a range of `Matcher::literals`.
    literal_start: u32,
    literal_end: u32,
    /// The child for any segment.
    parameter: u32,
    /// What ends exactly here, as an index of `Matcher::ends`.
    end: u32,
    /// What ends here in `**`.
    rest: u32,
}

/// The rules of one pattern, as a range of `Matcher::rules`.
#[derive(Clone, Copy, Debug)]
struct End {
    start: u32,
    end: u32,
}

/// One edge by a literal; `node` is [`ROOT`] where there is none.
#[derive(Clone, Copy, Debug)]
struct Slot {
    tag: u32,
    node: u32,
}

impl Matcher {
    /// The rules for a path that [`crate::CanonicalTarget`] accepted.
    pub(crate) fn find(&self, path: &str) -> Found<'_> {
        let segments = path.strip_prefix('/').unwrap_or(path);
        let segments = segments.strip_suffix('/').unwrap_or(segments);
        let rest = (!segments.is_empty()).then_some(segments);
        match self.walk(ROOT, rest, true) {
            Some((end, true)) => Found::Rules(self.rules_of(end)),
            Some((_, false)) => Found::OtherCase,
            None => Found::Nothing,
        }
    }

    /// Recursion is as deep as the longest pattern at most.
    fn walk(&self, node: u32, path: Option<&str>, exact: bool) -> Option<(u32, bool)> {
        let here = self.nodes.get(node as usize)?;
        let ended = |end: u32| (end != NONE).then_some((end, exact));
        let Some(path) = path else {
            return ended(here.end).or_else(|| ended(here.rest));
        };
        let (segment, tail) = match path.split_once('/') {
            Some((segment, tail)) => (segment, Some(tail)),
            None => (path, None),
        };
        if let Some((child, same_case)) = self.literal_child(node, segment)
            && let Some(found) = self.walk(child, tail, exact && same_case)
        {
            return Some(found);
        }
        if here.parameter != NONE
            && let Some(found) = self.walk(here.parameter, tail, exact)
        {
            return Some(found);
        }
        ended(here.rest)
    }

    /// The child by a literal, and whether the segment is that literal in its own case.
    fn literal_child(&self, parent: u32, segment: &str) -> Option<(u32, bool)> {
        let (index, tag) = hash(parent, segment.as_bytes());
        let mask = self.slots.len().wrapping_sub(1);
        for probe in 0..self.probes as usize {
            let slot = self.slots.get(index.wrapping_add(probe) & mask)?;
            if slot.node == ROOT {
                return None;
            }
            if slot.tag == tag {
                let node = self.nodes.get(slot.node as usize)?;
                let literal = self.literal(node)?;
                if node.parent == parent && literal.eq_ignore_ascii_case(segment) {
                    return Some((slot.node, literal == segment));
                }
            }
        }
        None
    }

    fn literal(&self, node: &Node) -> Option<&str> {
        self.literals
            .get(node.literal_start as usize..node.literal_end as usize)
    }

    fn rules_of(&self, end: u32) -> &[u32] {
        self.ends
            .get(end as usize)
            .and_then(|range| self.rules.get(range.start as usize..range.end as usize))
            .unwrap_or_default()
    }
}

/// Where to start probing, and a tag that saves most comparisons. Letters hash alike in either
/// case; some other characters then do, too, and the comparison tells them apart.
fn hash(parent: u32, segment: &[u8]) -> (usize, u32) {
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

/// Two patterns that cannot both be in one policy, or one that can never be reached.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Conflict {
    /// `rule` spells `literal` as `earlier_literal` is spelt in the rule `earlier`, save for case.
    OtherCase {
        rule: u32,
        literal: String,
        earlier: u32,
        earlier_literal: String,
    },
    /// Every path of `rule` is taken by the more specific `by`.
    Unreachable { rule: u32, by: Vec<u32> },
    /// Some request could visit so many nodes, more than [`MATCH_STEPS_MAX`].
    TooManySteps { steps: u32 },
}

/// A trie under construction.
#[derive(Debug)]
pub(crate) struct Builder {
    nodes: Vec<Node>,
    literals: String,
    /// The rule that made each node.
    makers: Vec<u32>,
    /// The literal children of all nodes, by parent and folded literal.
    children: std::collections::BTreeMap<(u32, String), u32>,
    ends: Vec<Vec<u32>>,
    conflicts: Vec<Conflict>,
}

impl Builder {
    pub(crate) fn new() -> Self {
        let mut builder = Self {
            nodes: Vec::new(),
            literals: String::new(),
            makers: Vec::new(),
            children: std::collections::BTreeMap::new(),
            ends: Vec::new(),
            conflicts: Vec::new(),
        };
        builder.add_node(NONE, "", NONE);
        builder
    }

    /// Adds a rule under its pattern.
    pub(crate) fn insert(&mut self, pattern: &Pattern, rule: u32) {
        let mut node = ROOT;
        for segment in pattern.segments() {
            node = match segment {
                Segment::Literal(text) => self.literal_child(node, text, rule),
                Segment::Parameter(_) => self.parameter_child(node, rule),
            };
        }
        let new_end = self.ends.len() as u32;
        let Some(node) = self.nodes.get_mut(node as usize) else {
            return;
        };
        let end = if pattern.takes_rest() {
            &mut node.rest
        } else {
            &mut node.end
        };
        if *end == NONE {
            *end = new_end;
            self.ends.push(vec![rule]);
        } else if let Some(rules) = self.ends.get_mut(*end as usize) {
            rules.push(rule);
        }
    }

    /// The rules of each pattern, in the order of the file. More than one rule shares a pattern
    /// where they list different methods.
    pub(crate) fn rules_by_pattern(&self) -> impl Iterator<Item = &[u32]> {
        self.ends.iter().map(Vec::as_slice)
    }

    /// The finished matcher, and what is wrong with it.
    pub(crate) fn build(mut self) -> (Matcher, Vec<Conflict>) {
        self.find_unreachable();
        let steps = self.steps();
        if steps > MATCH_STEPS_MAX {
            self.conflicts.push(Conflict::TooManySteps { steps });
        }
        let (slots, probes) = self.table();
        let mut ends = Vec::with_capacity(self.ends.len());
        let mut rules = Vec::new();
        for end in &self.ends {
            let start = rules.len() as u32;
            rules.extend_from_slice(end);
            ends.push(End {
                start,
                end: rules.len() as u32,
            });
        }
        let matcher = Matcher {
            nodes: self.nodes,
            literals: self.literals,
            slots,
            probes,
            ends,
            rules,
        };
        (matcher, self.conflicts)
    }

    fn literal_child(&mut self, parent: u32, text: &str, rule: u32) -> u32 {
        let key = (parent, text.to_ascii_lowercase());
        let Some(&child) = self.children.get(&key) else {
            let child = self.add_node(parent, text, rule);
            self.children.insert(key, child);
            return child;
        };
        let earlier_literal = self.literal(child).to_owned();
        if earlier_literal != text {
            self.conflicts.push(Conflict::OtherCase {
                rule,
                literal: text.to_owned(),
                earlier: self.makers.get(child as usize).copied().unwrap_or(NONE),
                earlier_literal,
            });
        }
        child
    }

    fn parameter_child(&mut self, parent: u32, rule: u32) -> u32 {
        if let Some(node) = self.nodes.get(parent as usize)
            && node.parameter != NONE
        {
            return node.parameter;
        }
        let child = self.add_node(parent, "", rule);
        if let Some(node) = self.nodes.get_mut(parent as usize) {
            node.parameter = child;
        }
        child
    }

    fn add_node(&mut self, parent: u32, literal: &str, rule: u32) -> u32 {
        let literal_start = self.literals.len() as u32;
        self.literals.push_str(literal);
        self.nodes.push(Node {
            parent,
            literal_start,
            literal_end: self.literals.len() as u32,
            parameter: NONE,
            end: NONE,
            rest: NONE,
        });
        self.makers.push(rule);
        self.nodes.len() as u32 - 1
    }

    fn literal(&self, node: u32) -> &str {
        self.nodes
            .get(node as usize)
            .and_then(|node| {
                self.literals
                    .get(node.literal_start as usize..node.literal_end as usize)
            })
            .unwrap_or_default()
    }

    /// A pattern is unreachable when more specific ones take all of its paths. A literal takes one
    /// value of a segment, so only `**` can lose everything: to a pattern that ends where it begins
    /// together with `{name}` and whatever takes all that follows.
    fn find_unreachable(&mut self) {
        for node in &self.nodes {
            if node.rest == NONE || node.end == NONE {
                continue;
            }
            if let Some(mut by) = self.takers_of_all(node.parameter) {
                by.insert(0, self.first_rule(node.end));
                self.conflicts.push(Conflict::Unreachable {
                    rule: self.first_rule(node.rest),
                    by,
                });
            }
        }
    }

    /// The rules that together take every path from `node` on.
    fn takers_of_all(&self, mut node: u32) -> Option<Vec<u32>> {
        let mut rules = Vec::new();
        loop {
            let here = self.nodes.get(node as usize)?;
            if here.rest != NONE {
                rules.push(self.first_rule(here.rest));
                return Some(rules);
            }
            if here.end == NONE {
                return None;
            }
            rules.push(self.first_rule(here.end));
            node = here.parameter;
        }
    }

    fn first_rule(&self, end: u32) -> u32 {
        self.ends
            .get(end as usize)
            .and_then(|rules| rules.first())
            .copied()
            .unwrap_or(NONE)
    }

    /// The most nodes that any request visits: at each one it takes at most one literal branch and
    /// the parameter's.
    fn steps(&self) -> u32 {
        let mut by_literal = vec![0_u32; self.nodes.len()];
        let mut by_parameter = vec![0_u32; self.nodes.len()];
        // Children come after their parents.
        for (index, node) in self.nodes.iter().enumerate().rev() {
            let here = by_literal
                .get(index)
                .copied()
                .unwrap_or_default()
                .saturating_add(by_parameter.get(index).copied().unwrap_or_default())
                .saturating_add(1);
            let parent = node.parent as usize;
            match self.nodes.get(parent) {
                None => return here,
                Some(above) if above.parameter == index as u32 => {
                    if let Some(steps) = by_parameter.get_mut(parent) {
                        *steps = here;
                    }
                }
                Some(_) => {
                    if let Some(steps) = by_literal.get_mut(parent) {
                        *steps = here.max(*steps);
                    }
                }
            }
        }
        0
    }

    /// The literal edges in a table at most half full, larger where runs get long.
    fn table(&self) -> (Vec<Slot>, u32) {
        let mut size = (self.children.len() * 2 + 1).next_power_of_two();
        loop {
            let (slots, probes) = self.table_of(size);
            // No table keeps literals apart whose hashes are equal. The policy's author would have
            // had to look for them, and gets a slower policy.
            if probes <= PROBES_MAX || size >= self.children.len() * SLOTS_PER_LITERAL_MAX {
                return (slots, probes);
            }
            size *= 2;
        }
    }

    fn table_of(&self, size: usize) -> (Vec<Slot>, u32) {
        let mut slots = vec![Slot { tag: 0, node: ROOT }; size];
        let mut probes = 0;
        for &child in self.children.values() {
            let parent = self.nodes.get(child as usize).map_or(NONE, |n| n.parent);
            let (index, tag) = hash(parent, self.literal(child).as_bytes());
            for probe in 0..size {
                if let Some(slot) = slots.get_mut(index.wrapping_add(probe) & (size - 1))
                    && slot.node == ROOT
                {
                    *slot = Slot { tag, node: child };
                    probes = probes.max(probe as u32 + 1);
                    break;
                }
            }
        }
        (slots, probes)
    }
}
