//! Key sets as issuers publish them: numbers written in other ways, certificates in place of numbers, and
//! keys of which the private half was published as well.

#![expect(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "the failure of a test"
)]

use std::collections::BTreeMap;
use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use doorward_tests::signing::{
    SIGNERS, any_algorithm, base64url, from_base64url, jwk, key_set, key_set_text, token, verify,
};
use doorward_token::{
    CERTIFICATE_CHARS_MAX, EXPOSED_KEYS_MAX, ExposedKeys, KeyPart, KeySet, SkipReason,
};
use serde_json::{Value, json};

static CERTIFICATES: LazyLock<BTreeMap<String, String>> = LazyLock::new(|| {
    let file = include_str!("../data/token/certificates.json");
    let file: Value = serde_json::from_str(file).unwrap();
    serde_json::from_value(file["certificates"].clone()).unwrap()
});

/// Why the only key of a set was left out.
fn skipped(jwk: &Value) -> Option<SkipReason> {
    let keys = key_set(std::slice::from_ref(jwk));
    assert_eq!(keys.len() + keys.skipped().len(), 1);
    keys.skipped().first().map(|skipped| skipped.reason)
}

fn reasons(keys: &KeySet) -> Vec<SkipReason> {
    keys.skipped().iter().map(|key| key.reason).collect()
}

/// The algorithm that a key pair signs with.
fn signs(key: &str) -> doorward_token::Algorithm {
    SIGNERS.iter().find(|(_, signer)| *signer == key).unwrap().0
}

/// Whether the keys verify what this key pair has signed.
fn verifies(keys: &KeySet, key: &str) -> bool {
    verify(&token(signs(key), key, json!({})), keys, &any_algorithm()).is_ok()
}

fn number(key: &str, member: &str) -> Vec<u8> {
    from_base64url(jwk(key, json!({}))[member].as_str().unwrap())
}

/// The key with its numbers left out, and these members in their place.
fn instead_of_numbers(key: &str, changes: Value) -> Value {
    let mut jwk = jwk(key, changes);
    for member in ["n", "e", "x", "y"] {
        jwk.as_object_mut().unwrap().remove(member);
    }
    jwk
}

#[test]
fn rsa_numbers_may_begin_with_zeros_and_all_numbers_may_be_padded() {
    let padded = |bytes: &[u8]| {
        let text = base64url(bytes);
        let padding = (4 - text.len() % 4) % 4;
        text + &"=".repeat(padding)
    };
    for key in ["rsa-2048", "rsa-3072", "p-256", "p-384", "p-521", "ed25519"] {
        let mut published = jwk(key, json!({}));
        for member in ["n", "e", "x", "y"] {
            if published.get(member).is_some() {
                published[member] = padded(&number(key, member)).into();
            }
        }
        assert!(verifies(&key_set(&[published]), key), "{key}, padded");
    }
    for zeros in [1, 2, 7] {
        let widened = |member| base64url([vec![0; zeros], number("rsa-2048", member)].concat());
        let published = jwk("rsa-2048", json!({"n": widened("n"), "e": widened("e")}));
        assert!(
            verifies(&key_set(&[published]), "rsa-2048"),
            "{zeros} zeros"
        );
    }
    // What a number is is not left open: too little or too much padding, or some in the middle.
    for wrong in ["AQAB=", "AQ=AB", "AQ===", "=AQ", "AQ= "] {
        let reason = skipped(&jwk("rsa-2048", json!({"e": wrong})));
        let part = KeyPart::Exponent;
        assert_eq!(reason, Some(SkipReason::Encoding { part }), "{wrong:?}");
    }
}

