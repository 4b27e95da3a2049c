//! A second policy that decides beside the enforced one (`candidate`), and changes nothing.
//!
//! It is asked about the same request, with what the enforced policy has found out by itself: the credential that proved
//! genuine, and keys that are at hand. Nothing is fetched, asked, stored or counted for it, and it makes no permit that
//! anybody could use: what it says is a name for the log. What it cannot know, it says is undecidable.

use std::sync::Arc;

use doorward_policy::{
    ApiKeys, Authenticated, Credential, Issuer, Pending, Permit, Policy, Reason, Refusal,
    RequestHead, Screened,
};
use doorward_token::api_key::{ApiKey, KeyRecord, VerifiedKey};
use doorward_token::revocation::RevocationSet;
use doorward_token::{UnixTime, UnverifiedToken, VerifiedToken};

use crate::differs::CandidateDiffers;
use crate::event::Event;
use crate::gate::Gate;
use crate::platform::Platform;
use crate::received::Received;
use crate::record::Record;
use crate::recording::Recording as _;
use crate::route;
use crate::thinned::Cause;

/// By whose keys or word a token is genuine, and the token.
type Genuine = (Arc<Issuer>, Arc<VerifiedToken>);

/// What a policy says of a request.
enum Said<'p> {
    /// It would go on, by the rule with this path.
    Admitted(&'p str),
    /// It would not.
    Refused(Refusal),
    /// That depends on something that only the policy itself would find out, and what.
    Undecidable(Cause),
}

/// Asks the candidate about a request that was decided, and tells where it says something else.
pub(crate) fn compare<P: Platform>(
    gate: &Gate<P>,
    candidate: &Policy,
    enforced: Result<&Permit<'_>, &Refusal>,
    received: &Received,
    record: &mut Record<'_>,
) {
    // Nobody else has a use for it.
    let genuine = record.genuine.take();
    let enforced = match enforced {
        // Of a request in report mode, what it would have been refused as.
        Ok(permit) => match permit.would_refuse() {
            None => Ok(permit.route()),
            Some(refusal) => Err(refusal),
        },
        Err(refusal) => Err(refusal),
    };
    // Nothing is counted for the candidate, so that it cannot say.
    if let Err(refusal) = enforced
        && matches!(refusal.reason(), Reason::RateLimited { .. })
    {
        return;
    }
    let said = said(gate, candidate, genuine.as_ref(), received);
    let same = match (&said, enforced) {
        (Said::Admitted(_), Ok(_)) => true,
        (Said::Refused(one), Err(other)) => one.class() == other.class(),
        _ => false,
    };
    if same {
        return;
    }
    let (decision, route, reason) = match &said {
        Said::Admitted(route) => ("admitted", Some(*route), None),
        Said::Refused(refusal) => (
            refusal.class().name(),
            None,
            Some(refusal.reason().to_string()),
        ),
        Said::Undecidable((_, why)) => ("undecidable", None, Some((*why).to_owned())),
    };
    record.candidate = Some(decision);
    let mut left_out = 0;
    if let Said::Undecidable(cause) = said {
        // A client makes up as many such tokens as it likes.
        let now = gate.platform().monotonic();
        let Some(count) = gate.undecidable.borrow_mut().tells(cause, now) else {
            return;
        };
        left_out = count;
    }
    gate.platform()
        .record(&Event::CandidateDiffers(&CandidateDiffers {
            record,
            target: &received.target,
            enforced,
            candidate: decision,
            candidate_route: route,
            candidate_reason: reason.as_deref(),
            left_out,
        }));
}

fn said<'p, P: Platform>(
    gate: &Gate<P>,
    candidate: &'p Policy,
    genuine: Option<&Genuine>,
    received: &Received,
) -> Said<'p> {
    match decided(gate, candidate, genuine, received) {
        Ok(Ok(permit)) => Said::Admitted(permit.route()),
        Ok(Err(refusal)) => Said::Refused(refusal),
        Err(Unknown(cause)) => Said::Undecidable(cause),
    }
}

/// What cannot be found out for the candidate.
struct Unknown(Cause);

impl Unknown {
    fn because(why: &'static str) -> Self {
        Self((None, why))
    }

    /// Of an issuer of the candidate.
    fn of(issuer: &Issuer, why: &'static str) -> Self {
        Self((Some(issuer.number()), why))
    }
}

/// The phases of the candidate, without those that count.
fn decided<'p, P: Platform>(
    gate: &Gate<P>,
    candidate: &'p Policy,
    genuine: Option<&Genuine>,
    received: &Received,
) -> Result<Result<Permit<'p>, Refusal>, Unknown> {
    if received.origin.is_empty()
        && candidate.reads_origin(&received.method, &|| received.has("referer"))
    {
        return Err(Unknown::because("which page asks is not looked at"));
    }
    // Its own header of API keys may be another one.
    let api_key = match candidate.api_key_header() {
        Some(header) => received.values(header),
        None => Vec::new(),
    };
    let head = RequestHead {
        api_key: &api_key,
        ..route::head(received)
    };
    let screened = || {
        let route = candidate.route(head.method, head.target())?;
        if let Some(limits) = route.traffic().limits() {
            let checked = limits.check_head(&received.method, &received.target, &received.fields);
            checked.map_err(Refusal::limit)?;
        }
        route.screen(&head)
    };
    let pending = match screened() {
        Ok(Screened::Protected(pending)) => pending,
        Ok(Screened::Public(permit)) => return Ok(Ok(permit)),
        Err(refusal) => return Ok(Err(refusal)),
    };
    authorised(gate, candidate, pending, genuine)
}

