use super::*;

fn list(fields: &[(&str, &str)]) -> FieldList {
    let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), value.as_bytes().to_vec());
    fields.iter().map(owned).collect()
}

fn shown(fields: &FieldList) -> Vec<(&str, &str)> {
    let text = |value| core::str::from_utf8(value).unwrap();
    fields
        .iter()
        .map(|(name, value)| (name, text(value)))
        .collect()
}

#[test]
fn names_are_compared_without_regard_to_case_and_in_no_other_way() {
    let fields = list(&[
        ("Vary", "a"),
        ("x-vary", "b"),
        ("vary", "c"),
        ("va_ry", "d"),
    ]);
    assert_eq!(fields.values("vary"), [b"a", b"c"]);
    assert!(fields.has("VARY") && !fields.has("var") && !fields.has(""));
    assert_eq!(fields.joined("vary").as_deref(), Some("a, c"));
    assert_eq!(fields.joined("absent").as_deref(), Some(""));
}

#[test]
fn a_field_that_was_sent_twice_has_no_value_of_its_own() {
    let fields = list(&[("etag", "1"), ("age", "2"), ("Age", "3")]);
    assert_eq!(fields.only("etag"), Ok(Some(&b"1"[..])));
    assert_eq!(fields.only("age"), Err(SeveralFields));
    assert_eq!(fields.only("date"), Ok(None));
    assert_eq!(fields.text("etag"), Some("1"));
    assert_eq!((fields.text("age"), fields.text("date")), (None, None));
    let no_text = FieldList::from(vec![("etag".to_owned(), vec![0xff])]);
    assert_eq!(no_text.text("etag"), None);
    assert_eq!(no_text.joined("etag"), None);
}

#[test]
fn what_is_replaced_comes_last_and_once() {
    let mut fields = list(&[("a", "1"), ("B", "2"), ("b", "3"), ("c", "4")]);
    fields.replace("b", "5");
    assert_eq!(shown(&fields), [("a", "1"), ("c", "4"), ("b", "5")]);
    fields.retain(|name| name != "a");
    fields.retain_mut(|name, value| {
        value.push(b'!');
        name != "c"
    });
    assert_eq!(shown(&fields), [("b", "5!")]);
    assert_eq!((fields.len(), fields.bytes()), (1, 3));
}

#[test]
fn no_value_is_in_what_is_written_for_people() {
    let fields = list(&[("authorization", "Bearer secret")]);
    assert_eq!(format!("{fields:?}"), "[\"authorization\"]");
}

#[test]
fn several_fields_of_a_name_are_made_one() {
    let mut fields = list(&[
        ("cookie", "a=1"),
        ("age", "2"),
        ("Cookie", "b=2; c"),
        ("cookie", ""),
    ]);
    assert!(fields.join("cookie", b"; "), "there are several");
    assert_eq!(shown(&fields), [("age", "2"), ("cookie", "a=1; b=2; c; ")]);
    let mut one = list(&[("Cookie", "a=1"), ("age", "2")]);
    assert!(!one.join("cookie", b"; ") && !one.join("absent", b"; "));
    assert_eq!(shown(&one), [("Cookie", "a=1"), ("age", "2")], "as it was");
}

#[test]
fn a_field_is_found_however_it_came_in_and_in_both_cases() {
    let long = "x".repeat(200);
    for name in ["", "a", "host", "x-a", "9", "$ws", "_", "~~", &long] {
        let pair = || (name.to_owned(), b"1".to_vec());
        let mut pushed = FieldList::new();
        pushed.push(name, "1");
        let mut extended = list(&[("other", "0")]);
        extended.extend([pair()]);
        let mut replaced = list(&[("other", "0"), (&name.to_uppercase(), "0")]);
        replaced.replace(name, "1");
        let mut kept = list(&[("other", "0"), (name, "1")]);
        kept.retain(|there| there != "other");
        let ways = [
            pushed,
            extended,
            replaced,
            kept,
            FieldList::from(vec![pair()]),
            FieldList::from_iter([pair()]),
            FieldList::of([(name, "1")]),
        ];
        for (way, mut fields) in ways.into_iter().enumerate() {
            for spelling in [name.to_owned(), name.to_uppercase()] {
                let told = format!("{spelling:?}, in way {way}");
                assert!(fields.has(&spelling), "{told}");
                assert_eq!(fields.values(&spelling), [b"1"], "{told}");
                assert_eq!(fields.only(&spelling), Ok(Some(&b"1"[..])), "{told}");
            }
            assert_eq!(fields.take_last(name).as_deref(), Some(&b"1"[..]));
            assert!(!fields.has(name), "{name:?}, in way {way}");
        }
    }
}

#[test]
fn lists_of_the_same_fields_are_the_same_whatever_was_in_them() {
    let mut fields = list(&[("a", "1"), ("b", "2")]);
    fields.retain(|name| name == "a");
    assert_eq!(fields, list(&[("a", "1")]));
    assert_ne!(fields, list(&[("b", "2")]));
}
