//! An origin that answers with what it got.

use super::run::world;
use crate::sim::origin::{Origin, Reply};
use serde_json::{Value, json};
use std::rc::Rc;

/// An origin behind the gateway, until it is dropped.
pub struct Echoing {
    authority: String,
    inner: Rc<Origin>,
}

impl Echoing {
    /// Answers with method, target and fields. Each field whose name begins with `answer` is one of the answer.
    pub async fn start(answer: &'static str) -> Self {
        let world = world();
        let authority = format!("127.0.0.1:{}", 20_000 + world.owner());
        let inner = Origin::at(&world, &authority);
        inner.answers(move |seen, _| {
            let headers: Vec<Value> = seen
                .fields
                .iter()
                .map(|(name, value)| json!([name, String::from_utf8_lossy(value)]))
                .collect();
            let head = json!({
                "method": seen.method,
                "target": seen.target,
                "authority": seen.authority,
                "headers": headers,
            });
            let mut reply = Reply::status(200)
                .field("content-type", "application/json")
                .body(head.to_string());
            for (name, value) in seen.fields.iter() {
                if let Some(name) = name.to_ascii_lowercase().strip_prefix(answer) {
                    reply = reply.field(name, &String::from_utf8_lossy(value));
                }
            }
            reply
        });
        Self { authority, inner }
    }

    /// Where it can be asked.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.authority)
    }

    /// Host and port.
    #[must_use]
    pub fn authority(&self) -> String {
        self.authority.clone()
    }

    /// How often it was asked.
    #[must_use]
    pub fn count(&self) -> usize {
        self.inner.count()
    }

    /// How many bodies it got as a whole, but for empty ones.
    #[must_use]
    pub fn whole_bodies(&self) -> usize {
        let seen = self.inner.seen();
        let whole = seen.iter().filter(|seen| seen.is_whole());
        whole.filter(|seen| !seen.body.is_empty()).count()
    }

    /// How many bytes of bodies it got.
    #[must_use]
    pub fn body_bytes(&self) -> u64 {
        let seen = self.inner.seen();
        seen.iter().map(|seen| seen.body.len() as u64).sum()
    }
}

impl Drop for Echoing {
    fn drop(&mut self) {
        world().vanish(&self.authority);
    }
}
