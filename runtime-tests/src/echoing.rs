//! An origin that answers with what it got.

use crate::origin::{Origin, Reply, Script};

/// An origin behind the gateway, until it is dropped.
pub struct Echoing(Origin);

impl Echoing {
    /// Answers with method, target and fields. Each field whose name begins with `answer` is one of the answer.
    /// At `…/held` it answers before it has the body.
    pub async fn start(answer: &'static str) -> Self {
        let script = Script::by(move |seen, _| {
            let fields = seen.fields.iter().filter_map(|(name, value)| {
                let name = name.to_ascii_lowercase();
                Some((name.strip_prefix(answer)?.to_owned(), value))
            });
            let reply = fields.fold(Reply::echo_head(), |reply, (name, value)| {
                reply.field(&name, value)
            });
            match seen.target.ends_with("/held") {
                true => reply.early(),
                false => reply,
            }
        });
        Self(Origin::start(script).await)
    }

    /// Where it can be asked.
    pub fn url(&self) -> String {
        self.0.url()
    }

    /// Host and port.
    pub fn authority(&self) -> String {
        self.0.address().to_string()
    }

    /// How often it was asked.
    pub fn count(&self) -> usize {
        self.0.count()
    }

    /// How many bodies it got as a whole, but for empty ones.
    pub fn whole_bodies(&self) -> usize {
        let seen = self.0.requests();
        let whole = seen.iter().filter(|seen| seen.is_whole());
        whole.filter(|seen| seen.body_bytes > 0).count()
    }

    /// How many bytes of bodies it got.
    pub fn body_bytes(&self) -> u64 {
        self.0.requests().iter().map(|seen| seen.body_bytes).sum()
    }
}
