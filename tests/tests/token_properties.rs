//! What holds for every token: any change to it makes it refused, and nothing makes the parser panic.

#![expect(
    clippy::indexing_slicing,
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "the failure of a test"
)]

use doorward_syntax::url::{URL_BYTES_MAX, Wire, check_url};
use doorward_tests::numbers::Numbers;
use doorward_tests::signing::{
    ISSUER, NOW, SECRET, SIGNERS, any_algorithm, claims, compact, jwk, key_set, sign_with_secret,
    token, verify,
};
use doorward_token::client::ClientKey;
use doorward_token::freshness::{self, CacheHeaders};
use doorward_token::introspection::{self, MissingAudience};
use doorward_token::{Algorithm, AlgorithmSet, KeySet, TOKEN_BYTES_MAX, UnverifiedToken, metadata};
use serde_json::json;

/// A good token of each algorithm, with the keys that verify it.
fn cases() -> Vec<(Algorithm, String, KeySet)> {
    let mut cases: Vec<_> = SIGNERS
        .into_iter()
        .map(|(algorithm, key)| {
            let keys = key_set(&[jwk(key, json!({"kid": "k"}))]);
            (
                algorithm,
                token(algorithm, key, json!({"kid": "k", "typ": "JWT"})),
                keys,
            )
        })
        .collect();
    for algorithm in AlgorithmSet::symmetric().iter() {
        let keys = KeySet::from_secret(SECRET, AlgorithmSet::of(&[algorithm]))
            .expect("the secret is long enough");
        let header = json!({"alg": algorithm.name(), "kid": "k", "typ": "JWT"}).to_string();
        let token = compact(&header, &claims().to_string(), |m| {
            sign_with_secret(algorithm, SECRET, m)
        });
        cases.push((algorithm, token, keys));
    }
    cases
}

fn accepts(token: &[u8], keys: &KeySet) -> bool {
    UnverifiedToken::parse(token)
        .and_then(|token| token.verify(keys, &any_algorithm(), doorward_tests::signing::NOW))
        .is_ok()
}

/// P-384 and P-521 take a while: of their tokens, only every so many changes are tried.
fn stride(algorithm: Algorithm) -> usize {
    match algorithm {
        Algorithm::Es384 | Algorithm::Es512 => 13,
        Algorithm::Hs256 | Algorithm::Hs384 | Algorithm::Hs512 => 1,
        _ => 3,
    }
}

#[test]
fn any_changed_bit_of_a_good_token_makes_it_refused() {
    for (algorithm, token, keys) in cases() {
        assert!(
            accepts(token.as_bytes(), &keys),
            "{algorithm}: the token itself"
        );
        for position in (0..token.len() * 8).step_by(stride(algorithm)) {
            let mut changed = token.clone().into_bytes();
            *changed.get_mut(position / 8).unwrap() ^= 1 << (position % 8);
            assert!(
                !accepts(&changed, &keys),
                "{algorithm}: bit {position} of {token}"
            );
        }
    }
}

#[test]
fn any_changed_byte_of_a_good_token_makes_it_refused() {
    let mut numbers = Numbers::new(1);
    for (algorithm, token, keys) in cases() {
        for position in (0..token.len()).step_by(stride(algorithm).min(5)) {
            let mut changed = token.clone().into_bytes();
            let byte = changed.get_mut(position).unwrap();
            *byte ^= (1 + numbers.below(255)) as u8;
            assert!(
                !accepts(&changed, &keys),
                "{algorithm}: byte {position} of {token}"
            );
        }
    }
}

/// Another spelling in the alphabet of base64url: the changes that a lenient decoder overlooks.
#[test]
fn any_other_character_of_the_alphabet_makes_a_good_token_refused() {
    let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    for (algorithm, token, keys) in cases() {
        for part_end in [
            token.find('.').unwrap(),
            token.rfind('.').unwrap(),
            token.len(),
        ] {
            for &letter in alphabet {
                let mut changed = token.clone().into_bytes();
                let last = changed.get_mut(part_end - 1).unwrap();
                if *last != letter {
                    *last = letter;
                    assert!(
                        !accepts(&changed, &keys),
                        "{algorithm}: {} at {part_end}",
                        char::from(letter)
                    );
                }
            }
        }
    }
}

