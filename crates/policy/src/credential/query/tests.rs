//! Parameters.

use super::{decoded, without};

#[test]
fn all_but_the_parameters_stays_as_it_was() {
    let names = ["t".to_owned(), "key".to_owned()];
    for (url, due) in [
        ("/a", None),
        ("/a?", None),
        ("/a?b&&c=%7e", None),
        ("/a?T=1&tt=1&b=t", None),
        ("/a#?t=1", Some("/a#")),
        ("/a?b#t=1", None),
        ("/a?t", Some("/a")),
        ("/a?t=1&key=2", Some("/a")),
        ("/a?t=1&b&%74=2&&key&c", Some("/a?b&&c")),
        ("/a?t=1&", Some("/a?")),
        ("/a?&t=1", Some("/a?")),
        ("https://h/a?t=1#b", Some("https://h/a#b")),
        ("/a?b?t=1&t=2", Some("/a?b?t=1")),
    ] {
        assert_eq!(without(url, &names).as_deref(), due, "{url}");
    }
}

#[test]
fn a_value_is_decoded_once() {
    for (value, due) in [
        ("a", Some("a")),
        ("", Some("")),
        ("%2B%2f%3D", Some("+/=")),
        ("%252B", Some("%2B")),
        ("a+b", None),
        ("%", None),
        ("%2", None),
        ("%zz", None),
        ("%+1", None),
    ] {
        assert_eq!(decoded(value).as_deref(), due.map(str::as_bytes), "{value}");
    }
}
