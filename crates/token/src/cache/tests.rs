#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on says so by panicking"
)]

use serde_json::json;

use super::*;
use crate::testing::{NOW, claims, token, verify};

/// A hasher under which everything collides.
#[derive(Default)]
struct Same;

impl Hasher for Same {
    fn finish(&self) -> u64 {
        7
    }

    fn write(&mut self, _: &[u8]) {}
}

type Cache = TokenCache<BuildHasherDefault<std::hash::DefaultHasher>>;

fn cache(entries_max: usize, bytes_max: usize) -> Cache {
    TokenCache::with_bounds(BuildHasherDefault::default(), entries_max, bytes_max)
}

/// A token of this subject, as text and verified.
fn case(subject: &str) -> (String, Arc<VerifiedToken>) {
    let text = token(&claims(json!({"sub": subject})));
    let verified = Arc::new(verify(&text).unwrap());
    (text, verified)
}

fn put<S: BuildHasher>(cache: &mut TokenCache<S>, subject: &str) -> String {
    let (text, verified) = case(subject);
    cache.insert(text.as_bytes(), 0, 1, verified, NOW);
    text
}

fn subject<S: BuildHasher>(cache: &mut TokenCache<S>, text: &str) -> Option<String> {
    cache
        .get(text.as_bytes(), 0, 1, NOW)?
        .subject()
        .map(str::to_owned)
}

#[test]
fn a_token_is_found_again_with_its_issuer_and_generation_only() {
    let mut cache = cache(10, 1_000_000);
    let text = put(&mut cache, "alice");
    assert_eq!(subject(&mut cache, &text).as_deref(), Some("alice"));
    assert!(
        cache.get(text.as_bytes(), 1, 1, NOW).is_none(),
        "another issuer must not find it"
    );
    assert!(
        cache.get(text.as_bytes(), 0, 2, NOW).is_none(),
        "newer keys must not find it"
    );
    assert!(
        cache.get(text.as_bytes(), 0, 0, NOW).is_none(),
        "older keys must not find it"
    );
    assert_eq!(subject(&mut cache, &text).as_deref(), Some("alice"));
}

#[test]
fn every_byte_of_the_token_is_compared() {
    let mut cache = cache(10, 1_000_000);
    let text = put(&mut cache, "alice").into_bytes();
    for position in 0..text.len() {
        let mut changed = text.clone();
        *changed.get_mut(position).unwrap() ^= 1;
        assert!(
            cache.get(&changed, 0, 1, NOW).is_none(),
            "byte {position} was changed"
        );
    }
    for end in 0..text.len() {
        assert!(
            cache.get(text.get(..end).unwrap(), 0, 1, NOW).is_none(),
            "cut to {end} bytes"
        );
        assert!(
            cache.get(text.get(end + 1..).unwrap(), 0, 1, NOW).is_none(),
            "cut from {end}"
        );
    }
    assert!(
        cache
            .get(&[text.as_slice(), b"A"].concat(), 0, 1, NOW)
            .is_none()
    );
    assert!(cache.get(&text, 0, 1, NOW).is_some());
}

#[test]
fn tokens_whose_hashes_collide_displace_each_other_and_are_never_mixed_up() {
    let mut cache = TokenCache::with_bounds(BuildHasherDefault::<Same>::default(), 10, 1_000_000);
    let alice = put(&mut cache, "alice");
    let bob = put(&mut cache, "bob");
    assert_eq!(subject(&mut cache, &alice), None);
    assert_eq!(subject(&mut cache, &bob).as_deref(), Some("bob"));
    assert_eq!(cache.len(), 1);
    assert!(cache.get(bob.as_bytes(), 1, 1, NOW).is_none());
    assert!(cache.get(bob.as_bytes(), 0, 2, NOW).is_none());
}

#[test]
fn a_token_is_forgotten_when_exp_has_come() {
    let mut cache = cache(10, 1_000_000);
    let text = put(&mut cache, "alice");
    let expires_at = NOW.saturating_add(300);
    assert!(
        cache
            .get(text.as_bytes(), 0, 1, expires_at.saturating_sub(1))
            .is_some()
    );
    assert!(
        cache.get(text.as_bytes(), 0, 1, expires_at).is_none(),
        "leeway is not for the cache"
    );
    assert!(cache.is_empty() && cache.bytes() == 0);
    let (text, verified) = case("late");
    cache.insert(text.as_bytes(), 0, 1, verified, expires_at);
    assert!(cache.is_empty(), "an expired token must not be remembered");
}

