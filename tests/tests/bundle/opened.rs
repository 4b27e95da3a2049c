//! What passes for a bundle, and why everything else does not: confusion of algorithms, broken signatures, keys that a
//! text brings along, claims of other types, and tokens in the place of a policy.

use super::common::{bundle, payload, public, signed_with};
use doorward_tests::mint::SigningKey;
use doorward_tests::sim::world::BEGIN_S;
use doorward_token::bundle::{
    BUNDLE_BYTES_MAX, BUNDLE_LIFETIME_S_MAX, BUNDLE_TYPE, Bundle, BundleError, BundleExpectations,
    BundleKeys, LEEWAY_S, SEQUENCE_MAX, Succession, signing_input,
};
use doorward_token::{UnixTime, UnverifiedToken};
use serde_json::{Map, Value, json};

const NOW: UnixTime = UnixTime(BEGIN_S);

fn open_at(text: &str, now: UnixTime) -> Result<Bundle, BundleError> {
    let keys = [public("one"), public("two")];
    let keys = BundleKeys::new(&[&keys[0], &keys[1]]).unwrap();
    let expect = BundleExpectations {
        keys: &keys,
        application: "shop",
        minimum: 3,
    };
    Bundle::open(text.as_bytes(), &expect, now)
}

fn open(text: &str) -> Result<Bundle, BundleError> {
    open_at(text, NOW)
}

/// A bundle whose payload has these members in place of others; `null`: without.
fn but(members: Value) -> String {
    let mut all = payload(7, "policy");
    let all = all.as_object_mut().unwrap();
    all.extend(members.as_object().unwrap().clone());
    all.retain(|_, value| !value.is_null());
    signed_with("one", json!({}), &Value::Object(all.clone()))
}

#[test]
fn one_that_is_signed_with_either_key_is_opened_whatever_its_kid() {
    for key in ["one", "two"] {
        for header in [
            json!({}),
            json!({"kid": "../../two"}),
            json!({"alg": "Ed25519"}),
            json!({"typ": "application/Doorward-Policy+JWS"}),
        ] {
            let text = signed_with(key, header, &payload(7, "a = \"é\"\n"));
            for end in ["", "\n", "\r\n"] {
                let opened = open(&format!("{text}{end}")).unwrap();
                assert_eq!(opened.policy(), "a = \"é\"\n");
                assert_eq!(opened.identity().sequence, 7);
                assert_eq!(opened.issued_at(), NOW);
            }
        }
    }
}

