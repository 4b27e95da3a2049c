//! What a compiled program is made of, for who writes and who reads one.
//!
//! ```text
//! magic, format, length of the rest (u64), checksum of the rest (u64)
//! patterns:  how many; each as it was written, and its automaton
//! nodes:     how many; each what kinds of values it takes, and its rules: how many; each a tag and what it needs
//! schemas:   how many, in the order of their types; each its type, its text and its node
//! ```
//!
//! Numbers are of 32 bits unless it is said, little-endian; a text is its length in bytes and its bytes, in UTF-8.

/// How every program begins.
pub(super) const MAGIC: [u8; 8] = *b"DWSCHEMA";
/// Which format it is. Another one is not read: programs are compiled again by the command of the same release.
pub(super) const FORMAT: u32 = 1;
/// How many bytes come before what the length and the checksum are of.
pub(super) const HEADER_BYTES: usize = 28;

/// Most subschemas of a program.
pub const NODES_MAX: usize = 65_536;
/// Most subschemas that apply to the same value one because of the other: `$ref` to `allOf` to `$ref` and so on.
pub const IN_PLACE_MAX: usize = 32;

/// Where a subschema may be left out, it is.
pub(super) const NO_NODE: u32 = u32::MAX;

/// The kinds of values that a node takes, one bit each.
pub(super) mod kinds {
    pub const NULL: u8 = 1;
    pub const BOOL: u8 = 2;
    pub const NUMBER: u8 = 4;
    pub const STRING: u8 = 8;
    pub const ARRAY: u8 = 16;
    pub const OBJECT: u8 = 32;
    /// Numbers without a fraction, where [`NUMBER`] is not set.
    pub const INTEGER: u8 = 64;
    pub const ALL: u8 = 63;
}

/// What kind of a rule follows.
pub(super) mod tags {
    /// A node.
    pub const REF: u8 = 1;
    /// Nodes.
    pub const ALL_OF: u8 = 2;
    pub const ANY_OF: u8 = 3;
    pub const ONE_OF: u8 = 4;
    /// A node.
    pub const NOT: u8 = 5;
    /// Three nodes, of which the second and third may be left out.
    pub const IF: u8 = 6;
    /// Literals.
    pub const ENUM: u8 = 7;
    /// A literal.
    pub const CONST: u8 = 8;
    /// A number.
    pub const MINIMUM: u8 = 9;
    pub const MAXIMUM: u8 = 10;
    pub const EXCLUSIVE_MINIMUM: u8 = 11;
    pub const EXCLUSIVE_MAXIMUM: u8 = 12;
    pub const MULTIPLE_OF: u8 = 13;
    /// A count.
    pub const MIN_LENGTH: u8 = 14;
    pub const MAX_LENGTH: u8 = 15;
    /// Which pattern.
    pub const PATTERN: u8 = 16;
    /// A count.
    pub const MIN_ITEMS: u8 = 17;
    pub const MAX_ITEMS: u8 = 18;
    /// Nothing.
    pub const UNIQUE_ITEMS: u8 = 19;
    /// A node, the least and the most.
    pub const CONTAINS: u8 = 20;
    /// Nodes, and one for those after, which may be left out.
    pub const ELEMENTS: u8 = 21;
    /// A count.
    pub const MIN_PROPERTIES: u8 = 22;
    pub const MAX_PROPERTIES: u8 = 23;
    /// Members (a name, a node that may be left out, whether it is required); patterns with nodes; a node for the others
    /// and one for the names, which may be left out.
    pub const MEMBERS: u8 = 24;
    /// A name, and the names that are required with it.
    pub const DEPENDENT_REQUIRED: u8 = 25;
    /// A name and a node.
    pub const DEPENDENT_SCHEMA: u8 = 26;
}

/// What kind of a literal follows.
pub(super) mod literals {
    pub const NULL: u8 = 0;
    pub const FALSE: u8 = 1;
    pub const TRUE: u8 = 2;
    /// A text.
    pub const NUMBER: u8 = 3;
    pub const STRING: u8 = 4;
    /// Literals.
    pub const ARRAY: u8 = 5;
    /// Names and literals, in the order of the names.
    pub const OBJECT: u8 = 6;
}

/// FNV-1a of 64 bits: finds a file that was cut off or changed by accident. It is no defence against somebody who can write
/// the file.
pub(super) fn checksum(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    })
}
