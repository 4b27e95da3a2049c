//! Building the matcher's trie, and finding patterns that do not go together.

use crate::matcher::{INLINE_BYTES_MAX, MATCH_STEPS_MAX, Matcher, NONE, Node, PROBES_MAX, hash};
use crate::pattern::{Pattern, Segment};
use crate::target::lookup_key;

/// How far the node table is enlarged to keep runs short, in slots for each literal.
const SLOTS_PER_LITERAL_MAX: usize = 8;
const ROOT: u32 = 0;

/// Two patterns that cannot both be in one policy, or one that can never be reached.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Conflict {
    /// `rule` spells `literal` as `earlier_literal` is spelt in the rule `earlier`, save for case and what
    /// readers fold.
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

/// A trie under construction. References between its nodes are positions in `nodes`, children after
/// their parents.
#[derive(Debug)]
pub(crate) struct Builder {
    nodes: Vec<Branch>,
    /// The nodes that a literal leads to: an open-addressing table of their positions, `NONE` where
    /// there is none.
    children: Vec<u32>,
    literals: usize,
    /// The rules of each pattern.
    ends: Vec<Vec<u32>>,
    conflicts: Vec<Conflict>,
}

#[derive(Debug)]
struct Branch {
    parent: u32,
    /// `None` where a parameter leads here, and at the root.
    literal: Option<String>,
    /// The rule that came here first.
    maker: u32,
    parameter: u32,
    /// What ends exactly here, as a position in `Builder::ends`.
    end: u32,
    /// The same in `**`.
    rest: u32,
}

impl Builder {
    /// `segments`: how many all patterns have together, or more.
    pub(crate) fn new(segments: usize) -> Self {
        let slots = (segments + 1).next_power_of_two() * 2;
        let mut builder = Self {
            nodes: Vec::new(),
            children: vec![NONE; slots],
            literals: 0,
            ends: Vec::new(),
            conflicts: Vec::new(),
        };
        builder.add(NONE, None, NONE);
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

    /// The finished matcher, the rules in the order in which it counts them, and what is wrong.
    pub(crate) fn build(mut self) -> (Matcher, Vec<u32>, Vec<Conflict>) {
        self.find_unreachable();
        let steps = self.steps();
        if steps > MATCH_STEPS_MAX {
            self.conflicts.push(Conflict::TooManySteps { steps });
        }
        let mut matcher = self.placed();
        let mut order = Vec::new();
        for node in &mut matcher.nodes {
            for (end, count) in [
                (&mut node.end, &mut node.end_rules),
                (&mut node.rest, &mut node.rest_rules),
            ] {
                if let Some(rules) = self.ends.get(*end as usize) {
                    *end = order.len() as u32;
                    *count = rules.len() as u16;
                    order.extend_from_slice(rules);
                }
            }
        }
        (matcher, order, self.conflicts)
    }

    fn literal_child(&mut self, parent: u32, text: &str, rule: u32) -> u32 {
        let mask = self.children.len() - 1;
        let key = key(text);
        let (mut slot, _) = hash(parent, key.as_bytes());
        loop {
            slot &= mask;
            let child = self.children.get(slot).copied().unwrap_or(NONE);
            let Some(there) = self.nodes.get(child as usize) else {
                break;
            };
            if there.parent == parent
                && let Some(literal) = &there.literal
                && self::key(literal).eq_ignore_ascii_case(&key)
            {
                if literal != text {
                    self.conflicts.push(Conflict::OtherCase {
                        rule,
                        literal: text.to_owned(),
                        earlier: there.maker,
                        earlier_literal: literal.clone(),
                    });
                }
                return child;
            }
            slot += 1;
        }
        let child = self.add(parent, Some(text.to_owned()), rule);
        if let Some(slot) = self.children.get_mut(slot) {
            *slot = child;
        }
        self.literals += 1;
        child
    }

    fn parameter_child(&mut self, parent: u32, rule: u32) -> u32 {
        let there = self.nodes.get(parent as usize).map(|node| node.parameter);
        match there {
            Some(child) if child != NONE => child,
            _ => {
                let child = self.add(parent, None, rule);
                if let Some(node) = self.nodes.get_mut(parent as usize) {
                    node.parameter = child;
                }
                child
            }
        }
    }

    fn add(&mut self, parent: u32, literal: Option<String>, maker: u32) -> u32 {
        self.nodes.push(Branch {
            parent,
            literal,
            maker,
            parameter: NONE,
            end: NONE,
            rest: NONE,
        });
        self.nodes.len() as u32 - 1
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

    /// The nodes at their places, those that a literal leads to in a table at most half full, larger
    /// where runs get long.
    fn placed(&self) -> Matcher {
        let mut slots = (self.literals * 2).next_power_of_two();
        loop {
            let matcher = self.placed_in(slots);
            // No table keeps literals apart whose hashes are equal. The policy's author would have
            // had to look for them, and gets a slower policy.
            let largest = slots >= self.literals * SLOTS_PER_LITERAL_MAX;
            if matcher.probes <= PROBES_MAX || largest {
                return matcher;
            }
            slots *= 2;
        }
    }

    fn placed_in(&self, table_slots: usize) -> Matcher {
        let mut matcher = Matcher {
            nodes: vec![Node::EMPTY; table_slots],
            table_slots,
            root: table_slots as u32,
            probes: 0,
            long_literals: String::new(),
        };
        // Where each branch went. Parents are placed before their children.
        let mut places: Vec<u32> = Vec::with_capacity(self.nodes.len());
        for branch in &self.nodes {
            let parent = places.get(branch.parent as usize).copied();
            let node = Node {
                parent: parent.unwrap_or(NONE),
                end: branch.end,
                rest: branch.rest,
                ..Node::EMPTY
            };
            let place = match &branch.literal {
                Some(literal) => {
                    if let Some(above) = matcher.nodes.get_mut(node.parent as usize) {
                        above.has_literals = true;
                    }
                    matcher.place_literal(node, literal)
                }
                None => {
                    matcher.nodes.push(node);
                    matcher.nodes.len() as u32 - 1
                }
            };
            if branch.literal.is_none()
                && let Some(above) = parent.and_then(|at| matcher.nodes.get_mut(at as usize))
            {
                above.parameter = place;
            }
            places.push(place);
        }
        matcher
    }
}

impl Matcher {
    /// Puts a node into the first free slot from where its hash points. There is one: the table has
    /// more slots than there are literals.
    fn place_literal(&mut self, mut node: Node, literal: &str) -> u32 {
        let (start, tag) = hash(node.parent, key(literal).as_bytes());
        node.tag = tag;
        node.literal_bytes = literal.len() as u16;
        if literal.len() <= INLINE_BYTES_MAX {
            for (slot, byte) in node.literal.iter_mut().zip(literal.bytes()) {
                *slot = byte;
            }
        } else {
            node.literal_start = self.long_literals.len() as u32;
            self.long_literals.push_str(literal);
        }
        for probe in 0..self.table_slots {
            let index = start.wrapping_add(probe) & (self.table_slots - 1);
            if let Some(slot) = self.nodes.get_mut(index)
                && slot.parent == NONE
            {
                *slot = node;
                self.probes = self.probes.max(probe as u32 + 1);
                return index as u32;
            }
        }
        NONE
    }
}

/// What a literal is looked up by.
fn key(literal: &str) -> String {
    lookup_key(literal.as_bytes()).unwrap_or_default()
}