#[test]
fn the_least_recently_used_token_goes_first() {
    let mut cache = cache(3, 1_000_000);
    let [alice, bob, carol] = ["alice", "bob", "carol"].map(|name| put(&mut cache, name));
    assert!(subject(&mut cache, &alice).is_some());
    let dave = put(&mut cache, "dave");
    assert_eq!(
        subject(&mut cache, &bob),
        None,
        "bob was used least recently"
    );
    let erin = put(&mut cache, "erin");
    assert_eq!(subject(&mut cache, &carol), None, "then carol");
    for text in [&alice, &dave, &erin] {
        assert!(subject(&mut cache, text).is_some());
    }
    assert_eq!(cache.len(), 3);
}

#[test]
fn bytes_are_bounded() {
    let (text, verified) = case("alice");
    let one = ENTRY_BYTES + text.len() + verified.memory_bytes();
    let mut cache = cache(1000, 3 * one + 100);
    for number in 0..50 {
        put(&mut cache, &format!("user{number:02}"));
        assert!(cache.bytes() <= 3 * one + 100, "{} bytes", cache.bytes());
    }
    assert_eq!(cache.len(), 3);
    let big = token(&claims(json!({"sub": "big", "padding": "x".repeat(8000)})));
    cache.insert(big.as_bytes(), 0, 1, Arc::new(verify(&big).unwrap()), NOW);
    assert_eq!(
        cache.len(),
        3,
        "what does not fit at all must displace nothing"
    );
}

#[test]
fn a_bound_of_zero_remembers_nothing() {
    for (entries_max, bytes_max) in [(0, 1_000_000), (10, 0)] {
        let mut cache = cache(entries_max, bytes_max);
        put(&mut cache, "alice");
        assert!(cache.is_empty());
    }
}

#[test]
fn the_tokens_of_one_issuer_or_all_can_be_forgotten() {
    let mut cache = cache(10, 1_000_000);
    let (text, verified) = case("alice");
    for issuer in [0, 1, 2] {
        cache.insert(text.as_bytes(), issuer, 1, Arc::clone(&verified), NOW);
    }
    cache.remove_issuer(1);
    assert!(cache.get(text.as_bytes(), 1, 1, NOW).is_none());
    assert!(cache.get(text.as_bytes(), 0, 1, NOW).is_some());
    assert!(cache.get(text.as_bytes(), 2, 1, NOW).is_some());
    cache.clear();
    assert!(cache.is_empty() && cache.bytes() == 0);
    assert!(cache.get(text.as_bytes(), 0, 1, NOW).is_none());
    cache.insert(text.as_bytes(), 0, 1, verified, NOW);
    assert_eq!(cache.len(), 1);
}

/// The list and the slots against a model that cannot be wrong: a vector in the order of use.
#[test]
fn thousands_of_operations_leave_the_cache_as_a_simple_model_has_it() {
    let names: Vec<String> = (0..12).map(|number| format!("user{number}")).collect();
    let cases: Vec<_> = names.iter().map(|name| case(name)).collect();
    let mut cache = cache(5, 1_000_000);
    let mut model: Vec<(usize, usize)> = Vec::new();
    let mut state = 1_u32;
    for step in 0..5000 {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let (which, issuer, what) = (
            (state >> 8) as usize % cases.len(),
            (state >> 16) as usize % 2,
            state >> 24,
        );
        let (text, verified) = cases.get(which).unwrap();
        let key = (which, issuer);
        let known = model.contains(&key);
        if what < 100 {
            let found = cache.get(text.as_bytes(), issuer, 1, NOW);
            assert_eq!(found.is_some(), known, "step {step}");
            assert!(
                found.is_none_or(|found| found.subject() == verified.subject()),
                "step {step}"
            );
            if known {
                model.retain(|&other| other != key);
                model.push(key);
            }
        } else if what < 250 {
            cache.insert(text.as_bytes(), issuer, 1, Arc::clone(verified), NOW);
            model.retain(|&other| other != key);
            if model.len() == 5 {
                model.remove(0);
            }
            model.push(key);
        } else {
            cache.remove_issuer(issuer);
            model.retain(|&(_, other)| other != issuer);
        }
        assert_eq!(cache.len(), model.len(), "step {step}");
    }
}
