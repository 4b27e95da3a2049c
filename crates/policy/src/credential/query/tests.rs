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
        ("/a?t[]=1&%74%5b0]=2&t%00u=3&+t=4&%20%20t=5&b", Some("/a?b")),
        ("/a?b;t=1&t;b&b;%74&c;d", Some("/a?c;d")),
        ("/a?b=t;u&[t]=1&t]=1&t+u=1&%2=t", None),
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

#[test]
fn a_name_has_the_spellings_that_php_reads_it_in() {
    let names = ["my_t_".to_owned()];
    for (url, due) in [
        ("/a?my.t_=1&my+t.=2&my%5Bt%20=3&my_t_[=4", Some("/a")),
        ("/a?my-t_=1&myt_=2&my%2Dt_=3&my..t_=4&my_t=5", None),
    ] {
        assert_eq!(without(url, &names).as_deref(), due, "{url}");
    }
}
