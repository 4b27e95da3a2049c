//! Dates of tokens, and when a token is valid by them.

use serde_json::{Map, Value};

use crate::bounds::{DATE_MAX_S, LEEWAY_S_MAX};
use crate::error::TokenError;
use crate::time::UnixTime;

/// The times that bound the use of a token.
pub(crate) struct Validity {
    pub(crate) expires_at: UnixTime,
    pub(crate) not_before: Option<UnixTime>,
    pub(crate) issued_at: Option<UnixTime>,
}

impl Validity {
    /// Compares them with the clock, more leeway than [`LEEWAY_S_MAX`] counting as that.
    pub(crate) fn check(&self, leeway_s: u64, now: UnixTime) -> Result<(), TokenError> {
        let leeway_s = leeway_s.min(LEEWAY_S_MAX);
        // RFC 7519 §4.1.4: not to be accepted "on or after" the time of `exp`.
        if now >= self.expires_at.saturating_add(leeway_s) {
            return Err(TokenError::Expired {
                now,
                expires_at: self.expires_at,
            });
        }
        let latest = now.saturating_add(leeway_s);
        // RFC 7519 §4.1.5: not to be accepted "before" the time of `nbf`.
        if let Some(not_before) = self.not_before
            && latest < not_before
        {
            return Err(TokenError::NotYetValid { now, not_before });
        }
        // RFC 7519 §4.1.6 leaves the use of `iat` open. A token that was issued tomorrow is a
        // mistake or a fraud.
        if let Some(issued_at) = self.issued_at
            && latest < issued_at
        {
            return Err(TokenError::IssuedInFuture { now, issued_at });
        }
        Ok(())
    }
}

#[derive(Clone, Copy)]
pub(crate) enum Rounding {
    Down,
    Up,
}

/// RFC 7519 §2: a `NumericDate`.
pub(crate) fn date(
    claims: &Map<String, Value>,
    name: &'static str,
    rounding: Rounding,
) -> Result<Option<UnixTime>, TokenError> {
    let number = match claims.get(name) {
        None => return Ok(None),
        Some(Value::Number(number)) => number,
        Some(_) => {
            return Err(TokenError::ClaimType {
                name,
                expected: "a number",
            });
        }
    };
    let seconds = match (number.as_u64(), number.as_f64()) {
        (Some(seconds), _) => Some(seconds),
        // Negative integers come as floats here and fall out of the range, as -0.0 does not: it
        // is a zero that nobody writes, and no harm.
        (None, Some(seconds)) => whole_seconds(seconds, rounding),
        (None, None) => None,
    };
    match seconds {
        Some(seconds) if seconds <= DATE_MAX_S => Ok(Some(UnixTime(seconds))),
        _ => Err(TokenError::DateOutOfRange { name }),
    }
}

fn whole_seconds(seconds: f64, rounding: Rounding) -> Option<u64> {
    let whole = match rounding {
        Rounding::Down => seconds.floor(),
        Rounding::Up => seconds.ceil(),
    };
    // The unrounded value is compared with zero: rounding -0.5 up would make it zero.
    (seconds >= 0.0 && whole <= DATE_MAX_S as f64).then_some(whole as u64)
}
