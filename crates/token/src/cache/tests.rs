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

type Cache = TokenCache<BuildHasherDefault<std::hash::DefaultHasher>, usize>;

fn cache(entries_max: usize, bytes_max: usize) -> Cache {
    TokenCache::with_bounds(BuildHasherDefault::default(), entries_max, bytes_max)
}

/// A token of this subject, as text and verified.
fn case(subject: &str) -> (String, Arc<VerifiedToken>) {
    let text = token(&claims(json!({"sub": subject})));
    let verified = Arc::new(verify(&text).unwrap());
    (text, verified)
}

fn put<S: BuildHasher>(cache: &mut TokenCache<S, usize>, subject: &str) -> String {
    let (text, verified) = case(subject);
    insert(cache, &text, 0, verified, NOW);
    text
}

/// Remembers a signed token of this issuer for as long as it lives.
fn insert<S: BuildHasher>(
    cache: &mut TokenCache<S, usize>,
    text: &str,
    issuer: usize,
    verified: Arc<VerifiedToken>,
    now: UnixTime,
) {
    let until = verified.expires_at();
    cache.insert(
        text.as_bytes(),
        REALM_SIGNED,
        issuer,
        1,
        verified,
        until,
        now,
    );
}

/// Whether the token is found as verified in the realm.
fn finds<S: BuildHasher>(
    cache: &mut TokenCache<S, usize>,
    token: &[u8],
    realm: u64,
    now: UnixTime,
) -> bool {
    matches!(cache.get(token, realm, now), Some(Hit::Verified { .. }))
}

fn subject<S: BuildHasher>(cache: &mut TokenCache<S, usize>, text: &str) -> Option<String> {
    match cache.get(text.as_bytes(), REALM_SIGNED, NOW)? {
        Hit::Verified { token, .. } => token.subject().map(str::to_owned),
        Hit::Refused => None,
    }
}

#[test]
fn a_token_is_found_again_with_the_issuer_and_the_generation_that_verified_it() {
    let mut cache = cache(10, 1_000_000);
    let (text, verified) = case("alice");
    for (issuer, generation) in [(0, 1), (3, 1), (3, 2)] {
        let (token, until) = (Arc::clone(&verified), verified.expires_at());
        cache.insert(
            text.as_bytes(),
            REALM_SIGNED,
            issuer,
            generation,
            token,
            until,
            NOW,
        );
        let hit = cache.get(text.as_bytes(), REALM_SIGNED, NOW);
        let Some(Hit::Verified {
            issuer: found,
            generation: with,
            token,
        }) = hit
        else {
            unfound(&text)
        };
        assert_eq!(
            (found, with),
            (issuer, generation),
            "what was said last counts"
        );
        assert_eq!(token.subject(), Some("alice"));
        assert_eq!(cache.len(), 1, "the former verification is replaced");
    }
}

#[expect(clippy::panic, reason = "the failure of a test")]
fn unfound(text: &str) -> ! {
    panic!("{text} must be found as verified");
}

#[test]
fn what_one_issuer_says_of_a_token_is_not_what_another_one_or_a_signature_says() {
    let mut cache = cache(10, 1_000_000);
    let (text, verified) = case("alice");
    let realms = [REALM_SIGNED, realm_of(0), realm_of(1)];
    for inserted in realms {
        let (token, until) = (Arc::clone(&verified), verified.expires_at());
        cache.insert(text.as_bytes(), inserted, 0, 1, token, until, NOW);
        for realm in realms {
            assert_eq!(
                finds(&mut cache, text.as_bytes(), realm, NOW),
                realm == inserted,
                "put into realm {inserted}, looked for in realm {realm}"
            );
        }
        cache.clear();
        cache.insert_refused(text.as_bytes(), inserted, verified.expires_at(), NOW);
        for realm in realms {
            let refused = matches!(cache.get(text.as_bytes(), realm, NOW), Some(Hit::Refused));
            assert_eq!(
                refused,
                realm == inserted,
                "disowned in realm {inserted}, looked for in realm {realm}"
            );
        }
        cache.clear();
    }
}

#[test]
fn a_token_is_not_kept_longer_than_was_said_nor_than_it_lives() {
    let mut cache = cache(10, 1_000_000);
    let (text, verified) = case("alice");
    for (until_s, kept_s) in [(5, 5), (300, 300), (4000, 300)] {
        let (token, until) = (Arc::clone(&verified), NOW.saturating_add(until_s));
        cache.insert(text.as_bytes(), realm_of(0), 0, 0, token, until, NOW);
        let last = NOW.saturating_add(kept_s - 1);
        assert!(
            finds(&mut cache, text.as_bytes(), realm_of(0), last),
            "{until_s} s"
        );
        let next = NOW.saturating_add(kept_s);
        assert!(
            !finds(&mut cache, text.as_bytes(), realm_of(0), next),
            "{until_s} s"
        );
        assert!(cache.is_empty() && cache.bytes() == 0, "{until_s} s");
    }
    cache.insert(text.as_bytes(), realm_of(0), 0, 0, verified, NOW, NOW);
    assert!(cache.is_empty(), "nothing is kept for no time");
}

