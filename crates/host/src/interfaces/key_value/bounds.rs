//! How much a store takes and gives, wherever it is, and what it says where it cannot.

/// Bytes of a key.
pub const KEY_BYTES_MAX: usize = 4096;
/// Bytes of a value: 1 MiB.
pub const VALUE_BYTES_MAX: usize = 1 << 20;
/// Keys of one call.
pub const BATCH_KEYS_MAX: usize = 1 << 16;
/// Bytes of all the keys that one listing gives, and of the values of one batch: 16 MiB.
pub const LISTING_BYTES_MAX: usize = 16 << 20;

/// Why a store could not do what it was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoreError {
    /// A key, a value or a listing is longer than allowed.
    TooLong {
        /// What is too long.
        what: &'static str,
        /// Its bytes.
        bytes: usize,
        /// The bytes that are allowed.
        bytes_max: usize,
    },
    /// A call has more keys than allowed.
    TooMany {
        /// How many.
        keys: usize,
    },
    /// The value is not a number of 64 bits, or the sum would not be one.
    NotANumber,
    /// Somebody else is writing to the file and did not finish in time.
    Busy,
    /// The file could not be read or written.
    Io(String),
    /// The server cannot be asked, or says something against it.
    Server(String),
}

impl std::fmt::Display for StoreError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::TooLong {
                what,
                bytes,
                bytes_max,
            } => write!(
                f,
                "{what} of {bytes} bytes is over the limit of {bytes_max}"
            ),
            Self::TooMany { keys } => {
                write!(f, "{keys} keys are over the limit of {BATCH_KEYS_MAX}")
            }
            Self::NotANumber => f.write_str("the value or the sum is not a number of 64 bits"),
            Self::Busy => f.write_str("another process keeps the store's file locked"),
            Self::Io(reason) => write!(f, "the store's file failed: {reason}"),
            Self::Server(reason) => f.write_str(reason),
        }
    }
}

impl std::error::Error for StoreError {}

/// Fails where a key is too long.
///
/// # Errors
///
/// [`StoreError::TooLong`].
pub fn check_key(key: &str) -> Result<(), StoreError> {
    check_length("a key", key.len(), KEY_BYTES_MAX)
}

/// Fails where a value is too long.
///
/// # Errors
///
/// [`StoreError::TooLong`].
pub fn check_value(value: &[u8]) -> Result<(), StoreError> {
    check_length("a value", value.len(), VALUE_BYTES_MAX)
}

/// Fails where there are too many keys, or one of them is too long.
///
/// # Errors
///
/// [`StoreError::TooMany`] and [`StoreError::TooLong`].
pub fn check_keys(keys: &[String]) -> Result<(), StoreError> {
    check_count(keys.len())?;
    keys.iter().try_for_each(|key| check_key(key))
}

/// Fails where there are too many entries, or something of one of them is too long.
///
/// # Errors
///
/// [`StoreError::TooMany`] and [`StoreError::TooLong`].
pub fn check_entries(entries: &[(String, Vec<u8>)]) -> Result<(), StoreError> {
    check_count(entries.len())?;
    entries.iter().try_for_each(|(key, value)| {
        check_key(key)?;
        check_value(value)
    })
}

fn check_count(keys: usize) -> Result<(), StoreError> {
    if keys > BATCH_KEYS_MAX {
        return Err(StoreError::TooMany { keys });
    }
    Ok(())
}

/// Fails where something has more bytes than it may.
///
/// # Errors
///
/// [`StoreError::TooLong`].
pub fn check_length(what: &'static str, bytes: usize, bytes_max: usize) -> Result<(), StoreError> {
    if bytes > bytes_max {
        return Err(StoreError::TooLong {
            what,
            bytes,
            bytes_max,
        });
    }
    Ok(())
}
