//! zstd (RFC 8878): blocks by `ruzstd`, which takes them whole, and around them the frames.

use ruzstd::decoding::errors::{FrameDecoderError, FrameHeaderError};
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};
use ruzstd::io::Read as _;

use super::bounds::{PIECE_BYTES_MAX, WINDOW_BYTES_MAX};

/// What a frame begins with (section 3.1.1).
const MAGIC: u32 = 0xfd2f_b528;
/// What a frame begins with that is to be skipped (section 3.1.2), whatever its last four bits are.
const SKIPPABLE: u32 = 0x184d_2a50;
const MAGIC_BYTES: usize = 4;
/// Magic number and length of a frame that is to be skipped.
const SKIPPABLE_BYTES: usize = 8;
/// Magic number and descriptor of a frame.
const DESCRIBED_BYTES: usize = 5;
const BLOCK_HEADER_BYTES: usize = 3;
/// The most bytes of a block (section 3.1.1.2.4).
const BLOCK_BYTES_MAX: usize = 128 * 1024;
const SUM_BYTES: usize = 4;

/// Reads frames.
pub struct Zstd {
    state: State,
    decoder: FrameDecoder,
    /// A header or a block, until it is whole.
    held: Vec<u8>,
    /// What came out last.
    out: Box<[u8]>,
    /// The bytes that a frame says it has, where it does.
    due: Option<u64>,
    /// The bytes that came out of the frame.
    length: u64,
    has_sum: bool,
    is_first: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// What begins with a magic number.
    Frame,
    /// So many bytes are to be skipped.
    Skipped(u32),
    /// A block.
    Block,
    /// What was unfolded is handed out: it may be that of the last block of a frame.
    Out { is_last: bool },
}

impl Zstd {
    pub fn new() -> Self {
        let mut decoder = FrameDecoder::new();
        decoder.set_max_window_size(WINDOW_BYTES_MAX);
        Self {
            state: State::Frame,
            decoder,
            held: Vec::new(),
            out: vec![0; PIECE_BYTES_MAX].into_boxed_slice(),
            due: None,
            length: 0,
            has_sum: false,
            is_first: true,
        }
    }

    /// Whether all frames that were begun have ended, and there was one.
    pub fn is_whole(&self) -> bool {
        self.state == State::Frame && self.held.is_empty() && !self.is_first
    }

