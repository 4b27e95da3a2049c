//! Whether a value is what its schema says.

use regex_automata::Input;
use regex_automata::dfa::Automaton as _;

use super::equal;
use super::format::kinds;
use super::program::{Members, Rule, Schema, Schemas};
use super::single::{find, holds, is_of, missing, names_of, number_rule};
use super::violation::{NOTHING, Report, Told, Violation, shown};
use crate::json::{JsonStr, Kind, Value};
use crate::sort::sort_by;

/// What a check may cost at least, in steps: one for each subschema that is applied to a value, and more where that takes
/// longer than to look at a number.
pub const STEPS_MIN: u64 = 10_000;
/// What it may cost for each value, name and 32 bytes of text besides. Only a schema whose alternatives lie within each
/// other can need more: two of them that both come back to the same schema for a member are four for a member of that,
/// and so on.
pub const STEPS_PER_VALUE: u64 = 256;
/// Most subschemas that are at work within each other. What is nested so deep is refused, for each takes some of the stack.
pub const NESTED_MAX: usize = 512;
/// Bytes of text that cost as much as one step.
const BYTES_PER_STEP: usize = 32;
/// Up to so many elements are compared with each other; more are sorted by their hashes.
const COMPARED_ELEMENTS_MAX: usize = 8;

/// What a check writes on: kept, and used again for the next one.
#[derive(Clone, Debug, Default)]
pub struct Scratch {
    /// A string without its escapes.
    text: String,
    hashes: Vec<u64>,
}

impl Scratch {
    /// Nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }
}

impl Schema<'_, '_> {
    /// Whether a value is what this schema says. The time is bounded by the size of the value times that of the schema, and
    /// by [`STEPS_PER_VALUE`].
    ///
    /// # Errors
    /// It is not: the first thing that is wrong. Of `anyOf` and `oneOf` it is what is wrong with the alternative that came
    /// furthest into the value.
    pub fn check(&self, value: Value<'_>, scratch: &mut Scratch) -> Result<(), Violation> {
        let mut check = Check::new(self.schemas, value, scratch);
        let passes = check.node::<()>(self.entry.node, value).is_ok();
        if passes && check.given_up.is_none() {
            return Ok(());
        }
        // Once more, to say what it is.
        let mut check = Check::new(self.schemas, value, scratch);
        let told = check.node::<Box<Told>>(self.entry.node, value);
        Err(match (check.given_up, told) {
            (None, Err(told)) => told.violation(),
            (why, _) => Violation {
                pointer: String::new(),
                keyword: "",
                detail: why.unwrap_or("does not fit its schema").to_owned(),
            },
        })
    }
}

struct Check<'c, 'b> {
    schemas: &'c Schemas<'b>,
    /// Steps that are left.
    steps: u64,
    nested: usize,
    /// Why the check was given up. What it says from then on counts for nothing.
    given_up: Option<&'static str>,
    scratch: &'c mut Scratch,
}

impl<'c, 'b> Check<'c, 'b> {
    fn new(schemas: &'c Schemas<'b>, value: Value<'_>, scratch: &'c mut Scratch) -> Self {
        let units = (value.size() + value.text().len() / BYTES_PER_STEP) as u64;
        Self {
            schemas,
            steps: STEPS_MIN + STEPS_PER_VALUE * units,
            nested: 0,
            given_up: None,
            scratch,
        }
    }

    /// Takes steps from what is left. False where there are none.
    fn pay(&mut self, steps: usize) -> bool {
        match self.steps.checked_sub(steps as u64) {
            Some(left) => self.steps = left,
            None => self.given_up = Some("takes too many steps to be checked"),
        }
        self.given_up.is_none()
    }

    fn node<R: Report>(&mut self, node: u32, value: Value<'_>) -> Result<(), R> {
        let schemas = self.schemas;
        let Some(node) = schemas.nodes.get(node as usize) else {
            return Err(R::new(NOTHING, value, String::new));
        };
        if !self.pay(1) {
            return Err(R::new("", value, String::new));
        }
        if node.kinds != kinds::ALL && !is_of(value, node.kinds) {
            if node.kinds == 0 {
                return Err(R::new(NOTHING, value, || "must not be there".to_owned()));
            }
            return Err(R::new("type", value, || {
                let what = shown(value);
                format!("is {what}, and must be {}", names_of(node.kinds))
            }));
        }
        if node.rules.is_empty() {
            return Ok(());
        }
        if self.nested >= NESTED_MAX {
            self.given_up = Some("is nested too deep to be checked");
            return Err(R::new("", value, String::new));
        }
        self.nested += 1;
        let checked = node
            .rules
            .iter()
            .try_for_each(|rule| self.rule(rule, value));
        self.nested -= 1;
        checked
    }

