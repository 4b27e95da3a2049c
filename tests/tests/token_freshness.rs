//! Many instances that share a record of an issuer's keys, in virtual time: floods of tokens with made-up
//! keys, and keys that are withdrawn.

#![expect(clippy::unwrap_used, clippy::panic, reason = "the failure of a test")]

use doorward_token::freshness::{
    Cause, Decision, FETCH_S_MAX, Freshness, FreshnessPolicy, KeySetRecord, StoredKeys,
    UNKNOWN_KEY_FETCHES_MAX, UNKNOWN_KEY_PAUSE_S_MAX, UNUSABLE_S_MAX, UnknownKeyDecision,
};
use doorward_token::{ExposedKeys, KeySet, UnixTime};

const START: u64 = 1_800_000_000;
const ISSUER: &str = "https://a.example";
/// For how long keys are fresh, in seconds.
const FRESH_S: u64 = 600;
const INSTANCES: usize = 100;
/// Requests with made-up keys that each instance sees in a second: 10,000 all together.
const JUNK_A_SECOND: usize = 100;

/// Which keys the issuer publishes, by a number, and how often it was asked.
struct Issuer {
    published: u64,
    asked: u64,
}

/// An instance of the gate, with the newest key that it knows.
struct Instance {
    number: u64,
    freshness: Freshness,
    known: Option<u64>,
}

/// What instances share.
type Store = Option<Vec<u8>>;

fn at(second: u64) -> UnixTime {
    UnixTime(START + second)
}

impl Instance {
    fn new(number: usize) -> Self {
        Self {
            number: number as u64 + 1,
            freshness: Freshness::new(FreshnessPolicy::default(), ISSUER),
            known: None,
        }
    }

    fn read(&mut self, store: &Store, now: UnixTime) -> Option<KeySetRecord> {
        let Some(bytes) = store else {
            self.freshness.first(now);
            return None;
        };
        Some(KeySetRecord::parse(bytes, ISSUER, now).unwrap())
    }

    /// Takes over a record; whether that will do.
    fn adopt(&mut self, record: &KeySetRecord, now: UnixTime, cause: Cause) -> (bool, bool) {
        let adopted = self.freshness.adopt(record, true, now, cause);
        if adopted.newer {
            self.known = record.keys.as_ref().map(|keys| keys.body.parse().unwrap());
        }
        (adopted.spared, adopted.under_way)
    }

    fn fetch(&mut self, issuer: &mut Issuer, now: UnixTime) {
        issuer.asked += 1;
        self.known = Some(issuer.published);
        self.freshness.fetched(now, now, FRESH_S, true);
    }

    fn write(&self, store: &mut Store, now: UnixTime) {
        let keys = self.known.map(|number| StoredKeys {
            url: "https://a.example/keys".to_owned(),
            etag: None,
            body: number.to_string(),
        });
        let exposed = ExposedKeys::default();
        let record = self
            .freshness
            .record(ISSUER, keys, &exposed, None, self.number);
        if let Some(record) = record {
            let bytes = record.to_bytes();
            assert_eq!(
                KeySetRecord::parse(&bytes, ISSUER, now).as_ref(),
                Ok(&record)
            );
            *store = Some(bytes);
        }
    }

    /// What a request needs before it can be verified.
    fn prepare(&mut self, store: &mut Store, issuer: &mut Issuer, now: UnixTime) {
        if self.freshness.decide(now) == Decision::Use {
            return;
        }
        let record = self.read(store, now);
        self.freshness.looked(now);
        if record.is_some_and(|record| self.adopt(&record, now, Cause::Age).0) {
            return;
        }
        self.fetch(issuer, now);
        self.write(store, now);
    }
}

