//! From bytes to a program. Bytes that the command has not written are an error, never a panic.

use core::fmt;

use regex_automata::dfa::sparse;

use super::format::{
    FORMAT, HEADER_BYTES, IN_PLACE_MAX, MAGIC, NO_NODE, NODES_MAX, checksum, literals, tags,
};
use super::literal::Literal;
use super::program::{
    Bound, Divisor, Entry, Limit, Member, Members, Node, Pattern, Rule, SEARCHED_ONE_BY_ONE_MAX,
    Schemas,
};
use crate::json::{DEPTH_MAX, Number};
use crate::sort::sort_by;

/// Why bytes are no program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProgramError {
    /// They begin otherwise than programs do.
    NoProgram,
    /// A program of another release, of this format.
    OtherFormat(u32),
    /// Some of it is missing, or more than it is there.
    Length,
    /// Its checksum is another one: it was changed.
    Checksum,
    /// Something that no program says, although its checksum is right.
    Broken(&'static str),
    /// A subschema that applies to a value because it applies to it, or too many that apply because of each other
    /// ([`IN_PLACE_MAX`]). Which one, by its number.
    Endless(u32),
}

impl fmt::Display for ProgramError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoProgram => f.write_str("these are no compiled schemas"),
            Self::OtherFormat(format) => write!(
                f,
                "these schemas were compiled to format {format}, and this release reads {FORMAT}: compile them again"
            ),
            Self::Length => f.write_str(
                "some of the compiled schemas is missing, or more than they are is there",
            ),
            Self::Checksum => {
                f.write_str("the compiled schemas were changed after they were compiled")
            }
            Self::Broken(what) => write!(f, "the compiled schemas are broken: {what}"),
            Self::Endless(node) => write!(
                f,
                "the compiled schemas are broken: subschema {node} applies because of itself, or of more than \
                 {IN_PLACE_MAX} others"
            ),
        }
    }
}

impl core::error::Error for ProgramError {}

impl<'b> Schemas<'b> {
    /// Reads a program that `doorward schemas` has written. Once for each instance: it takes some microseconds for each
    /// subschema.
    ///
    /// # Errors
    /// They are none, or not of this format, or were changed.
    pub fn read(bytes: &'b [u8]) -> Result<Self, ProgramError> {
        let (header, body) = bytes
            .split_at_checked(HEADER_BYTES)
            .ok_or(ProgramError::NoProgram)?;
        if !header.starts_with(&MAGIC) {
            return Err(ProgramError::NoProgram);
        }
        let mut header = Reader {
            rest: header.get(MAGIC.len()..).unwrap_or_default(),
        };
        let format = header.number()?;
        if format != FORMAT {
            return Err(ProgramError::OtherFormat(format));
        }
        if usize::try_from(header.long()?) != Ok(body.len()) {
            return Err(ProgramError::Length);
        }
        if header.long()? != checksum(body) {
            return Err(ProgramError::Checksum);
        }
        let mut reader = Reader { rest: body };
        let patterns = reader.list(Reader::pattern)?;
        let nodes = reader.list(Reader::node)?;
        let entries = reader.list(Reader::entry)?;
        if !reader.rest.is_empty() {
            return Err(ProgramError::Broken("something follows"));
        }
        let schemas = Self {
            patterns,
            nodes,
            entries,
        };
        schemas.examine()?;
        Ok(schemas)
    }

    /// Looks whether everything that is named is there, and whether a check of it ends.
    fn examine(&self) -> Result<(), ProgramError> {
        if self.nodes.len() > NODES_MAX {
            return Err(ProgramError::Broken("too many subschemas"));
        }
        if !self.entries.is_sorted_by(|a, b| a.kind < b.kind) {
            return Err(ProgramError::Broken("types that are not in order"));
        }
        let (nodes, patterns) = (self.nodes.len(), self.patterns.len());
        let is_node = |node: u32| (node as usize) < nodes;
        let is_pattern = |pattern: u32| (pattern as usize) < patterns;
        let entries = self.entries.iter().all(|entry| is_node(entry.node));
        let rules = self.nodes.iter().flat_map(|node| &node.rules);
        let good = entries
            && self.nodes.iter().flat_map(Node::in_place).all(is_node)
            && rules.into_iter().all(|rule| match rule {
                Rule::Pattern(pattern) => is_pattern(*pattern),
                Rule::Contains { node, .. } => is_node(*node),
                Rule::Elements { first, rest } => first.iter().copied().chain(*rest).all(is_node),
                Rule::Members(members) => {
                    let named = members.named.iter().filter_map(|member| member.node);
                    let patterns = members.patterns.iter().map(|(_, node)| *node);
                    let all = named.chain(patterns).chain(members.others);
                    all.chain(members.names).all(is_node)
                        && members
                            .patterns
                            .iter()
                            .all(|(pattern, _)| is_pattern(*pattern))
                }
                _ => true,
            });
        if !good {
            return Err(ProgramError::Broken("something is named that is not there"));
        }
        let mut heights = vec![0; self.nodes.len()];
        for node in 0..self.nodes.len() {
            self.height(u32::try_from(node).unwrap_or(u32::MAX), &mut heights, 0)?;
        }
        Ok(())
    }

