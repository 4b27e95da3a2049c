//! What spans are of.

/// On which side of an exchange a span is, as OpenTelemetry has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Of none: work of our own.
    Internal,
    /// It answers.
    #[cfg(feature = "otlp")]
    Server,
    /// It asks somebody else.
    Client,
}
