#![expect(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that cannot go on says so by panicking"
)]

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use super::*;
use crate::{AlgorithmSet, Expectations, KeySet, UnverifiedToken};

const NOW: UnixTime = UnixTime(1_800_000_000);
/// What is not plain text in JSON is written as JSON.
const CLIENT: &str = "shop:\"1\"\\\n\u{e9}";
const ENDPOINT: &str = "https://login.acme.example/introspect";

/// The key of RFC 8037 appendix A.
fn ed25519() -> Value {
    json!({
        "kty": "OKP",
        "crv": "Ed25519",
        "d": "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A",
        "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
        "kid": "one",
    })
}

/// The key of RFC 7515 appendix A.3.
fn p256() -> Value {
    json!({
        "kty": "EC",
        "crv": "P-256",
        "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
        "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
        "d": "jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI",
    })
}

/// The key with some members replaced, added or (by null) left out.
fn changed(mut key: Value, changes: Value) -> Value {
    let members = key.as_object_mut().unwrap();
    for (name, value) in changes.as_object().unwrap() {
        match value {
            Value::Null => members.remove(name),
            value => members.insert(name.clone(), value.clone()),
        };
    }
    key
}

fn parse(key: &Value) -> Result<ClientKey, ClientKeyError> {
    ClientKey::parse(key.to_string().as_bytes())
}

fn error(key: Value) -> Option<ClientKeyError> {
    parse(&key).err()
}

#[test]
fn an_assertion_is_a_token_of_the_client_for_the_endpoint() {
    for (key, algorithm) in [
        (ed25519(), Algorithm::EdDsa),
        (changed(ed25519(), json!({"kid": null})), Algorithm::EdDsa),
        (p256(), Algorithm::Es256),
        (
            changed(p256(), json!({"kid": "two", "alg": "ES256", "use": "sig"})),
            Algorithm::Es256,
        ),
    ] {
        let public = changed(key.clone(), json!({"d": null, "key_ops": null}));
        let keys = KeySet::parse(json!({"keys": [public]}).to_string().as_bytes()).unwrap();
        let expect = Expectations {
            issuer: CLIENT.to_owned(),
            audience: vec![ENDPOINT.to_owned()],
            algorithms: AlgorithmSet::of(&[algorithm]),
            leeway_s: 0,
            access_token_profile: false,
            ..Expectations::default()
        };
        let client = parse(&key).unwrap();
        let assertion = client.assertion(CLIENT, ENDPOINT, &[0xa5; 16], NOW);
        let token = UnverifiedToken::parse(assertion.as_bytes()).unwrap();
        assert_eq!(token.algorithm(), algorithm, "{key}");
        assert_eq!(
            token.key_id(),
            key.get("kid").and_then(Value::as_str),
            "{key}"
        );
        let verified = token.verify(&keys, &expect, NOW).unwrap();
        assert_eq!(verified.subject(), Some(CLIENT));
        assert_eq!(verified.token_id(), Some("paWlpaWlpaWlpaWlpaWlpQ"));
        assert_eq!(verified.issued_at(), Some(NOW));
        assert_eq!(verified.expires_at(), NOW.saturating_add(ASSERTION_S));
        let again = client.assertion(CLIENT, ENDPOINT, &[0xa5; 16], NOW);
        assert_eq!(again, assertion, "no randomness but the caller's");
        let other = client.assertion(CLIENT, ENDPOINT, &[0xa6; 16], NOW);
        assert_ne!(other, assertion);
    }
}

