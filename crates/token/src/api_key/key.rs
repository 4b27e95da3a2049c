//! The text of a key, and its hash.

use std::fmt;

use doorward_syntax::base64url;
use subtle::ConstantTimeEq as _;

use crate::sha256;
use crate::time::UnixTime;

/// How every key begins.
pub const KEY_PREFIX: &str = "dwk_";

/// How long every key is, in bytes.
pub const KEY_BYTES: usize = KEY_PREFIX.len() + ID_BYTES + 1 + SECRET_BYTES + CHECKSUM_BYTES;

/// How many random bytes a key is made of.
pub const KEY_RANDOM_BYTES: usize = 48;

pub(super) const ID_BYTES: usize = 12;
const SECRET_BYTES: usize = 43;
pub(super) const CHECKSUM_BYTES: usize = 6;
const SEPARATOR: u8 = b'_';

/// Why a key was refused. No variant holds a byte of the key.
///
/// The reason is for the log. Who sent the key is told that it was refused, and nothing else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ApiKeyError {
    /// It does not begin with [`KEY_PREFIX`].
    Prefix,
    /// It is not [`KEY_BYTES`] long.
    Length {
        /// How long it is.
        bytes: usize,
    },
    /// A character is not a letter or digit, or the `_` is not in its place.
    Alphabet,
    /// The checksum is wrong: it was mistyped or cut.
    Checksum,
    /// There is no such key.
    Unknown,
    /// There is a key with this id, and this is not it.
    Secret,
    /// The key was used under another name than its own (HTTP Basic).
    Name,
    /// The time of its expiry has come.
    Expired {
        /// What time it is.
        now: UnixTime,
        /// When the key expired.
        expires_at: UnixTime,
    },
}

impl fmt::Display for ApiKeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Prefix => "the API key does not begin as one",
            Self::Length { bytes } => {
                return write!(f, "the API key has {bytes} bytes instead of {KEY_BYTES}");
            }
            Self::Alphabet => "the API key holds a character that does not belong there",
            Self::Checksum => "the API key's checksum is wrong",
            Self::Unknown => "there is no API key with this id",
            Self::Secret => "the API key's secret is wrong",
            Self::Name => "the API key was used under another name",
            Self::Expired { now, expires_at } => {
                return write!(f, "the API key expired at {expires_at}, now is {now}");
            }
        })
    }
}

impl std::error::Error for ApiKeyError {}

/// The text of a key, well-formed and of nobody yet. `Debug` prints the id.
pub struct ApiKey<'a> {
    pub(super) text: &'a [u8],
    id: &'a str,
}

impl<'a> ApiKey<'a> {
    /// Takes a key apart.
    ///
    /// # Errors
    ///
    /// Everything in [`ApiKeyError`] down to `Checksum`.
    pub fn parse(text: &'a [u8]) -> Result<Self, ApiKeyError> {
        let rest = text
            .strip_prefix(KEY_PREFIX.as_bytes())
            .ok_or(ApiKeyError::Prefix)?;
        if text.len() != KEY_BYTES {
            return Err(ApiKeyError::Length { bytes: text.len() });
        }
        let (id, rest) = rest
            .split_at_checked(ID_BYTES)
            .ok_or(ApiKeyError::Alphabet)?;
        let id = parse_id(id).ok_or(ApiKeyError::Alphabet)?;
        match rest.split_first() {
            Some((&SEPARATOR, secret)) if secret.iter().all(u8::is_ascii_alphanumeric) => {}
            _ => return Err(ApiKeyError::Alphabet),
        }
        match text.split_last_chunk::<CHECKSUM_BYTES>() {
            Some((summed, sum)) if checksum(summed) == *sum => Ok(Self { text, id }),
            _ => Err(ApiKeyError::Checksum),
        }
    }

    /// Which key it says it is.
    #[must_use]
    pub fn id(&self) -> &'a str {
        self.id
    }
}

impl fmt::Debug for ApiKey<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ApiKey")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

