//! A policy that its operator signed, for places where files cannot change: a *bundle*.
//!
//! It is a compact JWS (RFC 7515 §7.1), signed with Ed25519 (RFC 8037 §3.1). [`Bundle::open`] checks in this order:
//!
//! 1. At most [`BUNDLE_BYTES_MAX`] bytes, and a compact JWS as strictly as a token is read: `crit`, `b64` and `zip`
//!    are refused, and keys that the header brings along are not looked at. A line end after it is none of it.
//! 2. `typ` is [`BUNDLE_TYPE`] and cannot be left out: nothing else that is signed with the same key passes for a
//!    bundle (RFC 8725 §3.11). No token is one, and no bundle is a token.
//! 3. The signature is one of the keys. Those are Ed25519 keys, whatever `alg` and `kid` say: `alg` has to be the
//!    algorithm of the keys, and `kid` is for people.
//! 4. The payload is strict JSON with the members `app`, `seq`, `iat`, `exp` and `policy`, each there once, and no
//!    others. Numbers are whole.
//! 5. `app` is the application that asks, byte for byte.
//! 6. `seq` is not below the least that is accepted.
//! 7. The time of `exp` has not come, without any leeway, and `iat` is not in the future by more than [`LEEWAY_S`].
//!    Between them are [`BUNDLE_LIFETIME_S_MAX`] at most.
//!
//! What was used before is not known here: whether a bundle follows another one, [`Identity::after`] says.

use std::fmt;

use doorward_syntax::base64url;
use serde_json::{Map, Value, json};

use crate::algorithm::Algorithm;
use crate::bounds::{DATE_MAX_S, LEEWAY_S_DEFAULT};
use crate::error::TokenError;
use crate::expect::IssuerSpellings;
use crate::keys::{KeySet, SkipReason};
pub use crate::media_type::BUNDLE_TYPE;
use crate::media_type::MediaType;
use crate::sha256::digest;
use crate::time::UnixTime;
use crate::token::UnverifiedToken;

/// The longest bundle, in bytes: a policy in it has three quarters of that. Nothing longer is fetched, and what stores
/// take for a value is more.
pub const BUNDLE_BYTES_MAX: usize = 512 * 1024;
/// The largest sequence number: what every reader of numbers reads exactly (RFC 8259 §6).
pub const SEQUENCE_MAX: u64 = (1 << 53) - 1;
/// The longest time from `iat` to `exp`, in seconds: 400 days.
pub const BUNDLE_LIFETIME_S_MAX: u64 = 400 * 24 * 60 * 60;
/// By how many seconds the clock of who signs may be ahead of ours.
pub const LEEWAY_S: u64 = LEEWAY_S_DEFAULT;
/// The longest name of an application, in bytes.
pub const APPLICATION_BYTES_MAX: usize = 64;
/// How many keys can be accepted at the same time: the one in use, and the next one or the last one.
pub const BUNDLE_KEYS_MAX: usize = 2;
/// The bytes of an Ed25519 public key (RFC 8032 §5.1.5).
const KEY_BYTES: usize = 32;

/// Whether something can be the name of an application: 1 to [`APPLICATION_BYTES_MAX`] letters, digits, `-`, `_` and `.`.
#[must_use]
pub fn is_application(name: &str) -> bool {
    (1..=APPLICATION_BYTES_MAX).contains(&name.len())
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
}

/// The public keys that bundles are signed with.
///
/// `Debug` prints how many.
pub struct BundleKeys(KeySet);

impl BundleKeys {
    /// These keys, each the 32 bytes of an Ed25519 public key in base64url, as in the member `x` of a JWK (RFC 8037 §2).
    ///
    /// # Errors
    ///
    /// What is wrong with the first one that is wrong, and which that is.
    pub fn new(keys: &[&str]) -> Result<Self, (usize, BundleKeyError)> {
        let mut jwks = Vec::new();
        for (place, key) in keys.iter().enumerate() {
            let bytes = base64url::decode(key.as_bytes());
            if bytes.is_none_or(|bytes| bytes.len() != KEY_BYTES) {
                return Err((place, BundleKeyError::Form));
            }
            jwks.push(json!({ "kty": "OKP", "crv": "Ed25519", "x": key }));
        }
        let set = json!({ "keys": jwks }).to_string();
        let set = KeySet::parse(set.as_bytes()).map_err(|_| (0, BundleKeyError::Form))?;
        match set.skipped().first() {
            Some(skipped) => Err((skipped.position, BundleKeyError::Weak(skipped.reason))),
            None => Ok(Self(set)),
        }
    }
}

