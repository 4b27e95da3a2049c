//! Forms and HTTP Basic authentication, as the token endpoint receives them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use doorward_syntax::form;

/// The most parameters that a form has.
const PARAMETERS_MAX: usize = 32;

/// The parameters of an `application/x-www-form-urlencoded` body, or `None` where it is malformed
/// or has too many.
pub(super) fn parse(body: &[u8]) -> Option<Vec<(String, String)>> {
    let mut parameters = Vec::new();
    for (name, value) in form::parameters(body) {
        if parameters.len() == PARAMETERS_MAX {
            return None;
        }
        parameters.push((decode(name)?, decode(value)?));
    }
    Some(parameters)
}

/// The client id in an `Authorization: Basic` value (RFC 6749 §2.3.1: both halves are form-encoded
/// first). The secret is not looked at: any will do.
pub(super) fn basic_client(value: &[u8]) -> Option<String> {
    let value = std::str::from_utf8(value).ok()?;
    let (scheme, credentials) = value.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let decoded = STANDARD.decode(credentials.trim()).ok()?;
    let text = String::from_utf8(decoded).ok()?;
    decode(text.split_once(':')?.0.as_bytes())
}

fn decode(text: &[u8]) -> Option<String> {
    String::from_utf8(form::decode(text)?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_is_decoded_strictly() {
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        for (body, expected) in [
            (&b""[..], Some(vec![])),
            (b"a=b&c", Some(vec![pair("a", "b"), pair("c", "")])),
            (
                b"s=a+b%20c%C3%A9&&x==",
                Some(vec![pair("s", "a b cé"), pair("x", "=")]),
            ),
            (b"a=%", None),
            (b"a=%4", None),
            (b"a=%zz", None),
            (b"a=%+1", None),
            (b"a=%ff", None),
            (b"\xff", None),
        ] {
            assert_eq!(parse(body), expected, "{}", body.escape_ascii());
        }
        assert_eq!(parse("a=1&".repeat(33).as_bytes()), None, "33 parameters");
    }

    #[test]
    fn the_client_of_basic_authentication_is_decoded_twice() {
        for (value, expected) in [
            ("Basic bWU6c2VjcmV0", Some("me")),
            ("basic YSUyMGI6", Some("a b")),
            ("Basic bWU=", None),
            ("Basic !", None),
            ("Bearer bWU6c2VjcmV0", None),
            ("Basic", None),
        ] {
            let client = basic_client(value.as_bytes());
            assert_eq!(client.as_deref(), expected, "{value}");
        }
    }
}