/// What instances do who see tokens with unknown keys at the same time, none of which may be served before
/// the others have come as far.
fn unknown_keys(
    instances: &mut [Instance],
    store: &mut Option<&mut Store>,
    issuer: &mut Issuer,
    now: UnixTime,
) {
    let mut asking: Vec<&mut Instance> = instances.iter_mut().collect();
    asking.retain_mut(|instance| {
        let decision = instance.freshness.decide_newer_key(now);
        assert_ne!(decision, UnknownKeyDecision::AwaitFetch, "nobody fetches");
        decision == UnknownKeyDecision::Refetch
    });
    let Some(store) = store else {
        for instance in asking {
            instance.fetch(issuer, now);
        }
        return;
    };
    // All look, then all who are to fetch say so, then all look again.
    asking.retain_mut(|instance| {
        let record = instance.read(store, now);
        !record.is_some_and(|record| instance.adopt(&record, now, Cause::UnknownKey).0)
    });
    for instance in &asking {
        instance.write(store, now);
    }
    let mut waiting = Vec::new();
    for instance in asking {
        let record = instance.read(store, now).unwrap();
        if record.refetching == instance.number {
            instance.fetch(issuer, now);
            instance.write(store, now);
        } else {
            waiting.push((instance, record));
        }
    }
    for (instance, record) in waiting {
        let (spared, under_way) = instance.adopt(&record, now, Cause::UnknownKey);
        assert!(spared || under_way, "somebody fetches");
        let record = instance.read(store, now).unwrap();
        let (spared, _) = instance.adopt(&record, now, Cause::UnknownKey);
        assert!(spared, "the fetch of the other one will do");
    }
}

/// The most fetches that unknown keys are a reason for within so many seconds.
fn most(seconds: u64) -> u64 {
    UNKNOWN_KEY_FETCHES_MAX + seconds / UNKNOWN_KEY_PAUSE_S_MAX
}

#[test]
fn a_flood_of_made_up_keys_over_a_hundred_instances_costs_a_fetch_every_few_seconds_and_delays_no_new_key()
 {
    const SECONDS: u64 = 300;
    for granted in [true, false] {
        let (mut shared, mut issuer) = (
            None,
            Issuer {
                published: 0,
                asked: 0,
            },
        );
        let mut instances: Vec<Instance> = (0..INSTANCES).map(Instance::new).collect();
        for instance in &mut instances {
            let mut own = None;
            let store = if granted { &mut shared } else { &mut own };
            if granted {
                instance.prepare(store, &mut issuer, at(0));
            } else {
                assert_eq!(instance.freshness.decide(at(0)), Decision::FetchFirst);
                instance.fetch(&mut issuer, at(0));
            }
        }
        let first = issuer.asked;
        assert_eq!(first, if granted { 1 } else { INSTANCES as u64 });
        let mut published_at = 0;
        for second in 0..SECONDS {
            // At no time in particular.
            if second % 37 == 23 {
                issuer.published += 1;
                published_at = second;
            }
            for _ in 0..JUNK_A_SECOND {
                let mut store = granted.then_some(&mut shared);
                unknown_keys(&mut instances, &mut store, &mut issuer, at(second));
            }
            for instance in &instances {
                let accepted = instance.known == Some(issuer.published);
                assert!(
                    accepted || second - published_at < UNKNOWN_KEY_PAUSE_S_MAX,
                    "instance {} does not know the key of second {published_at} in second {second}",
                    instance.number
                );
            }
        }
        let asked = issuer.asked - first;
        let bound = if granted { 1 } else { INSTANCES as u64 } * most(SECONDS);
        assert!(
            (SECONDS / UNKNOWN_KEY_PAUSE_S_MAX..=bound).contains(&asked),
            "{asked} fetches, the bound is {bound}, shared: {granted}"
        );
    }
}

/// Each request meets an instance of its own, which has just started.
#[test]
fn new_instances_do_not_bring_a_budget_of_their_own() {
    const SECONDS: u64 = 60;
    let (mut shared, mut issuer) = (
        None,
        Issuer {
            published: 0,
            asked: 0,
        },
    );
    Instance::new(0).prepare(&mut shared, &mut issuer, at(0));
    for second in 0..SECONDS {
        for wave in 0..10 {
            let mut instances: Vec<Instance> = (0..INSTANCES).map(Instance::new).collect();
            for instance in &mut instances {
                instance.prepare(&mut shared, &mut issuer, at(second));
            }
            let mut store = Some(&mut shared);
            unknown_keys(&mut instances, &mut store, &mut issuer, at(second));
            let told = instances
                .first()
                .unwrap()
                .freshness
                .no_newer_keys(at(second));
            assert!(!told.old, "second {second}, wave {wave}: it is refused");
        }
    }
    let asked = issuer.asked - 1;
    assert!(asked <= most(SECONDS), "{asked} fetches");
    assert!(
        asked >= SECONDS / UNKNOWN_KEY_PAUSE_S_MAX,
        "{asked} fetches"
    );
}

