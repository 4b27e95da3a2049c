//! What counts, what is to be deleted, and what is too much.

use super::*;

#[test]
fn a_name_is_deleted_long_after_its_entry_is_over_so_that_no_hurried_clock_deletes_one_in_force() {
    for entry in one_of_each() {
        let kept_s = match entry.kind() {
            RevocationKind::Logout => 3600,
            _ => 86_400,
        };
        let last = LATER.saturating_add(LEEWAY_S_MAX + kept_s - 1);
        let names = [entry.name()];
        for (now, over) in [
            (LATER.saturating_add(LEEWAY_S_MAX), &[][..]),
            (last, &[][..]),
            (last.saturating_add(1), &names[..]),
        ] {
            let reading = read(&names, now).unwrap();
            assert_eq!(reading.over, over, "{} at {now}", entry.kind());
            assert!(reading.set.is_empty(), "{} has no effect", entry.kind());
        }
    }
}

#[test]
fn a_reading_reports_a_bounded_number_of_entries_that_are_over() {
    let over: Vec<String> = (0..PRUNE_MAX + 5)
        .map(|number| RevocationEntry::token(ISSUER, &number.to_string(), UnixTime(1)).name())
        .collect();
    let reading = read(&over, NOW).unwrap();
    assert_eq!(reading.over.as_slice(), over.get(..PRUNE_MAX).unwrap());
    assert!(reading.set.is_empty());

    let rest: Vec<String> = over
        .into_iter()
        .filter(|name| !reading.over.contains(name))
        .collect();
    assert_eq!(
        read(&rest, NOW).unwrap().over,
        rest,
        "the others come when those are deleted"
    );
}

/// The names of a subject that are issued up to one time, counted in seconds from [`NOW`], and kept until
/// another.
fn subject_name((issued_before, expires_at): (u64, u64)) -> String {
    let at = |seconds| NOW.saturating_add(seconds);
    RevocationEntry::subject(ISSUER, "alice", at(issued_before), at(expires_at)).name()
}

fn orders(names: &[(u64, u64)]) -> Vec<Vec<(u64, u64)>> {
    let [.., last] = names else {
        return vec![vec![]];
    };
    let rest = orders(names.split_last().unwrap().1);
    let inserted = rest.iter().flat_map(|order| {
        (0..=order.len()).map(move |position| {
            let mut order = order.clone();
            order.insert(position, *last);
            order
        })
    });
    inserted.collect()
}

#[test]
fn a_name_that_another_one_makes_superfluous_is_to_be_deleted_and_does_not_count() {
    for (names, needed) in [
        (&[(1, 11)][..], &[(1, 11)][..]),
        (&[(1, 11), (2, 12), (3, 13), (4, 14)], &[(4, 14)]),
        (&[(1, 11), (1, 12)], &[(1, 12)]),
        (&[(1, 11), (2, 11)], &[(2, 11)]),
        // Neither reaches as far as the other.
        (&[(1, 90), (2, 12)], &[(1, 90), (2, 12)]),
        // One that is kept for long, and one a second after it.
        (&[(1, 90), (2, 12), (3, 13), (4, 14)], &[(1, 90), (4, 14)]),
        (
            &[(1, 90), (2, 91), (2, 12), (3, 50), (4, 14)],
            &[(2, 91), (3, 50), (4, 14)],
        ),
        (&[(1, 90), (2, 50), (3, 13), (4, 99)], &[(4, 99)]),
        // A list may say a name twice.
        (&[(1, 11), (1, 11)], &[(1, 11)]),
        (&[(1, 90), (2, 12), (1, 90), (2, 12)], &[(1, 90), (2, 12)]),
    ] {
        for order in orders(names) {
            let read_names: Vec<String> = order.iter().copied().map(subject_name).collect();
            let reading = read(&read_names, NOW).unwrap();
            let over: BTreeSet<String> = reading.over.iter().cloned().collect();
            let expected: BTreeSet<String> = names
                .iter()
                .filter(|name| !needed.contains(name))
                .copied()
                .map(subject_name)
                .collect();
            assert_eq!(over, expected, "to be deleted, read as {order:?}");
            assert_eq!(reading.over.len(), over.len(), "each once: {order:?}");
            assert_eq!(reading.set.names(), needed.len(), "{order:?}");
            assert_eq!(reading.set.len(), 1, "one subject: {order:?}");
            let latest = names.iter().map(|(issued_before, _)| issued_before).max();
            let latest = NOW.0 + latest.unwrap();
            for (issued_at, revoked) in
                [(latest, Some(RevocationKind::Subject)), (latest + 1, None)]
            {
                let token = verified(json!({"sub": "alice", "iat": issued_at}));
                assert_eq!(
                    reading.set.revokes(&token),
                    revoked,
                    "issued at {issued_at}, read as {order:?}"
                );
            }
        }
    }
}

