//! How long the parts of an event may be, and when it may have happened.

/// The longest `id`, in bytes.
pub const ID_BYTES_MAX: usize = 256;
/// The longest `source`, in bytes.
pub const SOURCE_BYTES_MAX: usize = 2_048;
/// The longest `type`, in bytes.
pub const TYPE_BYTES_MAX: usize = 256;
/// The longest `subject`, in bytes.
pub const SUBJECT_BYTES_MAX: usize = 1_024;
/// The longest `datacontenttype`, in bytes.
pub const CONTENT_TYPE_BYTES_MAX: usize = 256;
/// The longest `dataschema`, in bytes.
pub const DATA_SCHEMA_BYTES_MAX: usize = 2_048;
/// The longest name of an extension, in bytes. The specification says that names should have no more than 20 (core
/// section "Naming conventions"), and does not forbid longer ones.
pub const EXTENSION_NAME_BYTES_MAX: usize = 64;
/// The longest text of an extension, in bytes.
pub const EXTENSION_BYTES_MAX: usize = 4_096;
/// The most extensions of an event.
pub const EXTENSIONS_MAX: usize = 64;

/// How far ahead of now `time` may be unless somebody says otherwise, in milliseconds: 10 minutes. Clocks that are set by
/// hand are a few minutes off; what is later comes from a clock that is wrong, and would be the newest event for as
/// long as it is ahead.
pub const TIME_AHEAD_MS: u64 = 10 * 60 * 1000;
/// How long ago `time` may be unless somebody says otherwise, in milliseconds: 31 days. A device that was off for weeks
/// and an outbox whose receiver was down still deliver; a clock that was never set (1970, 2000) is seen. Who loads what
/// happened years ago sets it.
pub const TIME_BEHIND_MS: u64 = 31 * 24 * 60 * 60 * 1000;