#[test]
fn a_fetch_that_is_lost_holds_up_new_keys_for_no_longer_than_it_may_take() {
    let (mut shared, mut issuer) = (
        None,
        Issuer {
            published: 0,
            asked: 0,
        },
    );
    let mut instances: Vec<Instance> = (0..2).map(Instance::new).collect();
    for instance in &mut instances {
        instance.prepare(&mut shared, &mut issuer, at(0));
    }
    let [lost, other] = instances.as_mut_slice() else {
        panic!("there are two");
    };
    assert_eq!(
        lost.freshness.decide_newer_key(at(1)),
        UnknownKeyDecision::Refetch
    );
    lost.write(&mut shared, at(1));
    issuer.published = 1;
    let mut store = Some(&mut shared);
    let others = std::slice::from_mut(other);
    let after = 1 + FETCH_S_MAX;
    unknown_keys(others, &mut store, &mut issuer, at(after));
    assert_eq!(others.first().unwrap().known, Some(1));
}

/// A record, as another instance reads it.
fn told(keys: &str, exposed: &ExposedKeys, second: u64) -> KeySetRecord {
    let mut freshness = Freshness::new(FreshnessPolicy::default(), ISSUER);
    let set = KeySet::parse_without(keys.as_bytes(), exposed).unwrap();
    freshness.fetched(at(second), at(second), FRESH_S, !set.is_empty());
    let mut seen = exposed.clone();
    seen.extend(set.exposed());
    let stored = StoredKeys {
        url: "https://a.example/keys".to_owned(),
        etag: None,
        body: keys.to_owned(),
    };
    let record = freshness.record(ISSUER, Some(stored), &seen, None, 1);
    KeySetRecord::parse(&record.unwrap().to_bytes(), ISSUER, at(second)).unwrap()
}

#[test]
fn an_exposed_key_stays_unusable_for_those_who_read_the_record() {
    // RFC 8037 A.1, A.2.
    let public =
        r#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#;
    let private = public.replace(
        '}',
        r#","d":"nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A"}"#,
    );
    let listed = |key: &str| format!(r#"{{"keys":[{key}]}}"#);
    let none = ExposedKeys::default();
    let usable = |record: &KeySetRecord| !record.key_set().unwrap().unwrap().is_empty();

    assert!(usable(&told(&listed(public), &none, 0)));
    let lost = told(&listed(&private), &none, 1);
    assert!(!usable(&lost));
    assert_eq!(lost.exposed.len(), 1, "the record tells of it");
    let again = told(&listed(public), &lost.exposed, 2);
    assert!(!usable(&again), "listed again without its private half");
    let once_more = told(&listed(public), &again.exposed, 3);
    assert!(
        !usable(&once_more),
        "and so on, as long as the record lives"
    );
}

#[test]
fn a_withdrawn_key_ends_everywhere_when_freshness_ends_at_the_latest() {
    let mut instances: Vec<Freshness> = (0..INSTANCES)
        .map(|_| {
            let mut freshness = Freshness::new(FreshnessPolicy::default(), ISSUER);
            freshness.fetched(at(0), at(0), FRESH_S, true);
            freshness
        })
        .collect();
    let withdrawn = told(r#"{"keys":[]}"#, &ExposedKeys::default(), FRESH_S - 1);
    for freshness in &mut instances {
        assert_eq!(freshness.decide(at(FRESH_S - 1)), Decision::Use);
        let now = at(FRESH_S);
        assert_eq!(
            freshness.decide(now),
            Decision::FetchFirst,
            "no request goes on before the record was looked at"
        );
        let adopted = freshness.adopt(&withdrawn, false, now, Cause::Age);
        freshness.looked(now);
        assert!(adopted.newer && adopted.spared, "{adopted:?}");
        assert_eq!(
            freshness.decide(now),
            Decision::Unavailable {
                retry_after_s: UNUSABLE_S_MAX - 1
            }
        );
        // Nor do they come back while the issuer fails.
        let later = at(FRESH_S + UNUSABLE_S_MAX);
        assert_eq!(freshness.decide(later), Decision::FetchFirst);
        freshness.failed(later);
        assert!(matches!(
            freshness.decide(later),
            Decision::Unavailable { .. }
        ));
    }
}
