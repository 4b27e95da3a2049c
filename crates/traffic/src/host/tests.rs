use super::{HostError, check};

fn fields(values: &[&str]) -> Vec<Vec<u8>> {
    values
        .iter()
        .map(|value| value.as_bytes().to_vec())
        .collect()
}

#[test]
fn one_field_that_says_what_the_target_says_is_clear() {
    for (field, authority) in [
        ("a.example", Some("a.example")),
        ("A.Example", Some("a.eXample")),
        ("a.example:8080", Some("A.example:8080")),
        ("a.example:80", Some("a.example")),
        ("a.example", Some("a.example:443")),
        ("a.example:", Some("a.example:80")),
        ("a.example:", Some("a.example")),
        ("[2001:db8::1]:80", Some("[2001:DB8::1]")),
        ("[2001:db8::1]", Some("[2001:db8::1]")),
        ("", None),
        ("", Some("")),
    ] {
        let checked = check(&fields(&[field]), authority);
        assert_eq!(checked, Ok(()), "{field:?} and {authority:?}");
    }
}

#[test]
fn a_host_that_shows_no_field_has_looked_itself() {
    assert_eq!(check(&[], Some("a.example")), Ok(()));
    assert_eq!(check(&[], None), Ok(()));
}

#[test]
fn two_fields_are_two_even_where_they_are_equal() {
    for values in [
        &["a.example", "a.example"][..],
        &["a.example", "b.example"],
        &["a.example", ""],
        &["", ""],
        &["a.example", "a.example", "a.example"],
    ] {
        let checked = check(&fields(values), Some("a.example"));
        assert_eq!(checked, Err(HostError::Repeated), "{values:?}");
    }
}

#[test]
fn a_field_that_says_something_else_than_the_target_is_refused() {
    for (field, authority) in [
        ("a.example", Some("b.example")),
        ("a.example", None),
        ("", Some("a.example")),
        ("a.example:8080", Some("a.example")),
        ("a.example", Some("a.example:8080")),
        ("a.example:80", Some("a.example:443")),
        ("a.example:080", Some("a.example")),
        ("a.example.", Some("a.example")),
        ("a.example, b.example", Some("a.example")),
        ("a.example:80:80", Some("a.example")),
        ("[2001:db8::1]", Some("[2001:db8::2]")),
        ("2001:db8::80", Some("2001:db8:")),
        ("a.example80", Some("a.example")),
        ("80", Some("")),
    ] {
        let checked = check(&fields(&[field]), authority);
        assert_eq!(
            checked,
            Err(HostError::Different),
            "{field:?} and {authority:?}"
        );
    }
}

#[test]
fn user_information_is_refused_on_either_side() {
    for (field, authority) in [
        ("user@a.example", "a.example"),
        ("a.example", "user:password@a.example"),
        ("user@a.example", "user@a.example"),
    ] {
        let checked = check(&fields(&[field]), Some(authority));
        assert_eq!(
            checked,
            Err(HostError::UserInformation),
            "{field} and {authority}"
        );
    }
}
