//! A body as it was before it was compressed (`Content-Encoding`, RFC 9110 section 8.4), piece by piece.
//!
//! Pieces of any size go in, pieces of at most [`PIECE_BYTES_MAX`] come out, in a buffer that is used again; what is not
//! compressed is handed through. What has been unfolded is the end of it: a body that was compressed twice is one whose
//! events cannot be read.
//!
//! How much it may become is bounded in two ways, both of which cost a client that means well nothing:
//! - in all, by what the caller says ([`UNFOLDED_BYTES_MAX`] where they have nothing to say);
//! - against what was sent, by [`RATIO_MAX`], from [`RATIO_FROM_BYTES`] on. Events of 300 bytes that differ in nothing but
//!   a number that counts up become an 89th with gzip and a 258th with zstd, at their highest levels; 50 times smaller is
//!   common. What is made to be a bomb becomes a thousandth with gzip, the most that DEFLATE can do, and a thirty
//!   thousandth with zstd. The bound lies between the two.
//!
//! Memory is flat whatever is sent: 44 KiB for gzip, for zstd the window that the body asks for and some blocks.

mod bounds;
mod gzip;
mod zstd;

use core::fmt;

pub use bounds::{
    PIECE_BYTES_MAX, RATIO_FROM_BYTES, RATIO_MAX, UNFOLDED_BYTES_MAX, WINDOW_BYTES_MAX,
};
use gzip::Gzip;
use zstd::Zstd;

/// How a body is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Coding {
    /// Not at all.
    Identity,
    /// `gzip` (RFC 1952), of one member or several.
    Gzip,
    /// `zstd` (RFC 8878), of one frame or several, with what is to be skipped between them.
    Zstd,
}

/// Why a body cannot be unfolded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnfoldError {
    /// It is not what it is said to be. What is wrong, and how many bytes of the body, as it was sent, are before it.
    Broken(&'static str, u64),
    /// It becomes more bytes than this.
    TooMuch(u64),
    /// It becomes more than [`RATIO_MAX`] times as many bytes as were sent.
    Ratio,
}

impl fmt::Display for UnfoldError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Broken(reason, at) => {
                write!(f, "{reason} at byte {at} of the compressed body")
            }
            Self::TooMuch(max) => write!(f, "the body unfolds to more than {max} bytes"),
            Self::Ratio => write!(
                f,
                "the body unfolds to more than {RATIO_MAX} times as many bytes as were sent"
            ),
        }
    }
}

/// Unfolds a body.
pub struct Unfold {
    decoder: Decoder,
    unfolded_bytes_max: u64,
    /// Bytes that went in.
    sent: u64,
    /// Bytes that came out.
    unfolded: u64,
}

enum Decoder {
    Identity,
    Gzip(Gzip),
    Zstd(Box<Zstd>),
}

impl Unfold {
    /// For a body that is compressed in this way, and may become so many bytes.
    #[must_use]
    pub fn new(coding: Coding, unfolded_bytes_max: u64) -> Self {
        Self {
            decoder: match coding {
                Coding::Identity => Decoder::Identity,
                Coding::Gzip => Decoder::Gzip(Gzip::new()),
                Coding::Zstd => Decoder::Zstd(Box::new(Zstd::new())),
            },
            unfolded_bytes_max,
            sent: 0,
            unfolded: 0,
        }
    }

    /// What the bytes of a piece from `at` on, which moves on, become. `None` where the piece is used up: the next call is
    /// with the next piece, from 0.
    ///
    /// # Errors
    /// The body is broken, or too much. There is no use in calling again.
    pub fn next<'a>(
        &'a mut self,
        piece: &'a [u8],
        at: &mut usize,
    ) -> Result<Option<&'a [u8]>, UnfoldError> {
        let begins = *at;
        let found = match &mut self.decoder {
            Decoder::Identity => {
                *at = piece.len();
                Ok(piece.get(begins..).unwrap_or_default())
            }
            Decoder::Gzip(gzip) => gzip.next(piece, at),
            Decoder::Zstd(zstd) => zstd.next(piece, at),
        };
        let sent = u64::try_from(at.saturating_sub(begins)).unwrap_or(u64::MAX);
        self.sent = self.sent.saturating_add(sent);
        let found = found.map_err(|reason| UnfoldError::Broken(reason, self.sent))?;
        let length = u64::try_from(found.len()).unwrap_or(u64::MAX);
        self.unfolded = self.unfolded.saturating_add(length);
        if self.unfolded > self.unfolded_bytes_max {
            return Err(UnfoldError::TooMuch(self.unfolded_bytes_max));
        }
        let most = self.sent.saturating_mul(RATIO_MAX).max(RATIO_FROM_BYTES);
        if self.unfolded > most {
            return Err(UnfoldError::Ratio);
        }
        Ok((!found.is_empty()).then_some(found))
    }

    /// Whether the body may end here.
    ///
    /// # Errors
    /// Some of it is missing.
    pub fn finish(&self) -> Result<(), UnfoldError> {
        let is_whole = match &self.decoder {
            Decoder::Identity => true,
            Decoder::Gzip(gzip) => gzip.is_whole(),
            Decoder::Zstd(zstd) => zstd.is_whole(),
        };
        match is_whole {
            true => Ok(()),
            false => Err(UnfoldError::Broken(
                "the body ends within what is compressed,",
                self.sent,
            )),
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]
mod tests;
