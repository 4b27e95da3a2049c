//! Phase 7 in the gate: from a request and the permit for it to the request that the next component sees.
//!
//! Here what a client must not say is stripped from the header fields; of a request to an upstream
//! [`crate::proxy`] does that, and of trailers [`crate::body`]. Only the header fields that have to differ are touched. Bodies stream through in pieces ([`crate::body`]),
//! unchanged and never collected; a request that has none is handed on without one.

use doorward_policy::{Permit, Refusal};
use doorward_syntax::own_host::REQUEST_NAME_FIELD;
use doorward_traffic::forwarded::is_host_field;
use doorward_traffic::limits::LimitExceeded;
use doorward_traffic::trace::{Trace, is_set};
use std::borrow::Cow;
use std::rc::Rc;

use crate::admitted::Admitted;
use crate::body::{Body, NoTrailers, Progress, Sink};
use crate::ground::Ground;
use crate::platform::{NotAccepted, Platform, RequestLine, Stop};
use crate::received::{COOKIE, Received};
use crate::record::Record;

/// The field in which the host says what the whole URL was.
pub(crate) const FULL_URL: &str = "spin-full-url";

/// A request that a decision let through. Only `stripped_request` makes one, and it takes what only
/// the gate admits.
pub struct Permitted<P: Platform>(P::Request);

impl<P: Platform> Permitted<P> {
    /// The request to hand on.
    pub fn into_request(self) -> P::Request {
        self.0
    }
}

/// Why a request that was let through is not handed on.
pub(crate) enum NotForwarded<'i> {
    /// The host does not accept the rebuilt request.
    Host,
    /// Its body shows that it is over a limit.
    Limit(LimitExceeded, Box<Record<'i>>),
}

/// What is still to be done when a request is handed on.
pub(crate) struct Handover<'i, P: Platform> {
    no_trailers: NoTrailers<P>,
    progress: Option<Rc<Progress>>,
    record: Box<Record<'i>>,
}

/// What came of handing a request on.
pub(crate) enum Finished<T> {
    /// An answer.
    Answer(T),
    /// Its body turned out too large or too slow before that.
    Refused(Refusal),
}

impl<'i, P: Platform> Handover<'i, P> {
    /// Waits for `next`; gives what it answers, and what is known of the request.
    pub(crate) async fn finish<T>(
        mut self,
        next: impl Future<Output = T>,
    ) -> (Finished<T>, Box<Record<'i>>) {
        let answer = self.no_trailers.after_first_turn_of(next).await;
        let Some(progress) = self.progress else {
            return (Finished::Answer(answer), self.record);
        };
        let finished = match progress.told(&mut self.record) {
            Some(refusal) => Finished::Refused(refusal),
            None => Finished::Answer(answer),
        };
        (finished, self.record)
    }
}