    /// What the bytes of a piece become; empty where it is used up.
    pub fn next(&mut self, piece: &[u8], at: &mut usize) -> Result<&[u8], &'static str> {
        loop {
            match self.state {
                State::Frame => {
                    if !self.frame(piece, at)? {
                        return Ok(&[]);
                    }
                }
                State::Skipped(left) => {
                    let here = piece.len().saturating_sub(*at);
                    let skipped = left.min(u32::try_from(here).unwrap_or(u32::MAX));
                    *at += usize::try_from(skipped).unwrap_or(here);
                    if skipped < left {
                        self.state = State::Skipped(left - skipped);
                        return Ok(&[]);
                    }
                    self.ends();
                }
                State::Block => {
                    if !self.block(piece, at)? {
                        return Ok(&[]);
                    }
                }
                State::Out { is_last } => {
                    let unreadable = |_| "what is in zstd cannot be read,";
                    let length = self.decoder.read(&mut self.out).map_err(unreadable)?;
                    if length > 0 {
                        let added = u64::try_from(length).unwrap_or(u64::MAX);
                        self.length = self.length.saturating_add(added);
                        return Ok(self.out.get(..length).unwrap_or_default());
                    }
                    if is_last {
                        self.check()?;
                        self.ends();
                    } else {
                        self.state = State::Block;
                    }
                }
            }
        }
    }

    /// A frame has ended.
    fn ends(&mut self) {
        self.state = State::Frame;
        self.is_first = false;
    }

    /// Whether what came out of a frame is what it says.
    fn check(&self) -> Result<(), &'static str> {
        if self.due.is_some_and(|due| due != self.length) {
            return Err("the content is not as long as it says,");
        }
        if self.has_sum
            && self.decoder.get_checksum_from_data() != self.decoder.get_calculated_checksum()
        {
            return Err("the content is not what its sum says,");
        }
        Ok(())
    }

    /// Holds bytes of the piece until there are so many. Whether there are.
    fn holds(&mut self, bytes: usize, piece: &[u8], at: &mut usize) -> bool {
        let missing = bytes.saturating_sub(self.held.len());
        let here = piece.len().saturating_sub(*at).min(missing);
        let ends = *at + here;
        let part = piece.get(*at..ends).unwrap_or_default();
        if self.held.capacity() < bytes {
            self.held.reserve_exact(missing);
        }
        self.held.extend_from_slice(part);
        *at = ends;
        self.held.len() >= bytes
    }

    /// Takes the header of a frame. Whether it is whole.
    fn frame(&mut self, piece: &[u8], at: &mut usize) -> Result<bool, &'static str> {
        if !self.holds(MAGIC_BYTES, piece, at) {
            return Ok(false);
        }
        let magic = number(&self.held, 0);
        if magic & !15 == SKIPPABLE {
            if !self.holds(SKIPPABLE_BYTES, piece, at) {
                return Ok(false);
            }
            self.state = State::Skipped(number(&self.held, MAGIC_BYTES));
            self.held.clear();
            return Ok(true);
        }
        if magic != MAGIC {
            return Err(match self.is_first {
                true => "the body is not zstd",
                false => "something that is not zstd follows it",
            });
        }
        if !self.holds(DESCRIBED_BYTES, piece, at) {
            return Ok(false);
        }
        let described = Described::read(self.held.get(MAGIC_BYTES).copied().unwrap_or_default())?;
        if !self.holds(described.header_bytes, piece, at) {
            return Ok(false);
        }
        self.decoder
            .reset(self.held.as_slice())
            .map_err(|error| match error {
                FrameDecoderError::WindowSizeTooBig { .. }
                | FrameDecoderError::FrameHeaderError(FrameHeaderError::WindowTooBig { .. }) => {
                    "zstd asks for a window of more than 8 MiB"
                }
                FrameDecoderError::DictNotProvided { .. } => "zstd asks for a dictionary",
                _ => "the header of zstd cannot be read",
            })?;
        self.due = described.has_length.then(|| self.decoder.content_size());
        self.has_sum = described.has_sum;
        self.length = 0;
        self.held.clear();
        self.state = State::Block;
        Ok(true)
    }

    /// Takes a block, and the sum behind the last one. Whether it is whole.
    fn block(&mut self, piece: &[u8], at: &mut usize) -> Result<bool, &'static str> {
        if !self.holds(BLOCK_HEADER_BYTES, piece, at) {
            return Ok(false);
        }
        // Section 3.1.1.2: whether it is the last one, its type, its length.
        let header = number(&self.held, 0) & 0x00ff_ffff;
        let is_last = header & 1 == 1;
        let length = usize::try_from(header >> 3).unwrap_or(usize::MAX);
        if length > BLOCK_BYTES_MAX {
            return Err("a block of zstd is too long");
        }
        // One byte that is repeated.
        let length = if header >> 1 & 3 == 1 { 1 } else { length };
        let sum = if is_last && self.has_sum {
            SUM_BYTES
        } else {
            0
        };
        if !self.holds(BLOCK_HEADER_BYTES + length + sum, piece, at) {
            return Ok(false);
        }
        self.decoder
            .decode_blocks(self.held.as_slice(), BlockDecodingStrategy::UptoBlocks(1))
            .map_err(|_| "what is in zstd cannot be read,")?;
        self.held.clear();
        self.state = State::Out { is_last };
        Ok(true)
    }
}

/// What the descriptor of a frame says (section 3.1.1.1.1).
struct Described {
    /// The bytes of the header, the magic number included.
    header_bytes: usize,
    has_length: bool,
    has_sum: bool,
}

impl Described {
    fn read(descriptor: u8) -> Result<Self, &'static str> {
        if descriptor & 8 != 0 {
            return Err("the header of zstd has a bit that nobody knows");
        }
        let is_single = descriptor & 0x20 != 0;
        let window = usize::from(!is_single);
        let dictionary = [0, 1, 2, 4];
        let length = [usize::from(is_single), 2, 4, 8];
        let of = |lengths: [usize; 4], bits: u8| {
            let nth = usize::from(bits & 3);
            lengths.get(nth).copied().unwrap_or_default()
        };
        let length = of(length, descriptor >> 6);
        Ok(Self {
            header_bytes: DESCRIBED_BYTES + window + of(dictionary, descriptor) + length,
            has_length: length > 0,
            has_sum: descriptor & 4 != 0,
        })
    }
}

/// The number whose bytes begin here, the least one first. Bytes that are missing are zero.
fn number(bytes: &[u8], at: usize) -> u32 {
    let mut number = [0; 4];
    let there = bytes.get(at..).unwrap_or_default();
    for (byte, there) in number.iter_mut().zip(there) {
        *byte = *there;
    }
    u32::from_le_bytes(number)
}
