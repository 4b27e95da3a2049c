//! A batch as one message of MQTT 3.1.1.
//!
//! MQTT has no field for a media type there: a message is a batch in the JSON format of CloudEvents 1.0, always.

use crate::record::Batch;

/// The longest name of a topic, in bytes. MQTT has more (65,535); nobody needs them.
pub const TOPIC_BYTES_MAX: usize = 1_024;

/// The name of a topic that one can publish to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Topic(String);

impl Topic {
    /// A topic of this name.
    ///
    /// # Errors
    /// It is empty, longer than [`TOPIC_BYTES_MAX`], or has what the name of a topic cannot have: `+`, `#` and U+0000
    /// (MQTT 3.1.1 §4.7). Those that begin with `$` are a server's own (§4.7.2).
    pub fn new(name: &str) -> Result<Self, &'static str> {
        let has_length = !name.is_empty() && name.len() <= TOPIC_BYTES_MAX;
        if !has_length || name.contains(['+', '#', '\0']) || name.starts_with('$') {
            return Err(
                "a topic has 1 to 1,024 bytes, no `+`, `#` or U+0000, and no `$` at its beginning",
            );
        }
        Ok(Self(name.to_owned()))
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.0
    }
}

/// The message for a batch.
#[must_use]
pub fn message(batch: &Batch) -> Vec<u8> {
    batch.json_array().into_bytes()
}

#[cfg(test)]
mod tests {
    use super::Topic;

    #[test]
    fn a_topic_is_one_that_can_be_published_to() {
        for (name, is_topic) in [
            ("events", true),
            ("a/b/ c/ä", true),
            ("", false),
            ("a/+/b", false),
            ("a/#", false),
            ("$SYS/a", false),
            ("a\0", false),
        ] {
            assert_eq!(Topic::new(name).is_ok(), is_topic, "{name:?}");
        }
    }
}
