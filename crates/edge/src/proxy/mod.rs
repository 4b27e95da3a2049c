//! From a request that was let through to an upstream's answer.
//!
//! The gate is linked in: what arrives here has a permit, and no component is crossed on the way. Which
//! upstream a route has, how it is asked again and when it is left alone, the policy says; how that is
//! decided is in `traffic`, and what is sent, in [`head`].

mod ask;
mod attempt;
mod head;
mod mirror;
mod state;

pub(crate) use self::state::Upstreams;

use self::ask::{Answered, Failure};
use self::mirror::Mirror;
use crate::body::Body;
use crate::gate::{Admitted, Gate, Told};
use crate::received::{Received, method_name};
use crate::respond;
use doorward_policy::{Permit, Policy, Refusal};
use doorward_traffic::address::{Client, limit_key};
use doorward_traffic::forwarded::loops;
use doorward_traffic::limits::LimitExceeded;
use doorward_traffic::retry::is_idempotent;
use doorward_traffic::split::{Split, SplitKey};
use doorward_traffic::upstream::{Upstream, UpstreamId};
use wasip3::http::types::{ErrorCode, Method, Response};

/// A request that has been here before is refused (RFC 8586): it would come again and again.
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
pub(crate) async fn answer(admitted: Admitted) -> Result<Response, ErrorCode> {
    let Admitted {
        request,
        received,
        permit,
        policy,
        gate,
        body_count,
        needs_type,
        additions,
    } = admitted;
    let client = gate.client(&received);
    let trusted_hops = policy.proxy().trusted.hops;
    let way = head::Way::of(&request, &received, client, trusted_hops);
    let mut body = Body::of(request, &received, body_count, policy).await;
    if let Some(body) = &mut body {
        body.hold();
    }
    if body.is_some() && needs_type {
        let refusal = Refusal::limit(LimitExceeded::ContentType);
        received.told().tell(&refusal);
        return respond::refusal(&refusal, &additions);
    }
    let method = received.method.clone();
    let names = received.entries.iter().map(|(name, _)| name.as_str());
    let outcome = match Choice::of(&permit, &received, &client, policy) {
        Ok(choice) => {
            let call = Call {
                gate,
                policy,
                idempotent: is_idempotent(method_name(&received.method))
                    && !permit.may_have_another_method(names),
                method: received.method,
                fields: head::fields(received.entries, &permit, &client, &received.origin),
                permit,
                way,
                had_body: body.is_some(),
                body,
            };
            call.ask(choice).await
        }
        Err(refusal) => Err(refusal),
    };
    let refusal = match outcome {
        Ok((upstream, response)) => match head::response(response, upstream, &additions) {
            Ok(response) => return Ok(response),
            Err(refusal) => refusal,
        },
        Err(refusal) => refusal,
    };
    let target = received.target;
    Told { method, target }.tell(&refusal);
    respond::refusal(&refusal, &additions)
}

/// Which upstreams a request has to do with.
struct Choice {
    first: UpstreamId,
    /// Who is asked where the first one fails.
    then: Option<UpstreamId>,
    mirror: Option<UpstreamId>,
}

impl Choice {
    fn of(
        permit: &Permit<'static>,
        received: &Received,
        client: &Client,
        policy: &Policy,
    ) -> Result<Self, Refusal> {
        let traffic = permit.traffic();
        let Some(own) = traffic.upstream() else {
            let reason = format!("the route {} has no upstream", permit.route());
            return Err(Refusal::misconfigured(reason));
        };
        let mut choice = Self {
            first: own,
            then: None,
            mirror: traffic.mirror(),
        };
        if let Some(split) = traffic.split()
            && goes_there(split, permit, received, client, policy)
        {
            choice.first = split.to;
            choice.then = split.fallback.then_some(own);
        }
        Ok(choice)
    }
}

fn goes_there(
    split: &Split,
    permit: &Permit<'static>,
    received: &Received,
    client: &Client,
    policy: &Policy,
) -> bool {
    let name = upstream(policy, split.to).map_or("", |upstream| upstream.name.as_str());
    let address = || client.address.map(|address| limit_key(address).to_vec());
    let key = match split.by {
        SplitKey::Subject => permit.split_key().map(<[u8]>::to_vec).or_else(address),
        SplitKey::Client => address(),
    };
    split.goes_there(name, key.as_deref(), &|name| received.values(name))
}

fn upstream(policy: &Policy, id: UpstreamId) -> Option<&Upstream> {
    policy.upstreams().get(usize::from(id))
}

/// A request on its way to upstreams.
struct Call {
    gate: &'static Gate,
    policy: &'static Policy,
    method: Method,
    idempotent: bool,
    /// Its target as it was authorised, and what becomes of it.
    permit: Permit<'static>,
    /// What is sent to every upstream.
    fields: Vec<(String, Vec<u8>)>,
    way: head::Way,
    had_body: bool,
    /// `None`: there is none, or it was passed on and did not come back.
    body: Option<Body>,
}

impl Call {
    async fn ask(mut self, choice: Choice) -> Result<(&'static Upstream, Response), Refusal> {
        let mut mirror = choice.mirror.and_then(|id| Mirror::of(&mut self, id));
        if !self.had_body
            && let Some(mirror) = mirror.take()
        {
            mirror.send(Vec::new());
        }
        let fields = self.fields_for(choice.first, choice.then.is_none());
        let mut outcome = ask::ask(&mut self, choice.first, fields).await;
        if let Some(then) = choice.then
            && outcome
                .as_ref()
                .map_or_else(Failure::is_of_upstream, Answered::is_failing)
            && self.can_go_elsewhere(&mut outcome).await
        {
            drop(outcome);
            let fields = self.fields_for(then, true);
            outcome = ask::ask(&mut self, then, fields).await;
        }
        match outcome {
            Ok(answered) => {
                answered.passing.go_on(mirror);
                Ok((answered.upstream, answered.response))
            }
            Err(Failure::Upstream(name, failure)) => Err(Refusal::upstream(name, failure)),
            Err(Failure::TooLarge) => Err(Refusal::limit(LimitExceeded::BodyBytes)),
            Err(Failure::Refused(refusal)) => Err(*refusal),
        }
    }

    /// Whether the request can be sent to another upstream: nothing can have been done by the first one,
    /// or doing it twice is the same as once, and all of the body is still here.
    async fn can_go_elsewhere(&mut self, outcome: &mut Result<Answered, Failure>) -> bool {
        match outcome {
            Ok(answered) if self.idempotent && answered.passing.can_be_sent_again() => {
                self.body = std::mem::take(&mut answered.passing).back().await;
                self.body_is_whole()
            }
            Ok(_) => false,
            Err(Failure::Upstream(_, failure)) => {
                (self.idempotent || failure.sent_nothing()) && self.body_is_whole()
            }
            Err(_) => false,
        }
    }

    /// What is sent to this upstream, but for a credential of ours. After the `last` one there is nothing to
    /// send any more.
    fn fields_for(&mut self, id: UpstreamId, last: bool) -> Vec<(String, Vec<u8>)> {
        let mut fields = match last {
            true => std::mem::take(&mut self.fields),
            false => self.fields.clone(),
        };
        let Some(upstream) = upstream(self.policy, id) else {
            return fields;
        };
        let name = &self.policy.proxy().name;
        self.way.add_to(&mut fields, name, upstream.tells_host);
        head::edit(&mut fields, &upstream.request_fields);
        fields
    }

    fn body_is_whole(&self) -> bool {
        match &self.body {
            Some(body) => body.can_be_sent_again(),
            None => !self.had_body,
        }
    }
}