#[test]
fn a_certificate_may_stand_for_the_numbers() {
    for key in ["rsa-2048", "p-256", "p-384", "p-521", "ed25519"] {
        let certificate = &CERTIFICATES[key];
        let unpadded = certificate.trim_end_matches('=');
        for chain in [
            json!([certificate]),
            json!([unpadded]),
            json!([certificate, "the rest is not looked at", 7]),
        ] {
            let published = instead_of_numbers(key, json!({"x5c": chain}));
            let keys = key_set(&[published]);
            assert_eq!(reasons(&keys), [], "{key}");
            assert!(verifies(&keys, key), "{key}");
        }
        let mut without_curve = instead_of_numbers(key, json!({"x5c": [certificate]}));
        without_curve.as_object_mut().unwrap().remove("crv");
        assert!(verifies(&key_set(&[without_curve]), key), "{key}");
        let beside = jwk(key, json!({"x5c": [certificate]}));
        assert!(verifies(&key_set(&[beside]), key), "{key}, beside numbers");
    }
}

#[test]
fn a_key_is_left_out_whose_certificate_is_of_another_one() {
    for (key, other) in [
        ("rsa-2048-other", "rsa-2048"),
        ("rsa-2048", "p-256"),
        ("p-256-other", "p-256"),
        ("p-256", "p-384"),
        ("p-384", "p-256"),
        ("ed25519-other", "ed25519"),
        ("ed25519", "rsa-2048"),
    ] {
        let published = jwk(key, json!({"x5c": [CERTIFICATES[other]]}));
        assert_eq!(
            skipped(&published),
            Some(SkipReason::OtherCertificate),
            "{key} with the certificate of {other}"
        );
    }
    let exponent = jwk(
        "rsa-2048",
        json!({"e": "Aw", "x5c": [CERTIFICATES["rsa-2048"]]}),
    );
    assert_eq!(skipped(&exponent), Some(SkipReason::OtherCertificate));
    // The members that say what kind of key it is are not the certificate's to change.
    for (kty, crv) in [
        ("RSA", None),
        ("OKP", None),
        ("EC", Some("P-384")),
        ("EC", Some("secp256k1")),
        ("unknown", None),
    ] {
        let mut published = json!({"kty": kty, "x5c": [CERTIFICATES["p-256"]]});
        if let Some(crv) = crv {
            published["crv"] = crv.into();
        }
        assert_eq!(
            skipped(&published),
            Some(SkipReason::OtherCertificate),
            "{published}"
        );
    }
    let without_type = json!({"x5c": [CERTIFICATES["p-256"]]});
    let member = "kty";
    assert_eq!(skipped(&without_type), Some(SkipReason::Missing { member }));
}

#[test]
fn certificates_that_are_none_or_of_other_keys_do_not_stand_for_numbers() {
    let good = STANDARD.decode(&CERTIFICATES["p-256"]).unwrap();
    let encoded = |bytes: &[u8]| STANDARD.encode(bytes);
    let mut trailing = good.clone();
    trailing.push(0);
    let mut wrong = vec![
        ("nothing", String::new()),
        ("no base64", "not base64!".to_owned()),
        ("base64url", base64url(&good)),
        ("no DER", encoded(b"hello")),
        ("a byte too many", encoded(&trailing)),
        ("too long", "A".repeat(CERTIFICATE_CHARS_MAX + 4)),
        ("a bare key", encoded(&good[good.len() - 91..])),
        (
            "lines",
            format!("{}\n{}", &encoded(&good)[..64], &encoded(&good)[64..]),
        ),
    ];
    for name in [
        "rsa-pss",
        "secp256k1",
        "p-256 with explicit parameters",
        "p-256 with a compressed point",
    ] {
        wrong.push((name, CERTIFICATES[name].clone()));
    }
    for (what, certificate) in wrong {
        let kty = if what == "rsa-pss" { "RSA" } else { "EC" };
        let published = json!({"kty": kty, "x5c": [certificate]});
        assert_eq!(skipped(&published), Some(SkipReason::Certificate), "{what}");
    }
    for chain in [
        json!([7]),
        json!([[]]),
        json!("x"),
        json!({"a": 1}),
        json!(7),
    ] {
        let published = json!({"kty": "EC", "x5c": chain});
        assert_eq!(
            skipped(&published),
            Some(SkipReason::Certificate),
            "{published}"
        );
    }
    for chain in [json!([]), json!(null), json!("")] {
        let published = json!({"kty": "RSA", "x5c": chain});
        let member = "n";
        assert_eq!(skipped(&published), Some(SkipReason::Missing { member }));
    }
    // Half of a certificate, at every place where it may be cut, and with every byte changed.
    for (place, _) in good.iter().enumerate() {
        let published = json!({"kty": "EC", "x5c": [encoded(&good[..place])]});
        assert_eq!(
            skipped(&published),
            Some(SkipReason::Certificate),
            "{place}"
        );
        for change in [1, 0x80, 0xff] {
            let mut changed = good.clone();
            changed[place] ^= change;
            let keys = key_set(&[json!({"kty": "EC", "x5c": [encoded(&changed)]})]);
            // Some are certificates of the same key, the others are of none or another.
            assert_eq!(keys.len() + keys.skipped().len(), 1);
        }
    }
}