pub(super) fn parse_id(id: &[u8]) -> Option<&str> {
    if id.len() == ID_BYTES && id.iter().all(u8::is_ascii_alphanumeric) {
        str::from_utf8(id).ok()
    } else {
        None
    }
}

/// The SHA-256 of a key's text, which is all that is kept of it.
///
/// Two of them are compared in constant time. `Debug` prints nothing.
#[derive(Clone)]
pub struct ApiKeyDigest(pub(super) [u8; 32]);

impl ApiKeyDigest {
    const PREFIX: &str = "sha256:";

    pub(super) fn of(text: &[u8]) -> Self {
        Self(sha256::digest(text))
    }

    /// Reads `sha256:` and 43 characters of base64url.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let digest = base64url::decode(text.strip_prefix(Self::PREFIX)?.as_bytes())?;
        Some(Self(digest.try_into().ok()?))
    }

    /// The reverse of [`parse`](Self::parse).
    #[must_use]
    pub fn text(&self) -> String {
        Self::PREFIX.to_owned() + &base64url::encode(&self.0)
    }

    pub(super) fn ct_eq(&self, other: &Self) -> subtle::Choice {
        self.0.ct_eq(&other.0)
    }
}

impl PartialEq for ApiKeyDigest {
    fn eq(&self, other: &Self) -> bool {
        self.ct_eq(other).into()
    }
}

impl Eq for ApiKeyDigest {}

impl fmt::Debug for ApiKeyDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ApiKeyDigest").finish_non_exhaustive()
    }
}

/// A new key. `Debug` prints the id.
pub struct GeneratedKey {
    /// The key, to be shown to whoever asked for it once and to be forgotten.
    pub text: String,
    /// Its id.
    pub id: String,
    /// What to keep of it.
    pub digest: ApiKeyDigest,
}

impl fmt::Debug for GeneratedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GeneratedKey")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

/// Makes a key of random bytes, which have to come from a cryptographic source.
#[must_use]
pub fn generate(random: &[u8; KEY_RANDOM_BYTES]) -> GeneratedKey {
    let (for_secret, for_id) = random.split_at(32);
    let id: [u8; ID_BYTES] = base62(for_id);
    let secret: [u8; SECRET_BYTES] = base62(for_secret);
    let mut text = KEY_PREFIX.as_bytes().to_vec();
    text.extend(id);
    text.push(SEPARATOR);
    text.extend(secret);
    text.extend(checksum(&text));
    let as_text = |bytes: &[u8]| bytes.iter().copied().map(char::from).collect();
    GeneratedKey {
        digest: ApiKeyDigest::of(&text),
        text: as_text(&text),
        id: as_text(&id),
    }
}

pub(super) fn checksum(text: &[u8]) -> [u8; CHECKSUM_BYTES] {
    base62(&crc32(text).to_be_bytes())
}

/// The last digits of a big-endian number to the base 62.
pub(super) fn base62<const DIGITS: usize>(number: &[u8]) -> [u8; DIGITS] {
    let mut number = number.to_vec();
    let mut digits = [b'0'; DIGITS];
    for digit in digits.iter_mut().rev() {
        let mut rest = 0;
        for byte in &mut number {
            let dividend = rest * 256 + u16::from(*byte);
            *byte = (dividend / 62) as u8;
            rest = dividend % 62;
        }
        *digit = match rest as u8 {
            rest @ 0..=9 => b'0' + rest,
            rest @ 10..=35 => b'A' - 10 + rest,
            rest => b'a' - 36 + rest,
        };
    }
    digits
}

/// CRC-32 as in ISO 3309, Ethernet and gzip (RFC 1952 §8), a bit at a time: keys are short.
pub(super) fn crc32(bytes: &[u8]) -> u32 {
    const POLYNOMIAL: u32 = 0xedb8_8320;
    let mut crc = !0;
    for &byte in bytes {
        crc ^= u32::from(byte);
        for _ in 0..8 {
            crc = (crc >> 1) ^ (POLYNOMIAL & (crc & 1).wrapping_neg());
        }
    }
    !crc
}