#[test]
fn a_disowned_token_is_remembered_until_its_time_has_come() {
    let mut cache = cache(10, 1_000_000);
    let refused = |cache: &mut Cache, token: &[u8], seconds: u64| {
        let now = NOW.saturating_add(seconds);
        matches!(cache.get(token, realm_of(0), now), Some(Hit::Refused))
    };
    cache.insert_refused(b"stolen", realm_of(0), NOW.saturating_add(5), NOW);
    assert!(refused(&mut cache, b"stolen", 4));
    assert!(!refused(&mut cache, b"stolen", 5));
    assert!(!refused(&mut cache, b"stoleN", 4), "every byte counts");
    assert!(!refused(&mut cache, b"stole", 4), "every byte counts");
    cache.insert_refused(b"stolen", realm_of(0), NOW.saturating_add(9), NOW);
    assert!(
        refused(&mut cache, b"stolen", 8),
        "what was said last counts"
    );
    assert_eq!(cache.len(), 0, "it is no verified token");
}

#[test]
fn a_clock_that_is_set_back_keeps_nothing_for_longer() {
    let mut cache = cache(10, 1_000_000);
    let (text, verified) = case("alice");
    cache.insert_refused(b"stolen", realm_of(0), NOW.saturating_add(5), NOW);
    let until = NOW.saturating_add(60);
    cache.insert(text.as_bytes(), realm_of(0), 0, 0, verified, until, NOW);
    let before = UnixTime(NOW.0 - 1);
    assert!(cache.get(b"stolen", realm_of(0), before).is_none());
    assert!(cache.get(text.as_bytes(), realm_of(0), before).is_none());
}

#[test]
fn a_token_that_is_disowned_is_no_longer_remembered_as_verified() {
    let mut cache = cache(10, 1_000_000);
    let (text, verified) = case("alice");
    let until = NOW.saturating_add(5);
    cache.insert(text.as_bytes(), realm_of(0), 0, 0, verified, until, NOW);
    cache.insert_refused(text.as_bytes(), realm_of(0), until, NOW);
    assert!(matches!(
        cache.get(text.as_bytes(), realm_of(0), NOW),
        Some(Hit::Refused)
    ));
    let long = vec![b'x'; REFUSED_BYTES_MAX + 1];
    cache.insert_refused(&long, realm_of(0), until, NOW);
    assert!(
        cache.get(&long, realm_of(0), NOW).is_none(),
        "it is too long"
    );
}

#[test]
fn disowned_tokens_take_no_more_bytes_than_the_bound_however_long_they_are() {
    let mut cache = cache(10, 1_000_000);
    let until = NOW.saturating_add(60);
    let long = |number: usize| {
        let mut token = vec![b'x'; crate::TOKEN_BYTES_MAX - 8];
        token.extend_from_slice(format!("{number:08}").as_bytes());
        token
    };
    let most = REFUSED_BYTES_MAX / crate::TOKEN_BYTES_MAX;
    for number in 0..3 * most {
        cache.insert_refused(&long(number), realm_of(0), until, NOW);
        assert!(cache.refused_bytes <= REFUSED_BYTES_MAX);
    }
    let remembered = (0..3 * most).filter(|&number| {
        let hit = cache.get(&long(number), realm_of(0), NOW);
        matches!(hit, Some(Hit::Refused))
    });
    assert!(
        remembered.eq(2 * most..3 * most),
        "the newest are remembered"
    );
    cache.insert_refused(b"short", realm_of(0), until, NOW);
    assert!(matches!(
        cache.get(b"short", realm_of(0), NOW),
        Some(Hit::Refused)
    ));
}

#[test]
fn disowned_tokens_displace_each_other_and_no_verified_one() {
    let mut cache = cache(10, 1_000_000);
    let (text, verified) = case("alice");
    let until = NOW.saturating_add(60);
    cache.insert(text.as_bytes(), realm_of(0), 0, 0, verified, until, NOW);
    let name = |number: usize| format!("invented{number}");
    for number in 0..10 * REFUSED_ENTRIES_MAX {
        cache.insert_refused(name(number).as_bytes(), realm_of(0), until, NOW);
    }
    assert!(finds(&mut cache, text.as_bytes(), realm_of(0), NOW));
    let remembered = (0..10 * REFUSED_ENTRIES_MAX).filter(|&number| {
        let hit = cache.get(name(number).as_bytes(), realm_of(0), NOW);
        matches!(hit, Some(Hit::Refused))
    });
    let newest = 9 * REFUSED_ENTRIES_MAX..10 * REFUSED_ENTRIES_MAX;
    assert!(
        remembered.eq(newest),
        "the newest {REFUSED_ENTRIES_MAX} must be remembered, and no other"
    );
}

