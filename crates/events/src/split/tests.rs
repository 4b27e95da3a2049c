use super::{EVENT_BYTES_MAX, Form, SplitError, Splitter};

/// An event as text, with its number, its line and its offset.
type Event = (u64, Option<u64>, u64, Option<String>);

/// The events of a body that comes in these pieces, and what is wrong with it.
fn split<'p>(
    form: Form,
    pieces: impl IntoIterator<Item = &'p [u8]>,
) -> (Vec<Event>, Option<SplitError>) {
    let mut splitter = Splitter::new(form);
    let mut events = Vec::new();
    let keep = |found: super::Found<'_>| {
        let text = found
            .text
            .map(|text| String::from_utf8_lossy(text).into_owned());
        (
            found.place.event,
            found.place.line,
            found.place.offset,
            text,
        )
    };
    for piece in pieces {
        let mut at = 0;
        loop {
            match splitter.next(piece, &mut at) {
                Ok(Some(found)) => events.push(keep(found)),
                Ok(None) => break,
                Err(error) => return (events, Some(error)),
            }
        }
        assert_eq!(at, piece.len(), "a piece is used up");
    }
    match splitter.finish() {
        Ok(found) => {
            events.extend(found.map(keep));
            (events, None)
        }
        Err(error) => (events, Some(error)),
    }
}

/// The same, whichever pieces it comes in: whole, by each two, and byte by byte.
fn split_anyhow(form: Form, body: &[u8]) -> (Vec<Event>, Option<SplitError>) {
    let whole = split(form, [body]);
    for at in 0..=body.len() {
        let (one, other) = body.split_at(at);
        assert_eq!(split(form, [one, other]), whole, "split at {at}");
    }
    assert_eq!(split(form, body.chunks(1)), whole, "byte by byte");
    whole
}

fn texts(events: &[Event]) -> Vec<&str> {
    let text = |event: &'_ Event| event.3.is_some();
    assert!(events.iter().all(text));
    events
        .iter()
        .filter_map(|event| event.3.as_deref())
        .collect()
}

#[test]
fn the_lines_of_a_body_are_its_events_whatever_ends_them() {
    for (body, expected) in [
        ("", &[][..]),
        ("\n\r\n \t\r\n", &[]),
        ("{}", &[(1, 1, 0, "{}")]),
        ("{}\n", &[(1, 1, 0, "{}")]),
        ("{}\r\n", &[(1, 1, 0, "{}")]),
        ("{}\r", &[(1, 1, 0, "{}")]),
        (
            "a\nb\r\nc",
            &[(1, 1, 0, "a"), (2, 2, 2, "b"), (3, 3, 5, "c")],
        ),
        ("\n\na\n \n\r\nb\n\n", &[(1, 3, 2, "a"), (2, 6, 8, "b")]),
        // White space around it is the event's; a lone CR ends nothing.
        (" a \n", &[(1, 1, 0, " a ")]),
        ("a\rb\n", &[(1, 1, 0, "a\rb")]),
        ("a\r\r\n", &[(1, 1, 0, "a\r")]),
        // What is refused later.
        (
            "\u{feff}{}\n{\n}\n",
            &[(1, 1, 0, "\u{feff}{}"), (2, 2, 6, "{"), (3, 3, 8, "}")],
        ),
    ] {
        let (found, error) = split_anyhow(Form::Lines, body.as_bytes());
        assert_eq!(error, None, "{body:?}");
        let expected: Vec<Event> = expected
            .iter()
            .map(|(event, line, offset, text)| {
                (*event, Some(*line), *offset, Some((*text).to_owned()))
            })
            .collect();
        assert_eq!(found, expected, "{body:?}");
    }
}