/// Rebuilds the request as its permit says: reserved header and trailer fields removed under every
/// spelling, the identity set, the credential removed unless the policy forwards it, the target byte for
/// byte the authorised one. Which fields go, [`ends_here`] says.
///
/// # Errors
/// What the host says where it does not accept the rebuilt request, and the limit where the request turns
/// out to have a body that it must not have. The request then goes nowhere.
pub(crate) async fn stripped_request<'i, P: Platform>(
    admitted: Admitted<'i, P>,
) -> Result<(Permitted<P>, Handover<'i, P>), NotForwarded<'i>> {
    let Admitted {
        ground,
        request,
        fields,
        received,
        permit,
        mut record,
        body_count,
        needs_type,
        ..
    } = admitted;
    let unread = P::unread(&request);
    let headers = P::copied(&fields);
    let refused = |NotAccepted| NotForwarded::Host;

    for name in received.fields.names() {
        // What is set in its place takes its place.
        if ends_here(ground, &received, &permit, &record.trace, name) && !is_set(name) {
            P::delete(&headers, name).map_err(refused)?;
        }
    }
    for (name, value) in permit.identity_headers() {
        P::set(&headers, name, std::slice::from_ref(value)).map_err(refused)?;
    }
    if received.name.is_some() {
        P::delete(&headers, REQUEST_NAME_FIELD).map_err(refused)?;
    }
    for (name, value) in record.trace.fields() {
        P::set(&headers, name, &[value.to_vec()]).map_err(refused)?;
    }

    rewrite_credentials::<P>(&headers, &received, &permit).map_err(refused)?;
    if permit.target() != received.target {
        rewrite_full_url::<P>(&headers, &received.target, permit.target()).map_err(refused)?;
    }

    let body = Body::of(request, &received, body_count, ground).await;
    if needs_type && let Some(body) = body {
        body.read_on();
        let exceeded = LimitExceeded::ContentType;
        record.closes(received.target);
        return Err(NotForwarded::Limit(exceeded, record));
    }
    let progress = body.as_ref().map(Body::progress);
    let (body, no_trailers) = handed_on(&ground.platform, body);
    let line = RequestLine {
        method: &received.method,
        target: permit.target(),
    };
    let rebuilt = ground
        .platform
        .forwarded(unread, headers, line, body)
        .map_err(refused)?;
    record.closes(received.target);
    let handover = Handover {
        no_trailers,
        progress,
        record,
    };
    Ok((Permitted(rebuilt), handover))
}

/// Whether a field of this name goes no further: it is the host's to send, or the gate's, or the client would pass for
/// somebody else with it ([`Permit::removes_header`]), or it says what the request is called.
///
/// Where who is connected is a trusted proxy, the prefix that it says was taken off the path stays: the component
/// behind stands where it stood without a gate, and believes that proxy as it did, of the prefix as of the client's
/// address. The gateway is a proxy itself, and drops it: see
/// `stripped_fields` of `proxy/head.rs`.
pub(crate) fn ends_here<P: Platform>(
    ground: &Ground<P>,
    received: &Received,
    permit: &Permit<'_>,
    trace: &Trace,
    name: &str,
) -> bool {
    if is_host_field(name) && !ground.platform.tells_client() {
        return true;
    }
    if permit.removes_header(name)
        && !(permit.stays_from_trusted(name) && ground.client(received).peer_is_trusted)
    {
        ground.log_spoofing(name);
        return true;
    }
    !trace.keeps(name)
}

/// A credential that is a part of a field is taken out of it, and all else of it stays as it was. Cookies that came in
/// several fields go on in one.
fn rewrite_credentials<P: Platform>(
    headers: &P::Fields,
    received: &Received,
    permit: &Permit<'_>,
) -> Result<(), NotAccepted> {
    for name in [COOKIE, "referer"] {
        let had_crumbs = received.had_crumbs && name == COOKIE;
        if !had_crumbs && (!permit.rewrites_header(name) || !received.has(name)) {
            continue;
        }
        let values = received.values(name);
        let left: Vec<Vec<u8>> = values
            .iter()
            .filter_map(|value| permit.left_of(name, value, &received.origin))
            .map(Cow::into_owned)
            .collect();
        if had_crumbs || left != values {
            P::set(headers, name, &left)?;
        }
    }
    Ok(())
}

/// The host says in a field as well what the whole URL was, query included. Where a credential was taken out
/// of the query, it is taken out there, too. What a client sent under that name goes: the host's own value
/// is the last one.
fn rewrite_full_url<P: Platform>(
    headers: &P::Fields,
    received: &str,
    forwarded: &str,
) -> Result<(), NotAccepted> {
    let Some(last) = P::values(headers, FULL_URL).pop() else {
        return Ok(());
    };
    let rewritten = left_of_full_url(&last, received, forwarded);
    P::set(headers, FULL_URL, &Vec::from_iter(rewritten))
}

/// What is left of that field: nothing, where it does not end with what was received.
pub(crate) fn left_of_full_url(last: &[u8], received: &str, forwarded: &str) -> Option<Vec<u8>> {
    let origin = last.strip_suffix(received.as_bytes())?;
    Some([origin, forwarded.as_bytes()].concat())
}

/// What a request with this body is made with.
pub(crate) fn handed_on<P: Platform>(
    platform: &P,
    body: Option<Body<P>>,
) -> (P::Body, NoTrailers<P>) {
    let Some(body) = body else {
        let (no_trailers, body) = NoTrailers::new(platform);
        return (body, no_trailers);
    };
    let (sink, reader) = Sink::new(platform, None);
    platform.spawn(async move {
        let (body, _) = body.pass_on(sink, &Stop::never()).await;
        body.read_on();
    });
    (reader, NoTrailers::of_body())
}
