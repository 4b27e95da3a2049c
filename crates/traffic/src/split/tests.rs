#![expect(clippy::unwrap_used, reason = "tests")]

use super::*;

fn split(percent: u8) -> Split {
    Split {
        to: 1,
        percent,
        by: SplitKey::Subject,
        header: None,
        cookie: None,
        fallback: false,
    }
}

fn nothing(_: &str) -> Vec<Vec<u8>> {
    Vec::new()
}

/// Computed by another implementation: these never change, or callers change sides during a migration.
#[test]
fn a_caller_is_in_the_same_bucket_for_ever() {
    for (salt, key, due) in [
        ("", "", 3092),
        ("orders-new", "", 7826),
        ("orders-new", "alice", 8316),
        ("orders-new", "bob", 9225),
        ("orders-old", "alice", 6533),
        ("orders-new", "203.0.113.7", 4935),
        ("orders-new", "https://login.acme.example\0user-1", 801),
    ] {
        assert_eq!(bucket(salt, key.as_bytes()), due, "{salt:?} {key:?}");
    }
}

#[test]
fn salt_and_key_are_told_apart() {
    assert_ne!(bucket("ab", b"c"), bucket("a", b"bc"));
    let alike = (0..1000)
        .filter(|number: &u32| {
            let key = number.to_be_bytes();
            bucket("one", &key) / 100 == bucket("two", &key) / 100
        })
        .count();
    assert!(alike < 30, "{alike} of 1,000 are where they were");
}

#[test]
fn any_percentage_of_callers_goes_there_whatever_tells_them_apart() {
    type Key = fn(u32) -> String;
    let kinds: [(&str, Key); 4] = [
        ("numbers", |number| number.to_string()),
        ("names", |number| {
            format!("https://login.example\0user-{number}")
        }),
        ("addresses", |number| {
            format!("10.0.{}.{}", number / 256, number % 256)
        }),
        ("endings", |number| format!("{number:08x}@example.org")),
    ];
    for (name, key) in kinds {
        let callers: Vec<String> = (0..10_000).map(key).collect();
        for percent in 0..=100 {
            let split = split(percent);
            let there = callers
                .iter()
                .filter(|key| split.goes_there("orders-new", Some(key.as_bytes()), &nothing))
                .count();
            let due = usize::from(percent) * 100;
            // Four times the standard deviation of a fair draw, which is 50 at most.
            let close = there.abs_diff(due) <= 200;
            assert!(close, "{name}: {there} of 10,000 at {percent} %");
            let exact = !matches!(percent, 0 | 100) || there == due;
            assert!(exact, "{name}: {there} of 10,000 at {percent} %");
        }
    }
}

#[test]
fn who_is_there_stays_when_the_percentage_is_raised() {
    for number in 0..1000_u32 {
        let key = number.to_be_bytes();
        let mut was_there = false;
        for percent in 0..=100 {
            let is_there = split(percent).goes_there("new", Some(&key), &nothing);
            assert!(is_there || !was_there, "{number} came back at {percent} %");
            was_there = is_there;
        }
        assert!(was_there, "{number} is there at 100 %");
    }
}

#[test]
fn a_caller_whom_nothing_tells_apart_goes_there_only_with_all_others() {
    for (percent, there) in [(0, false), (1, false), (99, false), (100, true)] {
        let goes = split(percent).goes_there("new", None, &nothing);
        assert_eq!(goes, there, "at {percent} %");
    }
}

#[test]
fn a_field_with_its_value_sends_a_caller_there() {
    let split = Split {
        header: Some(("x-use-new".into(), "1".into())),
        ..split(0)
    };
    for (values, there) in [
        (&[][..], false),
        (&["1"], true),
        (&["0", "1"], true),
        (&[""], false),
        (&["11"], false),
        (&["0, 1"], false),
    ] {
        let fields = |name: &str| match name {
            "x-use-new" => values
                .iter()
                .map(|value| value.as_bytes().to_vec())
                .collect(),
            _ => vec![b"1".to_vec()],
        };
        let goes = split.goes_there("new", Some(b"alice"), &fields);
        assert_eq!(goes, there, "{values:?}");
    }
}

#[test]
fn a_cookie_with_its_value_sends_a_caller_there() {
    let split = Split {
        cookie: Some(("use_new".into(), "1".into())),
        ..split(0)
    };
    for (fields, there) in [
        (&[][..], false),
        (&["use_new=1"], true),
        (&["a=b; use_new=1; c=d"], true),
        (&["a=b;use_new=1"], true),
        (&["a=b", "use_new=1"], true),
        // The first pair of that name counts, over all fields.
        (&["use_new=0; use_new=1"], false),
        (&["use_new=1; use_new=0"], true),
        (&["use_new=0", "use_new=1"], false),
        (&["Use_New=1"], false),
        (&["xuse_new=1"], false),
        (&["use_new1=1"], false),
        (&["use_new"], false),
        (&["use_new="], false),
        (&["use_new=11"], false),
        (&["use_new=\"1\""], false),
        (&["a=use_new=1"], false),
        (&["a=b, use_new=1"], false),
        (&[";;; ;use_new=1"], true),
    ] {
        let values = |name: &str| match name {
            "cookie" => fields
                .iter()
                .map(|field| field.as_bytes().to_vec())
                .collect(),
            _ => Vec::new(),
        };
        let goes = split.goes_there("new", Some(b"alice"), &values);
        assert_eq!(goes, there, "{fields:?}");
    }
}

#[test]
fn cookies_beyond_the_bound_are_not_looked_at() {
    let split = Split {
        cookie: Some(("use_new".into(), "1".into())),
        ..split(0)
    };
    for (others, there) in [(COOKIE_PAIRS_MAX - 1, true), (COOKIE_PAIRS_MAX, false)] {
        let field = "a=b; ".repeat(others) + "use_new=1";
        let values = |_: &str| vec![field.clone().into_bytes()];
        let goes = split.goes_there("new", None, &values);
        assert_eq!(goes, there, "after {others} others");
    }
}

#[test]
fn fields_are_asked_for_only_where_the_split_looks_at_them() {
    let asked = core::cell::Cell::new(0);
    let count = |_: &str| {
        asked.set(asked.get() + 1);
        Vec::new()
    };
    assert!(split(100).goes_there("new", Some(b"alice"), &count));
    assert_eq!(asked.get(), 0, "each costs a call of the host");
    let last = (0..10_000_u32).map(|n| bucket("new", &n.to_be_bytes()));
    assert!(last.max().unwrap() < BUCKETS, "of 10,000 callers");
}