    /// How many nodes apply one because of the other from this one on, itself among them. What is known of nodes is kept: 0
    /// is nothing.
    fn height(
        &self,
        node: u32,
        heights: &mut [usize],
        above: usize,
    ) -> Result<usize, ProgramError> {
        let known = heights.get(node as usize).copied().unwrap_or(0);
        if above + known.max(1) > IN_PLACE_MAX {
            return Err(ProgramError::Endless(node));
        }
        if known > 0 {
            return Ok(known);
        }
        let mut height = 0;
        for below in self
            .nodes
            .get(node as usize)
            .into_iter()
            .flat_map(Node::in_place)
        {
            height = height.max(self.height(below, heights, above + 1)?);
        }
        if let Some(known) = heights.get_mut(node as usize) {
            *known = height + 1;
        }
        Ok(height + 1)
    }
}

/// What is left of the bytes.
struct Reader<'b> {
    rest: &'b [u8],
}

impl<'b> Reader<'b> {
    fn bytes(&mut self, count: usize) -> Result<&'b [u8], ProgramError> {
        let cut = self.rest.split_at_checked(count);
        let (bytes, rest) = cut.ok_or(ProgramError::Broken("it ends too early"))?;
        self.rest = rest;
        Ok(bytes)
    }

    fn byte(&mut self) -> Result<u8, ProgramError> {
        Ok(self.bytes(1)?.first().copied().unwrap_or(0))
    }

    fn number(&mut self) -> Result<u32, ProgramError> {
        let bytes = self.bytes(4)?.first_chunk().copied().unwrap_or_default();
        Ok(u32::from_le_bytes(bytes))
    }

    fn long(&mut self) -> Result<u64, ProgramError> {
        let bytes = self.bytes(8)?.first_chunk().copied().unwrap_or_default();
        Ok(u64::from_le_bytes(bytes))
    }

    fn optional(&mut self) -> Result<Option<u32>, ProgramError> {
        let node = self.number()?;
        Ok((node != NO_NODE).then_some(node))
    }

    fn blob(&mut self) -> Result<&'b [u8], ProgramError> {
        let length = self.number()?;
        self.bytes(length as usize)
    }

    fn text(&mut self) -> Result<&'b str, ProgramError> {
        core::str::from_utf8(self.blob()?)
            .map_err(|_| ProgramError::Broken("a text that is not UTF-8"))
    }

    /// A list of what takes a byte at least each, so that no number of them takes more memory than the program.
    fn list<T>(
        &mut self,
        mut one: impl FnMut(&mut Self) -> Result<T, ProgramError>,
    ) -> Result<Vec<T>, ProgramError> {
        let count = self.number()? as usize;
        if count > self.rest.len() {
            return Err(ProgramError::Broken("it ends too early"));
        }
        let mut list = Vec::new();
        for _ in 0..count {
            list.push(one(self)?);
        }
        Ok(list)
    }

    fn pattern(&mut self) -> Result<Pattern<'b>, ProgramError> {
        let text = self.text()?;
        let bytes = self.blob()?;
        let (automaton, read) = sparse::DFA::from_bytes(bytes)
            .map_err(|_| ProgramError::Broken("an automaton that is none"))?;
        if read != bytes.len() {
            return Err(ProgramError::Broken("something follows an automaton"));
        }
        Ok(Pattern { text, automaton })
    }

    fn entry(&mut self) -> Result<Entry<'b>, ProgramError> {
        Ok(Entry {
            kind: self.text()?,
            text: self.text()?,
            node: self.number()?,
        })
    }

    fn node(&mut self) -> Result<Node<'b>, ProgramError> {
        Ok(Node {
            kinds: self.byte()?,
            rules: self.list(Self::rule)?,
        })
    }

    fn rule(&mut self) -> Result<Rule<'b>, ProgramError> {
        Ok(match self.byte()? {
            tags::REF => Rule::Ref(self.number()?),
            tags::ALL_OF => Rule::AllOf(self.list(Self::number)?),
            tags::ANY_OF => Rule::AnyOf(self.list(Self::number)?),
            tags::ONE_OF => Rule::OneOf(self.list(Self::number)?),
            tags::NOT => Rule::Not(self.number()?),
            tags::IF => Rule::If {
                condition: self.number()?,
                then: self.optional()?,
                otherwise: self.optional()?,
            },
            tags::ENUM => Rule::Enum(self.list(|reader| reader.literal(0))?),
            tags::CONST => Rule::Const(self.literal(0)?),
            tags::MINIMUM => self.bound(Bound::Minimum)?,
            tags::MAXIMUM => self.bound(Bound::Maximum)?,
            tags::EXCLUSIVE_MINIMUM => self.bound(Bound::ExclusiveMinimum)?,
            tags::EXCLUSIVE_MAXIMUM => self.bound(Bound::ExclusiveMaximum)?,
            tags::MULTIPLE_OF => {
                let divisor = Divisor::new(self.decimal()?);
                Rule::MultipleOf(divisor.ok_or(ProgramError::Broken("a divisor that is none"))?)
            }
            tags::MIN_LENGTH => Rule::MinLength(self.number()?),
            tags::MAX_LENGTH => Rule::MaxLength(self.number()?),
            tags::PATTERN => Rule::Pattern(self.number()?),
            tags::MIN_ITEMS => Rule::MinItems(self.number()?),
            tags::MAX_ITEMS => Rule::MaxItems(self.number()?),
            tags::UNIQUE_ITEMS => Rule::UniqueItems,
            tags::CONTAINS => Rule::Contains {
                node: self.number()?,
                least: self.number()?,
                most: self.number()?,
            },
            tags::ELEMENTS => Rule::Elements {
                first: self.list(Self::number)?,
                rest: self.optional()?,
            },
            tags::MIN_PROPERTIES => Rule::MinProperties(self.number()?),
            tags::MAX_PROPERTIES => Rule::MaxProperties(self.number()?),
            tags::MEMBERS => Rule::Members(self.members()?),
            tags::DEPENDENT_REQUIRED => {
                Rule::DependentRequired(self.text()?, self.list(Self::text)?)
            }
            tags::DEPENDENT_SCHEMA => Rule::DependentSchema(self.text()?, self.number()?),
            _ => return Err(ProgramError::Broken("an unknown rule")),
        })
    }

    fn decimal(&mut self) -> Result<Number<'b>, ProgramError> {
        Number::parse(self.text()?).ok_or(ProgramError::Broken("a number that is none"))
    }

    fn bound(&mut self, bound: Bound) -> Result<Rule<'b>, ProgramError> {
        let number = self.decimal()?;
        let small = number.as_i64();
        Ok(Rule::Bound(bound, Limit { number, small }))
    }

    fn members(&mut self) -> Result<Members<'b>, ProgramError> {
        let named = self.list(|reader| {
            Ok(Member {
                name: reader.text()?,
                node: reader.optional()?,
                required: reader.byte()? != 0,
            })
        })?;
        let patterns = self.list(|reader| Ok((reader.number()?, reader.number()?)))?;
        let mut sorted: Vec<u32> = (0..).take(named.len()).collect();
        let name = |place: u32| named.get(place as usize).map_or("", |member| member.name);
        sort_by(&mut sorted, |a, b| name(*a).cmp(name(*b)));
        if !sorted.is_sorted_by(|a, b| name(*a) < name(*b)) {
            return Err(ProgramError::Broken("a member that is there twice"));
        }
        if named.len() <= SEARCHED_ONE_BY_ONE_MAX {
            sorted.clear();
        }
        Ok(Members {
            required: named.iter().filter(|member| member.required).count(),
            named,
            sorted,
            patterns,
            others: self.optional()?,
            names: self.optional()?,
        })
    }

    fn literal(&mut self, depth: usize) -> Result<Literal<'b>, ProgramError> {
        if depth > DEPTH_MAX {
            return Err(ProgramError::Broken("a value that is too deep"));
        }
        Ok(match self.byte()? {
            literals::NULL => Literal::Null,
            literals::FALSE => Literal::Bool(false),
            literals::TRUE => Literal::Bool(true),
            literals::NUMBER => Literal::Number(self.decimal()?),
            literals::STRING => Literal::String(self.text()?),
            literals::ARRAY => Literal::Array(self.list(|reader| reader.literal(depth + 1))?),
            literals::OBJECT => {
                let members =
                    self.list(|reader| Ok((reader.text()?, reader.literal(depth + 1)?)))?;
                if !members.is_sorted_by(|(a, _), (b, _)| a < b) {
                    return Err(ProgramError::Broken("members that are not in order"));
                }
                Literal::Object(members)
            }
            _ => return Err(ProgramError::Broken("an unknown value")),
        })
    }
}
