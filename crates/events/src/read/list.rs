//! A part of the events as one document.

use super::log::Stored;

/// `{"events":[…],"next":"…"}`: the events as they were written, and after which position to go on, which is where the
/// request began where there are none.
#[must_use]
pub fn document(events: &[Stored], after: u64) -> String {
    let bytes: usize = events.iter().map(|event| event.json.len() + 1).sum();
    let mut document = String::with_capacity(bytes + 64);
    document.push_str("{\"events\":[");
    for (at, event) in events.iter().enumerate() {
        if at > 0 {
            document.push(',');
        }
        document.push_str(&event.json);
    }
    let next = events.last().map_or(after, |event| event.position);
    document.push_str(&format!("],\"next\":\"{next}\"}}"));
    document
}

#[cfg(test)]
mod tests {
    use super::document;
    use crate::read::log::Stored;

    #[test]
    fn a_list_has_events_as_they_were_written_and_says_where_to_go_on() {
        assert_eq!(document(&[], 7), r#"{"events":[],"next":"7"}"#);
        let stored = |position, json: &str| Stored {
            position,
            json: json.to_owned(),
        };
        let events = [stored(8, r#"{"data":1.50}"#), stored(11, "{}")];
        let expected = r#"{"events":[{"data":1.50},{}],"next":"11"}"#;
        assert_eq!(document(&events, 7), expected);
    }
}