    /// Whether a value fits, whatever else is wrong with it.
    fn fits(&mut self, node: u32, value: Value<'_>) -> bool {
        self.node::<()>(node, value).is_ok()
    }

    fn rule<R: Report>(&mut self, rule: &Rule<'b>, value: Value<'_>) -> Result<(), R> {
        match rule {
            Rule::Ref(node) => self.node(*node, value),
            Rule::AllOf(nodes) => nodes.iter().try_for_each(|node| self.node(*node, value)),
            Rule::AnyOf(nodes) => self.any_of(nodes, value),
            Rule::OneOf(nodes) => self.one_of(nodes, value),
            Rule::Not(node) => {
                let fits = self.fits(*node, value);
                holds(!fits, "not", value, || "is what must not be".to_owned())
            }
            Rule::If {
                condition,
                then,
                otherwise,
            } => {
                let fits = self.fits(*condition, value);
                let next = if fits { then } else { otherwise };
                next.map_or(Ok(()), |node| self.node(node, value))
            }
            Rule::Enum(literals) => {
                self.pay(literals.len() / 8);
                let found = literals.iter().any(|literal| literal.is(value));
                holds(found, "enum", value, || {
                    format!(
                        "is {}, which is none of the values that it may be",
                        shown(value)
                    )
                })
            }
            Rule::Const(literal) => holds(literal.is(value), "const", value, || {
                format!(
                    "is {}, which is not the value that it must be",
                    shown(value)
                )
            }),
            Rule::Bound(..) | Rule::MultipleOf(_) => match value.as_number() {
                Some(number) => number_rule(rule, number, value),
                None => Ok(()),
            },
            Rule::MinLength(_) | Rule::MaxLength(_) | Rule::Pattern(_) => match value.as_string() {
                Some(string) => self.string_rule(rule, string, value),
                None => Ok(()),
            },
            Rule::MinItems(_)
            | Rule::MaxItems(_)
            | Rule::UniqueItems
            | Rule::Contains { .. }
            | Rule::Elements { .. } => match value.kind() {
                Kind::Array => self.array_rule(rule, value),
                _ => Ok(()),
            },
            Rule::MinProperties(_)
            | Rule::MaxProperties(_)
            | Rule::Members(_)
            | Rule::DependentRequired(..)
            | Rule::DependentSchema(..) => match value.kind() {
                Kind::Object => self.object_rule(rule, value),
                _ => Ok(()),
            },
        }
    }

    fn any_of<R: Report>(&mut self, nodes: &[u32], value: Value<'_>) -> Result<(), R> {
        let mut furthest: Option<R> = None;
        for node in nodes {
            let Err(wrong) = self.node::<R>(*node, value) else {
                return Ok(());
            };
            if furthest
                .as_ref()
                .is_none_or(|best| wrong.reached() > best.reached())
            {
                furthest = Some(wrong);
            }
        }
        Err(none_fits("anyOf", nodes.len(), furthest, value))
    }

    fn one_of<R: Report>(&mut self, nodes: &[u32], value: Value<'_>) -> Result<(), R> {
        let mut furthest: Option<R> = None;
        let mut fitting = None;
        for (place, node) in nodes.iter().enumerate() {
            match (self.node::<R>(*node, value), fitting) {
                (Ok(()), None) => fitting = Some(place),
                (Ok(()), Some(other)) => {
                    return Err(R::new("oneOf", value, || {
                        let (other, this) = (other + 1, place + 1);
                        format!("fits alternatives {other} and {this}, and must fit exactly one")
                    }));
                }
                (Err(wrong), _) => {
                    if furthest
                        .as_ref()
                        .is_none_or(|best| wrong.reached() > best.reached())
                    {
                        furthest = Some(wrong);
                    }
                }
            }
        }
        match fitting {
            Some(_) => Ok(()),
            None => Err(none_fits("oneOf", nodes.len(), furthest, value)),
        }
    }