fn authorised<'p, P: Platform>(
    gate: &Gate<P>,
    candidate: &Policy,
    pending: Pending<'p, '_>,
    genuine: Option<&Genuine>,
) -> Result<Result<Permit<'p>, Refusal>, Unknown> {
    let now = gate.platform().now();
    match pending.credential() {
        Credential::ApiKey { key, among } => {
            let found = listed(&pending, among, key, None, now)?;
            Ok(found.and_then(|key| pending.authorise(Authenticated::Key(&key), None, now)))
        }
        Credential::Basic { name, key, among } => {
            let found = listed(&pending, among, key, Some(name), now)?;
            Ok(found.and_then(|key| pending.authorise(Authenticated::Key(&key), None, now)))
        }
        Credential::Opaque { asked, .. } => match genuine {
            Some((issuer, token)) if same_word(issuer, asked.issuer) => {
                let ours = Arc::clone(asked.issuer);
                let who = Authenticated::Token {
                    issuer: &ours,
                    token,
                };
                by_token(gate, candidate, pending, who, now)
            }
            _ => Err(Unknown::of(
                asked.issuer,
                "the issuer was not asked about the opaque token, or by other rules",
            )),
        },
        Credential::Jwt(text) => match genuine {
            Some((issuer, token)) => {
                let ours = pending.issuers().find(|ours| same_keys(issuer, ours));
                let Some(ours) = ours.map(Arc::clone) else {
                    return of_no_issuer(&pending, text);
                };
                let who = Authenticated::Token {
                    issuer: &ours,
                    token,
                };
                by_token(gate, candidate, pending, who, now)
            }
            None => match verified(gate, &pending, text, now)? {
                Ok((ours, token)) => {
                    let who = Authenticated::Token {
                        issuer: &ours,
                        token: &token,
                    };
                    by_token(gate, candidate, pending, who, now)
                }
                Err(refusal) => Ok(Err(refusal)),
            },
        },
    }
}

/// The token proved genuine by the keys of an issuer that the candidate's rule does not accept, or not with those keys.
fn of_no_issuer<'p>(
    pending: &Pending<'p, '_>,
    text: &str,
) -> Result<Result<Permit<'p>, Refusal>, Unknown> {
    let token = UnverifiedToken::parse(text.as_bytes());
    match token.map(|token| pending.issuer_of(&token)) {
        Ok(Some(ours)) => Err(Unknown::of(ours, "the issuer has other keys there")),
        Ok(None) => Ok(Err(Refusal::unknown_issuer(pending))),
        Err(error) => Ok(Err(Refusal::invalid_token(pending, error))),
    }
}

/// A signed token that the enforced policy did not look at, or found to be false: by the keys that are at hand.
fn verified<P: Platform>(
    gate: &Gate<P>,
    pending: &Pending<'_, '_>,
    text: &str,
    now: UnixTime,
) -> Result<Result<(Arc<Issuer>, VerifiedToken), Refusal>, Unknown> {
    let token = match UnverifiedToken::parse(text.as_bytes()) {
        Ok(token) => token,
        Err(error) => return Ok(Err(Refusal::invalid_token(pending, error))),
    };
    let Some(ours) = pending.issuer_of(&token) else {
        return Ok(Err(Refusal::unknown_issuer(pending)));
    };
    let mut theirs = gate.policy().issuers().iter();
    let Some(theirs) = theirs.find(|theirs| same_keys(theirs, ours)) else {
        return Err(Unknown::of(
            ours,
            "the enforced policy has no such issuer, whose keys could be used",
        ));
    };
    let Some(keys) = gate.issuer(theirs).keys.known(now) else {
        return Err(Unknown::of(ours, "no keys of the issuer are at hand"));
    };
    match token.verify(&keys.set, ours.expectations(), now) {
        Ok(token) => Ok(Ok((Arc::clone(ours), token))),
        Err(error) if error.is_unknown_key() => Err(Unknown::of(
            ours,
            "the token's key is not among those that are at hand",
        )),
        Err(error) => Ok(Err(Refusal::invalid_token(pending, error))),
    }
}

fn by_token<'p, P: Platform>(
    gate: &Gate<P>,
    candidate: &Policy,
    pending: Pending<'p, '_>,
    who: Authenticated<'_>,
    now: UnixTime,
) -> Result<Result<Permit<'p>, Refusal>, Unknown> {
    let directory = match candidate.revocation() {
        None => None,
        Some(_) => {
            let known = gate.store.directory_at_hand(now);
            Some(known.ok_or_else(|| Unknown::because("what is revoked is not at hand"))?)
        }
    };
    let revocations: Option<&RevocationSet> = directory.as_ref().map(|known| &known.revocations);
    Ok(pending.authorise(who, revocations, now))
}

/// The API key, if the candidate itself lists it.
fn listed(
    pending: &Pending<'_, '_>,
    among: &ApiKeys,
    text: &str,
    name: Option<&str>,
    now: UnixTime,
) -> Result<Result<VerifiedKey, Refusal>, Unknown> {
    let refused = |error| Refusal::invalid_key(pending, error);
    let key = match ApiKey::parse(text.as_bytes()) {
        Ok(key) => key,
        Err(error) => return Ok(Err(refused(error))),
    };
    match among.find(key.id()) {
        None if among.store => Err(Unknown::because("the API key may be in the store")),
        found => Ok(KeyRecord::verify(found, &key, name, now).map_err(refused)),
    }
}

/// Whether two policies mean the same issuer with the same keys.
fn same_keys(one: &Issuer, other: &Issuer) -> bool {
    one.url == other.url && one.keys == other.keys
}

/// Whether two policies ask the same issuer about opaque tokens, in the same way.
fn same_word(one: &Issuer, other: &Issuer) -> bool {
    one.url == other.url && one.introspection == other.introspection
}
