use super::*;
use crate::rate::KEYS_MAX;

const START: Millis = Millis(1_800_000_000_000);
const MALLORY: KeyDigest = [1; 16];
const ALICE: KeyDigest = [2; 16];

fn key(number: u32) -> KeyDigest {
    let mut key = [7; 16];
    for (byte, value) in key.iter_mut().zip(number.to_be_bytes()) {
        *byte = value;
    }
    key
}

#[test]
fn a_flood_by_one_uses_up_its_share_and_no_other() {
    let mut shares = Shares::new("test");
    let mut asked = 0;
    // A minute with 10,000 questions each second.
    for tenth_ms in 0..600_000_u64 {
        let now = START.plus(tenth_ms / 10);
        asked += u32::from(shares.take(&MALLORY, now).is_ok());
        if tenth_ms % 10_000 == 0 {
            assert_eq!(shares.take(&ALICE, now), Ok(()), "at {tenth_ms} tenths");
        }
    }
    let most = SHARE_AT_ONCE + 60 * SHARE_PER_S + 1;
    assert!((most - 2..=most).contains(&asked), "{asked} of {most}");
}

#[test]
fn a_share_that_is_used_up_comes_back_with_time() {
    let mut shares = Shares::new("test");
    for number in 0..SHARE_AT_ONCE {
        assert_eq!(shares.take(&MALLORY, START), Ok(()), "question {number}");
    }
    assert_eq!(shares.take(&MALLORY, START), Err(1), "in how many seconds");
    let later = START.plus(1000);
    for number in 0..SHARE_PER_S {
        assert_eq!(shares.take(&MALLORY, later), Ok(()), "question {number}");
    }
    assert_eq!(shares.take(&MALLORY, later), Err(1));
}

#[test]
fn good_questions_use_nothing_up() {
    let mut shares = Shares::new("test");
    for number in 0..10 * SHARE_AT_ONCE {
        assert_eq!(shares.take(&ALICE, START), Ok(()), "question {number}");
        shares.give_back(&ALICE, START);
    }
    // Nor is more given back than was taken.
    shares.give_back(&ALICE, START);
    shares.give_back(&MALLORY, START);
    for key in [ALICE, MALLORY] {
        let taken = (0..10 * SHARE_AT_ONCE).filter(|_| shares.take(&key, START).is_ok());
        assert_eq!(taken.count(), SHARE_AT_ONCE as usize);
    }
}

#[test]
fn questions_under_way_count_until_they_prove_good() {
    let mut shares = Shares::new("test");
    for _ in 0..SHARE_AT_ONCE {
        assert_eq!(shares.take(&ALICE, START), Ok(()));
    }
    assert!(shares.take(&ALICE, START).is_err());
    shares.give_back(&ALICE, START);
    assert_eq!(shares.take(&ALICE, START), Ok(()));
    assert!(shares.take(&ALICE, START).is_err());
}

#[test]
fn a_pause_is_for_one_share_and_within_bounds() {
    for (asked_s, pause_s) in [
        (None, PAUSE_S_DEFAULT),
        (Some(0), 1),
        (Some(1), 1),
        (Some(30), 30),
        (Some(60), 60),
        (Some(3600), 60),
        (Some(u64::MAX), 60),
    ] {
        let mut shares = Shares::new("test");
        assert_eq!(shares.pause(MALLORY, asked_s, START), pause_s);
        assert_eq!(
            shares.paused_s(&MALLORY, START),
            Some(pause_s),
            "{asked_s:?}"
        );
        assert_eq!(shares.paused_s(&ALICE, START), None, "{asked_s:?}: another");
        let last = START.plus(pause_s * 1000 - 1);
        assert_eq!(shares.paused_s(&MALLORY, last), Some(1), "{asked_s:?}");
        let over = START.plus(pause_s * 1000);
        assert_eq!(shares.paused_s(&MALLORY, over), None, "{asked_s:?}: over");
    }
}

#[test]
fn a_shorter_pause_does_not_end_a_longer_one() {
    let mut shares = Shares::new("test");
    shares.pause(MALLORY, Some(60), START);
    shares.pause(MALLORY, Some(1), START.plus(1000));
    assert_eq!(shares.paused_s(&MALLORY, START.plus(1000)), Some(59));
}

#[test]
fn a_clock_that_was_set_back_locks_nobody_out() {
    let mut shares = Shares::new("test");
    shares.pause(MALLORY, Some(60), START.plus(3_600_000));
    assert_eq!(shares.paused_s(&MALLORY, START), None);
    for _ in 0..SHARE_AT_ONCE {
        assert_eq!(shares.take(&MALLORY, START.plus(3_600_000)), Ok(()));
    }
    assert_eq!(shares.take(&MALLORY, START), Err(1));
    assert_eq!(shares.take(&MALLORY, START.plus(1000)), Ok(()), "a second");
}

#[test]
fn what_is_remembered_is_bounded() {
    let mut shares = Shares::new("test");
    for number in 0..12_000_u32 {
        let _ = shares.take(&key(number), START);
        shares.pause(key(number), Some(60), START);
    }
    assert!(shares.table.len() <= KEYS_MAX);
    assert_eq!(shares.paused.len(), PAUSED_MAX);
    // Pauses that are over make room.
    let later = START.plus(61_000);
    shares.pause(MALLORY, None, later);
    assert_eq!(shares.paused.len(), 1);
}
