//! The way of a request, phase by phase (a picture, and who is asked in which: `docs/architecture.md`):
//!
//! 1. [`arrive`]: its head is read, and it is clear whom it is for.
//! 2. [`endpoints`](crate::endpoints): what answers by itself does: the logout path of an issuer, a question
//!    of how it is, a preflight. Those reach no service.
//! 3. [`route`]: the target is canonical, and a rule matches.
//! 4. [`limit`]: the request is within the rule's limits: its size, and how often its caller asks. Who that is, only
//!    the credential says for some; those are counted after phase 6.
//! 5. [`admit`]: the credential is extracted and genuine.
//! 6. [`authorise`]: it is not revoked, and the rule admits the caller. That yields the permit which forwarding asks
//!    for.
//! 7. [`forward`] to the next component, [`proxy`] to an upstream, or to a service in this component (`linked`, a feature).
//! 8. [`observe`]: what became of it is told.
//!
//! Each phase fills what it finds out into the [`Record`] of the request.
//!
//! Whatever fails on the way is a [`Refusal`]; there is no other way past this module.

use doorward_policy::{
    LogRule, Permit, Policy, Refusal, RequestHead, Route, Screened, ToldPrincipal,
};
use doorward_traffic::limits::BodyCount;
use doorward_traffic::trace::Trace;
#[cfg(feature = "linked")]
use std::rc::Rc;
#[cfg(feature = "report")]
use std::sync::Arc;

use crate::additions::Additions;
use crate::admit;
use crate::admitted::Admitted;
use crate::arrive;
use crate::authorise;
#[cfg(feature = "report")]
use crate::candidate;
use crate::endpoints::Endpoint;
use crate::forward::{self, Finished, NotForwarded, Permitted};
use crate::gate::Gate;
#[cfg(feature = "report")]
use crate::genuine::Genuine;
#[cfg(feature = "bundle")]
use crate::instance::Held;
use crate::instance::Instance;
use crate::limit::{self, Rates};
#[cfg(feature = "linked")]
use crate::linked::{self, IntoAnswer};
use crate::observe;
use crate::platform::Platform;
use crate::proxy;
use crate::received::Received;
use crate::record::Record;
#[cfg(feature = "report")]
use crate::report::{self, Trial};
use crate::respond;
use crate::route;
use crate::span::kind::Kind;
use crate::span::{self, Span};

/// Decides on `request`; where it is let through, hands it to `next`.
///
/// # Errors
/// What `next` answers with, and what the host says where it does not accept what the gate makes of the
/// request. A refusal is a response, not an error.
pub fn handle<P: Platform, F>(
    instance: &Instance<P>,
    request: P::Request,
    next: impl FnOnce(Permitted<P>) -> F,
) -> impl Future<Output = Result<P::Response, P::Error>>
where
    F: Future<Output = Result<P::Response, P::Error>>,
{
    span::request(&instance.platform, handed_on(instance, request, next))
}

async fn handed_on<P: Platform, F>(
    instance: &Instance<P>,
    request: P::Request,
    next: impl FnOnce(Permitted<P>) -> F,
) -> Result<P::Response, P::Error>
where
    F: Future<Output = Result<P::Response, P::Error>>,
{
    let platform = &instance.platform;
    #[cfg(feature = "bundle")]
    let held = &instance.held().await;
    #[cfg(not(feature = "bundle"))]
    let held = instance;
    let mut admitted = match enter(instance, held, request, |_, _| Ok(())).await? {
        Entered::Admitted(admitted, _) => admitted,
        Entered::Answered(response) => return Ok(response),
    };
    let additions = std::mem::take(&mut admitted.additions);
    let (refusal, record) = match forward::stripped_request(*admitted).await {
        Ok((permitted, handover)) => match handover.finish(next(permitted)).await {
            (Finished::Answer(answer), mut record) => {
                let answer = answer
                    .and_then(|answer| respond::added(platform, answer, &additions, &mut record));
                observe::answered(platform, &mut record, &answer);
                return answer;
            }
            (Finished::Refused(refusal), record) => (refusal, record),
        },
        Err(NotForwarded::Limit(exceeded, record)) => (Refusal::limit(exceeded), record),
        Err(NotForwarded::Host) => return Err(P::error("the rebuilt request was not accepted")),
    };
    observe::refused(platform, record, refusal, &additions)
}