impl fmt::Debug for BundleKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("BundleKeys").field(&self.0.len()).finish()
    }
}

/// What is wrong with a public key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BundleKeyError {
    /// It is not 32 bytes in base64url without padding.
    Form,
    /// It is none that a signature can be checked with.
    Weak(SkipReason),
}

impl fmt::Display for BundleKeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Form => write!(
                f,
                "is not the {KEY_BYTES} bytes of an Ed25519 public key in base64url"
            ),
            Self::Weak(reason) => write!(f, "is no Ed25519 public key: {reason}"),
        }
    }
}

impl std::error::Error for BundleKeyError {}

/// What a bundle has to be.
#[derive(Clone, Copy, Debug)]
pub struct BundleExpectations<'a> {
    /// Whose keys it is signed with.
    pub keys: &'a BundleKeys,
    /// The application that it is for.
    pub application: &'a str,
    /// The lowest sequence number that is accepted.
    pub minimum: u64,
}

/// A policy whose signature, application and times have been checked.
pub struct Bundle {
    identity: Identity,
    issued_at: UnixTime,
    expires_at: UnixTime,
    policy: String,
}

impl Bundle {
    /// Checks a bundle.
    ///
    /// # Errors
    ///
    /// What speaks against it first, in the order of this module's list.
    pub fn open(
        text: &[u8],
        expect: &BundleExpectations<'_>,
        now: UnixTime,
    ) -> Result<Self, BundleError> {
        let bundle = Self::genuine(text, expect)?;
        bundle.is_for(now)?;
        Ok(bundle)
    }

    /// All checks but those of the time: one that was used and has expired still says which was the last.
    ///
    /// # Errors
    ///
    /// What speaks against it first, in the order of this module's list.
    pub fn genuine(text: &[u8], expect: &BundleExpectations<'_>) -> Result<Self, BundleError> {
        let (digest, members) = genuine_members(text, expect.keys)?;
        let said = Said::of(&members)?;
        if said.application != expect.application {
            return Err(BundleError::Application);
        }
        if said.sequence < expect.minimum {
            return Err(BundleError::BelowMinimum {
                sequence: said.sequence,
                minimum: expect.minimum,
            });
        }
        Ok(Self {
            identity: Identity {
                sequence: said.sequence,
                digest,
            },
            issued_at: said.issued_at,
            expires_at: said.expires_at,
            policy: said.policy.to_owned(),
        })
    }

    /// Whether it may be used now.
    ///
    /// # Errors
    ///
    /// It may not, or not yet.
    pub fn is_for(&self, now: UnixTime) -> Result<(), BundleError> {
        let (issued_at, expires_at) = (self.issued_at, self.expires_at);
        // RFC 7519 §4.1.4: not to be used "on or after" that time.
        if now >= expires_at {
            return Err(BundleError::Expired { now, expires_at });
        }
        if now.saturating_add(LEEWAY_S) < issued_at {
            return Err(BundleError::IssuedInFuture { now, issued_at });
        }
        Ok(())
    }

    /// Which one it is.
    #[must_use]
    pub fn identity(&self) -> Identity {
        self.identity
    }

    /// `iat`.
    #[must_use]
    pub fn issued_at(&self) -> UnixTime {
        self.issued_at
    }

    /// `exp`.
    #[must_use]
    pub fn expires_at(&self) -> UnixTime {
        self.expires_at
    }

    /// The text of the policy.
    #[must_use]
    pub fn policy(&self) -> &str {
        &self.policy
    }
}

/// Without the policy.
impl fmt::Debug for Bundle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bundle")
            .field("sequence", &self.identity.sequence)
            .field("issued_at", &self.issued_at)
            .field("expires_at", &self.expires_at)
            .finish_non_exhaustive()
    }
}

/// By which one bundle of an application is told from another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identity {
    /// Its sequence number.
    pub sequence: u64,
    /// SHA-256 of what was signed.
    digest: [u8; 32],
}

/// How a bundle stands to the one that was used last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Succession {
    /// It is newer.
    Newer,
    /// It is the same.
    Same,
    /// Its number is lower.
    Lower,
    /// Its number is the same, and it is another one.
    OtherText,
}