#[test]
fn a_shortened_or_extended_token_is_refused() {
    for (algorithm, token, keys) in cases() {
        let bytes = token.as_bytes();
        for end in (0..bytes.len()).step_by(stride(algorithm).min(5)) {
            assert!(
                !accepts(&bytes[..end], &keys),
                "{algorithm}: cut to {end} bytes"
            );
            assert!(
                !accepts(&bytes[end + 1..], &keys),
                "{algorithm}: cut from {end}"
            );
            let without = [&bytes[..end], &bytes[end + 1..]].concat();
            assert!(
                !accepts(&without, &keys),
                "{algorithm}: byte {end} taken out"
            );
        }
        for more in [
            "A", "AA", "AAAA", "=", "==", ".", ".AAAA", " ", "\n", "\r\n", "\0", "\u{feff}", ",",
        ] {
            assert!(
                !accepts([bytes, more.as_bytes()].concat().as_slice(), &keys),
                "{algorithm}: {more:?} behind"
            );
            assert!(
                !accepts([more.as_bytes(), bytes].concat().as_slice(), &keys),
                "{algorithm}: {more:?} before"
            );
        }
        assert!(
            !accepts(&[bytes, b".", bytes].concat(), &keys),
            "{algorithm}: twice"
        );
    }
}

#[test]
fn nothing_makes_a_parser_panic() {
    let mut numbers = Numbers::new(2);
    let (_, token, keys) = cases().into_iter().next().expect("there are cases");
    let pieces: [&[u8]; 16] = [
        b".",
        b"eyJ",
        b"{\"",
        b"}",
        b"[",
        b"]",
        b"\"",
        b":",
        b",",
        b"\\u",
        b"\xff",
        b"\0",
        b"e9",
        b"-",
        b"http://[",
        token.as_bytes(),
    ];
    let mut panics_would_be_here = 0;
    for _ in 0..20_000 {
        let mut input = Vec::new();
        for _ in 0..numbers.below(12) {
            match numbers.below(3) {
                0 => input.push(numbers.next_number() as u8),
                _ => input.extend_from_slice(pieces[numbers.below(pieces.len())]),
            }
        }
        assert!(!accepts(&input, &keys) || input == token.as_bytes());
        let text = String::from_utf8_lossy(&input);
        let hint = UnverifiedToken::parse(&input)
            .ok()
            .and_then(|token| token.issuer_hint());
        let refused =
            KeySet::parse(&input).is_err() && metadata::parse(&input, &text, Wire::Safe).is_err();
        panics_would_be_here += usize::from(refused && hint.is_none());
        assert!(reads_nothing_else(&input), "{text:?}");
        let urls = metadata::candidate_urls(&text, Wire::Safe);
        assert!(
            urls.iter()
                .all(|url| check_url(url).is_ok() || url.len() > URL_BYTES_MAX),
            "{urls:?}"
        );
    }
    assert!(panics_would_be_here > 19_000, "{panics_would_be_here}");
    for length in [TOKEN_BYTES_MAX, TOKEN_BYTES_MAX + 1, 1_000_000] {
        assert!(!accepts(&vec![b'A'; length], &keys));
        assert!(!accepts(&vec![b'.'; length], &keys));
    }
}

/// Whether these bytes are no answer, record or private key, and as headers make nothing fresh beyond
/// the bounds.
fn reads_nothing_else(input: &[u8]) -> bool {
    let answer = introspection::parse(
        input,
        input,
        &any_algorithm(),
        MissingAudience::Accept,
        NOW,
        u64::MAX,
    );
    let text = str::from_utf8(input).ok();
    let headers = CacheHeaders {
        cache_control: text,
        age: text,
        expires: text,
        date: text,
    };
    let bounds = freshness::FRESH_S_MIN..=freshness::FRESH_S_MAX;
    answer.is_err()
        && freshness::KeySetRecord::parse(input, ISSUER, NOW).is_err()
        && ClientKey::parse(input).is_err()
        && bounds.contains(&freshness::fresh_s(&headers, NOW))
}

/// A token of mostly header, mostly payload and mostly signature, each as long as can be.
#[test]
fn long_tokens_are_judged_like_short_ones() {
    let keys = KeySet::from_secret(SECRET, AlgorithmSet::of(&[Algorithm::Hs256]))
        .expect("the secret is long enough");
    let sign = |header: &str, payload: &str| {
        compact(header, payload, |m| {
            sign_with_secret(Algorithm::Hs256, SECRET, m)
        })
    };
    let long = "x".repeat(9_000);
    let header = json!({"alg": "HS256", "x5c": [long]}).to_string();
    assert!(
        accepts(sign(&header, &claims().to_string()).as_bytes(), &keys),
        "a certificate chain is ignored"
    );
    let mut many = claims();
    many.as_object_mut()
        .unwrap()
        .insert("padding".to_owned(), json!(long));
    assert!(accepts(
        sign(r#"{"alg":"HS256"}"#, &many.to_string()).as_bytes(),
        &keys
    ));
    let short = sign(r#"{"alg":"HS256"}"#, &claims().to_string());
    assert!(
        verify(
            &format!("{short}{}", "A".repeat(9_000)),
            &keys,
            &any_algorithm()
        )
        .is_err()
    );
}
