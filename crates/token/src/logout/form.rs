//! One value of a form.

use std::fmt;

use doorward_syntax::form;

use crate::bounds::TOKEN_BYTES_DEFAULT;

/// The longest form that is read, in bytes: the longest token that can be expected, and the rest.
pub const FORM_BYTES_MAX: usize = TOKEN_BYTES_DEFAULT + 4 * 1024;

/// Why a form was refused. It holds nothing of the form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FormError {
    /// The form is longer than [`FORM_BYTES_MAX`].
    TooLong,
    /// A `%` is not followed by two hexadecimal digits, or a byte is there that a form would have
    /// written so.
    Encoding,
    /// The parameter is not there.
    Missing,
    /// The parameter is there twice.
    Repeated,
}

impl fmt::Display for FormError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TooLong => "the form is too long",
            Self::Encoding => "the form is not well-formed",
            Self::Missing => "the form lacks the parameter",
            Self::Repeated => "the form has the parameter twice",
        })
    }
}

impl std::error::Error for FormError {}

/// The value of the one parameter of this name in an `application/x-www-form-urlencoded` body.
///
/// Other parameters are passed over (OpenID Connect Back-Channel Logout 1.0 §2.5), but the whole form
/// has to be well-formed, and the parameter may not come twice under any spelling of its name.
///
/// # Errors
///
/// The form is not of that kind or has not exactly one such parameter.
pub fn form_value(body: &[u8], name: &str) -> Result<Vec<u8>, FormError> {
    if body.len() > FORM_BYTES_MAX {
        return Err(FormError::TooLong);
    }
    if !form::is_encoded(body) {
        return Err(FormError::Encoding);
    }
    let decode = |text: &[u8]| form::decode(text).ok_or(FormError::Encoding);
    let mut found = None;
    for (key, value) in form::parameters(body) {
        let (key, value) = (decode(key)?, decode(value)?);
        if key == name.as_bytes() && found.replace(value).is_some() {
            return Err(FormError::Repeated);
        }
    }
    found.ok_or(FormError::Missing)
}