    fn string_rule<R: Report>(
        &mut self,
        rule: &Rule<'b>,
        string: JsonStr<'_>,
        value: Value<'_>,
    ) -> Result<(), R> {
        match rule {
            Rule::MinLength(least) => {
                let enough = self.length_is_at_least(string, *least as usize);
                holds(enough, "minLength", value, || {
                    format!("is shorter than {least} characters")
                })
            }
            Rule::MaxLength(most) => {
                let more = self.length_is_at_least(string, (*most as usize).saturating_add(1));
                holds(!more, "maxLength", value, || {
                    format!("is longer than {most} characters")
                })
            }
            Rule::Pattern(pattern) => {
                let matches = self.matches(*pattern, string);
                holds(matches, "pattern", value, || {
                    let text = self
                        .schemas
                        .patterns
                        .get(*pattern as usize)
                        .map_or("", |p| p.text);
                    format!("is {}, which does not match {text}", shown(value))
                })
            }
            _ => Ok(()),
        }
    }

    /// Whether a string has so many characters (code points), counting no further.
    fn length_is_at_least(&mut self, string: JsonStr<'_>, least: usize) -> bool {
        let bytes = string.raw().len();
        if bytes < least {
            return false;
        }
        // No character takes more than twelve bytes: an escape of two halves.
        if bytes / 12 >= least {
            return true;
        }
        self.pay(bytes / (8 * BYTES_PER_STEP));
        if string.has_escapes() {
            string.chars().take(least).count() >= least
        } else {
            string.raw().chars().count() >= least
        }
    }

    /// Whether a pattern is found in a string.
    fn matches(&mut self, pattern: u32, string: JsonStr<'_>) -> bool {
        if !self.pay(string.raw().len() / BYTES_PER_STEP) {
            return false;
        }
        let schemas = self.schemas;
        let Some(pattern) = schemas.patterns.get(pattern as usize) else {
            return false;
        };
        let text = if string.has_escapes() {
            self.scratch.text.clear();
            self.scratch.text.extend(string.chars());
            &self.scratch.text
        } else {
            string.raw()
        };
        let input = Input::new(text).earliest(true);
        matches!(pattern.automaton.try_search_fwd(&input), Ok(Some(_)))
    }