#[test]
fn every_byte_of_the_token_is_compared() {
    let mut cache = cache(10, 1_000_000);
    let text = put(&mut cache, "alice").into_bytes();
    for position in 0..text.len() {
        let mut changed = text.clone();
        *changed.get_mut(position).unwrap() ^= 1;
        assert!(
            cache.get(&changed, REALM_SIGNED, NOW).is_none(),
            "byte {position} was changed"
        );
    }
    for end in 0..text.len() {
        assert!(
            cache
                .get(text.get(..end).unwrap(), REALM_SIGNED, NOW)
                .is_none(),
            "cut to {end} bytes"
        );
        assert!(
            cache
                .get(text.get(end + 1..).unwrap(), REALM_SIGNED, NOW)
                .is_none(),
            "cut from {end}"
        );
    }
    assert!(
        cache
            .get(&[text.as_slice(), b"A"].concat(), REALM_SIGNED, NOW)
            .is_none()
    );
    assert!(finds(&mut cache, &text, REALM_SIGNED, NOW));
}

#[test]
fn tokens_whose_hashes_collide_displace_each_other_and_are_never_mixed_up() {
    let mut cache = TokenCache::with_bounds(BuildHasherDefault::<Same>::default(), 10, 1_000_000);
    let alice = put(&mut cache, "alice");
    let bob = put(&mut cache, "bob");
    assert_eq!(subject(&mut cache, &alice), None);
    assert_eq!(subject(&mut cache, &bob).as_deref(), Some("bob"));
    assert_eq!(cache.len(), 1);
    assert!(cache.get(bob.as_bytes(), realm_of(0), NOW).is_none());
    for end in 0..bob.len() {
        let (start, rest) = bob.split_at(end);
        let longer = format!("{bob}{rest}");
        assert!(
            subject(&mut cache, start).is_none(),
            "only {end} bytes of it"
        );
        assert!(
            subject(&mut cache, &longer).is_none(),
            "{} bytes more",
            rest.len()
        );
    }
    cache.insert_refused(b"carol", realm_of(0), NOW.saturating_add(5), NOW);
    assert!(
        cache.is_empty(),
        "a disowned token displaces a verified one with its hash"
    );
    assert!(cache.get(b"carol", realm_of(1), NOW).is_none());
    assert!(cache.get(b"caroL", realm_of(0), NOW).is_none());
}

#[test]
fn a_token_is_forgotten_when_exp_has_come() {
    let mut cache = cache(10, 1_000_000);
    let text = put(&mut cache, "alice");
    let expires_at = NOW.saturating_add(300);
    assert!(
        cache
            .get(text.as_bytes(), REALM_SIGNED, expires_at.saturating_sub(1))
            .is_some()
    );
    assert!(
        cache
            .get(text.as_bytes(), REALM_SIGNED, expires_at)
            .is_none(),
        "leeway is not for the cache"
    );
    assert!(cache.is_empty() && cache.bytes() == 0);
    let (text, verified) = case("late");
    insert(&mut cache, &text, 0, verified, expires_at);
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
    let one = Cache::ENTRY_BYTES + text.len() + verified.memory_bytes();
    let mut cache = cache(1000, 3 * one + 100);
    for number in 0..50 {
        put(&mut cache, &format!("user{number:02}"));
        assert!(cache.bytes() <= 3 * one + 100, "{} bytes", cache.bytes());
    }
    assert_eq!(cache.len(), 3);
    let big = token(&claims(json!({"sub": "big", "padding": "x".repeat(8000)})));
    insert(&mut cache, &big, 0, Arc::new(verify(&big).unwrap()), NOW);
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
        let (token, until) = (Arc::clone(&verified), verified.expires_at());
        cache.insert(
            text.as_bytes(),
            realm_of(issuer),
            issuer,
            1,
            token,
            until,
            NOW,
        );
    }
    cache.insert_refused(b"stolen", realm_of(0), NOW.saturating_add(5), NOW);
    cache.remove_issuer(&1);
    for issuer in [0, 1, 2] {
        assert_eq!(
            finds(&mut cache, text.as_bytes(), realm_of(issuer), NOW),
            issuer != 1,
            "issuer {issuer}"
        );
    }
    cache.clear();
    assert!(cache.is_empty() && cache.bytes() == 0);
    assert!(cache.get(text.as_bytes(), realm_of(0), NOW).is_none());
    assert!(cache.get(b"stolen", realm_of(0), NOW).is_none());
    insert(&mut cache, &text, 0, verified, NOW);
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
            match cache.get(text.as_bytes(), realm_of(issuer), NOW) {
                Some(Hit::Verified { token, .. }) => {
                    assert!(known, "step {step}");
                    assert_eq!(token.subject(), verified.subject(), "step {step}");
                }
                Some(Hit::Refused) | None => assert!(!known, "step {step}"),
            }
            if known {
                model.retain(|&other| other != key);
                model.push(key);
            }
        } else if what < 250 {
            let (token, until) = (Arc::clone(verified), verified.expires_at());
            cache.insert(
                text.as_bytes(),
                realm_of(issuer),
                issuer,
                1,
                token,
                until,
                NOW,
            );
            model.retain(|&other| other != key);
            if model.len() == 5 {
                model.remove(0);
            }
            model.push(key);
        } else {
            cache.remove_issuer(&issuer);
            model.retain(|&(_, other)| other != issuer);
        }
        assert_eq!(cache.len(), model.len(), "step {step}");
    }
}
