//! Keys of which the private half was seen.

use std::fmt;

use doorward_syntax::base64url;
use sha2::{Digest as _, Sha256};

use super::bounds::KEYS_MAX;
use super::numbers::{Numbers, without_zeros};

/// How many exposed keys are remembered of an issuer. The newest are kept.
pub const EXPOSED_KEYS_MAX: usize = KEYS_MAX;

/// The length of what is remembered of a key.
const PRINT_BYTES: usize = 16;

/// What tells a public key from others: the first bytes of the hash of one of its numbers.
///
/// One number, and not all of them: who has the private half for a modulus has it for every exponent, and
/// who has it for a point has it for the other point with the same `x`. A hash of all numbers would take
/// those for keys that are not exposed.
pub(super) type Print = [u8; PRINT_BYTES];

/// Keys of which the private half was seen, by their public numbers. Nothing that is signed with them says
/// anything, whichever key set lists them under whatever name.
///
/// At most [`EXPOSED_KEYS_MAX`].
#[derive(Clone, Default, PartialEq, Eq)]
pub struct ExposedKeys(Vec<Print>);

impl ExposedKeys {
    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Adds the others. Returns whether that are more now.
    pub fn extend(&mut self, others: &Self) -> bool {
        let mut more = false;
        for print in &others.0 {
            more |= self.add(*print);
        }
        more
    }

    /// The list as [`from_text`](Self::from_text) reads it.
    #[must_use]
    pub fn to_text(&self) -> String {
        base64url::encode(self.0.as_flattened())
    }

    /// Reads the list; `None` where it is none, or longer than [`EXPOSED_KEYS_MAX`].
    #[must_use]
    pub fn from_text(text: &str) -> Option<Self> {
        let bytes = base64url::decode(text.as_bytes())?;
        let (prints, []) = bytes.as_chunks() else {
            return None;
        };
        (prints.len() <= EXPOSED_KEYS_MAX).then(|| Self(prints.to_vec()))
    }

    pub(super) fn add(&mut self, print: Print) -> bool {
        if self.0.contains(&print) {
            return false;
        }
        if self.0.len() >= EXPOSED_KEYS_MAX {
            self.0.remove(0);
        }
        self.0.push(print);
        true
    }

    pub(super) fn has(&self, print: &Print) -> bool {
        self.0.contains(print)
    }
}

impl fmt::Debug for ExposedKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ExposedKeys({})", self.0.len())
    }
}

impl Numbers {
    pub(super) fn print(&self) -> Print {
        match self {
            Self::Rsa { n, .. } => of_modulus(n),
            Self::Elliptic { x, .. } | Self::Ed25519 { x } => of_x(x),
        }
    }
}

/// Of an RSA key.
pub(super) fn of_modulus(n: &[u8]) -> Print {
    print(b'n', n)
}

/// Of a point, whichever curve it is on.
pub(super) fn of_x(x: &[u8]) -> Print {
    let mut x = x.to_vec();
    if let Some(last) = x.last_mut() {
        // RFC 8032 §5.1.2: this bit of an Ed25519 key says which of two opposite points it is.
        *last &= 0x7f;
    }
    print(b'x', &x)
}

fn print(kind: u8, number: &[u8]) -> Print {
    let hash = Sha256::new_with_prefix([kind]).chain_update(without_zeros(number));
    let mut print = Print::default();
    for (byte, whole) in print.iter_mut().zip(hash.finalize()) {
        *byte = whole;
    }
    print
}
