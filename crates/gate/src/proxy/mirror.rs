//! A copy of a request for a second upstream, whose answer nobody waits for.
//!
//! It never holds up the request itself: it is sent beside it, or after its body, as far as that was kept
//! ([`HELD_BYTES_MAX`](crate::body::HELD_BYTES_MAX)). A request with a larger body, and one too many at a
//! time, is not mirrored.

use doorward_traffic::balance::{TargetReport, Tried};
use doorward_traffic::by_route::RouteNumber;
use doorward_traffic::rewrite::Rewrite;
use doorward_traffic::upstream::UpstreamFailure;
use std::borrow::Cow;
use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use super::state::Known;
use crate::clock::{self, TimedOut};
use crate::event::Event;
use crate::platform::{Destination, FieldList, Platform, RequestLine, Stop};
use crate::recording::Recording as _;

/// Mirrored requests that an instance has under way at a time.
const MIRRORED_MAX: usize = 64;
/// Bytes read of an answer at a time, which are thrown away.
const READ_BYTES: usize = 16 * 1024;

/// A request to be mirrored.
pub(super) struct Mirror<P: Platform> {
    pub(super) known: Rc<Known<P>>,
    /// How many are under way.
    pub(super) mirrored: Rc<Cell<usize>>,
    pub(super) route: RouteNumber,
    pub(super) method: Cow<'static, str>,
    pub(super) request_target: String,
    pub(super) rewrite: Option<Rewrite>,
    pub(super) fields: FieldList,
    /// Whether nobody was let through.
    pub(super) of_nobody: bool,
}

impl<P: Platform> Mirror<P> {
    /// Sends it with this body, beside whatever else goes on.
    pub(super) fn send(self, body: Vec<u8>) {
        let platform = self.known.platform.clone();
        let under_way = &self.mirrored;
        if under_way.get() >= MIRRORED_MAX {
            let upstream = &self.known.upstream.name;
            platform.record(&Event::NotMirrored { upstream });
            return;
        }
        under_way.set(under_way.get() + 1);
        let counted = Counted(Rc::clone(under_way));
        platform.spawn(async move {
            let limit = Duration::from_millis(self.known.upstream.deadline_ms);
            // Whatever comes of it is for the mirror's own log.
            let _ = clock::within(&self.known.platform, limit, self.exchange(body)).await;
            drop(counted);
        });
    }

    async fn exchange(&self, body: Vec<u8>) -> Option<()> {
        let known = &self.known;
        let (platform, upstream) = (&known.platform, &known.upstream);
        let now = platform.monotonic();
        let mut fields = self.fields.clone();
        let credential = known.add_credential(&mut fields, self.of_nobody);
        credential.await.ok()?;
        // Last, since whoever is admitted says how it ended. Nobody waits for it, so whose request it is does not
        // matter.
        let admission = match upstream.breaker.then(|| known.admit(self.route, None, now)) {
            None => None,
            Some(admitted) => Some(admitted.ok()?),
        };
        let attempting = known.choose(self.route, &mut Tried::default(), true, now);
        let target = attempting.target;
        let path = Rewrite::apply(
            self.rewrite.as_ref(),
            &self.request_target,
            &target.base_path,
        )?;
        // All of the body is here, so its length is known, whether it was declared or not.
        fields.retain(|name| name != "content-length");
        if !body.is_empty() || !matches!(&*self.method, "GET" | "HEAD") {
            fields.push("content-length", body.len().to_string());
        }
        let contents = if body.is_empty() {
            let (silence, contents) = platform.empty();
            drop(silence);
            contents
        } else {
            platform.bytes(body)
        };
        let to = Destination {
            https: target.tls,
            authority: Some(&target.authority),
            content_length: None,
        };
        let line = RequestLine {
            method: &self.method,
            target: &path,
        };
        let request = platform.request(&to, line, &fields, contents, None).ok()?;
        // A mirror that never answers has to count as one that fails, or it would be asked for ever.
        let limit = Duration::from_millis(upstream.first_byte_timeout_ms);
        let answer = match clock::within(platform, limit, platform.send(request)).await {
            Ok(answer) => answer.map_err(|error| P::failure(&error)),
            Err(TimedOut) => Err(UpstreamFailure::Timeout),
        };
        let outcome = match &answer {
            Ok(response) => TargetReport::of_status(P::status(response)),
            Err(failure) => {
                self.log_failure(*failure);
                TargetReport::of_failure(failure)
            }
        };
        let now = platform.monotonic();
        attempting.ended(outcome, now);
        if let Some(admission) = admission {
            admission.ended(outcome, now);
        }
        read_to_end(platform, answer.ok()?).await;
        Some(())
    }

    fn log_failure(&self, failure: UpstreamFailure) {
        self.known.platform.record(&Event::MirrorFailed {
            upstream: &self.known.upstream.name,
            failure,
        });
    }
}

/// Reads an answer, so that its connection can be used again.
async fn read_to_end<P: Platform>(platform: &P, response: P::Response) {
    let mut source = platform.response_source(response);
    let mut buffer = Vec::with_capacity(READ_BYTES);
    loop {
        let mut read = P::read(&mut source, buffer, &Stop::never()).await;
        if read.ended {
            return;
        }
        read.buffer.clear();
        buffer = read.buffer;
    }
}

/// A mirrored request under way, which counts among those until it is dropped.
struct Counted(Rc<Cell<usize>>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.set(self.0.get().saturating_sub(1));
    }
}
