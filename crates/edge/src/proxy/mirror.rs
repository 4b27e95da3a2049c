//! A copy of a request for a second upstream, whose answer nobody waits for.
//!
//! It never holds up the request itself: it is sent beside it, or after its body, as far as that was kept
//! ([`HELD_BYTES_MAX`](crate::body::HELD_BYTES_MAX)). A request with a larger body, and one too many at a
//! time, is not mirrored.

use super::Call;
use super::attempt::{direct, failure};
use super::state::Upstreams;
use crate::clock::{self, TimedOut};
use crate::log::{self, Level};
use doorward_traffic::balance::{Outcome, Tried};
use doorward_traffic::rewrite::Rewrite;
use doorward_traffic::upstream::{Upstream, UpstreamFailure, UpstreamId};
use std::time::Duration;
use wasip3::http::client;
use wasip3::http::types::{Fields, Method, Request, Response};
use wasip3::wit_bindgen::StreamResult;
use wasip3::{wit_bindgen, wit_future, wit_stream};

/// Mirrored requests that an instance has under way at a time.
const MIRRORED_MAX: usize = 64;
/// Bytes read of an answer at a time, which are thrown away.
const READ_BYTES: usize = 16 * 1024;

/// A request to be mirrored.
pub(super) struct Mirror {
    upstreams: &'static Upstreams,
    upstream: &'static Upstream,
    id: UpstreamId,
    method: Method,
    target: String,
    rewrite: Option<&'static Rewrite>,
    fields: Vec<(String, Vec<u8>)>,
}

impl Mirror {
    pub(super) fn of(call: &mut Call, id: UpstreamId) -> Option<Self> {
        let upstream = call.policy.upstreams().get(usize::from(id))?;
        Some(Self {
            upstreams: call.gate.upstreams(),
            upstream,
            id,
            method: call.method.clone(),
            target: call.permit.target().to_owned(),
            rewrite: call.permit.traffic().rewrite(),
            fields: call.fields_for(id, false),
        })
    }

    /// Sends it with this body, beside whatever else goes on.
    pub(super) fn send(self, body: Vec<u8>) {
        let under_way = &self.upstreams.mirrored;
        if under_way.get() >= MIRRORED_MAX {
            log::event(
                Level::Warn,
                "not-mirrored",
                &[
                    ("upstream", &self.upstream.name),
                    ("reason", &"too many are under way"),
                ],
            );
            return;
        }
        under_way.set(under_way.get() + 1);
        let landing = Landing(self.upstreams);
        wit_bindgen::spawn(async move {
            let limit = Duration::from_millis(self.upstream.deadline_ms);
            // Whatever comes of it is for the mirror's own log.
            let _ = clock::within(limit, self.exchange(body)).await;
            drop(landing);
        });
    }

    async fn exchange(&self, body: Vec<u8>) -> Option<()> {
        let known = self.upstreams.of(self.id)?;
        let now = clock::monotonic();
        let ticket = match self.upstream.breaker.then(|| known.admit(now)) {
            None => None,
            Some(admitted) => Some(admitted.ok()?),
        };
        let mut fields = self.fields.clone();
        let added = known.add_credential(self.upstream, &mut fields).await;
        added.ok()?;
        let attempting = known.choose(&mut Tried::default(), true, ticket, now)?;
        let target = self.upstream.targets.get(attempting.target)?;
        let path = Rewrite::apply(self.rewrite, &self.target, &target.base_path)?;
        // All of the body is here, so its length is known, whether it was declared or not.
        fields.retain(|(name, _)| name != "content-length");
        if !body.is_empty() || !matches!(self.method, Method::Get | Method::Head) {
            let length = body.len().to_string().into_bytes();
            fields.push(("content-length".to_owned(), length));
        }
        let headers = Fields::from_list(&fields).ok()?;
        let (none, trailers) = wit_future::new(|| Ok(None));
        drop(none);
        let contents = (!body.is_empty()).then(|| {
            let (mut writer, reader) = wit_stream::new();
            wit_bindgen::spawn(async move {
                writer.write_all(body).await;
            });
            reader
        });
        let (request, _sent) = Request::new(headers, contents, trailers, None);
        direct(&request, &self.method, target, &path).ok()?;
        // A mirror that never answers has to count as one that fails, or it would be asked for ever.
        let limit = Duration::from_millis(self.upstream.first_byte_timeout_ms);
        let answer = match clock::within(limit, client::send(request)).await {
            Ok(answer) => answer.map_err(|code| failure(&code)),
            Err(TimedOut) => Err(UpstreamFailure::Timeout),
        };
        let outcome = match &answer {
            Ok(response) => Outcome::of_status(response.get_status_code()),
            Err(failure) => {
                self.tell(*failure);
                Outcome::of_failure(failure)
            }
        };
        attempting.ended(outcome, clock::monotonic());
        read_to_end(answer.ok()?).await;
        Some(())
    }

    fn tell(&self, failure: UpstreamFailure) {
        log::event(
            Level::Warn,
            "mirror-failed",
            &[("upstream", &self.upstream.name), ("reason", &failure)],
        );
    }
}

/// Reads an answer, so that its connection can be used again.
async fn read_to_end(response: Response) {
    let (outcome, outcome_reader) = wit_future::new(|| Ok(()));
    let (mut stream, trailers) = Response::consume_body(response, outcome_reader);
    drop((outcome, trailers));
    let mut buffer = Vec::with_capacity(READ_BYTES);
    loop {
        let (result, mut read) = stream.read(buffer).await;
        if !matches!(result, StreamResult::Complete(_)) {
            return;
        }
        read.clear();
        buffer = read;
    }
}

/// A mirrored request under way.
struct Landing(&'static Upstreams);

impl Drop for Landing {
    fn drop(&mut self) {
        let under_way = &self.0.mirrored;
        under_way.set(under_way.get().saturating_sub(1));
    }
}
