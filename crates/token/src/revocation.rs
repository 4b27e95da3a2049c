//! What was taken back before it expired.
//!
//! One entry is one *name* in the key-value store; the value beside it ([`Note`]) is only for people.
//! A gate therefore learns everything from the list of names, which is one read:
//!
//! ```text
//! doorward/revoked/<expires_at>/<kind>/<digest>/<issued_before or ->
//! ```
//!
//! 1. The digest is the first 128 bits of a SHA-256 over the kind, the issuer and the value, the
//!    issuer after its length: no value of one kind or issuer is taken for one of another.
//! 2. An entry is over when what it revokes has expired, the most leeway that is given
//!    ([`LEEWAY_S_MAX`](crate::LEEWAY_S_MAX)) included, and has no effect from then on. Its name may be
//!    deleted later, once [`RevocationEntry::is_prunable`]: a gate whose clock runs ahead deletes nothing
//!    that is in force for the others. A superfluous name may be deleted at once: one beside another name
//!    for the same thing that reaches at least as far in both times. [`Reading`] reports such names.
//! 3. Entries of a subject or an issuer revoke what was issued up to a time, and what does not say
//!    when it was issued; those of a token or a session, whatever they name.
//! 4. More names in force than [`REVOCATIONS_READ_MAX`] are an error: nobody knows then what is revoked.
//!    Writers stop at [`REVOCATIONS_MAX`]. Names that may be deleted do not count.
//! 5. A name with this prefix that cannot be read is passed over and counted. A gate therefore ignores a
//!    [`RevocationKind`] that is newer than itself. So a new kind is deployed to all gates first, and only
//!    when every gate reads it, to what writes it (the `doorward` command, for one). A change of what a
//!    name means takes another prefix.
//!
//! Entries take what they name from people and issuers who may revoke. Nothing here is to be called
//! with a name that a client chose freely.

pub(crate) mod digest;
mod entry;
mod kind;
mod note;
mod set;

pub use entry::{
    ENTRY_PREFIX, LOGOUT_KEPT_S, NameError, OVER_KEPT_S, RevocationEntry, TokenEntries,
};
pub use kind::RevocationKind;
pub use note::{NOTE_BYTES_MAX, NOTE_TEXT_BYTES_MAX, Note, NoteError};
pub use set::{
    PRUNE_MAX, REVOCATIONS_MAX, REVOCATIONS_READ_MAX, Reading, RevocationSet, TooManyRevocations,
};

#[cfg(test)]
mod tests;
