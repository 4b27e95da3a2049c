//! The body of a request, for who reads it in this component.

use core::fmt;

use crate::body::{Body, Next, Passed};
use crate::forward::handed_on;
use crate::platform::{FieldList, Platform};

/// The body of a request, in pieces as they come. Never more of it is given out than the policy allows; what is not read is
/// read and dropped after the answer, within bounds.
pub struct IncomingBody<P: Platform> {
    body: Option<Body<P>>,
    trailers: FieldList,
    /// How it ended, once it has.
    ended: Option<Result<(), BodyFault>>,
}

impl<P: Platform> IncomingBody<P> {
    /// This one, or none.
    pub(super) fn of(body: Option<Body<P>>) -> Self {
        let ended = body.is_none().then_some(Ok(()));
        Self {
            body,
            trailers: FieldList::new(),
            ended,
        }
    }

    /// No body.
    pub(super) fn none() -> Self {
        Self::of(None)
    }

    /// What of it can be handed on.
    pub(super) fn into_inner(mut self) -> Option<Body<P>> {
        self.body.take()
    }

    /// Whether there is a body, if only an empty one.
    #[must_use]
    pub fn is_there(&self) -> bool {
        self.body.is_some()
    }

    /// The next piece of it, which has bytes; `None`: it has ended, and is whole.
    ///
    /// # Errors
    /// Why there is no more of it. Where it is too large or too slow, the request is refused as such, whatever is answered.
    pub async fn read(&mut self) -> Result<Option<Vec<u8>>, BodyFault> {
        let (Some(body), None) = (&mut self.body, self.ended) else {
            return self.ended.unwrap_or(Ok(())).map(|()| None);
        };
        match body.next().await {
            Ok(Next::Piece(piece)) => Ok(Some(piece)),
            Ok(Next::End(trailers)) => {
                self.trailers = trailers;
                self.ended = Some(Ok(()));
                Ok(None)
            }
            Err(passed) => {
                let fault = BodyFault::of(passed);
                self.ended = Some(Err(fault));
                Err(fault)
            }
        }
    }

    /// All of it, where it has no more bytes than this.
    ///
    /// # Errors
    /// It has, or there is no more of it for another reason.
    pub async fn collect(&mut self, bytes_max: usize) -> Result<Vec<u8>, BodyFault> {
        let mut bytes = Vec::new();
        while let Some(piece) = self.read().await? {
            if bytes.len() + piece.len() > bytes_max {
                return Err(BodyFault::Longer { bytes_max });
            }
            match bytes.is_empty() {
                true => bytes = piece,
                false => bytes.extend_from_slice(&piece),
            }
        }
        Ok(bytes)
    }

    /// What was not read of it as a stream, for who hands it on; `None`: there is no body. Its trailers are those of
    /// [`trailers`](Self::trailers), and one that is not whole does not pass for a whole one.
    ///
    /// # Errors
    /// Why there was no more of it, where reading it has found that.
    pub fn into_stream(mut self) -> Result<Option<P::Body>, BodyFault> {
        if let Some(Err(fault)) = self.ended {
            return Err(fault);
        }
        let Some(body) = self.body.take() else {
            return Ok(None);
        };
        let platform = body.platform().clone();
        let (stream, _) = handed_on(&platform, Some(body));
        Ok(Some(stream))
    }

    /// The trailers, once it has ended: without those that only the gate may send, as [the fields](super::Admitted::fields)
    /// are.
    #[must_use]
    pub fn trailers(&self) -> &FieldList {
        &self.trailers
    }
}

impl<P: Platform> Drop for IncomingBody<P> {
    fn drop(&mut self) {
        if let Some(body) = self.body.take() {
            body.read_on();
        }
    }
}

/// Why there is no more of a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BodyFault {
    /// More came than the policy allows: the request is refused with 413.
    TooLarge,
    /// It came slower than the policy allows: the request is refused with 408.
    TooSlow,
    /// The client did not send all of it.
    Incomplete,
    /// More came than whoever collects it wants.
    Longer {
        /// How much that is, in bytes.
        bytes_max: usize,
    },
}

impl BodyFault {
    fn of(passed: Passed) -> Self {
        match passed {
            Passed::TooLarge => Self::TooLarge,
            Passed::TooSlow => Self::TooSlow,
            Passed::Incomplete | Passed::Whole | Passed::NotTaken => Self::Incomplete,
        }
    }
}

impl fmt::Display for BodyFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLarge => f.write_str("the body is larger than the policy allows"),
            Self::TooSlow => f.write_str("the body comes slower than the policy allows"),
            Self::Incomplete => f.write_str("the client did not send all of the body"),
            Self::Longer { bytes_max } => {
                write!(f, "the body has more than {bytes_max} bytes")
            }
        }
    }
}

impl core::error::Error for BodyFault {}
