//! A batch as one command to Redis.
//!
//! One `EVAL` adds the events to a stream that were not added before. A script is atomic (and one transaction in the
//! append-only file), so a batch is there whole or not at all, and is the same again when it is sent twice.

use crate::record::Batch;
use crate::sink::{SinkError, Written};

/// The command that runs the script.
pub const COMMAND: &str = "EVAL";

/// How long Redis remembers which events there were, in seconds: a day. Who sends an event again does so sooner.
pub const REMEMBERED_S: u32 = 24 * 60 * 60;

/// The longest name of a stream, in bytes.
pub const STREAM_BYTES_MAX: usize = 128;

/// Adds events, and says how many of them were there before.
///
/// `KEYS[1]` is the stream, the others say that an event was there. `ARGV[1]` is how many entries the stream has at most
/// (0: no bound), `ARGV[2]` for how long events are remembered, and then there are four values for each event.
/// An event is added before it is remembered: nothing is taken back of a script that ends in the middle, and what was
/// remembered and not added would be lost when it comes again.
const SCRIPT: &str = "\
local known = 0
for i = 2, #KEYS do
  if redis.call('EXISTS', KEYS[i]) == 1 then
    known = known + 1
  else
    local a = (i - 2) * 4 + 3
    if ARGV[1] == '0' then
      redis.call('XADD', KEYS[1], '*', 'source', ARGV[a], 'id', ARGV[a + 1], 'type', ARGV[a + 2], 'event', ARGV[a + 3])
    else
      redis.call('XADD', KEYS[1], 'MAXLEN', '~', ARGV[1], '*', 'source', ARGV[a], 'id', ARGV[a + 1], 'type', ARGV[a + 2], 'event', ARGV[a + 3])
    end
    redis.call('SET', KEYS[i], '1', 'EX', ARGV[2])
  end
end
return known
";

/// The stream that events are added to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stream {
    name: String,
    entries_max: u64,
}

impl Stream {
    /// A stream of this name, which has about so many entries at most and loses the oldest ones then. 0: it keeps all.
    ///
    /// # Errors
    /// The name is empty, longer than [`STREAM_BYTES_MAX`], or has a brace: what is remembered of its events has the name
    /// in braces, so that in a cluster all keys of the script are in one place.
    pub fn new(name: &str, entries_max: u64) -> Result<Self, &'static str> {
        let is_name = !name.is_empty() && name.len() <= STREAM_BYTES_MAX;
        if !is_name || name.contains(['{', '}']) {
            return Err("is no name of a stream: that has 1 to 128 bytes and no braces");
        }
        if i64::try_from(entries_max).is_err() {
            return Err("has a bound that Redis does not take");
        }
        Ok(Self {
            name: name.to_owned(),
            entries_max,
        })
    }

    /// The arguments of [`COMMAND`] for a batch.
    #[must_use]
    pub fn arguments(&self, batch: &Batch) -> Vec<Vec<u8>> {
        let records = batch.records();
        let count = records.len();
        // The script, the number of keys, the stream, two settings, and five for each record.
        let mut arguments = Vec::with_capacity(count.saturating_mul(5).saturating_add(5));
        arguments.push(SCRIPT.as_bytes().to_vec());
        arguments.push(count.saturating_add(1).to_string().into_bytes());
        arguments.push(self.name.clone().into_bytes());
        arguments.extend(batch.records().map(|record| {
            // Neither has a line break, so no two events have one key.
            let parts = ["{", &self.name, "}:seen:", record.source, "\n", record.id];
            parts.concat().into_bytes()
        }));
        arguments.push(self.entries_max.to_string().into_bytes());
        arguments.push(REMEMBERED_S.to_string().into_bytes());
        for record in records {
            let values = [record.source, record.id, record.kind, record.json];
            arguments.extend(values.map(|value| value.as_bytes().to_vec()));
        }
        arguments
    }
}

/// What became of a batch by the number in Redis's answer.
///
/// # Errors
/// It is not a number of duplicates.
pub fn written(batch: &Batch, answer: Option<i64>) -> Result<Written, SinkError> {
    let duplicates = answer.and_then(|known| u64::try_from(known).ok());
    let is_possible = |known: &u64| usize::try_from(*known).is_ok_and(|known| known <= batch.len());
    match duplicates.filter(is_possible) {
        Some(duplicates) => Ok(Written { duplicates }),
        None => Err(SinkError::NotNow(
            "Redis answers what the script never returns".to_owned(),
        )),
    }
}