#[test]
fn keys_that_can_be_factored_are_left_out() {
    // A power of 65537 is what these moduli are, modulo the small primes.
    let mut modulus = vec![1_u8];
    for _ in 0..130 {
        let mut product = vec![0_u8; modulus.len() + 2];
        let mut carry = 0_u32;
        for (place, byte) in product.iter_mut().rev().enumerate() {
            let digit = |shift: usize| {
                let place = place.checked_sub(shift)?;
                modulus.iter().rev().nth(place).copied()
            };
            carry += u32::from(digit(0).unwrap_or(0)) + u32::from(digit(2).unwrap_or(0));
            *byte = carry as u8;
            carry >>= 8;
        }
        modulus = product;
    }
    let published = jwk("rsa-2048", json!({"n": base64url(&modulus)}));
    assert_eq!(skipped(&published), Some(SkipReason::FactorableModulus));
    *modulus.last_mut().unwrap() ^= 2;
    let published = jwk("rsa-2048", json!({"n": base64url(&modulus)}));
    assert_eq!(skipped(&published), None);
}

/// The same key, listed in every way that does not change what it verifies.
fn listings(key: &str) -> Vec<Value> {
    let mut listings = vec![
        jwk(key, json!({})),
        jwk(key, json!({"kid": "another name"})),
        jwk(key, json!({"use": "sig"})),
        jwk(key, json!({"x5c": ["MII"]})),
    ];
    if let Some(certificate) = CERTIFICATES.get(key) {
        listings.push(jwk(key, json!({"x5c": [certificate]})));
        listings.push(instead_of_numbers(key, json!({"x5c": [certificate]})));
    }
    if key.starts_with("rsa") {
        let wide = base64url([&[0, 0][..], &number(key, "n")].concat());
        listings.push(jwk(key, json!({"n": wide, "e": "AAEAAQ=="})));
        // The private half for one exponent is one for all of them.
        listings.push(jwk(key, json!({"e": "Aw"})));
    }
    listings
}

/// How the private half may have been published.
fn exposures(key: &str) -> Vec<Value> {
    let mut exposures = vec![
        jwk(key, json!({"kid": "lost", "d": "AQ"})),
        jwk(key, json!({"kid": "lost", "priv": "AQ"})),
        jwk(key, json!({"d": "AQ", "use": "enc", "alg": "none"})),
        jwk(key, json!({"d": 1, "kty": 7})),
    ];
    if let Some(certificate) = CERTIFICATES.get(key) {
        exposures.push(instead_of_numbers(
            key,
            json!({"d": "AQ", "x5c": [certificate]}),
        ));
    }
    exposures.push(jwk(key, json!({"d": "", "p": null, "q": "AQ"})));
    for member in ["n", "x"] {
        if jwk(key, json!({})).get(member).is_some() {
            let wide = base64url([&[0][..], &number(key, member)].concat());
            exposures.push(jwk(key, json!({"d": "AQ", member: wide + "="})));
        }
    }
    exposures
}

