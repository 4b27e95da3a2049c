//! Phase 7 in the gateway: from a request that was let through to an upstream's answer.
//!
//! The gate is linked in: what arrives here has a permit, and no component is crossed on the way. Which
//! upstream a route has, how it is asked again and when it is left alone, the policy says; how that is
//! decided is in `traffic`, and what is sent, in [`head`].

mod ask;
mod attempt;
mod call;
mod head;
mod mirror;
mod response_trailers;
mod state;

#[cfg(feature = "health")]
pub(crate) use self::state::UpstreamHealth;
pub(crate) use self::state::Upstreams;

use doorward_policy::{Permit, Policy, Refusal};
use doorward_traffic::address::{Client, limit_key};
use doorward_traffic::forwarded::loops;
use doorward_traffic::limits::LimitExceeded;
use doorward_traffic::retry::{End, Repeatable};
use doorward_traffic::split::{Split, SplitKey};
use doorward_traffic::way_back::WayBack;
use std::net::IpAddr;
use std::rc::Rc;

use self::ask::{Answered, Failure};
use self::attempt::Passing;
use self::call::{Call, Then};
use self::mirror::Mirror;
use self::state::Known;
use crate::admitted::Admitted;
use crate::body::Body;
use crate::observe;
use crate::platform::Platform;
use crate::received::Received;
use crate::record::Record;

/// A request that has been here before is refused (RFC 8586): it would come again and again.
///
/// # Errors
/// It has been here before.
pub(crate) fn refuse_loop(policy: &Policy, received: &Received) -> Result<(), Refusal> {
    if loops(&policy.proxy().name, &received.values("cdn-loop")) {
        return Err(Refusal::looped());
    }
    Ok(())
}

/// Asks the upstream of the request's route, and answers with what it says.
///
/// # Errors
/// What the host says where it does not accept the response.
pub(crate) async fn answer<P: Platform>(
    admitted: Admitted<'_, P>,
    upstreams: &Upstreams<P>,
) -> Result<P::Response, P::Error> {
    let Admitted {
        ground,
        request,
        received,
        permit,
        mut record,
        body_count,
        needs_type,
        additions,
        ..
    } = admitted;
    let (platform, policy) = (&ground.platform, &ground.policy);
    let client = ground.client(&received);
    let trusted_hops = policy.proxy().trusted.hops;
    let provenance = head::Provenance::of::<P>(&request, &received, client, trusted_hops);
    let mut body = Body::of(request, &received, body_count, ground).await;
    if let Some(body) = &mut body {
        body.hold();
    }
    if needs_type && let Some(body) = body {
        body.read_on();
        let refusal = Refusal::limit(LimitExceeded::ContentType);
        record.closes(received.target);
        return observe::refused(platform, record, refusal, &additions);
    }
    let progress = body.as_ref().map(Body::progress);
    let moved = permit.traffic().rewrite_of_response();
    let outcome = match Choice::of(&permit, &received, &client, upstreams) {
        Ok(choice) => {
            let retry_on = permit.traffic().retry_on();
            let repeatable = match permit.may_have_another_method(received.fields.names()) {
                true => Repeatable::only(retry_on),
                false => Repeatable::of(&received.method, retry_on),
            };
            let call = Call {
                policy,
                repeatable,
                client: client.address.map(client_number),
                method: received.method,
                fields: head::stripped_fields(
                    ground,
                    received.fields,
                    &permit,
                    &record.trace,
                    &client,
                    &received.origin,
                    additions.is_grpc,
                ),
                permit,
                provenance,
                had_body: body.is_some(),
                body,
            };
            ask(call, choice, upstreams, &mut record).await
        }
        Err(refusal) => Err(refusal),
    };
    record.closes(received.target);
    record.body_bytes = progress.map_or(0, |progress| progress.bytes());
    let answer = outcome.and_then(|exchange| {
        let upstream = &exchange.known.upstream;
        let target = upstream.targets.at(exchange.position);
        let back = moved.map(|rewrite| WayBack::of(rewrite, target));
        let response = exchange.response;
        head::response(platform, response, upstream, back, &additions, &mut record)
    });
    match answer {
        Ok(response) => {
            let answer = Ok(response);
            observe::answered(platform, &mut record, &answer);
            answer
        }
        Err(refusal) => observe::refused(platform, record, refusal, &additions),
    }
}

/// Who has answered, and what.
struct Exchange<P: Platform> {
    known: Rc<Known<P>>,
    /// Which of its targets.
    position: usize,
    response: P::Response,
}

