//! The elements of a JSON array. Only strings, escapes and depth are followed.

use memchr::memchr2;

use super::space::is_space;

/// How far an array was read.
#[derive(Debug, Default)]
pub struct Array {
    state: State,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    /// Nothing of it.
    #[default]
    Before,
    /// Its bracket: there is an element, or none.
    Opened,
    /// A part of a number, or of a word.
    Scalar,
    /// A part of a string, an array or an object: how many brackets are open, and what comes next.
    Within(u64, Text),
    /// A whole element.
    After,
    /// A comma: there is another element.
    Comma,
    /// All of it.
    Closed,
}

/// What of an element comes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Text {
    /// What is in no string.
    Bare,
    /// The rest of a string.
    Quoted,
    /// The same, from the character after a backslash on.
    Escaped,
}

/// What was found in a piece.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// Where an element begins, if one does.
    pub begins: Option<usize>,
    /// Whether it ends in this piece, or the one that was begun before.
    pub ends: bool,
}

impl Array {
    /// Whether an element was begun, and has not ended.
    pub const fn is_within(&self) -> bool {
        matches!(self.state, State::Scalar | State::Within(..))
    }

    /// Reads on to the end of an element, or of the piece. `at` moves behind what was read, or to what is wrong.
    pub fn next(&mut self, piece: &[u8], at: &mut usize) -> Result<Step, &'static str> {
        let mut begins = None;
        while let Some(&byte) = piece.get(*at) {
            let ends = match self.state {
                State::Within(depth, text) => self.within(piece, at, depth, text),
                State::Scalar => self.scalar(piece, at),
                _ if is_space(byte) => {
                    *at += 1;
                    false
                }
                state => {
                    if self.between(state, byte)? {
                        begins = Some(*at);
                    }
                    // A scalar is read again: it may have one character.
                    if self.state != State::Scalar {
                        *at += 1;
                    }
                    false
                }
            };
            if ends {
                self.state = State::After;
                return Ok(Step { begins, ends });
            }
        }
        Ok(Step {
            begins,
            ends: false,
        })
    }

    /// What is wrong where the body ends here.
    pub const fn finish(&self) -> Result<(), &'static str> {
        match self.state {
            State::Closed => Ok(()),
            State::Before => Err("the body is empty"),
            _ => Err("the array is not closed: the body ends"),
        }
    }

    /// Takes what is between two elements. Whether an element begins with it.
    fn between(&mut self, state: State, byte: u8) -> Result<bool, &'static str> {
        self.state = match (state, byte) {
            (State::Before, b'[') => State::Opened,
            (State::Before, _) => return Err("there is no array"),
            (State::Opened | State::After, b']') => State::Closed,
            (State::After, b',') => State::Comma,
            (State::After, _) => return Err("there is neither a comma nor the end of the array"),
            (State::Closed, _) => return Err("there is something after the array"),
            (_, b',' | b']') => return Err("an element is missing"),
            (_, b'"') => State::Within(0, Text::Quoted),
            (_, b'{' | b'[') => State::Within(1, Text::Bare),
            _ => State::Scalar,
        };
        Ok(self.is_within())
    }

    /// Reads on in a number or a word. Whether it ends.
    fn scalar(&mut self, piece: &[u8], at: &mut usize) -> bool {
        let rest = piece.get(*at..).unwrap_or_default();
        let ends = |byte: &u8| is_space(*byte) || matches!(byte, b',' | b']');
        let length = rest.iter().position(ends);
        *at += length.unwrap_or(rest.len());
        length.is_some()
    }

    /// Reads on in a string, an array or an object. Whether it ends.
    fn within(&mut self, piece: &[u8], at: &mut usize, mut depth: u64, mut text: Text) -> bool {
        while let Some(rest) = piece.get(*at..)
            && !rest.is_empty()
        {
            match text {
                Text::Escaped => {
                    *at += 1;
                    text = Text::Quoted;
                }
                Text::Quoted => {
                    let Some(length) = memchr2(b'"', b'\\', rest) else {
                        *at = piece.len();
                        break;
                    };
                    *at += length + 1;
                    text = match rest.get(length) {
                        Some(b'"') => Text::Bare,
                        _ => Text::Escaped,
                    };
                    if text == Text::Bare && depth == 0 {
                        return true;
                    }
                }
                Text::Bare => {
                    let Some(length) = rest.iter().position(|byte| is_structure(*byte)) else {
                        *at = piece.len();
                        break;
                    };
                    *at += length + 1;
                    match rest.get(length) {
                        Some(b'"') => text = Text::Quoted,
                        Some(b'{' | b'[') => depth += 1,
                        _ => depth = depth.saturating_sub(1),
                    }
                    if depth == 0 {
                        return true;
                    }
                }
            }
        }
        self.state = State::Within(depth, text);
        false
    }
}

/// Whether a byte that is in no string begins one, or opens or closes a bracket. Both kinds of bracket differ in one bit.
const fn is_structure(byte: u8) -> bool {
    byte == b'"' || matches!(byte | 0x20, b'{' | b'}')
}
