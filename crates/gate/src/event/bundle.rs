//! What becomes of bundles.

use doorward_syntax::date::rfc3339;
use doorward_token::UnixTime;
use std::fmt::Display;

use super::line::Line;
use crate::levels::Level;

/// Something that became of a bundle: a policy that is signed and fetched.
pub enum BundleEvent<'a> {
    /// It is in force now.
    Adopted {
        /// Its sequence number.
        sequence: u64,
        /// That of the one before.
        before: Option<u64>,
        /// When it was signed.
        issued_at: UnixTime,
        /// When it is not used any more.
        expires_at: UnixTime,
        /// Where it came from: `store`, or `server`.
        from: &'a str,
    },
    /// It is refused, and what is in force stays so.
    Refused {
        /// Why, in a word.
        why: &'a str,
        /// Why.
        reason: &'a dyn Display,
        /// Its sequence number, where its signature is good.
        sequence: Option<u64>,
        /// That of the one that is in force.
        in_force: Option<u64>,
        /// Where it came from: `store`, or `server`.
        from: &'a str,
    },
    /// It could not be had.
    Unavailable {
        /// What came of asking.
        reason: &'a dyn Display,
        /// The sequence number of the one that is in force.
        in_force: Option<u64>,
    },
    /// The one that was in force has expired: nothing is decided.
    Expired {
        /// Its sequence number.
        sequence: u64,
    },
}

impl BundleEvent<'_> {
    pub(super) fn as_line(&self, application: &str) -> Line {
        let (level, name) = match self {
            Self::Adopted { .. } => (Level::Info, "bundle-adopted"),
            Self::Refused { .. } => (Level::Error, "bundle-refused"),
            Self::Unavailable { .. } => (Level::Warn, "bundle-unavailable"),
            Self::Expired { .. } => (Level::Error, "bundle-expired"),
        };
        let line = Line::of(level, name).with("application", &application);
        let with = |line: Line, name, number: &Option<u64>| match number {
            Some(number) => line.with(name, number),
            None => line,
        };
        let time = |time: &UnixTime| rfc3339(time.0.saturating_mul(1000));
        match self {
            Self::Adopted {
                sequence,
                before,
                issued_at,
                expires_at,
                from,
            } => with(line.with("sequence", sequence), "before", before)
                .with("issued_at", &time(issued_at))
                .with("expires_at", &time(expires_at))
                .with("source", from),
            Self::Refused {
                why,
                reason,
                sequence,
                in_force,
                from,
            } => with(
                with(line, "sequence", sequence),
                "sequence_in_force",
                in_force,
            )
            .with("source", from)
            .with("why", why)
            .with("reason", reason),
            Self::Unavailable { reason, in_force } => {
                with(line, "sequence_in_force", in_force).with("reason", reason)
            }
            Self::Expired { sequence } => line
                .with("sequence", sequence)
                .with(
                    "effect",
                    &"every request is refused until a newer one comes",
                )
                .with(
                    "help",
                    &"sign the policy again with a higher number, and put it where it is fetched",
                ),
        }
    }
}
