//! Why nothing was published.

/// Why something could not be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MqttError {
    /// It is no address.
    InvalidAddress,
    /// As many connections are open as may be.
    TooManyConnections,
    /// The component may not connect there, there is no connection, or it is lost.
    ConnectionFailed(String),
    /// Something else, said in words.
    Other(String),
}

/// What came of a call.
pub type MqttResult<T> = Result<T, MqttError>;