/// Which upstreams a request has to do with.
struct Choice<P: Platform> {
    first: Rc<Known<P>>,
    /// Who is asked where the first one fails.
    then: Option<Rc<Known<P>>>,
    mirror: Option<Rc<Known<P>>>,
}

impl<P: Platform> Choice<P> {
    fn of(
        permit: &Permit<'_>,
        received: &Received,
        client: &Client,
        upstreams: &Upstreams<P>,
    ) -> Result<Self, Refusal> {
        let traffic = permit.traffic();
        let Some(own) = traffic.upstream() else {
            let reason = format!(
                "the route {} has no `upstream`, which the gateway needs",
                permit.route()
            );
            return Err(Refusal::misconfigured(reason));
        };
        let split = traffic
            .split()
            .filter(|(split, to)| goes_there(split, &to.name, permit, received, client));
        let (first, then) = match split {
            Some((split, to)) => (to, split.fallback.then_some(own)),
            None => (own, None),
        };
        Ok(Self {
            first: upstreams.of(first),
            then: then.map(|then| upstreams.of(then)),
            mirror: traffic.mirror().map(|mirror| upstreams.of(mirror)),
        })
    }
}

/// The same number for all requests of a client.
fn client_number(address: IpAddr) -> u64 {
    let [kind, bits @ ..] = limit_key(address);
    // An IPv4 address has none of the higher ones.
    u64::from_be_bytes(bits) ^ u64::from(kind) << 56
}

fn goes_there(
    split: &Split,
    name: &str,
    permit: &Permit<'_>,
    received: &Received,
    client: &Client,
) -> bool {
    let address = || client.address.map(|address| limit_key(address).to_vec());
    let key = match split.by {
        SplitKey::Subject => permit.split_key().map(<[u8]>::to_vec).or_else(address),
        SplitKey::Client => address(),
    };
    split.goes_there(name, key.as_deref(), &|name| received.values(name))
}

async fn ask<P: Platform>(
    mut call: Call<'_, P>,
    choice: Choice<P>,
    upstreams: &Upstreams<P>,
    record: &mut Record<'_>,
) -> Result<Exchange<P>, Refusal> {
    let mut mirror = choice.mirror.map(|known| Mirror {
        mirrored: Rc::clone(&upstreams.mirrored),
        route: call.permit.route_number(),
        method: call.method.clone(),
        request_target: call.permit.target().to_owned(),
        rewrite: call.permit.traffic().rewrite().cloned(),
        fields: call.fields_for(&known.upstream, Then::Others),
        of_nobody: call.permit.is_of_nobody(),
        known,
    });
    if !call.had_body
        && let Some(mirror) = mirror.take()
    {
        mirror.send(Vec::new());
    }
    let then = match choice.then {
        Some(_) => Then::Others,
        None => Then::Nobody,
    };
    let fields = call.fields_for(&choice.first.upstream, then);
    let mut outcome = ask::ask(&mut call, &choice.first, fields, record).await;
    if let Some(then) = choice.then
        && outcome
            .as_ref()
            .map_or_else(Failure::is_of_upstream, Answered::is_failing)
        && can_go_elsewhere(&mut call, &mut outcome).await
    {
        drop(outcome);
        let fields = call.fields_for(&then.upstream, Then::Nobody);
        outcome = ask::ask(&mut call, &then, fields, record).await;
    }
    if outcome.is_err()
        && let Some(body) = call.body
    {
        body.read_on();
    }
    match outcome {
        Ok(answered) => {
            let platform = &answered.known.platform;
            answered.passing.go_on(platform, mirror);
            Ok(Exchange {
                known: answered.known,
                position: answered.position,
                response: answered.response,
            })
        }
        Err(Failure::Upstream(name, failure)) => Err(Refusal::upstream(&name, failure)),
        Err(Failure::TooLarge) => Err(Refusal::limit(LimitExceeded::BodyBytes)),
        Err(Failure::Refused(refusal)) => Err(*refusal),
    }
}

/// Whether the request can be sent to another upstream: nothing is done twice by that which may not be, and all of
/// the body is still here.
async fn can_go_elsewhere<P: Platform>(
    call: &mut Call<'_, P>,
    outcome: &mut Result<Answered<P>, Failure>,
) -> bool {
    match outcome {
        Ok(answered)
            if call.repeatable.after(&answered.end) && answered.passing.can_be_sent_again() =>
        {
            let passing = std::mem::replace(&mut answered.passing, Passing::Nothing);
            call.body = passing.back().await;
            call.body_is_whole()
        }
        Ok(_) => false,
        Err(Failure::Upstream(_, failure)) => {
            call.repeatable.after(&End::Failure(*failure)) && call.body_is_whole()
        }
        Err(_) => false,
    }
}
