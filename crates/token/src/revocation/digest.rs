//! What stands in an entry for what it names.

use crate::sha256;
use crate::token::unverified::UnverifiedToken;

const DIGEST_BYTES: usize = 16;

/// What stands for a kind, an issuer and a value.
pub(crate) type Digest = [u8; DIGEST_BYTES];

/// Tells the digest of a token's text from one of its `jti`. No [`RevocationKind`](super::RevocationKind)
/// has this number.
const TEXT: u8 = 0xff;

/// What a token is revoked by that has no `jti`: its signing input, or the text of an opaque one.
pub(crate) fn text_digest(issuer: &str, text: &[u8]) -> Digest {
    digest(TEXT, issuer, text)
}

/// What an opaque token is revoked by. Where it is a signed token after all, its signature does not
/// count: see [`RevocationEntry::of_token`](super::RevocationEntry::of_token).
pub(crate) fn opaque_digest(issuer: &str, text: &[u8]) -> Digest {
    let text = match UnverifiedToken::parse(text) {
        Ok(token) => token.signing_input(),
        Err(_) => text,
    };
    text_digest(issuer, text)
}

/// The tag has one byte, the issuer its length before it, and the value is the rest: two different
/// triples never make the same message.
pub(super) fn digest(tag: u8, issuer: &str, value: &[u8]) -> Digest {
    let length = (issuer.len() as u64).to_be_bytes();
    let hash = sha256::digest(&[&[tag], &length[..], issuer.as_bytes(), value].concat());
    let mut digest = [0; DIGEST_BYTES];
    for (to, from) in digest.iter_mut().zip(hash) {
        *to = from;
    }
    digest
}