#[test]
fn the_elements_of_an_array_are_its_events_whatever_they_are() {
    for (body, expected) in [
        ("[]", &[][..]),
        (" \n[ \t]\r\n ", &[]),
        ("[{}]", &[(1, "{}")]),
        ("[{} , {\"a\":[1,2]}]", &[(1, "{}"), (6, "{\"a\":[1,2]}")]),
        (
            "[1,null , \"a\" ,true]",
            &[(1, "1"), (3, "null"), (10, "\"a\""), (15, "true")],
        ),
        ("[[],[[]], [{}] ]", &[(1, "[]"), (4, "[[]]"), (10, "[{}]")]),
        (
            r#"["]","\"]","\\","\\\"",{"}":"{[\"]"}]"#,
            &[
                (1, r#""]""#),
                (5, r#""\"]""#),
                (11, r#""\\""#),
                (16, r#""\\\"""#),
                (23, r#"{"}":"{[\"]"}"#),
            ],
        ),
        // Who reads them sees what is wrong with them.
        (
            "[tru{ , 12\"a\", {]} ]",
            &[(1, "tru{"), (8, "12\"a\""), (15, "{]")],
        ),
    ] {
        let (found, error) = split_anyhow(Form::Array, body.as_bytes());
        let is_good = !body.contains("{]}");
        assert_eq!(error.is_none(), is_good, "{body}: {error:?}");
        let expected: Vec<Event> = (1..)
            .zip(expected)
            .map(|(event, (offset, text))| (event, None, *offset, Some((*text).to_owned())))
            .collect();
        assert_eq!(found, expected, "{body}");
        assert_eq!(
            split_anyhow(Form::ArrayOrDocument, body.as_bytes()),
            (found, error)
        );
    }
}

#[test]
fn what_is_no_array_is_refused_where_it_ceases_to_be_one() {
    for (body, events, offset, reason) in [
        ("", 0, 0, "the body is empty"),
        (" \n", 0, 2, "the body is empty"),
        ("{}", 0, 0, "there is no array"),
        ("\u{feff}[]", 0, 0, "there is no array"),
        ("[", 0, 1, "the array is not closed: the body ends"),
        ("[1", 0, 2, "the array is not closed: the body ends"),
        ("[1,", 1, 3, "the array is not closed: the body ends"),
        (
            "[{\"a\":\"]}",
            0,
            9,
            "the array is not closed: the body ends",
        ),
        ("[{},{}", 2, 6, "the array is not closed: the body ends"),
        ("[1,]", 1, 3, "an element is missing"),
        ("[,1]", 0, 1, "an element is missing"),
        ("[1,,2]", 1, 3, "an element is missing"),
        (
            "[{} {}]",
            1,
            4,
            "there is neither a comma nor the end of the array",
        ),
        (
            "[\"a\":1]",
            1,
            4,
            "there is neither a comma nor the end of the array",
        ),
        ("[1] 2", 1, 4, "there is something after the array"),
        ("[][]", 0, 2, "there is something after the array"),
        ("[1]\n[2]", 1, 4, "there is something after the array"),
    ] {
        let (found, error) = split_anyhow(Form::Array, body.as_bytes());
        assert_eq!(found.len(), events, "{body:?}");
        assert_eq!(error, Some(SplitError { offset, reason }), "{body:?}");
    }
}

#[test]
fn a_document_is_one_event_and_json_is_an_array_or_one() {
    for body in ["{}", " {\"a\":\n[1]}\r\n", "\u{feff}[]", "1 2", "{}]"] {
        for form in [Form::Document, Form::ArrayOrDocument] {
            let (found, error) = split_anyhow(form, body.as_bytes());
            assert_eq!((texts(&found), error), (vec![body], None));
        }
    }
    for form in [Form::Document, Form::ArrayOrDocument] {
        for (body, offset) in [("", 0), (" \r\n\t", 4)] {
            let (found, error) = split_anyhow(form, body.as_bytes());
            let reason = "the body is empty";
            assert_eq!(
                (found, error),
                (vec![], Some(SplitError { offset, reason }))
            );
        }
    }
    let (found, error) = split_anyhow(Form::Document, b"[{}]");
    assert_eq!((texts(&found), error), (vec!["[{}]"], None));
}

#[test]
fn an_event_that_is_too_long_is_passed_over_and_the_next_are_read() {
    let longest = "x".repeat(EVENT_BYTES_MAX);
    let too_long = "x".repeat(EVENT_BYTES_MAX + 1);
    let in_string = "[".repeat(3 * EVENT_BYTES_MAX);
    for (form, body, lengths) in [
        (
            Form::Lines,
            format!("a\n{longest}\r\n{too_long}\n{too_long}\r\nb\n{too_long}"),
            &[Some(1), Some(EVENT_BYTES_MAX), None, None, Some(1), None][..],
        ),
        (
            Form::Array,
            format!("[1,{longest},{too_long} ,\"{in_string}\",2]"),
            &[Some(1), Some(EVENT_BYTES_MAX), None, None, Some(1)],
        ),
        (Form::Document, longest.clone(), &[Some(EVENT_BYTES_MAX)]),
        (Form::Document, too_long.clone(), &[None]),
    ] {
        for length in [1_000, 65_536, 1_500_000, body.len()] {
            let (found, error) = split(form, body.as_bytes().chunks(length));
            let found: Vec<_> = found
                .iter()
                .map(|event| event.3.as_ref().map(String::len))
                .collect();
            assert_eq!((found.as_slice(), error), (lengths, None), "by {length}");
        }
    }
}

#[test]
fn an_endless_event_takes_flat_memory() {
    for (form, begins) in [
        (Form::Lines, "a"),
        (Form::Array, "[\"a"),
        (Form::Array, "[[["),
        (Form::Array, "[1"),
        (Form::Document, "a"),
    ] {
        let mut splitter = Splitter::new(form);
        let piece = [b'['; 65_536];
        let pieces = std::iter::once(begins.as_bytes()).chain((0..1_000).map(|_| &piece[..]));
        for piece in pieces {
            let mut at = 0;
            assert_eq!(splitter.next(piece, &mut at), Ok(None));
        }
        assert!(splitter.capacity() <= EVENT_BYTES_MAX + 1, "{form:?}");
        assert_eq!(splitter.next_place().event, 1);
    }
}

#[test]
fn what_is_whole_in_a_piece_is_not_copied() {
    for (form, body) in [
        (Form::Lines, &b"{\"a\":1}\n{\"b\":2}\r\n"[..]),
        (Form::Array, b"[{\"a\":1},{\"b\":2}]"),
    ] {
        let mut splitter = Splitter::new(form);
        let mut at = 0;
        let mut events = 0;
        while let Ok(Some(found)) = splitter.next(body, &mut at) {
            let text = found.text.unwrap_or_default();
            assert!(body.as_ptr_range().contains(&text.as_ptr()));
            events += 1;
        }
        assert_eq!((events, splitter.capacity()), (2, 0), "{form:?}");
    }
}

#[test]
fn the_place_that_comes_next_is_that_of_the_first_event_that_was_not_handed_out() {
    for (form, body, places) in [
        (
            Form::Lines,
            "aa\n\nbb\ncc",
            &[(1, Some(1), 0), (2, Some(2), 3), (3, Some(4), 7)][..],
        ),
        (Form::Array, "[11, 22]", &[(1, None, 0), (2, None, 3)]),
    ] {
        let mut splitter = Splitter::new(form);
        let mut at = 0;
        for (event, line, offset) in places {
            let next = splitter.next_place();
            assert_eq!(
                (next.event, next.line, next.offset),
                (*event, *line, *offset)
            );
            let found = splitter.next(body.as_bytes(), &mut at);
            assert!(found.is_ok(), "{form:?}");
        }
        // An event that has begun is where it begins.
        let next = splitter.next_place();
        assert_eq!(next.event, 3, "{form:?}");
    }
    let mut splitter = Splitter::new(Form::Array);
    let mut at = 0;
    assert!(matches!(
        splitter.next(b"[1,  {\"a\"", &mut at),
        Ok(Some(_))
    ));
    assert_eq!(splitter.next(b"[1,  {\"a\"", &mut at), Ok(None));
    assert_eq!(splitter.next_place().offset, 5);
}