#[test]
fn whatever_is_wrong_with_one_is_the_reason() {
    let good = payload(7, "policy");
    let with = |header| signed_with("one", header, &good);
    let of_a_secret = {
        // HS256 with the public key as the secret, in the form in which it is published.
        let header = Map::from_iter([("typ".to_owned(), json!(BUNDLE_TYPE))]);
        SigningKey::hs256("one", &public("one")).sign(&header, good.as_object().unwrap())
    };
    let bundle_text = bundle(7, "policy");
    let [header, claims, signature]: [&str; 3] = bundle_text
        .split('.')
        .collect::<Vec<_>>()
        .try_into()
        .unwrap();
    let other = signed_with("one", json!({}), &payload(8, "other"));
    let other: Vec<_> = other.split('.').collect();
    let raw = |payload: &str| {
        // Signed as it is written: two members of one name.
        let header = json!({"alg": "EdDSA", "typ": BUNDLE_TYPE}).to_string();
        raw_signed(&header, payload)
    };
    let expires_at = BEGIN_S + 3600;
    for (what, text, name) in [
        ("nothing", String::new(), "malformed"),
        (
            "a policy",
            "[[route]]\npath = \"/\"".to_owned(),
            "malformed",
        ),
        ("two parts", format!("{header}.{claims}"), "malformed"),
        ("a JWE", format!("{bundle_text}.a.b"), "malformed"),
        ("padding", format!("{bundle_text}="), "malformed"),
        ("white space before", format!(" {bundle_text}"), "malformed"),
        (
            "one that is too long",
            "a".repeat(BUNDLE_BYTES_MAX + 1),
            "too-long",
        ),
        (
            "critical parameters",
            with(json!({"crit": ["b64"], "b64": false})),
            "malformed",
        ),
        (
            "no type",
            raw_signed(r#"{"alg":"EdDSA"}"#, &good.to_string()),
            "type",
        ),
        ("null for a type", with(json!({"typ": null})), "malformed"),
        ("a token's type", with(json!({"typ": "JWT"})), "type"),
        (
            "an access token's type",
            with(json!({"typ": "at+jwt"})),
            "type",
        ),
        (
            "another one's",
            with(json!({"typ": "doorward-policy"})),
            "type",
        ),
        ("no algorithm", with(json!({"alg": null})), "malformed"),
        ("none", with(json!({"alg": "none"})), "algorithm"),
        ("nOnE", with(json!({"alg": "nOnE"})), "algorithm"),
        ("ES256", with(json!({"alg": "ES256"})), "algorithm"),
        ("a secret's", with(json!({"alg": "HS256"})), "algorithm"),
        ("the public key as a secret", of_a_secret, "algorithm"),
        (
            "a key of its own",
            signed_with(
                "three",
                json!({"jwk": SigningKey::ed25519("three").jwk()}),
                &good,
            ),
            "signature",
        ),
        (
            "another key",
            signed_with("three", json!({"kid": "one"}), &good),
            "signature",
        ),
        ("no signature", format!("{header}.{claims}."), "signature"),
        (
            "a signature of zeros",
            format!("{header}.{claims}.{}", "A".repeat(86)),
            "signature",
        ),
        (
            "the signature of another one",
            format!("{header}.{claims}.{}", other[2]),
            "signature",
        ),
        (
            "the payload of another one",
            format!("{header}.{}.{signature}", other[1]),
            "signature",
        ),
        (
            "members twice",
            raw(
                r#"{"app":"shop","app":"shop","seq":7,"iat":1767225600,"exp":1767229200,"policy":""}"#,
            ),
            "malformed",
        ),
        ("a list", raw("[]"), "malformed"),
        ("one member more", but(json!({"nbf": 0})), "malformed"),
        ("no application", but(json!({"app": null})), "malformed"),
        (
            "a list of applications",
            but(json!({"app": ["shop"]})),
            "malformed",
        ),
        (
            "another application",
            but(json!({"app": "Shop"})),
            "application",
        ),
        ("no number", but(json!({"seq": null})), "malformed"),
        ("the number 0", but(json!({"seq": 0})), "malformed"),
        ("a negative number", but(json!({"seq": -7})), "malformed"),
        ("a fraction", but(json!({"seq": 7.5})), "malformed"),
        (
            "a fraction that is none",
            but(json!({"seq": 7.0})),
            "malformed",
        ),
        ("a text for a number", but(json!({"seq": "7"})), "malformed"),
        (
            "a number too large",
            but(json!({"seq": SEQUENCE_MAX + 1})),
            "malformed",
        ),
        (
            "a number below the least",
            but(json!({"seq": 2})),
            "minimum",
        ),
        ("no end", but(json!({"exp": null})), "malformed"),
        ("an end in a float", but(json!({"exp": 1e300})), "malformed"),
        (
            "an end that is now",
            but(json!({"iat": BEGIN_S - 1, "exp": BEGIN_S})),
            "expired",
        ),
        (
            "an end before its begin",
            but(json!({"exp": BEGIN_S})),
            "malformed",
        ),
        (
            "a lifetime too long",
            but(json!({"exp": BEGIN_S + BUNDLE_LIFETIME_S_MAX + 1})),
            "malformed",
        ),
        ("no begin", but(json!({"iat": null})), "malformed"),
        (
            "a begin that is far away",
            but(json!({"iat": BEGIN_S + LEEWAY_S + 1, "exp": expires_at})),
            "future",
        ),
        ("no policy", but(json!({"policy": null})), "malformed"),
        (
            "a policy in an object",
            but(json!({"policy": {}})),
            "malformed",
        ),
    ] {
        match open(&text) {
            Ok(_) => panic!("{what} passes"),
            Err(error) => {
                assert_eq!(error.name(), name, "{what}: {error}");
                assert!(!error.to_string().contains("policy policy"), "{error}");
            }
        }
    }
    // And at the bounds.
    for good in [
        json!({"seq": SEQUENCE_MAX}),
        json!({"seq": 3}),
        json!({"iat": BEGIN_S + LEEWAY_S}),
        json!({"exp": BEGIN_S + BUNDLE_LIFETIME_S_MAX}),
        json!({"iat": BEGIN_S - 1, "exp": BEGIN_S + 1}),
    ] {
        assert!(open(&but(good.clone())).is_ok(), "{good}");
    }
}

/// What is signed as it is written.
fn raw_signed(header: &str, payload: &str) -> String {
    use aws_lc_rs::digest::{SHA256, digest};
    use aws_lc_rs::signature::Ed25519KeyPair;
    use base64::Engine as _;
    use base64::prelude::BASE64_URL_SAFE_NO_PAD as BASE64URL;
    // The key that `SigningKey` makes of this name.
    let pair = Ed25519KeyPair::from_seed_unchecked(digest(&SHA256, b"one").as_ref()).unwrap();
    let input = [header, payload]
        .map(|part| BASE64URL.encode(part))
        .join(".");
    let signature = BASE64URL.encode(pair.sign(input.as_bytes()));
    format!("{input}.{signature}")
}

#[test]
fn no_change_of_one_byte_passes() {
    let text = bundle(7, "[[route]]\npath = \"/\"\npublic = true\n");
    assert!(open(&text).is_ok());
    let mut tried = 0;
    for place in 0..text.len() {
        let mut changed = text.clone().into_bytes();
        for byte in [
            b'A',
            b'B',
            b'-',
            b'.',
            b'=',
            b' ',
            b'\n',
            0,
            changed[place] ^ 1,
        ] {
            if changed[place] == byte {
                continue;
            }
            let before = std::mem::replace(&mut changed[place], byte);
            let text = String::from_utf8(changed.clone()).unwrap();
            assert!(open(&text).is_err(), "byte {place} as {byte}");
            changed[place] = before;
            tried += 1;
        }
        assert!(open(&text[..place]).is_err(), "{place} bytes of it");
        let mut more = text.clone();
        more.insert(place, 'A');
        assert!(open(&more).is_err(), "one more byte at {place}");
    }
    assert!(tried > 2000, "{tried}");
}

#[test]
fn one_ends_at_the_second_of_its_end() {
    let text = bundle(7, "policy");
    let end = BEGIN_S + 3600;
    assert!(open_at(&text, UnixTime(end - 1)).is_ok());
    let error = open_at(&text, UnixTime(end)).unwrap_err();
    assert_eq!(error.name(), "expired");
    assert!(open_at(&text, UnixTime(BEGIN_S - LEEWAY_S)).is_ok());
    assert!(open_at(&text, UnixTime(BEGIN_S - LEEWAY_S - 1)).is_err());
}

#[test]
fn a_number_says_which_of_two_is_the_newer_one() {
    let identity = |text: &str| open(text).unwrap().identity();
    let seven = identity(&bundle(7, "policy"));
    assert_eq!(
        identity(&bundle(8, "policy")).after(&seven),
        Succession::Newer
    );
    assert_eq!(
        identity(&bundle(7, "policy")).after(&seven),
        Succession::Same
    );
    assert_eq!(
        identity(&bundle(6, "policy")).after(&seven),
        Succession::Lower
    );
    for other in [
        bundle(7, "other"),
        but(json!({"exp": BEGIN_S + 3601})),
        signed_with("two", json!({}), &payload(7, "policy")),
    ] {
        let other = identity(&other);
        assert_eq!(other.after(&seven), Succession::OtherText);
    }
}

#[test]
fn no_token_is_one_and_one_is_no_token() {
    use doorward_token::{Expectations, KeySet, TokenError};
    let jwk = SigningKey::ed25519("one").jwk();
    let keys = KeySet::parse(json!({ "keys": [jwk] }).to_string().as_bytes()).unwrap();
    let expect = Expectations {
        issuer: "https://acme.example".to_owned(),
        audience: vec!["api".to_owned()],
        algorithms: doorward_token::AlgorithmSet::asymmetric(),
        ..Expectations::default()
    };
    let claims = json!({
        "iss": "https://acme.example", "aud": "api", "sub": "alice", "exp": BEGIN_S + 60,
        "app": "shop", "seq": 7, "iat": BEGIN_S, "policy": ""
    });
    let verify = |text: &str| {
        let token = UnverifiedToken::parse(text.as_bytes())?;
        token.verify(&keys, &expect, NOW).map(|_| ())
    };
    let token = signed_with("one", json!({"typ": "JWT"}), &claims);
    assert_eq!(verify(&token), Ok(()));
    assert_eq!(open(&token).unwrap_err(), BundleError::Type);
    let token = signed_with("one", json!({}), &claims);
    assert!(matches!(verify(&token), Err(TokenError::MediaType { .. })));
}

#[test]
fn what_is_made_to_be_signed_is_opened() {
    use aws_lc_rs::digest::{SHA256, digest};
    use aws_lc_rs::signature::Ed25519KeyPair;
    use base64::Engine as _;
    use base64::prelude::BASE64_URL_SAFE_NO_PAD as BASE64URL;
    let pair = Ed25519KeyPair::from_seed_unchecked(digest(&SHA256, b"one").as_ref()).unwrap();
    let times = (NOW, UnixTime(BEGIN_S + 60));
    for key_id in [None, Some("one")] {
        let input = signing_input("shop", 7, times, "p", key_id).unwrap();
        let signature = BASE64URL.encode(pair.sign(input.as_bytes()));
        let opened = open(&format!("{input}.{signature}")).unwrap();
        assert_eq!((opened.policy(), opened.identity().sequence), ("p", 7));
    }
    let longest = "a".repeat(BUNDLE_BYTES_MAX);
    for (application, sequence, times, policy) in [
        ("my shop", 7, times, "p"),
        ("", 7, times, "p"),
        ("shop", 0, times, "p"),
        ("shop", 7, (NOW, NOW), "p"),
        ("shop", 7, (NOW, UnixTime(u64::MAX)), "p"),
        ("shop", 7, times, &longest),
    ] {
        let made = signing_input(application, sequence, times, policy, None);
        assert!(made.is_err(), "{application} {sequence} {times:?}");
    }
}