#[test]
fn a_key_whose_private_half_was_seen_is_unusable_by_its_numbers() {
    for key in ["rsa-2048", "p-256", "p-384", "p-521", "ed25519"] {
        for exposure in exposures(key) {
            let other = if key == "ed25519" { "p-256" } else { "ed25519" };
            let lost = key_set(&[exposure.clone(), jwk(other, json!({}))]);
            assert!(verifies(&lost, other), "{exposure}: the other key is used");
            assert_eq!(reasons(&lost).len(), 1);
            assert!(reasons(&lost)[0].is_exposed(), "{exposure}");
            for listing in listings(key) {
                for set in [
                    [exposure.clone(), listing.clone()],
                    [listing.clone(), exposure.clone()],
                ] {
                    let keys = key_set(&set);
                    assert!(keys.is_empty(), "in one set: {exposure} and {listing}");
                    assert!(reasons(&keys).contains(&SkipReason::Exposed));
                }
                let text = key_set_text(&[listing.clone(), jwk(other, json!({}))]);
                let later = KeySet::parse_without(&text, lost.exposed()).unwrap();
                assert_eq!(
                    reasons(&later),
                    [SkipReason::Exposed],
                    "in a later set: {exposure}, then {listing}"
                );
                assert!(!verifies(&later, key) && verifies(&later, other));
            }
        }
    }
}

#[test]
fn other_keys_are_not_taken_for_one_whose_private_half_was_seen() {
    let lost = key_set(&[
        jwk("rsa-2048", json!({"kid": "k", "d": "AQ"})),
        jwk("p-256", json!({"kid": "k", "d": "AQ"})),
        jwk("ed25519", json!({"kid": "k", "d": "AQ"})),
        jwk("p-384", json!({"kid": "k", "d": ""})),
    ]);
    assert_eq!(lost.exposed().len(), 3, "there is nothing in the last one");
    let others = [
        "rsa-2048-other",
        "rsa-3072",
        "p-256-other",
        "ed25519-other",
        "p-384",
        "p-521",
    ];
    let text = key_set_text(&others.map(|key| jwk(key, json!({"kid": "k"}))));
    let keys = KeySet::parse_without(&text, lost.exposed()).unwrap();
    assert_eq!(keys.len(), others.len(), "{:?}", keys.skipped());
}

#[test]
fn what_was_seen_can_be_written_down_and_the_newest_are_kept() {
    let none = ExposedKeys::default();
    assert_eq!(ExposedKeys::from_text(&none.to_text()), Some(none.clone()));
    let exposed = |from: usize, count: usize| {
        let keys: Vec<Value> = (from..from + count)
            .map(|number| json!({"d": "AQ", "x": base64url((number << 8).to_be_bytes())}))
            .collect();
        key_set(&keys).exposed().clone()
    };
    let mut all = exposed(1, EXPOSED_KEYS_MAX);
    assert_eq!(all.len(), EXPOSED_KEYS_MAX);
    assert_eq!(ExposedKeys::from_text(&all.to_text()), Some(all.clone()));
    assert!(!all.extend(&exposed(1, 1)), "it is known");
    assert!(all.extend(&exposed(1000, 3)), "these are not");
    assert_eq!(all.len(), EXPOSED_KEYS_MAX, "no more than that");
    assert!(!all.extend(&exposed(1000, 3)), "the newest are kept");
    assert!(all.extend(&exposed(1, 1)), "the oldest is gone");
    let too_many = format!("{}{}", all.to_text(), base64url([0; 18]));
    for text in ["A", "AAAA", "!", &all.to_text()[..20], &too_many] {
        assert_eq!(ExposedKeys::from_text(text), None, "{text}");
    }
    assert_eq!(exposed(1, 400).len(), EXPOSED_KEYS_MAX, "nor of one set");
    let long = base64url(vec![7; 16 * (EXPOSED_KEYS_MAX + 1)]);
    assert_eq!(ExposedKeys::from_text(&long), None);
    assert!(!format!("{all:?}").contains(&all.to_text()));
}