impl Identity {
    /// How it stands to the one that was used last.
    #[must_use]
    pub fn after(&self, last: &Self) -> Succession {
        match self.sequence.cmp(&last.sequence) {
            std::cmp::Ordering::Greater => Succession::Newer,
            std::cmp::Ordering::Less => Succession::Lower,
            std::cmp::Ordering::Equal if self.digest == last.digest => Succession::Same,
            std::cmp::Ordering::Equal => Succession::OtherText,
        }
    }
}

/// The members of a bundle whose signature is right, and the digest of what was signed.
fn genuine_members(
    text: &[u8],
    keys: &BundleKeys,
) -> Result<([u8; 32], Map<String, Value>), BundleError> {
    let compact = text.trim_ascii_end();
    let token = UnverifiedToken::parse_within(compact, BUNDLE_BYTES_MAX);
    let token = token.map_err(|error| match error {
        TokenError::TooLong { bytes, .. } => BundleError::TooLong { bytes },
        TokenError::Unsecured | TokenError::UnsupportedAlgorithm => BundleError::Algorithm,
        error => BundleError::Malformed(error),
    })?;
    if token.media_type() != MediaType::Bundle {
        return Err(BundleError::Type);
    }
    // The keys know no other one; here it is said more clearly.
    if token.algorithm() != Algorithm::EdDsa {
        return Err(BundleError::Algorithm);
    }
    // The keys are for no issuer in particular, so that nobody looks at this.
    let names = IssuerSpellings {
        issuer: "",
        spellings: &[],
    };
    let members = token.verified_payload(&keys.0, names);
    let members = members.map_err(|error| match error {
        error @ (TokenError::Encoding { .. } | TokenError::Json { .. }) => {
            BundleError::Malformed(error)
        }
        _ => BundleError::Signature,
    })?;
    Ok((digest(token.signing_input()), members))
}

/// What the members of a bundle say.
struct Said<'m> {
    application: &'m str,
    sequence: u64,
    issued_at: UnixTime,
    expires_at: UnixTime,
    policy: &'m str,
}

impl<'m> Said<'m> {
    fn of(members: &'m Map<String, Value>) -> Result<Self, BundleError> {
        const NAMES: [&str; 5] = ["app", "seq", "iat", "exp", "policy"];
        let said = Self {
            application: text(members, "app")?,
            sequence: number(members, "seq", 1, SEQUENCE_MAX)?,
            issued_at: UnixTime(number(members, "iat", 0, DATE_MAX_S)?),
            expires_at: UnixTime(number(members, "exp", 0, DATE_MAX_S)?),
            policy: text(members, "policy")?,
        };
        if !members.keys().all(|name| NAMES.contains(&name.as_str())) {
            return Err(BundleError::UnknownMember);
        }
        if said.expires_at <= said.issued_at {
            return Err(BundleError::Lifetime { lifetime_s: 0 });
        }
        let lifetime_s = said.expires_at.seconds_since(said.issued_at);
        if lifetime_s > BUNDLE_LIFETIME_S_MAX {
            return Err(BundleError::Lifetime { lifetime_s });
        }
        Ok(said)
    }
}

fn text<'m>(members: &'m Map<String, Value>, name: &'static str) -> Result<&'m str, BundleError> {
    let text = members.get(name).and_then(Value::as_str);
    text.ok_or(BundleError::Member { name })
}

fn number(
    members: &Map<String, Value>,
    name: &'static str,
    least: u64,
    most: u64,
) -> Result<u64, BundleError> {
    let number = members.get(name).and_then(Value::as_u64);
    let number = number.filter(|number| (least..=most).contains(number));
    number.ok_or(BundleError::Member { name })
}