/// Decides on `request`; where it is let through, gives it to the service that is in this component.
///
/// # Errors
/// What the service answers with, and what the host says where it does not accept the answer. A refusal is a response,
/// not an error.
#[cfg(feature = "linked")]
pub fn guard<P, A>(
    instance: &Instance<P>,
    request: P::Request,
    service: impl AsyncFnOnce(linked::Admitted<'_, P>) -> Result<A, P::Error>,
) -> impl Future<Output = Result<P::Response, P::Error>>
where
    P: Platform,
    A: IntoAnswer<P>,
{
    span::request(&instance.platform, taken_in(instance, request, service))
}

#[cfg(feature = "linked")]
async fn taken_in<P, A>(
    instance: &Instance<P>,
    request: P::Request,
    service: impl AsyncFnOnce(linked::Admitted<'_, P>) -> Result<A, P::Error>,
) -> Result<P::Response, P::Error>
where
    P: Platform,
    A: IntoAnswer<P>,
{
    let platform = &instance.platform;
    #[cfg(feature = "bundle")]
    let held = &instance.held().await;
    #[cfg(not(feature = "bundle"))]
    let held = instance;
    let mut admitted = match enter(instance, held, request, |_, _| Ok(())).await? {
        Entered::Admitted(admitted, _) => admitted,
        Entered::Answered(response) => return Ok(response),
    };
    let additions = std::mem::take(&mut admitted.additions);
    let (taken, mut record) = linked::taken_in(*admitted).await;
    let refusal = match taken {
        Err(exceeded) => Refusal::limit(exceeded),
        Ok(taken) => {
            let progress = taken.progress();
            let answer = service(linked::Admitted::of(taken, &record)).await;
            match progress.and_then(|progress| progress.told(&mut record)) {
                Some(refusal) => refusal,
                None => {
                    let answer = answer.and_then(|answer| {
                        let answer = answer.into_answer();
                        answer.with(platform, &additions, &mut record)
                    });
                    observe::answered(platform, &mut record, &answer);
                    return answer;
                }
            }
        }
    };
    observe::refused(platform, record, refusal, &additions)
}

/// Decides on `request`; where it is let through, asks the upstream that the policy names for its route.
///
/// # Errors
/// What the host says where it does not accept the response. Refusals and failures of upstreams are
/// responses, not errors.
pub fn handle_with_upstreams<P: Platform>(
    instance: &Instance<P>,
    request: P::Request,
) -> impl Future<Output = Result<P::Response, P::Error>> {
    span::request(&instance.platform, async move {
        #[cfg(feature = "bundle")]
        let held = &instance.held().await;
        #[cfg(not(feature = "bundle"))]
        let held = instance;
        match enter(instance, held, request, proxy::refuse_loop).await? {
            Entered::Admitted(admitted, gate) => proxy::answer(*admitted, gate.upstreams()).await,
            Entered::Answered(response) => Ok(response),
        }
    })
}

/// What a request holds on to: an instance has one gate for as long as it lives.
#[cfg(not(feature = "bundle"))]
type Held<P> = Instance<P>;

/// What became of a request at the gate.
enum Entered<'i, P: Platform> {
    /// It was let through, by this gate.
    Admitted(Box<Admitted<'i, P>>, &'i Gate<P>),
    /// It goes nowhere: this is the answer.
    Answered(P::Response),
}

/// Up to the permit, or an answer. `first` is asked before a route is looked for.
async fn enter<'i, P: Platform>(
    instance: &'i Instance<P>,
    held: &'i Held<P>,
    request: P::Request,
    first: fn(&Policy, &Received) -> Result<(), Refusal>,
) -> Result<Entered<'i, P>, P::Error> {
    let platform = &instance.platform;
    let fields = P::fields(&request);
    #[cfg(feature = "bundle")]
    let gate = held.gate.as_deref();
    #[cfg(not(feature = "bundle"))]
    let gate = held.gate.as_ref();
    let api_key_header = gate.and_then(|gate| gate.policy().api_key_header());
    #[cfg(feature = "access-log")]
    if let Some(gate) = gate {
        gate.read_levels().await;
    }
    let mut received = Received::of::<P>(&request, &fields, api_key_header);
    let id = instance.next_request();
    let is_trusted = || gate.is_some_and(|gate| gate.ground.client(&received).peer_is_trusted);
    let of_host = received.name.as_deref();
    let of_host = of_host.filter(|_| platform.names_requests());
    #[cfg_attr(
        not(feature = "otlp"),
        expect(unused_mut, reason = "sampled where there are spans")
    )]
    let mut trace = Trace::of(&received.fields, of_host, is_trusted, || {
        platform.random_name()
    });
    #[cfg(feature = "otlp")]
    let root = gate.and_then(|gate| {
        let rule = gate.policy().telemetry();
        span::begin_request(platform, rule, &mut trace, P::is_https(&request))
    });
    let mut record = Box::new(Record::new(id, trace, received.method.clone()));
    #[cfg(feature = "otlp")]
    {
        record.root = root;
    }
    if P::MAY_OBSERVE {
        record.log = gate.and_then(|gate| gate.policy().log());
        #[cfg(feature = "metrics")]
        let is_measured = platform.is_measured();
        #[cfg(not(feature = "metrics"))]
        let is_measured = false;
        if P::OBSERVES || is_measured || record.log.is_some() {
            let now_ns = platform.monotonic_ns();
            record.times = Some(instance.times(now_ns));
            #[cfg(feature = "metrics")]
            {
                record.arrived_ns = now_ns;
            }
        }
    }
    let mut additions = Additions::default();
    let refusal = match gate {
        #[cfg(feature = "bundle")]
        _ if let Some(refusal) = &held.lacking
            && !gate.is_some_and(|gate| Endpoint::is_how_it_is(gate, &received)) =>
        {
            refusal.clone()
        }
        Some(_) if let Err(error) = received.check_host::<P>(&request) => Refusal::host(error),
        Some(_) if received.asks_for_websocket() => Refusal::websocket(),
        Some(gate) => {
            received.origin = arrive::origin::<P>(&gate.ground, &request, &received);
            if let Some(endpoint) = Endpoint::of(gate, &received) {
                record.endpoint = Some(endpoint.name());
                let answer = endpoint
                    .answer(gate, request, &received, &record.trace)
                    .await;
                record.closes(received.target);
                let answer =
                    answer.and_then(|answer| respond::named(platform, answer, &mut record));
                observe::answered(platform, &mut record, &answer);
                return answer.map(Entered::Answered);
            }
            let verdict = match first(gate.policy(), &received) {
                Ok(()) => permit(gate, &received, &mut record, &mut additions).await,
                Err(refusal) => Err(refusal),
            };
            #[cfg(feature = "access-log")]
            if let Some(inputs) = &mut record.inputs {
                let refusal = match &verdict {
                    Ok(permit) => would_refuse(permit),
                    Err(refusal) => Some(refusal),
                };
                inputs.decided(refusal);
            }
            #[cfg(feature = "report")]
            if let Some(candidate) = &gate.candidate {
                candidate::compare(gate, candidate, verdict.as_ref(), &received, &mut record);
            }
            match verdict {
                Ok(permit) => {
                    #[cfg(feature = "report")]
                    report::tell(platform, &permit, &received, &mut record);
                    if P::MAY_OBSERVE
                        && let Some(times) = &mut record.times
                    {
                        if P::OBSERVES {
                            times.admitted = Some(platform.monotonic());
                        }
                        let rule = u64::try_from(permit.route_number() + 1);
                        record.rule = record.route.and(rule.ok());
                        let is_plain = |log: &LogRule| log.principal == ToldPrincipal::Plain;
                        if record.log.is_none_or(is_plain) {
                            record.principal = permit.principal().cloned();
                        }
                    }
                    // What waits costs components a kilobyte that never do.
                    #[cfg(feature = "access-log")]
                    if let Some(log) = record.log
                        && log.principal == ToldPrincipal::Hash
                        && let Some(caller) = permit.principal()
                    {
                        record.principal_hash = gate.hash_of(log, caller).await;
                    }
                    let limits = permit.traffic().limits();
                    let admitted = Box::new(Admitted {
                        ground: &gate.ground,
                        request,
                        fields,
                        permit,
                        record,
                        body_count: BodyCount::new(limits),
                        // Where a length is declared, that was looked at already.
                        needs_type: !received.declares_body()
                            && limits.is_some_and(|limits| {
                                !limits.takes_type(&received.values("content-type"))
                            }),
                        additions,
                        received,
                    });
                    return Ok(Entered::Admitted(admitted, gate));
                }
                Err(refusal) => refusal,
            }
        }
        None => Refusal::misconfigured(
            "the policy cannot be used: see `policy-invalid` or `policy-unreadable` in the log",
        ),
    };
    if record.route.is_none() {
        // No rule says anything, but a page should be able to read that, too.
        let cors = gate.and_then(|gate| gate.policy().cors_of(received.asked()));
        additions = Additions::without_route(cors, &received);
    }
    if let Some(gate) = gate {
        gate.ground.reading_on.request(platform, request, &received);
    }
    record.closes(received.target);
    observe::refused(platform, record, refusal, &additions).map(Entered::Answered)
}