#[test]
fn an_assertion_says_that_it_is_a_jwt() {
    let header = |key: Value| {
        let assertion = parse(&key).unwrap().assertion("a", "b", &[0; 16], NOW);
        let header = assertion.split('.').next().unwrap();
        String::from_utf8(base64url::decode(header.as_bytes()).unwrap()).unwrap()
    };
    assert_eq!(
        header(ed25519()),
        r#"{"alg":"EdDSA","kid":"one","typ":"JWT"}"#
    );
    assert_eq!(header(p256()), r#"{"alg":"ES256","typ":"JWT"}"#);
}

/// RFC 8037 appendix A.4, and RFC 6979 appendix A.2.5 for SHA-256.
#[test]
fn signatures_are_those_of_the_specifications() {
    let seed = base64url::decode(b"nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A").unwrap();
    let key = PrivateKey::new(Algorithm::EdDsa, &seed).unwrap();
    assert_eq!(
        base64url::encode(&key.sign(b"eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc")),
        "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg"
    );
    let number = [
        0xc9, 0xaf, 0xa9, 0xd8, 0x45, 0xba, 0x75, 0x16, 0x6b, 0x5c, 0x21, 0x57, 0x67, 0xb1, 0xd6,
        0x93, 0x4e, 0x50, 0xc3, 0xdb, 0x36, 0xe8, 0x9b, 0x12, 0x7b, 0x8a, 0x62, 0x2b, 0x12, 0x0f,
        0x67, 0x21,
    ];
    let key = PrivateKey::new(Algorithm::Es256, &number).unwrap();
    let hexadecimal =
        |bytes: &[u8]| -> String { bytes.iter().map(|byte| format!("{byte:02X}")).collect() };
    assert_eq!(
        hexadecimal(&key.sign(b"sample")),
        "EFD48B2AACB6A8FD1140DD9CD45E81D69D2C877B56AAF991C34D0EA84EAF3716\
         F7CB1C942D657C41D436C7A1B6E29F65F3E900DBB9AFF4064DC4AB2F843ACDA8"
    );
    assert_eq!(
        hexadecimal(&key.sign(b"test")),
        "F1ABB023518351CD71D881567B1EA663ED3EFCF6C5132B354F28D3B0B7D38367\
         019F4113742A2B14BD25926B49C649155F267E60D3814B4C0CC84250E46F0083"
    );
}

#[test]
fn a_key_that_cannot_sign_is_refused_with_the_reason() {
    use ClientKeyError::{Mismatch, NotForSigning, NotPrivate, Number, Public};
    let other_x = json!({"x": "FVEx6l4KqFVyRvWr9mzSGA5g4vX6_RwTQ5yNKVFzwJ4"});
    for (key, changes, expected) in [
        (ed25519(), json!({"d": null}), NotPrivate),
        (ed25519(), json!({"d": 1}), NotPrivate),
        (
            ed25519(),
            json!({"d": "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A="}),
            Number,
        ),
        (ed25519(), json!({"d": "nWGxne_9"}), Number),
        (ed25519(), json!({"d": ""}), Number),
        (
            ed25519(),
            json!({"d": "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}),
            Mismatch,
        ),
        (
            p256(),
            json!({"d": "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}),
            Number,
        ),
        (
            p256(),
            json!({"d": "_____wAAAAD__________7zm-q2nF56E87nKwvxjJVE"}),
            Number,
        ),
        (
            p256(),
            json!({"d": "_____wAAAAD__________7zm-q2nF56E87nKwvxjJVA"}),
            Mismatch,
        ),
        (
            p256(),
            json!({"d": "AI6bEJ5xkJi_mASH3x9dd-nLKWBuvtImO19XwhPfhPSy"}),
            Number,
        ),
        (
            ed25519(),
            json!({"x": null}),
            Public(SkipReason::Missing { member: "x" }),
        ),
        (
            ed25519(),
            json!({"kty": null}),
            Public(SkipReason::Missing { member: "kty" }),
        ),
        (
            ed25519(),
            json!({"crv": "X25519"}),
            Public(SkipReason::UnknownCurve),
        ),
        (
            ed25519(),
            json!({"crv": "Ed448"}),
            Public(SkipReason::UnknownCurve),
        ),
        (
            ed25519(),
            json!({"kty": "oct"}),
            Public(SkipReason::UnknownKeyType),
        ),
        (
            ed25519(),
            json!({"use": "enc"}),
            Public(SkipReason::NotForSignatures),
        ),
        (
            ed25519(),
            json!({"key_ops": ["verify"]}),
            Public(SkipReason::NotForVerification),
        ),
        (
            ed25519(),
            json!({"kid": 7}),
            Public(SkipReason::WrongType { member: "kid" }),
        ),
        (
            ed25519(),
            json!({"kid": "k".repeat(257)}),
            Public(SkipReason::KeyIdTooLong),
        ),
        (
            ed25519(),
            json!({"alg": "ES256"}),
            Public(SkipReason::AlgorithmOfOtherKeyType {
                algorithm: Algorithm::Es256,
            }),
        ),
        (
            p256(),
            json!({"alg": "ECDH-ES"}),
            Public(SkipReason::UnsupportedAlgorithm),
        ),
        (
            p256(),
            json!({"y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a4"}),
            Public(SkipReason::NotOnCurve),
        ),
        (
            json!({
                "kty": "RSA",
                "n": base64url::encode(&[0xff; 256]),
                "e": "AQAB",
                "d": "AQAB",
            }),
            json!({}),
            NotForSigning { algorithm: None },
        ),
    ] {
        let key = changed(key, changes);
        assert_eq!(error(key.clone()), Some(expected), "{key}");
    }
    match error(changed(ed25519(), other_x)) {
        Some(Mismatch | Public(SkipReason::NotOnCurve)) => {}
        other => panic!("another key's `x` must not do: {other:?}"),
    }
    assert_eq!(
        error(changed(ed25519(), json!({"key_ops": ["sign"]}))),
        None
    );
}

#[test]
fn a_text_that_is_no_key_is_refused() {
    for text in ["", "secret", "[]", r#"{"kty":"OKP","kty":"OKP"}"#] {
        let refused = ClientKey::parse(text.as_bytes()).err();
        assert!(
            matches!(refused, Some(ClientKeyError::Json(_))),
            "{text:?}: {refused:?}"
        );
    }
    assert_eq!(
        ClientKey::parse(&[b' '; CLIENT_KEY_BYTES_MAX + 1]).err(),
        Some(ClientKeyError::TooLong)
    );
    let set = json!({"keys": [ed25519()]});
    let missing = SkipReason::Missing { member: "kty" };
    assert_eq!(error(set), Some(ClientKeyError::Public(missing)));
}

#[test]
fn a_key_of_another_curve_is_refused_though_it_is_a_good_one() {
    // RFC 7515 has none on P-384; this is the generator with the number 1.
    let key = json!({
        "kty": "EC",
        "crv": "P-384",
        "x": "qofKIr6LBTeOscce8yCtdG4dO2KLp5uYWfdB4IJUKjhVAvJdv1UpbDpUXjhydgq3",
        "y": "NhfeSpYmLG9dnpi_kpLcKfj0Hb0omhR86doxE7XwuMAKYLHOHX6BnXpDHXyQ6g5f",
        "d": base64url::encode(&{
            let mut one = [0; 48];
            *one.last_mut().unwrap() = 1;
            one
        }),
    });
    let expected = ClientKeyError::NotForSigning {
        algorithm: Some(Algorithm::Es384),
    };
    assert_eq!(error(key), Some(expected));
}

#[test]
fn nothing_of_a_key_is_shown() {
    let key = parse(&ed25519()).unwrap();
    assert_eq!(format!("{key:?}"), "ClientKey { .. }");
    for changes in [
        json!({"d": "c2VjcmV0"}),
        json!({"d": null}),
        json!({"kid": 1}),
    ] {
        let error = error(changed(ed25519(), changes)).unwrap();
        let shown = format!("{error} {error:?}");
        assert!(
            !shown.contains("nWGx") && !shown.contains("c2Vj"),
            "{shown}"
        );
    }
}

#[test]
fn a_secret_is_sent_in_the_way_of_each_method() {
    for (client_id, secret, pair) in [
        ("shop", "secret", "shop:secret"),
        ("a:b", "c d+e", "a%3Ab:c+d%2Be"),
        ("é", "~", "%C3%A9:%7E"),
    ] {
        let value = basic(client_id, secret);
        let text = value.strip_prefix("Basic ").unwrap();
        assert_eq!(STANDARD.decode(text).unwrap(), pair.as_bytes(), "{pair}");
    }
    // The example of RFC 6749 §2.3.1.
    assert_eq!(
        basic("s6BhdRkqt3", "gX1fBat3bV"),
        "Basic czZCaGRSa3F0MzpnWDFmQmF0M2JW"
    );
    let body = b"token=t".to_vec();
    assert_eq!(
        String::from_utf8(post_body(body.clone(), "a&b", "c=d")).unwrap(),
        "token=t&client_id=a%26b&client_secret=c%3Dd"
    );
    assert_eq!(
        String::from_utf8(assertion_body(body, "shop", "e.f.g")).unwrap(),
        "token=t&client_id=shop\
         &client_assertion_type=urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer\
         &client_assertion=e.f.g"
    );
}
