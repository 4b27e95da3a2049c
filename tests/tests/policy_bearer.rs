//! What a bearer token may be made of, byte by byte.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

use doorward_policy::{Class, Credential, Policy, Screened};
use doorward_tests::head;

const POLICY: &str = r#"
[issuer.acme]
url = "https://acme.example"
audience = "api"
[issuer.acme.introspection]
client_id = "gate"
secret = "acme_client_secret"

[[route]]
path = "/all"
issuer = "acme"
accept = ["jwt", "opaque"]
"#;

/// RFC 6750 section 2.1, written down a second time.
#[test]
fn a_bearer_token_has_the_letters_of_b64token_at_every_place_and_padding_only_at_its_end() {
    let policy = Policy::parse(POLICY).unwrap();
    let letters = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~+/";
    for length in 1..=25 {
        for place in 0..length {
            for byte in 0..=255 {
                let mut token = vec![b'a'; length];
                token[place] = byte;
                let is_padding = byte == b'=' && place > 0 && place + 1 == length;
                let expected = letters.contains(&byte) || is_padding;
                let fields = [[b"Bearer ".as_slice(), &token].concat()];
                let shown = token.escape_ascii();
                match policy.screen(&head("/all", &fields, &[])) {
                    Ok(_) => assert!(expected, "{shown} was taken for a token"),
                    Err(refusal) => {
                        assert!(!expected, "{shown} was refused: {refusal:?}");
                        assert_eq!(refusal.class(), Class::MalformedCredential, "{shown}");
                    }
                }
            }
        }
    }
}

#[test]
fn a_token_is_a_signed_one_by_its_two_dots_wherever_they_are() {
    let policy = Policy::parse(POLICY).unwrap();
    for length in [3, 8, 9, 16, 31] {
        for first in 0..length {
            for last in first..length {
                let mut token = vec![b'a'; length];
                (token[first], token[last]) = (b'.', b'.');
                let fields = [[b"Bearer ".as_slice(), &token].concat()];
                let shown = token.escape_ascii();
                let Ok(Screened::Protected(pending)) = policy.screen(&head("/all", &fields, &[]))
                else {
                    panic!("{shown} is a token, and the route protected");
                };
                let is_signed = matches!(pending.credential(), Credential::Jwt(_));
                assert_eq!(is_signed, first != last, "{shown}");
            }
        }
    }
}