/// What a request that goes on would have been refused as.
#[cfg(feature = "access-log")]
fn would_refuse<'a>(permit: &'a Permit<'_>) -> Option<&'a Refusal> {
    #[cfg(feature = "report")]
    let refusal = permit.would_refuse();
    #[cfg(not(feature = "report"))]
    let refusal = {
        let _ = permit;
        None
    };
    refusal
}

/// Phases 3 to 6: the permit for a request.
async fn permit<'i, P: Platform>(
    gate: &'i Gate<P>,
    received: &Received,
    record: &mut Record<'i>,
    additions: &mut Additions<'i>,
) -> Result<Permit<'i>, Refusal> {
    let head = route::head(received);
    let route = route::of(gate.policy(), &head, received, additions);
    #[cfg(feature = "access-log")]
    if record.log.is_some_and(|log| log.decision_inputs.is_some()) {
        let now = gate.platform().now();
        let inputs = gate.policy().inputs(&head, route.as_ref().ok(), now);
        record.inputs = inputs.map(Box::new);
    }
    #[cfg(feature = "report")]
    let (route, trial) = {
        let now = gate.reports.then(|| gate.platform().now());
        Trial::of(gate.policy(), now, &head, received, route, additions)?
    };
    #[cfg(not(feature = "report"))]
    let route = route?;
    record.route = Some(route.pattern());
    #[cfg(feature = "report")]
    if !trial.is_listed() {
        record.route = None;
    }
    limit::check_size(&route, received)?;
    let mut rates = Rates::of(gate, &route, received);
    #[cfg(feature = "report")]
    rates.try_out(&route, trial.now);
    let permit = match rates.before().await {
        Ok(()) => {
            let permit = authenticated_and_authorised(gate, route, &head, received, record).await;
            rates.after(permit).await
        }
        Err(refusal) => Err(refusal),
    };
    #[cfg(feature = "report")]
    let permit = trial.judge(permit, route, &head, rates.over());
    rates.report(additions, record);
    if rates.may_have_waited() {
        record.found_at = None;
    }
    if let Ok(permit) = &permit {
        additions.for_permit(permit);
    }
    permit
}

