//! Asking one upstream, again where that helps.

use doorward_policy::Refusal;
use doorward_syntax::own_host::CLIENT_BOUND_FIELD;
use doorward_traffic::Millis;
use doorward_traffic::balance::{TargetReport, Tried};
use doorward_traffic::retry::{Again, Attempt, End, retry_after_ms};
use doorward_traffic::rewrite::Rewrite;
use doorward_traffic::status::StatusMeaning;
use doorward_traffic::trace_context::TRACEPARENT;
use doorward_traffic::upstream::{Upstream, UpstreamFailure};
use std::rc::Rc;
use std::time::Duration;

use super::attempt::{self, NoResponse, Outgoing, Passing};
use super::call::Call;
use super::state::{Known, NoCredential};
use crate::event::Event;
use crate::platform::{FieldList, Platform, millis};
use crate::record::{AskedUpstream, Record};
use crate::recording::Recording as _;
use crate::span::Span;

/// A response, and what is left of the request.
pub(super) struct Answered<P: Platform> {
    /// How the last attempt ended.
    pub(super) end: End,
    /// Which of the targets has answered.
    pub(super) position: usize,
    pub(super) known: Rc<Known<P>>,
    pub(super) response: P::Response,
    pub(super) passing: Passing<P>,
}

impl<P: Platform> Answered<P> {
    /// Whether the response says that the upstream does not work.
    pub(super) fn is_failing(&self) -> bool {
        StatusMeaning::of(P::status(&self.response)) == StatusMeaning::Failing
    }
}

/// Why there is no response.
pub(super) enum Failure {
    /// The upstream of this name did not answer.
    Upstream(String, UpstreamFailure),
    /// The request is larger than it may be.
    TooLarge,
    /// It cannot be sent to any upstream.
    Refused(Box<Refusal>),
}

impl Failure {
    /// Whether another upstream could do better.
    pub(super) fn is_of_upstream(&self) -> bool {
        matches!(self, Self::Upstream(..))
    }
}

fn refused(refusal: Refusal) -> Failure {
    Failure::Refused(Box::new(refusal))
}

