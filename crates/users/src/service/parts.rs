//! What a request comes with, and why it may get no user.

use doorward_service::media;
use doorward_service::problem::Problem;
use http::{Request, StatusCode};

use crate::operations::Denied;
use crate::store::StoreError;

/// Longest body of a request, in bytes.
pub const BODY_BYTES_MAX: usize = 64 * 1024;

/// What a request finds besides the store.
#[derive(Clone, Copy, Debug)]
pub struct Moment {
    /// The time, in milliseconds since 1970.
    pub now_ms: u64,
    /// Random bytes, for the id of a new user.
    pub random: [u8; 10],
}

/// Why a request gets no user.
pub enum Refusal {
    /// It is the client's affair.
    Problem(Problem),
    /// It is ours.
    Store(StoreError),
}

impl From<Problem> for Refusal {
    fn from(problem: Problem) -> Self {
        Self::Problem(problem)
    }
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<Denied> for Refusal {
    fn from(denied: Denied) -> Self {
        match denied {
            Denied::Forbidden => Problem::forbidden().into(),
            Denied::NotFound => Problem::not_found().into(),
            Denied::Store(error) => error.into(),
        }
    }
}

/// The media type of a body, and how long it is.
pub fn check_body(
    request: &Request<Vec<u8>>,
    media_type: &str,
    other: Problem,
) -> Result<(), Problem> {
    if !media::is_of_type(request.headers(), media_type) {
        return Err(other);
    }
    match request.body().len() {
        0..=BODY_BYTES_MAX => Ok(()),
        _ => {
            let detail = "The body has more than 65536 bytes.";
            Err(Problem::new(StatusCode::PAYLOAD_TOO_LARGE, detail))
        }
    }
}