/// Phases 5 and 6: the permit for a request, by its credential where the rule asks for one.
async fn authenticated_and_authorised<'i, P: Platform>(
    gate: &'i Gate<P>,
    route: Route<'i, '_>,
    head: &RequestHead<'_>,
    received: &Received,
    record: &mut Record<'i>,
) -> Result<Permit<'i>, Refusal> {
    let pending = match route.screen(head)? {
        Screened::Public(permit) => return Ok(permit),
        Screened::Protected(pending) => pending,
    };
    let mut span = Span::begin(gate.platform(), Kind::Internal, "authentication");
    let genuine = span
        .within(admit::genuine(gate, &pending, received, record))
        .await;
    if let Some(kind) = record.credential {
        span.tell("doorward.credential", || kind.name().to_owned());
    }
    if let Some(proof) = record.proof {
        span.tell("doorward.proof", || proof.name().to_owned());
    }
    if let Err(refusal) = &genuine {
        span.fails(|| refusal.class().name().to_owned());
    }
    span.ends();
    #[cfg(feature = "metrics")]
    record.is_proved(|| gate.platform().monotonic_ns());
    let genuine = genuine?;
    #[cfg(feature = "report")]
    if let (Some(_), Genuine::Token { issuer, token, .. }) = (&gate.candidate, &genuine) {
        record.genuine = Some((Arc::clone(issuer), Arc::clone(token)));
    }
    #[cfg(feature = "linked")]
    let genuine = Rc::new(genuine);
    #[cfg(feature = "linked")]
    {
        record.genuine_caller = Some(Rc::clone(&genuine));
    }
    authorise::authorised(gate, pending, &genuine, record).await
}