/// Why a bundle was refused. It holds nothing of its text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BundleError {
    /// It is longer than [`BUNDLE_BYTES_MAX`].
    TooLong {
        /// Its length.
        bytes: usize,
    },
    /// It is no compact JWS that is read here.
    Malformed(TokenError),
    /// Its `typ` is not [`BUNDLE_TYPE`].
    Type,
    /// Its `alg` is not that of Ed25519.
    Algorithm,
    /// The signature is none of the keys.
    Signature,
    /// A member is missing, of the wrong type, or out of its bounds.
    Member {
        /// Which one.
        name: &'static str,
    },
    /// It has a member that no bundle has.
    UnknownMember,
    /// `exp` is not after `iat`, or more than [`BUNDLE_LIFETIME_S_MAX`] after it.
    Lifetime {
        /// By how much it is after it.
        lifetime_s: u64,
    },
    /// It is for another application.
    Application,
    /// The time of `exp` has come.
    Expired {
        /// When it was checked.
        now: UnixTime,
        /// `exp`.
        expires_at: UnixTime,
    },
    /// `iat` lies in the future.
    IssuedInFuture {
        /// When it was checked.
        now: UnixTime,
        /// `iat`.
        issued_at: UnixTime,
    },
    /// `seq` is below the least that is accepted.
    BelowMinimum {
        /// `seq`.
        sequence: u64,
        /// The least.
        minimum: u64,
    },
}

impl BundleError {
    /// A stable name for logs and metrics.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::TooLong { .. } => "too-long",
            Self::Malformed(_)
            | Self::Member { .. }
            | Self::UnknownMember
            | Self::Lifetime { .. } => "malformed",
            Self::Type => "type",
            Self::Algorithm => "algorithm",
            Self::Signature => "signature",
            Self::Application => "application",
            Self::Expired { .. } => "expired",
            Self::IssuedInFuture { .. } => "future",
            Self::BelowMinimum { .. } => "minimum",
        }
    }
}

impl fmt::Display for BundleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong { bytes } => {
                write!(
                    f,
                    "the bundle is {bytes} bytes long, more than {BUNDLE_BYTES_MAX}"
                )
            }
            Self::Malformed(error) => write!(f, "the bundle is no signed text: {error}"),
            Self::Type => write!(f, "the header's `typ` is not `{BUNDLE_TYPE}`"),
            Self::Algorithm => f.write_str("the header's `alg` is not `EdDSA`"),
            Self::Signature => f.write_str("the signature is none of the keys in `[bundle]`"),
            Self::Member { name } => write!(f, "the bundle has no valid `{name}`"),
            Self::UnknownMember => f.write_str(
                "the bundle has a member that is none of `app`, `seq`, `iat`, `exp` and `policy`",
            ),
            Self::Lifetime { lifetime_s } => write!(
                f,
                "the bundle is valid for {lifetime_s} s from `iat` to `exp`, which can be 1 to {BUNDLE_LIFETIME_S_MAX} s"
            ),
            Self::Application => f.write_str("the bundle is for another application"),
            Self::Expired { now, expires_at } => {
                write!(f, "the bundle expired at {expires_at}, now is {now}")
            }
            Self::IssuedInFuture { now, issued_at } => write!(
                f,
                "the bundle was signed in the future, at {issued_at}, now is {now}"
            ),
            Self::BelowMinimum { sequence, minimum } => write!(
                f,
                "the sequence number {sequence} is below the `minimum` of `[bundle]`, {minimum}"
            ),
        }
    }
}

impl std::error::Error for BundleError {}

/// The text that is signed to make a bundle: header and payload, encoded and with a dot between them. `key_id` is for
/// people. What follows is a dot and the signature in base64url.
///
/// # Errors
///
/// Those of a bundle that says this.
pub fn signing_input(
    application: &str,
    sequence: u64,
    (issued_at, expires_at): (UnixTime, UnixTime),
    policy: &str,
    key_id: Option<&str>,
) -> Result<String, BundleError> {
    let mut header = json!({ "alg": Algorithm::EdDsa.name(), "typ": BUNDLE_TYPE });
    if let (Some(header), Some(key_id)) = (header.as_object_mut(), key_id) {
        header.insert("kid".to_owned(), key_id.into());
    }
    let payload = json!({
        "app": application, "seq": sequence, "iat": issued_at.0, "exp": expires_at.0, "policy": policy
    });
    if let Value::Object(members) = &payload {
        Said::of(members)?;
    }
    if !is_application(application) {
        return Err(BundleError::Member { name: "app" });
    }
    let text = [
        base64url::encode(header.to_string().as_bytes()),
        base64url::encode(payload.to_string().as_bytes()),
    ]
    .join(".");
    // A dot, and 64 bytes in base64url.
    let bytes = text.len() + 1 + 86;
    match bytes > BUNDLE_BYTES_MAX {
        true => Err(BundleError::TooLong { bytes }),
        false => Ok(text),
    }
}
