//! gzip (RFC 1952): DEFLATE by `miniz_oxide`, and around it the header and the sums of each member.

use miniz_oxide::inflate::TINFLStatus;
use miniz_oxide::inflate::core::inflate_flags::TINFL_FLAG_HAS_MORE_INPUT;
use miniz_oxide::inflate::core::{DecompressorOxide, decompress};

use super::bounds::PIECE_BYTES_MAX;
use crate::sum::{Sum, sum};

/// What is not zero of the first bytes of a member (section 2.3.1): the magic numbers, and DEFLATE.
const MAGIC: [u8; 3] = [0x1f, 0x8b, 8];
/// The flags (section 2.3.1): a sum over the header, more of the header, a name and a comment.
const FHCRC: u8 = 2;
const FEXTRA: u8 = 4;
const FNAME: u8 = 8;
const FCOMMENT: u8 = 16;
const RESERVED: u8 = 0xe0;

/// Reads members.
pub struct Gzip {
    state: State,
    decompressor: Box<DecompressorOxide>,
    /// What came out last, as a ring: it has the window of DEFLATE, to which later bytes refer. What is in it of another
    /// member is of the same body.
    window: Box<[u8]>,
    /// Where in the window the next byte is.
    place: usize,
    /// The sum over the header, then over what came out of the member.
    sum: Sum,
    /// How many bytes came out of the member, modulo 2^32.
    length: u32,
    /// The flags of the header that have not been seen to.
    flags: u8,
    is_first: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// So many bytes of the fixed part of a header. None: it is between two members.
    Fixed(u8),
    /// The length of what else is in the header: the bytes so far.
    ExtraLength(Number),
    /// What else is in the header: how many bytes are left.
    Extra(u16),
    /// A name or a comment, which end with a zero.
    Text,
    /// The sum over the header.
    HeaderSum(Number),
    Deflated,
    /// The sum over the content.
    Sum(Number),
    /// The length of the content.
    Length(Number),
}

/// A number of which the least byte comes first, and how many bytes of it have come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Number {
    value: u32,
    bytes: u32,
}

impl Number {
    const fn with(self, byte: u8) -> Self {
        Self {
            value: self.value | (byte as u32) << (8 * self.bytes),
            bytes: self.bytes + 1,
        }
    }
}

impl Gzip {
    pub fn new() -> Self {
        Self {
            state: State::Fixed(0),
            decompressor: Box::default(),
            window: vec![0; PIECE_BYTES_MAX].into_boxed_slice(),
            place: 0,
            sum: sum(),
            length: 0,
            flags: 0,
            is_first: true,
        }
    }

    /// Whether all members that were begun have ended, and there was one.
    pub fn is_whole(&self) -> bool {
        self.state == State::Fixed(0) && !self.is_first
    }

    /// What the bytes of a piece become; empty where it is used up.
    pub fn next(&mut self, piece: &[u8], at: &mut usize) -> Result<&[u8], &'static str> {
        loop {
            if self.state == State::Deflated {
                let length = self.inflate(piece, at)?;
                if length > 0 {
                    let ends = self.place;
                    self.place %= PIECE_BYTES_MAX;
                    return Ok(self.window.get(ends - length..ends).unwrap_or_default());
                }
                if self.state == State::Deflated {
                    return Ok(&[]);
                }
            }
            let Some(&byte) = piece.get(*at) else {
                return Ok(&[]);
            };
            self.around(byte)?;
            *at += 1;
        }
    }

    /// Takes a byte of a header or of the sums.
    fn around(&mut self, byte: u8) -> Result<(), &'static str> {
        let is_header = !matches!(
            self.state,
            State::HeaderSum(_) | State::Sum(_) | State::Length(_)
        );
        if is_header {
            self.sum.update(&[byte]);
        }
        self.state = match self.state {
            State::Fixed(nth) => self.fixed(nth, byte)?,
            State::ExtraLength(number) => match number.with(byte) {
                Number { bytes: 2, value: 0 } => self.next_field(),
                Number { bytes: 2, value } => {
                    State::Extra(u16::try_from(value).unwrap_or(u16::MAX))
                }
                number => State::ExtraLength(number),
            },
            State::Extra(..=1) => self.next_field(),
            State::Extra(left) => State::Extra(left - 1),
            State::Text if byte == 0 => self.next_field(),
            State::Text => State::Text,
            State::HeaderSum(number) => match number.with(byte) {
                Number { bytes: 2, value } => {
                    if value != self.sum.clone().finalize() & 0xffff {
                        return Err("the header of gzip is not what its sum says,");
                    }
                    self.next_field()
                }
                number => State::HeaderSum(number),
            },
            State::Deflated => State::Deflated,
            State::Sum(number) => match number.with(byte) {
                Number { bytes: 4, value } => {
                    if value != self.sum.clone().finalize() {
                        return Err("the content is not what its sum says,");
                    }
                    State::Length(Number::default())
                }
                number => State::Sum(number),
            },
            State::Length(number) => match number.with(byte) {
                Number { bytes: 4, value } => {
                    if value != self.length {
                        return Err("the content is not as long as it says,");
                    }
                    self.is_first = false;
                    self.sum = sum();
                    State::Fixed(0)
                }
                number => State::Length(number),
            },
        };
        Ok(())
    }

    /// Takes the nth byte of the part of a header that every one has: the magic numbers, the flags, and six bytes of time
    /// and origin that say nothing here.
    fn fixed(&mut self, nth: u8, byte: u8) -> Result<State, &'static str> {
        match (nth, MAGIC.get(usize::from(nth))) {
            (_, Some(&due)) if byte != due => {
                return Err(match self.is_first {
                    true => "the body is not gzip",
                    false => "something that is not gzip follows it",
                });
            }
            (3, _) if byte & RESERVED != 0 => return Err("gzip has flags that nobody knows"),
            (3, _) => self.flags = byte,
            (9, _) => return Ok(self.next_field()),
            _ => {}
        }
        Ok(State::Fixed(nth + 1))
    }

    /// The next field of a header that its flags tell of, in the order of section 2.3; behind all of them the content.
    fn next_field(&mut self) -> State {
        for (flag, state) in [
            (FEXTRA, State::ExtraLength(Number::default())),
            (FNAME, State::Text),
            (FCOMMENT, State::Text),
            (FHCRC, State::HeaderSum(Number::default())),
        ] {
            if self.flags & flag != 0 {
                self.flags &= !flag;
                return state;
            }
        }
        self.decompressor.init();
        self.sum = sum();
        self.length = 0;
        State::Deflated
    }

    /// Unfolds as much as there is, and place for. How many bytes came.
    fn inflate(&mut self, piece: &[u8], at: &mut usize) -> Result<usize, &'static str> {
        let input = piece.get(*at..).unwrap_or_default();
        let (status, taken, length) = decompress(
            &mut self.decompressor,
            input,
            &mut self.window,
            self.place,
            TINFL_FLAG_HAS_MORE_INPUT,
        );
        *at += taken;
        let ends = self.place.saturating_add(length);
        let content = self.window.get(self.place..ends).unwrap_or_default();
        self.sum.update(content);
        self.place = ends;
        self.length = self
            .length
            .wrapping_add(u32::try_from(length).unwrap_or(u32::MAX));
        match status {
            TINFLStatus::Done => self.state = State::Sum(Number::default()),
            TINFLStatus::NeedsMoreInput | TINFLStatus::HasMoreOutput => {}
            _ => return Err("what is in gzip cannot be read"),
        }
        Ok(length)
    }
}
