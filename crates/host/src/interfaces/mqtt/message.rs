//! What is published, checked before anything is sent.

use super::address::TEXT_BYTES_MAX;
use super::error::{MqttError, MqttResult};

/// Bytes of a payload: 16 MiB.
pub const PAYLOAD_BYTES_MAX: usize = 16 << 20;

/// How sure it is that a message arrives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::enum_variant_names, reason = "these are the names in MQTT")]
pub enum Quality {
    /// It is sent.
    AtMostOnce,
    /// The broker has it, or has it twice.
    AtLeastOnce,
    /// The broker has it once.
    ExactlyOnce,
}

/// A message.
pub struct Message {
    /// Its topic.
    pub topic: String,
    /// What it says.
    pub payload: Vec<u8>,
    /// How sure it is to arrive.
    pub quality: Quality,
}

impl Message {
    /// A message.
    ///
    /// # Errors
    ///
    /// Says why nothing can be published so (MQTT 3.1.1 sections 3.3.2.1 and 4.7).
    pub fn new(topic: String, payload: Vec<u8>, quality: Quality) -> MqttResult<Self> {
        let refused = if topic.is_empty() {
            "the topic is empty".to_owned()
        } else if topic.len() > TEXT_BYTES_MAX {
            format!("the topic has more than {TEXT_BYTES_MAX} bytes")
        } else if let Some(wrong) = topic.chars().find(|c| matches!(c, '+' | '#' | '\0')) {
            format!("the topic has {wrong:?} in it; nothing can be published to such a one")
        } else if payload.len() > PAYLOAD_BYTES_MAX {
            format!("the payload has more than {PAYLOAD_BYTES_MAX} bytes")
        } else {
            return Ok(Self {
                topic,
                payload,
                quality,
            });
        };
        Err(MqttError::Other(refused))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_has_a_topic_and_a_payload_that_can_be_sent() {
        for (topic, bytes, refused) in [
            ("a", 0, None),
            ("/a//b c/é", 1, None),
            ("a", PAYLOAD_BYTES_MAX, None),
            (&"a".repeat(TEXT_BYTES_MAX), 1, None),
            ("", 1, Some("the topic is empty")),
            ("a/+/b", 1, Some("the topic has '+' in it")),
            ("a/#", 1, Some("the topic has '#' in it")),
            ("a\0", 1, Some("the topic has '\\0' in it")),
            (
                &"é".repeat(TEXT_BYTES_MAX / 2 + 1),
                1,
                Some("the topic has more than 65535 bytes"),
            ),
            (
                "a",
                PAYLOAD_BYTES_MAX + 1,
                Some("the payload has more than 16777216 bytes"),
            ),
        ] {
            let made = Message::new(topic.to_owned(), vec![0; bytes], Quality::AtMostOnce);
            let said = match made {
                Ok(_) => None,
                Err(MqttError::Other(reason)) => Some(reason),
                Err(error) => Some(format!("{error:?}")),
            };
            let is_said = match (&said, refused) {
                (Some(said), Some(refused)) => said.starts_with(refused),
                (said, refused) => said.is_none() && refused.is_none(),
            };
            let topic: String = topic.chars().take(10).collect();
            assert!(is_said, "{topic} with {bytes} bytes: {said:?}");
        }
    }
}