    fn array_rule<R: Report>(&mut self, rule: &Rule<'b>, value: Value<'_>) -> Result<(), R> {
        match rule {
            Rule::MinItems(least) => {
                holds(value.len() >= *least as usize, "minItems", value, || {
                    format!("has fewer than {least} elements")
                })
            }
            Rule::MaxItems(most) => holds(value.len() <= *most as usize, "maxItems", value, || {
                format!("has more than {most} elements")
            }),
            Rule::UniqueItems => match self.same_elements(value) {
                None => Ok(()),
                Some((first, second)) => Err(R::new("uniqueItems", value, || {
                    format!("has the same element twice, at {first} and {second}")
                })),
            },
            Rule::Contains { node, least, most } => {
                let (least, most) = (*least as usize, *most as usize);
                let mut found = 0_usize;
                for element in value.elements() {
                    found += usize::from(self.fits(*node, element));
                    if found > most || found >= least && most == u32::MAX as usize {
                        break;
                    }
                }
                holds(found >= least, "contains", value, || {
                    format!("has {found} elements of a kind of which there must be {least}")
                })?;
                holds(found <= most, "maxContains", value, || {
                    format!("has more than {most} elements of a kind")
                })
            }
            Rule::Elements { first, rest } => {
                let mut nodes = first.iter();
                for (index, element) in value.elements().enumerate() {
                    let (node, keyword) = match (nodes.next(), rest) {
                        (Some(node), _) => (*node, "prefixItems"),
                        (None, Some(node)) => (*node, "items"),
                        (None, None) => break,
                    };
                    self.node::<R>(node, element).map_err(|wrong| {
                        wrong
                            .instead_of_nothing(
                                keyword,
                                "must not be there: no element may be at this place",
                            )
                            .within_element(index)
                    })?;
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// The places of two elements that are the same.
    fn same_elements(&mut self, array: Value<'_>) -> Option<(usize, usize)> {
        let count = array.len();
        if count < 2 {
            return None;
        }
        let work = array.size() + array.text().len() / BYTES_PER_STEP;
        if !self.pay(work) {
            return None;
        }
        let hashes = &mut self.scratch.hashes;
        hashes.clear();
        hashes.extend(array.elements().map(equal::hash));
        let different = if count <= COMPARED_ELEMENTS_MAX {
            let mut rest = hashes.as_slice();
            loop {
                let Some((first, after)) = rest.split_first() else {
                    break true;
                };
                if after.contains(first) {
                    break false;
                }
                rest = after;
            }
        } else {
            sort_by(hashes, Ord::cmp);
            hashes
                .iter()
                .zip(hashes.iter().skip(1))
                .all(|(a, b)| a != b)
        };
        if different {
            return None;
        }
        // Either some are the same, or somebody has found values with one hash: sorted, neither is slow.
        self.pay(work.saturating_mul(count.ilog2() as usize));
        let mut elements: Vec<_> = array.elements().enumerate().collect();
        sort_by(&mut elements, |(first, a), (second, b)| {
            equal::order(*a, *b).then(first.cmp(second))
        });
        let pairs = elements.iter().zip(elements.iter().skip(1));
        let mut same = pairs.filter(|((_, a), (_, b))| equal::order(*a, *b).is_eq());
        same.next()
            .map(|((first, _), (second, _))| (*first, *second))
    }

    fn object_rule<R: Report>(&mut self, rule: &Rule<'b>, value: Value<'_>) -> Result<(), R> {
        match rule {
            Rule::MinProperties(least) => holds(
                value.len() >= *least as usize,
                "minProperties",
                value,
                || format!("has fewer than {least} members"),
            ),
            Rule::MaxProperties(most) => holds(
                value.len() <= *most as usize,
                "maxProperties",
                value,
                || format!("has more than {most} members"),
            ),
            Rule::Members(members) => self.members(members, value),
            Rule::DependentRequired(name, others) => {
                self.pay(value.len().saturating_mul(1 + others.len()) / 8);
                if value.get(name).is_none() {
                    return Ok(());
                }
                let missing = others.iter().find(|other| value.get(other).is_none());
                holds(missing.is_none(), "dependentRequired", value, || {
                    let missing = missing.unwrap_or(name);
                    format!("has {name:?} without {missing:?}")
                })
            }
            Rule::DependentSchema(name, node) => {
                self.pay(value.len() / 8);
                match value.get(name) {
                    None => Ok(()),
                    Some(_) => self.node(*node, value),
                }
            }
            _ => Ok(()),
        }
    }

    fn members<R: Report>(&mut self, rule: &Members<'b>, object: Value<'_>) -> Result<(), R> {
        if !self.pay(object.len().saturating_mul(1 + rule.patterns.len()) / 4) {
            return Err(R::new("", object, String::new));
        }
        let mut required = 0;
        let mut next = 0;
        for (name, value) in object.members() {
            let mut is_named = false;
            if let Some(place) = find(rule, name, next)
                && let Some(member) = rule.named.get(place)
            {
                next = place + 1;
                required += usize::from(member.required);
                if let Some(node) = member.node {
                    is_named = true;
                    self.member::<R>(node, name, value, "properties")?;
                }
            }
            for (pattern, node) in &rule.patterns {
                if self.matches(*pattern, name) {
                    is_named = true;
                    self.member::<R>(*node, name, value, "patternProperties")?;
                }
            }
            if let Some(node) = rule.others
                && !is_named
            {
                self.member::<R>(node, name, value, "additionalProperties")?;
            }
        }
        if required < rule.required {
            return Err(R::new("required", object, || missing(rule, object)));
        }
        if let Some(node) = rule.names {
            for (name, (sent, _)) in object.names().zip(object.members()) {
                if !self.fits(node, name) {
                    return Err(R::new("propertyNames", name, || {
                        "has a name that none may have".to_owned()
                    })
                    .within_member(sent));
                }
            }
        }
        Ok(())
    }

    fn member<R: Report>(
        &mut self,
        node: u32,
        name: JsonStr<'_>,
        value: Value<'_>,
        keyword: &'static str,
    ) -> Result<(), R> {
        self.node::<R>(node, value).map_err(|wrong| {
            wrong
                .instead_of_nothing(
                    keyword,
                    "must not be there: the schema has no member of this name",
                )
                .within_member(name)
        })
    }
}

/// What is told where no alternative fits: what is wrong with the one that came furthest, if any came further than to look
/// at the value as a whole.
fn none_fits<R: Report>(
    keyword: &'static str,
    count: usize,
    furthest: Option<R>,
    value: Value<'_>,
) -> R {
    match furthest {
        Some(wrong) if wrong.reached().0 > 0 => wrong,
        _ => R::new(keyword, value, || {
            format!(
                "is {}, which fits none of {count} alternatives",
                shown(value)
            )
        }),
    }
}
