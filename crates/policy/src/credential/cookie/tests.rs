//! Crumbs.

use super::{FieldList, find, unquoted, without};

fn fields(values: &[&str]) -> FieldList {
    let field = |value: &&str| ("cookie".to_owned(), value.as_bytes().to_vec());
    values.iter().map(field).collect()
}

#[test]
fn the_one_crumb_of_the_name_is_found() {
    for (values, due) in [
        (&["s=1"][..], Some("1")),
        (&["a=2; s=1"], Some("1")),
        (&["a=2;\ts=1\t;b"], Some("1")),
        (&["a=2", "", "s=1"], Some("1")),
        (&["s="], Some("")),
        (&["s=a=b,c d"], Some("a=b,c d")),
        (&["a=s"], None),
        (&["ss=1; S=1; a=s=1; s1"], None),
        (&["a=1,s"], None),
        (&[""], None),
        (&[], None),
    ] {
        let fields = fields(values);
        let found = find(&fields, "s").ok();
        assert_eq!(found, Some(due.map(str::as_bytes)), "{values:?}");
    }
}

#[test]
fn what_some_would_read_as_the_crumb_is_neither_taken_nor_passed_over() {
    for values in [
        &["s=1; s=1"][..],
        &["s=1", "s=1"],
        &["s"],
        &["s =1"],
        &["=s=1"],
        &["= s=1"],
        &["%73=1"],
        &["a=1,s=1"],
        &["a=1, s =1"],
        &["a=1,=%73=1"],
        &["s[a]=1"],
        &["%20s=1"],
        &["s%00t=1"],
    ] {
        assert!(find(&fields(values), "s").is_err(), "{values:?}");
        let names = ["s".to_owned()];
        for value in values {
            assert_eq!(without(value.as_bytes(), &names), None, "{value}");
        }
    }
}

#[test]
fn all_else_stays_as_it_was() {
    let names = ["s".to_owned(), "t".to_owned()];
    for (value, due) in [
        ("a=1; b", Some("a=1; b")),
        ("", Some("")),
        (" ; ", Some(" ; ")),
        ("s=1", None),
        ("s=1; t=2", None),
        ("s=1; ", None),
        ("s=1; a=1", Some("a=1")),
        ("a=1; s=1", Some("a=1")),
        ("a=1 ;s=1;; b=\"2\"; ", Some("a=1 ;; b=\"2\"; ")),
        ("t=1; a; s=2; b", Some("a; b")),
    ] {
        let left = without(value.as_bytes(), &names);
        assert_eq!(left.as_deref(), due.map(str::as_bytes), "{value}");
    }
}

#[test]
fn quotes_are_taken_off_in_pairs() {
    for (value, due) in [
        ("\"a\"", "a"),
        ("a", "a"),
        ("\"", "\""),
        ("\"\"", ""),
        ("\"a", "\"a"),
        ("a\"", "a\""),
    ] {
        assert_eq!(unquoted(value.as_bytes()), due.as_bytes(), "{value}");
    }
}