#[test]
fn a_name_without_a_time_is_superfluous_beside_one_that_is_kept_for_longer() {
    for name in [
        RevocationEntry::session,
        RevocationEntry::logout,
        RevocationEntry::token,
    ] {
        let early = name(ISSUER, "1", LATER).name();
        let late = name(ISSUER, "1", LATER.saturating_add(1)).name();
        let other = name(ISSUER, "2", LATER).name();
        for names in [
            [early.clone(), late.clone(), other.clone()],
            [other.clone(), late.clone(), early.clone()],
        ] {
            let reading = read(&names, NOW).unwrap();
            assert_eq!(reading.over, std::slice::from_ref(&early), "{names:?}");
            assert_eq!((reading.set.names(), reading.set.len()), (2, 2));
        }
    }
}

#[test]
fn names_that_do_not_cover_each_other_all_count_however_many_there_are() {
    let count = 30;
    let names: Vec<(u64, u64)> = (1..=count).map(|number| (number, 1_000 - number)).collect();
    let reversed: Vec<(u64, u64)> = names.iter().rev().copied().collect();
    for names in [names, reversed] {
        let names: Vec<String> = names.into_iter().map(subject_name).collect();
        let reading = read(&names, NOW).unwrap();
        assert_eq!(reading.set.names(), names.len());
        assert_eq!(reading.over, [""; 0], "each of them is needed");
        for (issued_at, revoked) in [(NOW.0 + count, true), (NOW.0 + count + 1, false)] {
            assert_eq!(
                reading
                    .set
                    .revokes(&verified(json!({"sub": "alice", "iat": issued_at})))
                    .is_some(),
                revoked,
                "issued at {issued_at}"
            );
        }
    }
}

/// One subject logs out every second for days.
#[test]
fn one_subject_alone_never_fills_the_store() {
    let mut stored: BTreeSet<String> = BTreeSet::new();
    for second in 0..2_000 {
        stored.insert(subject_name((second, second + 604_800)));
        // Whichever gate reads next.
        if second % 5 == 0 {
            let names: Vec<String> = stored.iter().cloned().collect();
            let reading = read(&names, NOW.saturating_add(second)).unwrap();
            assert_eq!(reading.set.names(), 1, "after {second} s");
            for name in reading.over {
                assert!(stored.remove(&name), "{name} is not in the store");
            }
        }
    }
    assert!(stored.len() <= 5, "{} names are left", stored.len());
    assert!(stored.contains(&subject_name((1_999, 1_999 + 604_800))));
}

#[test]
fn a_store_with_too_many_names_of_one_subject_is_full_and_heals() {
    // Each is needed as long as the last one is not there: a shorter lifetime with every second.
    let needed = |number| subject_name((number, 1_000_000 - number));
    let mut reading = Reading::default();
    let limit = REVOCATIONS_READ_MAX as u64;
    for number in 0..limit {
        assert_eq!(
            reading.set.is_full(),
            number >= REVOCATIONS_MAX as u64,
            "{number} names"
        );
        assert_eq!(reading.add(&needed(number), NOW), Ok(()), "{number} names");
    }
    assert_eq!(reading.set.len(), 1, "it is one subject");
    for name in [needed(limit), needed(limit + 1), "foreign".to_owned()] {
        assert_eq!(reading.add(&name, NOW), Err(TooManyRevocations), "{name}");
    }
    let over = RevocationEntry::session(ISSUER, "1", UnixTime(1)).name();
    assert_eq!(reading.add(&over, NOW), Err(TooManyRevocations));
    assert_eq!(reading.over, [over], "it is to be deleted all the same");
    assert_eq!(
        reading.add(&subject_name((limit + 2, 2_000_000)), NOW),
        Err(TooManyRevocations),
        "what was refused once stays refused"
    );
    assert!(reading.over.len() > 1, "but more is to be deleted now");
}

#[test]
fn more_entries_than_are_read_are_an_error_and_writers_stop_before() {
    const { assert!(REVOCATIONS_MAX < REVOCATIONS_READ_MAX) };
    let mut reading = Reading::default();
    let entry = |number: usize| {
        let [.., a, b, c, d] = number.to_be_bytes();
        RevocationEntry {
            digest: [a, b, c, d, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
            ..RevocationEntry::token(ISSUER, "", LATER)
        }
    };
    for number in 0..REVOCATIONS_READ_MAX {
        assert_eq!(
            reading.set.is_full(),
            number >= REVOCATIONS_MAX,
            "{number} entries"
        );
        reading.add(&entry(number).name(), NOW).unwrap();
    }
    assert_eq!(
        reading.add(&entry(0).name(), NOW),
        Ok(()),
        "one that is there already is not one more"
    );
    for number in REVOCATIONS_READ_MAX..REVOCATIONS_READ_MAX + 5 {
        assert_eq!(
            reading.add(&entry(number).name(), NOW),
            Err(TooManyRevocations)
        );
    }
    assert_eq!(
        reading.set.len(),
        REVOCATIONS_READ_MAX,
        "they take no more memory"
    );
}