/// What an error that Redis answers means, as the host says it: `WORD: rest`, or in the words of who signs in for it.
#[must_use]
pub fn refusal(reason: &str) -> SinkError {
    /// The stream's key is something else, the user may not do this, or there are no scripts. A long command of somebody
    /// who has not signed in is not even read (`unauthenticated … length`).
    const NEVER: [&str; 10] = [
        "WRONGTYPE",
        "NOAUTH",
        "WRONGPASS",
        "NOPERM",
        "AuthenticationFailed",
        "Protocol error: unauthenticated",
        "ERR: unknown command",
        "can't run this command",
        "ACL failure",
        "exhausted the last possible ID",
    ];
    match NEVER.iter().any(|word| reason.contains(word)) {
        true => SinkError::Never(format!("Redis: {reason}")),
        false => SinkError::NotNow(format!("Redis: {reason}")),
    }
}

#[cfg(test)]
#[expect(clippy::expect_used, reason = "tests")]
mod tests {
    use super::{REMEMBERED_S, Stream, refusal, written};
    use crate::record::{Batch, Record};
    use crate::sink::{SinkError, Written};

    fn batch() -> Batch {
        let mut batch = Batch::new();
        for id in ["1", "2"] {
            batch.push(&Record {
                id,
                source: "urn:a",
                kind: "t",
                time_ms: None,
                json: "{}",
            });
        }
        batch
    }

    #[test]
    fn a_batch_is_one_script_with_a_key_and_four_values_for_each_event() {
        let stream = Stream::new("events", 0).expect("a name");
        let arguments = stream.arguments(&batch());
        let texts: Vec<_> = arguments
            .iter()
            .skip(1)
            .map(|argument| String::from_utf8_lossy(argument).into_owned())
            .collect();
        let remembered = REMEMBERED_S.to_string();
        let expected = [
            "3",
            "events",
            "{events}:seen:urn:a\n1",
            "{events}:seen:urn:a\n2",
            "0",
            &remembered,
            "urn:a",
            "1",
            "t",
            "{}",
            "urn:a",
            "2",
            "t",
            "{}",
        ];
        assert_eq!(texts, expected);
    }

    #[test]
    fn a_stream_has_a_name_that_leaves_all_keys_in_one_place() {
        for name in ["", "a{b}c", "}", &"x".repeat(129)] {
            assert!(Stream::new(name, 0).is_err(), "{name}");
        }
        assert!(Stream::new("events", 1 << 63).is_err());
    }

    #[test]
    fn an_answer_is_the_number_of_events_that_were_there() {
        assert_eq!(written(&batch(), Some(2)), Ok(Written { duplicates: 2 }));
        for answer in [None, Some(-1), Some(3)] {
            assert!(written(&batch(), answer).is_err(), "{answer:?}");
        }
    }

    #[test]
    fn what_only_the_operator_can_mend_is_not_tried_again() {
        for (reason, is_for_ever) in [
            (
                "WRONGTYPE: Operation against a key holding the wrong kind of value",
                true,
            ),
            (
                "NOPERM: this user has no permissions to run the 'eval' command",
                true,
            ),
            ("NOAUTH: Authentication required.", true),
            (
                "ERR: Protocol error: unauthenticated multibulk length",
                true,
            ),
            (
                "no connection to Redis at 127.0.0.1:1: Password authentication failed - AuthenticationFailed",
                true,
            ),
            (
                "ERR: unknown command 'EVAL', with args beginning with: ",
                true,
            ),
            ("LOADING: Redis is loading the dataset in memory", false),
            (
                "OOM: command not allowed when used memory > 'maxmemory'.",
                false,
            ),
            (
                "READONLY: You can't write against a read only replica.",
                false,
            ),
        ] {
            let is_never = matches!(refusal(reason), SinkError::Never(_));
            assert_eq!(is_never, is_for_ever, "{reason}");
        }
    }
}
