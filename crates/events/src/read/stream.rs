//! Events as they come: server-sent events (HTML, "Server-sent events", `text/event-stream`).
//!
//! An event has its position as `id`, so a client that has lost the stream says by itself where to go on, and the record
//! as `data`. It has no `event`: the type is in the record, and what had one would reach none of those who listen to
//! messages and cannot know every type.

use std::fmt::Write as _;

use doorward_service::store::StoreError;

use super::log::{ReadableSink, Stored};

/// What a stream is.
pub const EVENT_STREAM: &str = "text/event-stream";
/// Most events that are read for a stream at once.
pub const EVENTS_AT_ONCE_MAX: u64 = 100;
/// How long it takes until is looked whether there are further ones, in milliseconds.
pub const LOOK_EVERY_MS: u64 = 1_000;
/// How long nothing is sent at most, in milliseconds: whoever stands in between takes a silent connection for one that is
/// lost, some after 30 s.
pub const SILENCE_MS_MAX: u64 = 15_000;
/// After which time a client connects again that has lost its stream, in milliseconds.
pub const RETRY_MS: u64 = 2_000;
/// What is sent where nothing else is: a comment.
pub const HEARTBEAT: &str = ":\n\n";

/// A stream of events to one client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stream {
    /// Those of this type alone.
    kind: Option<String>,
    /// The last position that was sent, or after which it begins.
    after: u64,
}

impl Stream {
    /// Those of a type, or all, after a position.
    #[must_use]
    pub fn new(kind: Option<String>, after: u64) -> Self {
        Self { kind, after }
    }

    /// What it begins with. It is sent at once, so that the client knows that it has a stream, and where it is: one that
    /// loses it before there is an event goes on there.
    #[must_use]
    pub fn opening(&self) -> String {
        format!("retry: {RETRY_MS}\nid: {}\n\n", self.after)
    }

    /// Adds what came since, and says whether there may be more already.
    ///
    /// # Errors
    /// It cannot be had. The stream is where it was.
    pub async fn next(
        &mut self,
        sink: &impl ReadableSink,
        text: &mut String,
    ) -> Result<bool, StoreError> {
        let kind = self.kind.as_deref();
        let events = sink.after(kind, self.after, EVENTS_AT_ONCE_MAX).await?;
        for event in &events {
            push(text, event);
            self.after = event.position;
        }
        // A page may end with its bytes, so also fewer than there may be at once are not all.
        Ok(!events.is_empty())
    }
}

/// Adds an event.
fn push(text: &mut String, event: &Stored) {
    let _ = writeln!(text, "id: {}", event.position);
    // A record has no line breaks. If somebody else has written one that has, each of its lines is one of the data, and the
    // client puts them together again.
    for line in event.json.split(['\r', '\n']) {
        text.push_str("data: ");
        text.push_str(line);
        text.push('\n');
    }
    text.push('\n');
}

#[cfg(test)]
#[expect(clippy::expect_used, reason = "tests")]
mod tests {
    use super::{EVENTS_AT_ONCE_MAX, HEARTBEAT, Stream};
    use crate::read::log::{ReadableSink, Stored};
    use doorward_service::store::StoreError;
    use futures::executor::block_on;

    /// So many events, at every other position.
    struct Many(u64);

    impl ReadableSink for Many {
        async fn after(
            &self,
            kind: Option<&str>,
            position: u64,
            limit: u64,
        ) -> Result<Vec<Stored>, StoreError> {
            assert_eq!(kind, Some("t"));
            let positions = (1..=self.0).map(|at| at * 2).filter(|at| *at > position);
            let stored = |position| Stored {
                position,
                json: format!("{{\"n\":{position}}}"),
            };
            let limit = usize::try_from(limit).expect("a few");
            Ok(positions.take(limit).map(stored).collect())
        }

        async fn last(&self) -> Result<u64, StoreError> {
            Err(StoreError::Unreadable("what nobody asks for"))
        }
    }

    fn next(stream: &mut Stream, many: u64) -> (bool, String) {
        let mut text = String::new();
        let may_be_more = block_on(stream.next(&Many(many), &mut text));
        (may_be_more.expect("events"), text)
    }

    #[test]
    fn a_stream_has_each_event_once_with_its_position_and_goes_on_after_it() {
        let mut stream = Stream::new(Some("t".to_owned()), 2);
        let sent = "id: 4\ndata: {\"n\":4}\n\nid: 6\ndata: {\"n\":6}\n\n";
        assert_eq!(next(&mut stream, 3), (true, sent.to_owned()));
        assert_eq!(next(&mut stream, 3), (false, String::new()));
        let sent = "id: 8\ndata: {\"n\":8}\n\n";
        assert_eq!(next(&mut stream, 4), (true, sent.to_owned()));
    }

    #[test]
    fn a_stream_takes_no_more_at_once_than_it_may() {
        let mut stream = Stream::new(Some("t".to_owned()), 0);
        let mut counts = Vec::new();
        while let (true, sent) = next(&mut stream, EVENTS_AT_ONCE_MAX + 1) {
            counts.push(sent.matches("id: ").count());
        }
        assert_eq!(counts, [100, 1]);
    }

    #[test]
    fn a_record_with_line_breaks_is_one_event_all_the_same() {
        let mut text = String::new();
        let event = Stored {
            position: 1,
            json: "{\n\"a\":\r1}\n\nid: 7".to_owned(),
        };
        super::push(&mut text, &event);
        let lines = "id: 1\ndata: {\ndata: \"a\":\ndata: 1}\ndata: \ndata: id: 7\n\n";
        assert_eq!(text, lines);
    }

    #[test]
    fn what_is_sent_besides_is_no_event() {
        let stream = Stream::new(None, 7);
        assert_eq!(stream.opening(), "retry: 2000\nid: 7\n\n");
        assert!(HEARTBEAT.starts_with(':') && HEARTBEAT.ends_with("\n\n"));
    }
}
