//! Why Redis was not asked, or what it says against it.

/// Why something could not be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RedisError {
    /// It is no address, or the component may not connect there.
    InvalidAddress,
    /// As many connections are open as may be.
    TooManyConnections,
    /// Something else, said in words.
    Other(String),
}

/// What came of a call.
pub type RedisResult<T> = Result<T, RedisError>;