/// Asks an upstream with these fields until it answers, or it is of no use to ask again.
pub(super) async fn ask<P: Platform>(
    call: &mut Call<'_, P>,
    known: &Rc<Known<P>>,
    mut fields: FieldList,
    record: &mut Record<'_>,
) -> Result<Answered<P>, Failure> {
    if P::MAY_OBSERVE && record.times.is_some() {
        record
            .upstreams
            .push(AskedUpstream::nobody_yet(&known.upstream));
    }
    let (platform, upstream) = (&known.platform, &known.upstream);
    let of_nobody = call.permit.is_of_nobody();
    if let Err(NoCredential) = known.add_credential(&mut fields, of_nobody).await {
        let reason = format!(
            "the credential for the upstream {} cannot be read: see `variable-unreadable` in the log",
            upstream.name
        );
        return Err(refused(Refusal::misconfigured(reason)));
    }
    if platform.ends_with_client() {
        fields.push(CLIENT_BOUND_FIELD, "1");
    }
    let route = call.permit.route_number();
    known.request();
    let began = platform.monotonic();
    let mut now = began;
    let admission = match upstream
        .breaker
        .then(|| known.admit(route, call.client, now))
    {
        None => None,
        Some(Ok(admission)) => Some(admission),
        Some(Err(open)) => {
            #[cfg(feature = "metrics")]
            if let Some(asked) = record.upstreams.last_mut() {
                asked.breaker_was_open = true;
            }
            let retry_after_s = open.retry_after_ms.div_ceil(1000).max(1);
            let failure = UpstreamFailure::BreakerOpen { retry_after_s };
            return Err(Failure::Upstream(upstream.name.clone(), failure));
        }
    };
    let mut tried = Tried::default();
    let mut attempts = 0;
    loop {
        attempts += 1;
        let may_probe = call.repeatable.after_anything() && call.body_is_whole();
        let attempting = known.choose(route, &mut tried, may_probe, now);
        let target = attempting.target;
        let rewrite = call.permit.traffic().rewrite();
        let Some(path) = Rewrite::apply(rewrite, call.permit.target(), &target.base_path) else {
            let reason = "the path does not begin with the route's `strip_prefix` or `replace`";
            return Err(refused(Refusal::misconfigured(reason)));
        };
        let mut span = Span::of_exchange(platform, &call.method);
        let own_fields = span.child_of(&record.trace.span).map(|child| {
            let mut fields = fields.clone();
            fields.replace(TRACEPARENT, child.as_bytes());
            fields
        });
        let outgoing = Outgoing {
            method: &call.method,
            target,
            path: &path,
            fields: own_fields.as_ref().unwrap_or(&fields),
            left_ms: left_ms(upstream, began, now).max(1),
        };
        let body = call.body.take();
        let (answer, passing) = span.within(attempt::send(&outgoing, known, body)).await;
        let scheme = if target.tls { "https" } else { "http" };
        span.tells_of_peer(scheme, &target.authority, &path);
        span.tell("doorward.upstream", || upstream.name.clone());
        if attempts > 1 {
            span.number("http.request.resend_count", u64::from(attempts) - 1);
        }
        match &answer {
            Ok((status, _)) => span.answered(*status),
            Err(NoResponse::Failure(failure)) => span.fails(|| failure.name().to_owned()),
            Err(_) => span.fails(|| "request".to_owned()),
        }
        span.ends();
        let now_ns = platform.monotonic_ns();
        now = millis(now_ns);
        let position = attempting.position;
        let (report, end, response) = match answer {
            Ok((status, response)) => {
                let report = TargetReport::of_status(status);
                attempting.ended(report, now);
                let works = StatusMeaning::of(status) == StatusMeaning::Works;
                let end = End::Status {
                    status,
                    retry_after_ms: (!works).then(|| retry_after(platform, &response)).flatten(),
                };
                record.attempted(position, end);
                if works {
                    if let Some(admission) = admission {
                        admission.ended(report, now);
                    }
                    record.answers_now(now_ns);
                    return Ok(Answered {
                        end,
                        position,
                        known: Rc::clone(known),
                        response,
                        passing,
                    });
                }
                (report, end, Some(response))
            }
            Err(NoResponse::Failure(failure)) => {
                record.attempted(position, End::Failure(failure));
                let report = TargetReport::of_failure(&failure);
                attempting.ended(report, now);
                platform.record(&Event::UpstreamFailed {
                    trace: &record.trace,
                    upstream: &upstream.name,
                    target: &target.authority,
                    failure,
                });
                (report, End::Failure(failure), None)
            }
            Err(NoResponse::TooLarge) => {
                call.body = passing.back().await;
                return Err(Failure::TooLarge);
            }
            Err(NoResponse::Incomplete) => return Err(refused(Refusal::incomplete_body())),
            Err(NoResponse::SlowClient) => return Err(refused(Refusal::slow_body())),
            Err(NoResponse::NotAccepted) => {
                let reason = "the host does not accept the request for the upstream";
                return Err(refused(Refusal::misconfigured(reason)));
            }
        };
        let mut attempt = Attempt {
            attempts,
            end,
            repeatable: call.repeatable,
            body_is_whole: true,
            can_fail_over: known.can_fail_over(route, &tried),
            left_ms: left_ms(upstream, began, now),
        };
        let passing = match response {
            // Nobody reads the body any more, so it is of use only for another attempt.
            None => {
                call.body = passing.back().await;
                attempt.body_is_whole = call.body_is_whole();
                Passing::Nothing
            }
            Some(_) => {
                attempt.body_is_whole = !call.had_body || passing.can_be_sent_again();
                passing
            }
        };
        match (known.again(&attempt), response) {
            (Again::After { ms }, response) => {
                drop(response);
                if let body @ Some(_) = passing.back().await {
                    call.body = body;
                }
                if ms > 0 {
                    platform.pause(Duration::from_millis(ms)).await;
                    now = platform.monotonic();
                }
            }
            (Again::No(why), response) => {
                record.no_more(why);
                if let Some(admission) = admission {
                    admission.ended(report, now);
                }
                return match (response, end) {
                    (Some(response), end) => Ok(Answered {
                        end,
                        position,
                        known: Rc::clone(known),
                        response,
                        passing,
                    }),
                    (None, End::Failure(failure)) => {
                        Err(Failure::Upstream(upstream.name.clone(), failure))
                    }
                    (None, End::Status { .. }) => {
                        let failure = UpstreamFailure::Malformed;
                        Err(Failure::Upstream(upstream.name.clone(), failure))
                    }
                };
            }
        }
    }
}

/// What is left of the time for all attempts, in milliseconds.
fn left_ms(upstream: &Upstream, began: Millis, now: Millis) -> u64 {
    upstream.deadline_ms.saturating_sub(now.since(began))
}

fn retry_after<P: Platform>(platform: &P, response: &P::Response) -> Option<u64> {
    let values = P::values(&P::response_fields(response), "retry-after");
    let value = values.first()?;
    retry_after_ms(value, platform.now().0)
}
